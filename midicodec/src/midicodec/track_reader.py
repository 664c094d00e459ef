"""The events of a track chunk → records and delta ticks.

Standard MIDI Files 1.0, section "MTrk"; running status goes on across meta and sysex events,
which the specification forbids and many files do.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from midicodec.encode import cut_message, from_pieces, problem_of
from midicodec.errors import SmfError
from midicodec.records import (
    MAX_VLQ_BYTES,
    MESSAGE_LENGTHS,
    META,
    SYSEX,
    SYSEX_END,
    Records,
    read_vlq,
    vlq,
)


def read_track(data: bytes, at: int, end: int) -> tuple[Records, npt.NDArray[np.int64]]:
    """Return the events of ``data[at:end]`` as records and delta ticks.

    Raises :class:`SmfError` with the offset in ``data`` where the events cannot be told apart.
    """
    pieces: list[bytes] = []
    deltas: list[int] = []
    status = 0
    while at < end:
        began = at
        delta, at = _quantity(data, at, end, "a delta time")
        if at >= end:
            raise SmfError(None, began, "an event after the delta time", "the end of the track")
        first = data[at]
        if first in (SYSEX, SYSEX_END, META):
            messages, at = _long_event(data, at, end)
            for message in messages:
                cut = cut_message(message)
                pieces += cut
                deltas += [delta] * len(cut)
                delta = 0
            continue
        if first >= 0x80:
            if first not in MESSAGE_LENGTHS:
                raise SmfError(None, at, "a status that is defined", f"{first:02x}")
            event_status = first
            if first < SYSEX:
                status = first
            at += 1
        elif status:
            event_status = status
        else:
            raise SmfError(None, at, "a status byte", f"{first:02x} with no status before it")
        length = MESSAGE_LENGTHS[event_status] - 1
        body = data[at : at + length]
        if at + length > end:
            raise SmfError(None, at, f"{length} data bytes", f"the track's end after {end - at}")
        if max(body, default=0) >= 0x80:
            raise SmfError(None, at, f"{length} data bytes below 80", body.hex(" "))
        at += length
        pieces.append(bytes((0, event_status)) + body + bytes(2 - length) + bytes([length + 1]))
        deltas.append(delta)
    return from_pieces(pieces), np.array(deltas, np.int64)


def _long_event(data: bytes, at: int, end: int) -> tuple[list[bytes], int]:
    """Return a meta, sysex or packet event as messages, and where it ends."""
    began, first = at, data[at]
    head = data[at : at + 1]
    at += 1
    if first == META:
        if at >= end or data[at] >= 0x80:
            found = "the end of the track" if at >= end else f"{data[at]:02x}"
            raise SmfError(None, at, "a meta message's type, below 80", found)
        head += data[at : at + 1]
        at += 1
    length, at = _quantity(data, at, end, "a length")
    if at + length > end:
        raise SmfError(None, began, f"{length} bytes in this event", f"{end - at} up to the end")
    body = data[at : at + length]
    at += length
    if first != SYSEX:
        return [head + vlq(length) + body], at
    message = head + body
    if problem_of(message) is None:
        return [message], at
    # Bytes that no sysex may hold: to a file, an empty first packet and the rest are the same.
    return [head, bytes([SYSEX_END]) + vlq(length) + body], at


def _quantity(data: bytes, at: int, end: int, what: str) -> tuple[int, int]:
    """Return the variable-length quantity at ``at`` and where it ends; padding is no matter."""
    found = read_vlq(data, at) if at < end else None
    if found is None or found[1] > end:
        seen = data[at : min(at + MAX_VLQ_BYTES, end)].hex(" ") or "the end of the track"
        raise SmfError(None, at, f"{what} of one to four bytes", seen)
    return found
