"""MIDI files → songs, prepared once, each on its split; a reason for every file left out."""
