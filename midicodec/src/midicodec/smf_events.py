"""The events of a track's chunk → messages (Standard MIDI Files 1.0, "MTrk Event").

Lenient where only one reading is possible: running status that goes on across meta events and
sysex, padded quantities, events after an end of track, or none at the end, system messages as they
are. Otherwise :class:`SmfError` says where events cannot be told apart.

This is the reading that counts; :mod:`midicodec._smf` does the same to files without a fault.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

import numpy as np

from midicodec.chunks import TRACK, chunk_or_end
from midicodec.errors import SmfError
from midicodec.framing import DELTA, JOINED, LENGTH, Habits, Special
from midicodec.grammar import problem_with
from midicodec.pieces import cut
from midicodec.records import END_OF_TRACK, KINDS, META, PACKET, RECORD_BYTES, SYSEX
from midicodec.tracks import Track
from midicodec.vlq import MAX_VALUE, write_vlq


@dataclass(slots=True)
class TrackReader:
    """Reads one track's events from ``data``, of which those before ``at`` are read."""

    data: bytes
    at: int
    end: int
    """Where the events end; no byte from here on is looked at."""
    now: int = 0
    """The tick of the last event."""
    ended: bool = False
    """Whether the last event was an end of track."""
    _running: int = 0
    _interrupted: bool = False
    _count: int = 0
    _records: bytearray = field(default_factory=bytearray)
    _ticks: list[int] = field(default_factory=list)
    _starts: bytearray = field(default_factory=bytearray)
    _habits: Habits = field(default_factory=Habits)
    _specials: list[Special] = field(default_factory=list)

    def read_event(self) -> None:
        """Read one event, or raise :class:`SmfError` and have read nothing of it.

        Its offset is one in ``data``.
        """
        begin = self.at
        try:
            self._read_event()
        except SmfError:
            self.at = begin
            raise

    def skip_to(self, at: int) -> None:
        """Go on at ``at``, where an event has a status of its own."""
        self.at, self._running, self.ended = at, 0, False

    def track(self) -> Track:
        """Return what has been read."""
        return Track(
            np.frombuffer(bytes(self._records), np.uint8).reshape(-1, RECORD_BYTES),
            np.array(self._ticks, np.int64),  # 2**63 would take a file of 2**36 bytes
            np.frombuffer(bytes(self._starts), np.bool_),
        )

    def codes(self) -> bytes:
        """Return how it was written: see :mod:`midicodec.framing`."""
        return self._habits.codes(self._specials)

    def _read_event(self) -> None:
        event = self.at
        delta, delta_padding = self._quantity(event)
        status = self._byte(event)
        explicit = status >= 0x80
        if not explicit:
            status, self.at = self._running, self.at - 1
            if not status:
                found = f"{self.data[self.at]:02x}"
                raise SmfError(None, self.at, "a status byte, from 80 on", found)
        if status in (SYSEX, PACKET, META):
            length_padding, messages = self._long_event(status, event)
        else:
            length_padding, messages = 0, [self._short_event(status, event)]
        # Nothing is kept before the event is known to be whole.
        self.now += delta
        self.ended = messages[0][:2] == bytes([META, END_OF_TRACK])
        for kind, amount in ((DELTA, delta_padding), (LENGTH, length_padding)):
            if amount:
                self._specials.append(Special(self._count, kind, amount))
        if len(messages) > 1:
            self._specials.append(Special(self._count, JOINED))
        self._keep_status(status, explicit)
        for message in messages:
            pieces = cut(message)
            count = len(pieces) // RECORD_BYTES
            self._records += pieces
            self._ticks += [self.now] * count
            self._starts += bytes([True]) + bytes(count - 1)
            self._count += 1

    def _keep_status(self, status: int, explicit: bool) -> None:
        """Note how a status was written, and what it means for the next."""
        if status < SYSEX:
            if status == self._running:
                habits = self._habits
                if self._interrupted:
                    way = habits.across_explicit if explicit else habits.across_running
                else:
                    way = habits.same_explicit if explicit else habits.same_running
                way.append(self._count)
            self._running, self._interrupted = status, False
        elif SYSEX < status < PACKET:  # system common messages end running status
            self._running = 0
        else:
            self._interrupted = True

    def _short_event(self, status: int, event: int) -> bytes:
        """Return a message of fixed length whose data are next."""
        if status not in KINDS:
            raise SmfError(None, self.at - 1, "a status that is defined", f"{status:02x}")
        begin = self.at
        data = bytes(self._byte(event) for _ in range(KINDS[status].length - 1))
        if not data.isascii():
            found = f"{data.hex(' ')} after {status:02x}"
            raise SmfError(None, begin, "data bytes below 80", found)
        return bytes([status]) + data

    def _long_event(self, status: int, event: int) -> tuple[int, list[bytes]]:
        """Return a meta event, sysex or packet as messages, and how its length is padded."""
        head = bytes([status])
        if status == META:
            head += bytes([self._byte(event)])
            if head[1] >= 0x80:
                found = f"{head[1]:02x}"
                raise SmfError(None, self.at - 1, "a meta event's type, below 80", found)
        length, padding = self._quantity(event)
        body = self.at
        self.at += length
        if self.at > self.end:
            expected = f"{length} bytes in the event {head.hex(' ')}"
            found = f"{self.end - body} up to the end of the chunk"
            raise SmfError(None, body, expected, found)
        payload = self.data[body : self.at]
        counted = write_vlq(length) + payload
        if status != SYSEX:
            return padding, [head + counted]
        if problem_with(head + payload) is None:
            return padding, [head + payload]
        # It holds bytes that no sysex may hold. An empty first packet, and one of any bytes
        # after it, mean the same in a file, and records can say that.
        return padding, [head, bytes([PACKET]) + counted]

    def _byte(self, event: int) -> int:
        if self.at >= self.end:
            raise SmfError(None, event, "a whole event", "the end of the track's chunk")
        self.at += 1
        return self.data[self.at - 1]

    def _quantity(self, event: int) -> tuple[int, int]:
        """Return the variable-length quantity that is next, and by how many bytes it is padded."""
        begin, value, byte = self.at, 0, 0x80
        while byte >= 0x80:
            byte = self._byte(event)
            value = value << 7 | byte & 0x7F
            if value > MAX_VALUE:
                found = self.data[max(begin, self.at - 5) : self.at].hex(" ")
                raise SmfError(None, begin, f"a quantity of up to {MAX_VALUE}", found)
        padding = self.at - begin - max(1, -(-value.bit_length() // 7))
        if padding > MAX_VALUE:  # more than a framing holds
            raise SmfError(None, begin, f"a quantity of up to {MAX_VALUE} bytes", f"{padding} more")
        return value, padding


def read_track(data: bytes, begin: int, declared: int, end: int) -> TrackReader:
    """Read the events from ``begin`` to where they are ``declared`` to end, or do end.

    Where that is wrong, the events say it: an end of track that another chunk or the ``end`` of
    the file follows. It is looked for up to the next track's four letters, no further, or a file
    of many wrong lengths would be read as many times. Raises :class:`SmfError` where events
    cannot be told apart.
    """
    following = data.find(TRACK, begin, end)
    limit = end if following < 0 else following
    if limit < declared and (sooner := _up_to_a_chunk(data, begin, limit, end)):
        return sooner
    reader, problem = TrackReader(data, begin, min(declared, end)), None
    try:
        while reader.at < reader.end:
            reader.read_event()
    except SmfError as error:
        problem = error
    if problem is None and (reader.ended or chunk_or_end(data, reader.at, end)):
        return reader
    if limit >= declared and (later := _up_to_a_chunk(data, begin, limit, end)):
        return later
    if problem is not None:
        raise problem
    return reader  # and junk behind it


def _up_to_a_chunk(data: bytes, begin: int, limit: int, end: int) -> TrackReader | None:
    """Read events up to an end of track that a chunk or the ``end`` follows, before ``limit``."""
    reader = TrackReader(data, begin, limit)
    with contextlib.suppress(SmfError):
        while reader.at < limit:
            reader.read_event()
            if reader.ended and chunk_or_end(data, reader.at, end):
                return reader
    return None
