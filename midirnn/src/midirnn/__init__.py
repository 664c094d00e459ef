"""A recurrent network that learns from a folder of MIDI files and plays new music.

Importing this imports neither TensorFlow nor any plugin: see docs/architecture.md for the way
the data goes, module by module.
"""

__version__ = "0.1.0"
