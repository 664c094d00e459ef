"""The record's layout and MIDI's statuses: what encoding, reading and writing are made from.

========  ========  =====================================================================
byte      name      meaning
========  ========  =====================================================================
0         ``long``  0: a whole message; 1: a piece of one longer than three bytes
1, 2, 3   ``b1–b3`` up to three bytes of the message, unused ones 0
4         ``n``     how many of the three are used, 1 to 3
========  ========  =====================================================================

A long message is cut into consecutive pieces of three bytes; the last holds what remains.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from midicodec.errors import MidiCodecError

Records: TypeAlias = npt.NDArray[np.uint8]
"""``(n, 5)`` uint8."""
Mask: TypeAlias = npt.NDArray[np.bool_]
"""``(n,)`` bool."""
Ticks: TypeAlias = npt.NDArray[np.int64]
"""``(n,)`` int64."""
Tracks: TypeAlias = npt.NDArray[np.int32]
"""``(n,)`` int32."""
Seconds: TypeAlias = npt.NDArray[np.float64]
"""``(n,)`` float64."""

COLUMNS = ("long", "b1", "b2", "b3", "n")
LONG, B1, B2, B3, N = range(5)
RECORD_BYTES = len(COLUMNS)
BITS = 8 * RECORD_BYTES
PIECE_BYTES = 3
"""How many bytes of a message a record holds at most."""

SYSEX, PACKET, META = 0xF0, 0xF7, 0xFF
"""What a long message begins with. F7 is also what a sysex ends with, a lone FF system reset."""
SYSEX_END = PACKET
END_OF_TRACK, SET_TEMPO, TIME_SIGNATURE = 0x2F, 0x51, 0x58
"""Meta types (Standard MIDI Files 1.0, "Meta-Events")."""

CHANNELS = 16
DRUM_CHANNEL = 9
"""General MIDI's tenth: there a key is an instrument, not a pitch."""


class Kind(NamedTuple):
    """A kind of message of fixed length: what it is called, and its bytes, the status included."""

    name: str
    length: int


CHANNEL_KINDS = {
    0x80: Kind("note off", 3),
    0x90: Kind("note on", 3),
    0xA0: Kind("polyphonic key pressure", 3),
    0xB0: Kind("control change", 3),
    0xC0: Kind("program change", 2),
    0xD0: Kind("channel pressure", 2),
    0xE0: Kind("pitch bend", 3),
}
"""Channel messages by the upper half of their status; the lower half is the channel."""
SYSTEM_KINDS = {
    0xF1: Kind("time code quarter frame", 2),
    0xF2: Kind("song position", 3),
    0xF3: Kind("song select", 2),
    0xF6: Kind("tune request", 1),
    0xF8: Kind("timing clock", 1),
    0xFA: Kind("start", 1),
    0xFB: Kind("continue", 1),
    0xFC: Kind("stop", 1),
    0xFE: Kind("active sensing", 1),
    0xFF: Kind("system reset", 1),
}
"""System common and realtime messages by status; F4, F5, F9 and FD are undefined."""
KINDS: dict[int, Kind] = {
    **{high | channel: kind for high, kind in CHANNEL_KINDS.items() for channel in range(CHANNELS)},
    **SYSTEM_KINDS,
}
"""All of them by status (MIDI 1.0 Detailed Specification, table I)."""


def as_records(array: npt.ArrayLike) -> Records:
    """Return ``array`` as ``(n, 5)`` uint8, or raise :class:`MidiCodecError`; [] is ``(0, 5)``."""
    found = np.asarray(array)
    if found.shape == (0,):
        return np.empty((0, RECORD_BYTES), np.uint8)
    if found.ndim != 2:
        raise MidiCodecError(f"expected records of shape (n, {RECORD_BYTES}), found {found.shape}")
    return as_uint8(found, RECORD_BYTES)


def as_uint8(array: npt.ArrayLike, width: int) -> npt.NDArray[np.uint8]:
    """Return ``array`` as uint8 with a last axis of ``width``, or raise :class:`MidiCodecError`."""
    found = np.asarray(array)
    if found.ndim == 0 or found.shape[-1] != width:
        raise MidiCodecError(f"expected an array of shape (…, {width}), found {found.shape}")
    if found.dtype == np.uint8:
        return found
    if found.dtype.kind not in "iub":
        raise MidiCodecError(f"expected whole numbers from 0 to 255, found dtype {found.dtype}")
    if found.size and not 0 <= int(found.min()) <= int(found.max()) <= 255:
        raise MidiCodecError(
            f"expected whole numbers from 0 to 255, found {found.min()} to {found.max()}"
        )
    return found.astype(np.uint8)
