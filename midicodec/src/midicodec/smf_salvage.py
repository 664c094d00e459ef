"""What can still be read of a file with a fault: all before it, and all after it.

Behind an event that cannot be told, reading goes on where two events in a row can be again, the
first with a status of its own. Behind a broken chunk it goes on at the next track's four letters.
"""

from __future__ import annotations

import contextlib

from midicodec.chunks import HEADER, TRACK, Header, read_chunk, read_header
from midicodec.errors import SmfError
from midicodec.records import KINDS, META, PACKET, SYSEX
from midicodec.smf_events import TrackReader, read_track
from midicodec.vlq import read_vlq

MOST_DEFECTS = 1000
"""How many are told; a file of nothing else would take hundreds of times its own size."""
_ANY_NUMBER = 0xFFFF
_UNDEFINED = [bytes([s]) for s in range(0x80, 0x100) if s not in {*KINDS, SYSEX, PACKET, META}]


class Salvage:
    """The tracks that are left of ``data``, and the defects that were found."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.defects: list[SmfError] = []
        self.header = self._header()
        self.readers: list[TrackReader] = []
        at, end = self.header.at, self.header.end
        while at < end and len(self.readers) < self.header.tracks:
            at = self._chunk(at, end)

    def _header(self) -> Header:
        try:
            return read_header(self._data)
        except SmfError as defect:
            self._tell(defect)
        with contextlib.suppress(SmfError):
            return read_header(self._data, max(self._data.find(HEADER), 0))
        first, end = self._data.find(TRACK), len(self._data)
        # Where a header is broken, its numbers are not to be trusted either.
        return Header(1, _ANY_NUMBER, 480, end if first < 0 else first, end)

    def _chunk(self, at: int, end: int) -> int:
        """Read the chunk at ``at``; return where to go on."""
        try:
            chunk = read_chunk(self._data, at, end)
        except SmfError as defect:
            self._tell(defect)
            return self._next_track(at, end)
        if chunk.name == TRACK:
            return self._track(chunk.body, chunk.end, end)
        if chunk.end > end:
            expected = f"{chunk.end - chunk.body} bytes in the chunk {chunk.name!r}"
            self._tell(SmfError(None, chunk.body, expected, f"{end - chunk.body} up to the end"))
            return self._next_track(at, end)
        return chunk.end

    def _next_track(self, at: int, end: int) -> int:
        found = self._data.find(TRACK, at + 1, end)
        return end if found < 0 else found

    def _track(self, begin: int, declared: int, end: int) -> int:
        """Read what can be read of a track; return where it ends."""
        try:
            self.readers.append(read_track(self._data, begin, declared, end))
            return self.readers[-1].at
        except SmfError as error:
            problem = error
        told = len(self.defects)
        reader = TrackReader(self._data, begin, min(declared, end))
        self.readers.append(reader)
        if declared > end:
            expected = f"{declared - begin} bytes in the chunk {TRACK!r}"
            self._tell(SmfError(None, begin, expected, f"{end - begin} up to the end"))
        while reader.at < reader.end:
            if reader.ended and self._data.startswith(TRACK, reader.at):
                break  # the chunk's length is wrong: here is the next
            try:
                reader.read_event()
            except SmfError as defect:
                self._tell(defect)
                reader.skip_to(_resumption(self._data, self._suspect(reader, defect), reader.end))
        if len(self.defects) == told:  # all its events are whole, but where they end is not clear
            self._tell(problem)
        return reader.at

    def _suspect(self, reader: TrackReader, defect: SmfError) -> int:
        """Return where to look for events again: behind what cannot be one's beginning."""
        at = max(reader.at + 1, defect.offset)
        undefined = self._data[at : at + 1] in _UNDEFINED
        return at + 1 if at == defect.offset and undefined else at

    def _tell(self, defect: SmfError) -> None:
        if len(self.defects) < MOST_DEFECTS:
            self.defects.append(defect)
        elif len(self.defects) == MOST_DEFECTS:
            expected = f"at most {MOST_DEFECTS} defects"
            self.defects.append(SmfError(None, defect.offset, expected, "more, which are not told"))


def _resumption(data: bytes, at: int, end: int) -> int:
    """Return the first place from ``at`` on where events can be told again, or ``end``."""
    for place in range(at, end):
        if data.startswith(TRACK, place):
            return place
        first = _event(data, place, end, 0)
        if first is None:
            continue
        after, status = first
        if after == end or data.startswith(TRACK, after) or _event(data, after, end, status):
            return place
    return end


def _event(data: bytes, at: int, end: int, running: int) -> tuple[int, int] | None:
    """Return where the event at ``at`` ends and the running status behind it; None if it is none.

    Looks at a few bytes only, however long the event.
    """
    delta = read_vlq(data, at)
    if delta is None or delta[1] >= end:
        return None
    at = delta[1]
    status = running
    if data[at] >= 0x80:
        status, at = data[at], at + 1
    if status in (SYSEX, PACKET, META):
        at += status == META
        length = read_vlq(data, at)
        after = end + 1 if length is None else sum(length)
    elif status in KINDS:
        after = at + KINDS[status].length - 1
        if not data[at:after].isascii():
            return None
    else:
        return None
    return None if after > end else (after, status if status < SYSEX else running)
