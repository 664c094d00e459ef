"""MIDI as fixed-width numpy records, and back, without loss."""

from midicodec.assemble import Assembled, Assembler, Skip, message_starts
from midicodec.bits import from_bits, to_bits
from midicodec.decode import Decoder, Outcome, decode
from midicodec.encode import encode
from midicodec.errors import DecodeError, EncodeError, MidiCodecError, SmfError
from midicodec.records import BITS, COLUMNS, RECORD_BYTES
from midicodec.smf import load, save
from midicodec.song import Song

__version__ = "0.1.0"

__all__ = [
    "BITS",
    "COLUMNS",
    "RECORD_BYTES",
    "Assembled",
    "Assembler",
    "DecodeError",
    "Decoder",
    "EncodeError",
    "MidiCodecError",
    "Outcome",
    "Skip",
    "SmfError",
    "Song",
    "__version__",
    "decode",
    "encode",
    "from_bits",
    "load",
    "message_starts",
    "save",
    "to_bits",
]
