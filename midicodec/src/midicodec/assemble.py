"""Records → whole messages as bytes: long messages delimit themselves.

MIDI says itself where a long message ends, so that pieces need no other mark: F0 (sysex) goes on
to an F7, FF (meta) and an F7 packet of a Standard MIDI File carry their length. What is accepted
is exactly what :mod:`midicodec.encode` makes; everything else is a :class:`Skip`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from midicodec.records import (
    LONG,
    MAX_VLQ_BYTES,
    MESSAGE_LENGTHS,
    META,
    PIECE_BYTES,
    SYSEX,
    SYSEX_END,
    N,
    Records,
    read_vlq,
    vlq,
)


# A record's first two bytes → how many bytes the message has, where its status tells.
_FIXED = {bytes((0, status)): n for status, n in MESSAGE_LENGTHS.items() if status != META}


class Whole(NamedTuple):
    """A message's bytes, and the index of its first record."""

    data: bytes
    index: int


class Skip(NamedTuple):
    """Records that make no message: why, and the index of the first of them.

    ``starts`` tells whether a message began there, whose time counts, or whether this is a stray
    piece of one that began earlier.
    """

    reason: str
    index: int
    starts: bool = True


class Assembler:
    """Takes records one at a time; gives messages, skips, or nothing while one is incomplete."""

    def __init__(self, max_message_bytes: int | None = None) -> None:
        """Hold back at most ``max_message_bytes`` of an unfinished message (None: no limit)."""
        self._limit = max_message_bytes
        self._held = bytearray()
        self._first = 0
        self._index = -1

    @property
    def pending(self) -> bool:
        """Whether the beginning of a message is held back."""
        return bool(self._held)

    def skip_to(self, index: int) -> None:
        """Say that the next record fed is number ``index``: those before it were taken elsewhere."""
        self._index = index - 1

    def feed(self, record: bytes) -> list[Whole | Skip]:
        """Take the next record, five bytes; return what is now complete, in order."""
        self._index += 1
        problem = _malformed(record)
        if problem is not None:
            return [*self.flush(), Skip(problem, self._index)]
        piece = record[1 : 1 + record[N]]
        if not record[LONG]:
            short = short_problem(piece)
            result = Whole(piece, self._index) if short is None else Skip(short, self._index)
            return [*self.flush(), result]
        ended: list[Whole | Skip] = []
        if self._held and not self._continues(piece):
            ended = self.flush()
        if not self._held:
            if piece[0] not in (SYSEX, META, SYSEX_END):
                reason = f"a piece of a long message that never began (it holds {piece.hex(' ')})"
                return [*ended, Skip(reason, self._index, starts=False)]
            if len(piece) < PIECE_BYTES:
                reason = f"a long message's first piece must hold three bytes, not {len(piece)}"
                return [*ended, Skip(reason, self._index)]
            self._first = self._index
        return [*ended, *self._take(piece)]

    def flush(self) -> list[Whole | Skip]:
        """End what is held back: a sysex without its F7 is whole, anything else is cut short."""
        if not self._held:
            return []
        held, self._held = bytes(self._held), bytearray()
        if held[0] == SYSEX and len(held) > PIECE_BYTES:
            return [Whole(held, self._first)]
        kind = {SYSEX: "sysex", META: "meta message"}.get(held[0], "packet")
        wanted = _needed(held)
        of = "" if wanted is None else f" of {wanted}"
        return [Skip(f"a {kind} cut short after {len(held)}{of} bytes", self._first)]

    def _continues(self, piece: bytes) -> bool:
        """Whether ``piece`` belongs to what is held back."""
        if self._held[0] == SYSEX:
            return piece[0] < 0x80 or (piece[0] == SYSEX_END and len(piece) == 1)
        wanted = _needed(self._held)
        if wanted is None:  # its length is not known yet: only a full piece can follow
            return len(piece) == PIECE_BYTES
        return len(piece) == min(PIECE_BYTES, wanted - len(self._held))

    def _take(self, piece: bytes) -> list[Whole | Skip]:
        """Add a piece to what is held back, and see whether that is a message now."""
        self._held += piece
        held = self._held
        if held[0] == SYSEX:
            problem = _sysex_piece_problem(piece if len(held) > len(piece) else piece[1:])
            ended = held[-1] == SYSEX_END or len(piece) < PIECE_BYTES
        else:
            problem = _header_problem(held)
            ended = _needed(held) == len(held)
        if problem is None and ended and len(held) <= PIECE_BYTES:
            problem = "a message of three bytes or fewer is not cut into pieces"
        if problem is None and self._limit is not None and len(held) > self._limit:
            problem = f"a message longer than {self._limit} bytes"
        if problem is not None:
            self._held = bytearray()
            return [Skip(problem, self._first)]
        if not ended:
            return []
        self._held = bytearray()
        return [Whole(bytes(held), self._first)]


