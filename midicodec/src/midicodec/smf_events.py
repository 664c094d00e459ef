"""The body of a track's chunk → its events (Standard MIDI Files 1.0, "MTrk Event").

Lenient where only one reading is possible: running status that goes on across meta events and
sysex, padded lengths, events after an end of track, or none at the end, system messages as they
are. Otherwise :class:`SmfError` says where events cannot be told apart.
"""

from __future__ import annotations

import numpy as np

from midicodec.errors import SmfError
from midicodec.grammar import problem_with
from midicodec.pieces import cut
from midicodec.records import KINDS, META, PACKET, RECORD_BYTES, SYSEX
from midicodec.tracks import Track
from midicodec.vlq import MAX_BYTES, read_vlq, write_vlq


def read_events(data: bytes) -> Track:
    """Return the events of a track's chunk; offsets in its :class:`SmfError` are in ``data``."""
    records, ticks, starts = bytearray(), [], bytearray()
    at = event = now = running = 0
    try:
        while at < len(data):
            event = at
            delta, at = _quantity(data, at)
            now += delta
            status = data[at]
            if status >= 0x80:
                at += 1
            elif running:
                status = running
            else:
                raise SmfError(None, at, "a status byte, from 80 on", f"{status:02x}")
            if status not in (SYSEX, PACKET, META):
                if status < 0xF8:  # realtime messages leave it; system common messages end it
                    running = status if status < SYSEX else 0
                at = _short_event(status, data, at, records)
                ticks.append(now)
                starts.append(True)
                continue
            messages, at = _long_event(status, data, at)
            for message in messages:
                pieces = cut(message)
                count = len(pieces) // RECORD_BYTES
                records += pieces
                ticks += [now] * count
                starts += bytes([True]) + bytes(count - 1)
    except IndexError:  # the one way in which reading past the end shows
        raise SmfError(None, event, "a whole event", "the end of the track's chunk") from None
    return Track(
        np.frombuffer(bytes(records), np.uint8).reshape(-1, RECORD_BYTES),
        np.array(ticks, np.int64),  # 2**63 would take a file of 2**36 bytes
        np.frombuffer(bytes(starts), np.bool_),
    )


def _short_event(status: int, data: bytes, at: int, records: bytearray) -> int:
    """Append the record of a message of fixed length whose data are at ``at``; return its end."""
    if status not in KINDS:
        raise SmfError(None, at - 1, "a status that is defined", f"{status:02x}")
    length = KINDS[status].length
    first = data[at] if length > 1 else 0
    second = data[at + 1] if length > 2 else 0
    if first | second >= 0x80:
        found = f"{data[at : at + length - 1].hex(' ')} after {status:02x}"
        raise SmfError(None, at, "data bytes below 80", found)
    records.extend((0, status, first, second, length))
    return at + length - 1


def _long_event(status: int, data: bytes, at: int) -> tuple[list[bytes], int]:
    """Return the messages that a sysex, packet or meta event is, and where it ends."""
    head = bytes([status])
    if status == META:
        head = data[at - 1 : at + 1]
        if data[at] >= 0x80:
            raise SmfError(None, at, "a meta event's type, below 80", f"{data[at]:02x}")
        at += 1
    length, body = _quantity(data, at)
    end = body + length
    if end > len(data):
        expected = f"{length} bytes in the event {head.hex(' ')}"
        raise SmfError(None, body, expected, f"{len(data) - body} up to the end of the chunk")
    payload = data[body:end]
    if status != SYSEX:
        return [head + write_vlq(length) + payload], end
    if problem_with(head + payload) is None:
        return [head + payload], end
    # It holds bytes that no sysex may hold. An empty first packet, and one of any bytes after
    # it, mean the same in a file, and records can say that.
    return [head, bytes([PACKET]) + write_vlq(length) + payload], end


def _quantity(data: bytes, at: int) -> tuple[int, int]:
    """Return the variable-length quantity at ``at``, and where it ends."""
    if data[at] < 0x80:  # most are, and this is where the time goes
        return data[at], at + 1
    quantity = read_vlq(data, at)
    if quantity is None:
        if at + MAX_BYTES > len(data):
            raise IndexError
        found = data[at : at + MAX_BYTES].hex(" ")
        raise SmfError(None, at, f"a variable-length quantity of up to {MAX_BYTES} bytes", found)
    return quantity
