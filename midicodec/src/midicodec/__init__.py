"""MIDI as fixed-width numpy records, and back.

A MIDI message becomes one or more records of five bytes; :mod:`midicodec.records` shows the
layout. mido is imported only where its message objects are asked for.
"""

from midicodec.assemble import Skip, message_starts
from midicodec.bits import from_bits, to_bits
from midicodec.decode import Decoder, decode
from midicodec.encode import encode
from midicodec.errors import DecodeError, EncodeError, MidiCodecError, SmfError
from midicodec.smf import load, save
from midicodec.song import Song

__version__ = "0.1.0"

__all__ = [
    "DecodeError",
    "Decoder",
    "EncodeError",
    "MidiCodecError",
    "Skip",
    "SmfError",
    "Song",
    "decode",
    "encode",
    "from_bits",
    "load",
    "message_starts",
    "save",
    "to_bits",
]