def _malformed(record: bytes) -> str | None:
    """Say what is wrong with a record whatever comes before and after it."""
    if record[LONG] > 1:
        return f"its first byte must be 0 or 1, not {record[LONG]}"
    n = record[N]
    if not 1 <= n <= PIECE_BYTES:
        return f"it must use 1 to 3 bytes, not {n}"
    if any(record[1 + n : N]):
        return f"it uses {n} bytes, but the rest are not 0"
    return None


def short_problem(data: bytes) -> str | None:
    """Say why one to three bytes are no whole message; None if they are one."""
    status = data[0]
    if status == SYSEX:
        return _sysex_piece_problem(data[1:])
    if status == SYSEX_END or (status == META and len(data) > 1):
        if _needed(data) != len(data):
            return f"the length in {data.hex(' ')} is not what follows"
        return _header_problem(data)
    if status < 0x80:
        return f"a message must begin with a status byte, not {status:02x}"
    length = MESSAGE_LENGTHS.get(status)
    if length is None:
        return f"the status {status:02x} is not defined"
    if length != len(data):
        return f"a message of status {status:02x} has {length} bytes, not {len(data)}"
    if max(data[1:], default=0) >= 0x80:
        return f"data bytes are below 80, not {data[1:].hex(' ')}"
    return None


def _sysex_piece_problem(piece: bytes) -> str | None:
    body = piece[:-1] if piece.endswith(bytes([SYSEX_END])) else piece
    if max(body, default=0) >= 0x80:
        return f"bytes in a sysex are below 80 up to its F7, not {piece.hex(' ')}"
    return None


def _needed(data: bytes | bytearray) -> int | None:
    """How long the meta message or packet gets that begins with ``data``; None: not known yet."""
    quantity = read_vlq(bytes(data[:7]), 2 if data[0] == META else 1)
    return None if quantity is None else quantity[0] + quantity[1]


def _header_problem(data: bytes | bytearray) -> str | None:
    """Say what is wrong with a meta message's type or length, as far as they are there."""
    start = 1
    if data[0] == META:
        start = 2
        if len(data) > 1 and data[1] >= 0x80:
            return f"a meta message's type is below 80, not {data[1]:02x}"
    if len(data) > start and data[start] == 0x80:
        return "a length must not begin with padding"
    quantity = read_vlq(bytes(data[:7]), start)
    if quantity is None and len(data) >= start + MAX_VLQ_BYTES:
        return "a length has at most four bytes"
    if quantity is not None and quantity[1] - start != len(vlq(quantity[0])):
        return "a length must not begin with padding"
    return None


def assemble(records: Records) -> Iterator[Whole | Skip]:
    """Yield every message and skip of ``records``, in order."""
    assembler = Assembler()
    for index, record in enumerate(_rows(records)):
        # Nearly all records are whole messages of fixed length; they need no state.
        if record[:2] in _FIXED and not assembler.pending:
            n = _FIXED[record[:2]]
            if record[N] == n and max(record[2:N]) < 0x80 and not any(record[1 + n : N]):
                yield Whole(record[1 : 1 + n], index)
                continue
        assembler.skip_to(index)
        yield from assembler.feed(record)
    yield from assembler.flush()


def message_starts(records: Records) -> npt.NDArray[np.bool_]:
    """Return ``(n,)`` bool: where messages begin. Time is counted there alone.

    A record that makes no message counts as one of its own, but for stray pieces.
    """
    starts = records[:, LONG] == 0
    pieces = np.flatnonzero(~starts)
    if len(pieces):
        # Runs of pieces stand by themselves: a short message ends whatever came before it.
        for run in np.split(pieces, np.flatnonzero(np.diff(pieces) > 1) + 1):
            for outcome in assemble(records[run]):
                starts[run[outcome.index]] = isinstance(outcome, Whole) or outcome.starts
    return starts


def _rows(records: Records) -> Iterator[bytes]:
    data = np.ascontiguousarray(records).tobytes()
    return (data[at : at + 5] for at in range(0, len(data), 5))
