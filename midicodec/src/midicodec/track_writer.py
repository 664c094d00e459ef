"""Records and delta ticks → the events of a track chunk."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from midicodec.assemble import Skip, assemble
from midicodec.errors import DecodeError
from midicodec.records import END_OF_TRACK, MAX_VLQ, META, SYSEX, SYSEX_END, Records, vlq

_END = bytes([META, END_OF_TRACK, 0])


def write_track(records: Records, delta_ticks: npt.NDArray[np.int64]) -> bytes:
    """Return the events of one track, with running status, and an end of track if it has none.

    Raises :class:`DecodeError` for records that make no message and for times that are too long.
    """
    out = bytearray()
    deltas = delta_ticks.tolist()
    status, last = 0, b""
    for outcome in assemble(records):
        if isinstance(outcome, Skip):
            raise DecodeError(outcome.index, outcome.reason)
        data, delta = outcome.data, deltas[outcome.index]
        if delta > MAX_VLQ:
            raise DecodeError(outcome.index, f"{delta} ticks are more than a file's {MAX_VLQ}")
        out += vlq(delta)
        first = data[0]
        if first == SYSEX:
            out += data[:1] + vlq(len(data) - 1) + data[1:]
        elif first == META and len(data) == 1:
            out += bytes([SYSEX_END, 1, META])  # in a file a lone FF would begin a meta event
        elif first >= SYSEX:
            out += data
        else:
            out += data[1:] if first == status else data
        # Only channel messages have running status, and everything else ends it.
        status = first if first < SYSEX else 0
        last = data
    if last != _END:
        out += b"\0" + _END
    return bytes(out)
