"""MIDI as fixed-width numpy records, and back, without loss."""

from midicodec.assemble import Assembled, Assembler, Skip, message_starts
from midicodec.bits import from_bits, to_bits
from midicodec.decode import Decoder, Outcome, decode
from midicodec.encode import encode
from midicodec.errors import DecodeError, EncodeError, MidiCodecError, SmfError
from midicodec.many import Loaded, load_many
from midicodec.native import NATIVE
from midicodec.records import BITS, COLUMNS, RECORD_BYTES
from midicodec.smf import load, save
from midicodec.song import Song

__version__ = "0.1.0"

__all__ = [
    "BITS",
    "COLUMNS",
    "NATIVE",
    "RECORD_BYTES",
    "Assembled",
    "Assembler",
    "DecodeError",
    "Decoder",
    "EncodeError",
    "Loaded",
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
    "load_many",
    "message_starts",
    "save",
    "to_bits",
]
