"""Records → whole messages as bytes: long messages say themselves where they end.

A sysex (F0) goes on to its F7; a meta event (FF) and a Standard MIDI File's F7 packet carry their
length. So pieces need no other mark. What is accepted is exactly what :mod:`midicodec.encode`
makes of messages; everything else becomes a :class:`Skip`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from midicodec.errors import DecodeError
from midicodec.grammar import counted_length, header_is_whole, problem_with
from midicodec.records import (
    B1,
    B2,
    B3,
    KINDS,
    LONG,
    META,
    PACKET,
    PIECE_BYTES,
    RECORD_BYTES,
    SYSEX,
    SYSEX_END,
    Mask,
    N,
    Records,
)


@dataclass(frozen=True, slots=True)
class Assembled:
    """A whole message's bytes, and the index of its first record."""

    data: bytes
    index: int


@dataclass(frozen=True, slots=True)
class Skip:
    """Records that make no message: the reason, and the index of the first of them.

    ``starts`` says whether a message began there, so that its time counts: it is False for a
    stray piece of a message whose beginning was skipped before, or never came.
    """

    reason: str
    index: int
    starts: bool = True


class Assembler:
    """Takes records one at a time, and gives what each of them completes.

    Of a message that gets longer than ``max_message_bytes`` (None: no limit) no more is kept; it
    becomes one :class:`Skip` when it ends.
    """

    def __init__(self, max_message_bytes: int | None = None) -> None:
        self._limit = max_message_bytes
        self._count = 0
        self._clear()

    @property
    def pending_since(self) -> int | None:
        """The index of the first record of the message that is held back; None if none is."""
        return self._first if self._length else None

    def starts(self, record: bytes) -> bool:
        """Return whether a message would begin with ``record``, were it the next.

        Only then does its time count; see :func:`message_starts`, of records that are all there.
        """
        if not record[LONG]:
            return True
        piece = record[B1 : B1 + record[N]]
        goes_on = self._length and _malformed(record) is None and self._continues(piece)
        return not goes_on and _begins(record)

    def feed(self, record: bytes) -> list[Assembled | Skip]:
        """Take the next record, five bytes; return what is complete now, in order.

        That is nothing while a long message goes on, and two things when a record both ends an
        unfinished message and is one itself.
        """
        index = self._count
        self._count += 1
        problem = _malformed(record)
        if problem is not None:
            return [*self.flush(), Skip(problem, index, not record[LONG] or _begins(record))]
        piece = record[B1 : B1 + record[N]]
        if not record[LONG]:
            problem = problem_with(piece)
            whole = Assembled(piece, index) if problem is None else Skip(problem, index)
            return [*self.flush(), whole]
        if self._length and self._continues(piece):
            return self._take(piece)
        ended = self.flush()
        if not _begins(record):
            return [*ended, Skip("a piece of a long message that never began", index, False)]
        if len(piece) < PIECE_BYTES:
            return [*ended, Skip("a long message's first piece does not hold 3 bytes", index)]
        self._first = index
        return [*ended, *self._take(piece)]

    def flush(self) -> list[Assembled | Skip]:
        """End what is held back: a sysex without its F7 is whole, anything else is cut short."""
        if not self._length:
            return []
        if self._held[0] == SYSEX:
            return [self._end()]
        skip = Skip(f"a {_kind(self._held)} is cut short", self._first)
        self._clear()
        return [skip]

    def _clear(self) -> None:
        self._held = bytearray()
        self._length = 0  # of the message so far, which `_held` may hold only the beginning of
        self._wanted: int | None = None  # the whole length, where the message says it
        self._first = 0

    def _continues(self, piece: bytes) -> bool:
        """Whether ``piece`` belongs to what is held back."""
        if self._held[0] == SYSEX:
            return piece[0] < 0x80 or piece == bytes([SYSEX_END])
        if self._wanted is None:  # a length of two bytes or more: many pieces follow
            return len(piece) == PIECE_BYTES
        return len(piece) == min(PIECE_BYTES, self._wanted - self._length)

    def _take(self, piece: bytes) -> list[Assembled | Skip]:
        """Add a piece to what is held back; end it if that is a whole message now."""
        self._length += len(piece)
        if self._limit is None or len(self._held) <= self._limit:
            self._held += piece
        if self._held[0] == SYSEX:
            whole = piece[-1] == SYSEX_END or len(piece) < PIECE_BYTES
            return [self._end()] if whole else []
        if self._wanted is None:
            self._wanted = counted_length(self._held)
        if self._wanted is None:
            return [self._end()] if header_is_whole(self._held) else []
        return [self._end()] if self._length >= self._wanted else []

    def _end(self) -> Assembled | Skip:
        """Give what is held back as a message, or say why it is none."""
        data, length, first = bytes(self._held), self._length, self._first
        self._clear()
        if self._limit is not None and length > self._limit:
            return Skip(f"a {_kind(data)} is longer than {self._limit} bytes", first)
        if length <= PIECE_BYTES:
            return Skip(f"a {_kind(data)} of 3 bytes or fewer is not cut into pieces", first)
        problem = problem_with(data)
        return Assembled(data, first) if problem is None else Skip(problem, first)


def assemble(records: Records) -> Iterator[Assembled | Skip]:
    """Yield every message and every skip of ``(n, 5)`` uint8 records, in order."""
    assembler = Assembler()
    data = records.tobytes()
    for at in range(0, len(data), RECORD_BYTES):
        yield from assembler.feed(data[at : at + RECORD_BYTES])
    yield from assembler.flush()


def message_starts(records: Records) -> Mask:
    """Return ``(n,)`` bool: the records where a message begins, which is where its time counts.

    Records that make no message count as one of their own, except stray pieces.
    """
    starts = whole_messages(records)
    for outcome in outcomes_of_others(records, starts):
        starts[outcome.index] = isinstance(outcome, Assembled) or outcome.starts
    return starts


def checked_starts(records: Records) -> Mask:
    """Return :func:`message_starts`; raise :class:`DecodeError` if any record makes no message."""
    starts = whole_messages(records)
    for outcome in outcomes_of_others(records, starts):
        if isinstance(outcome, Skip):
            raise DecodeError(outcome.index, outcome.reason, records[outcome.index].tobytes())
        starts[outcome.index] = True
    return starts


_LENGTHS = np.zeros(256, np.uint8)
_LENGTHS[list(KINDS)] = [kind.length for kind in KINDS.values()]


def whole_messages(records: Records) -> Mask:
    """Return ``(n,)`` bool: the records that are a message of fixed length by themselves."""
    used = records[:, N]
    whole: Mask = (records[:, LONG] == 0) & (used > 0) & (used == _LENGTHS[records[:, B1]])
    whole &= (records[:, B2] < 0x80) & (records[:, B3] < 0x80)
    whole &= ((used >= 2) | (records[:, B2] == 0)) & ((used == 3) | (records[:, B3] == 0))
    return whole


def whole_channel_messages(records: Records) -> Mask:
    """Return ``(n,)`` bool: the records that are a channel message by themselves."""
    whole: Mask = whole_messages(records) & (records[:, B1] < SYSEX)
    return whole


def outcomes_of_others(records: Records, whole: Mask) -> Iterator[Assembled | Skip]:
    """Yield what the records that are not ``whole`` messages by themselves make, in order."""
    others = np.flatnonzero(~whole)
    if not len(others):
        return
    # A whole message ends whatever came before it, so each run of others stands by itself.
    for run in np.split(others, np.flatnonzero(np.diff(others) > 1) + 1):
        first = int(run[0])
        for outcome in assemble(records[first : first + len(run)]):
            yield replace(outcome, index=first + outcome.index)


def _malformed(record: bytes) -> str | None:
    """Say what is wrong with a record whatever comes before and after it."""
    if record[LONG] > 1:
        return f"a record's first byte (long) is 0 or 1, not {record[LONG]}"
    n = record[N]
    if not 1 <= n <= PIECE_BYTES:
        return f"a record's last byte (n) is 1 to 3, not {n}"
    if any(record[B1 + n : N]):
        return f"a record of {n} bytes has others that are not 0"
    return None


def _begins(record: bytes) -> bool:
    """Whether a piece can be the first of a long message; a lone F7 is the last of a sysex."""
    return record[B1] in (SYSEX, META) or (record[B1] == PACKET and record[N] != 1)


def _kind(data: bytes | bytearray) -> str:
    return {SYSEX: "sysex", META: "meta event"}.get(data[0], "packet")
