"""The longest run of notes of a song that also stands in a training song: copied, or new.

Two kinds of run are looked for. ``exact``: consecutive notes of all channels together, drums too,
with the same pitches in the same rhythm. ``line``: consecutive notes of one channel, no drums, with
the same intervals, in whatever key and rhythm; a pitch that is repeated counts once, or every
ostinato would be a copy. The rhythm of a note is the time since the chord before it as a multiple
of the time before that, in half octaves; so a copy is found at any tempo, and if it is played a
little unsteadily. The notes of a chord go from the lowest up.

The search is by windows' hashes: those of the few songs that are asked about are kept, and those of
the training songs come by, a million notes at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from midirnn.music.notes import Notes, Times, Whole

Kind: TypeAlias = Literal["exact", "line"]

_BLOCK = 1 << 20
"""So many symbols of training songs are looked through at once; a song is never cut."""
_TABLE_BITS = 20
_STEEPEST = 7
"""Rhythms that change more steeply are one class: by more than 2 ** (7 / 2)."""
_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2 ** 64
_SYMBOLS = np.random.default_rng(0x6D757369).integers(0, 2**64, 1 << 13, np.uint64)
"""What stands for each symbol in a hash: random, so that unlike windows have unlike hashes."""


class Place(NamedTuple):
    """A run that stands in two songs: its notes, and the second each begins at in either."""

    notes: int
    seconds: float
    other: int
    """The training song's number, in the order they were given."""
    other_seconds: float


@dataclass(frozen=True, eq=False)
class Symbols:
    """Sequences of symbols, one behind the other: ``(n,)`` each.

    ``left`` says how many symbols there are up to its sequence's end, itself included; ``seconds``
    when the first note of the run that begins there is.
    """

    symbol: Whole
    song: Whole
    left: Whole
    seconds: Times

    @classmethod
    def join(cls, parts: Iterable[Symbols]) -> Symbols:
        """Return several as one."""
        columns = zip(*((p.symbol, p.song, p.left, p.seconds) for p in parts), strict=True)
        return cls(*map(np.concatenate, columns))

    @cached_property
    def _sums(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
        """The running sum of a polynomial in the base, and the base's powers downwards."""
        n = len(self.symbol)
        powers, inverses = _powers(_BASE, n), _powers(pow(_BASE, -1, 2**64), n)
        sums = np.zeros(n + 1, np.uint64)
        np.cumsum(_SYMBOLS[self.symbol] * powers, out=sums[1:])
        return sums, inverses

    def windows(self, length: int, at: Whole) -> npt.NDArray[np.uint64]:
        """Return the hashes of ``length`` symbols from each of the places ``at``, ``(m,)``.

        Places with fewer ``left`` have none. A hash is 64 bits: of a million windows and a hundred
        thousand asked about, two unlike ones have the same once in a hundred million times.
        """
        sums, inverses = self._sums
        return (sums[at + length] - sums[at]) * inverses[at]


def symbols_of(notes: Notes, kind: Kind, song: int) -> Symbols:
    """Return a song's notes as symbols; one of kind ``line`` stands for two notes."""
    if kind == "exact":
        symbol = notes.pitch | notes.drums << 7 | _rhythm(notes)[notes.chord] << 8
        return _sequences(symbol, np.array([len(notes)]), notes.onset, song)
    order = np.argsort(notes.channel, kind="stable")
    order = order[~notes.drums[order]]
    channel, pitch, onset = notes.channel[order], notes.pitch[order], notes.onset[order]
    moves = (np.diff(channel) == 0) & (np.diff(pitch) != 0)
    lengths = np.bincount(channel[1:][moves], minlength=16)
    return _sequences(np.diff(pitch)[moves] + 128, lengths, onset[:-1][moves], song)


def _rhythm(notes: Notes) -> Whole:
    """Return the class of each chord's rhythm, ``(chords,)``, from 0 on."""
    gaps = np.diff(notes.chord_onset)
    classes = np.zeros(len(notes.chord_onset), np.int64)
    if len(gaps) > 1:
        steeper = np.rint(2 * np.log2(gaps[1:] / gaps[:-1])).astype(np.int64)
        classes[2:] = np.clip(steeper, -_STEEPEST, _STEEPEST) + _STEEPEST + 1
    return classes


def _sequences(symbol: Whole, lengths: Whole, seconds: Times, song: int) -> Symbols:
    ends = np.repeat(np.cumsum(lengths), lengths)
    return Symbols(symbol, np.full(len(symbol), song), ends - np.arange(len(symbol)), seconds)


def _powers(base: int, count: int) -> npt.NDArray[np.uint64]:
    """Return a number's powers from 0 on, modulo 2 ** 64."""
    factors = np.full(count, base, np.uint64)
    factors[:1] = 1
    return np.cumprod(factors, dtype=np.uint64)


class Search:
    """Looks for the longest run that each of some songs has in common with training songs."""

    def __init__(self, kind: Kind, songs: Iterable[Notes]) -> None:
        """Take the songs that are asked about; they are numbered in this order."""
        self._kind: Kind = kind
        parts = [symbols_of(notes, kind, number) for number, notes in enumerate(songs)]
        self._asked = Symbols.join(parts)
        self._most = np.array([part.left.max(initial=0) for part in parts])
        self._lengths = np.zeros(len(parts), np.int64)
        self._places: list[Place | None] = [None] * len(parts)
        self._waiting: list[Symbols] = []
        self._count = 0

    def add(self, notes: Notes, number: int) -> None:
        """Take the next training song, and its number."""
        self._waiting.append(symbols_of(notes, self._kind, number))
        self._count += len(self._waiting[-1].symbol)
        if self._count >= _BLOCK:
            self._look_through()

    def places(self) -> list[Place | None]:
        """Return each song's longest run, one of them where there are several; None if none is."""
        self._look_through()
        return self._places

    def _look_through(self) -> None:
        """Look for longer runs than are known in the training songs that wait.

        A window that stands there has shorter ones that do, so each song's longest is found by
        doubling how much longer it is tried to be until it is not there, and then by halves.
        """
        if not self._waiting:
            return
        block = _Block(Symbols.join(self._waiting), self._asked)
        self._waiting, self._count = [], 0
        there, absent = self._lengths.copy(), self._most + 1
        step, doubling = np.ones_like(there), np.ones(len(there), np.bool_)
        while (open_ := there + 1 < absent).any():
            tried = np.minimum(there + step, absent - 1)
            for length in np.unique(tried[open_]).tolist():
                group = open_ & (tried == length)
                found = self._find(block, length, group)
                failed = group & ~found
                there[found], absent[failed], doubling[failed] = length, length, False
            step = np.where(doubling, step * 2, np.maximum((absent - there) // 2, 1))
        self._lengths = there

    def _find(
        self, block: _Block, length: int, songs: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """Return which of ``songs`` have a window of ``length`` in common with a block."""
        asked, theirs = self._asked, block.symbols
        at = np.flatnonzero((asked.left >= length) & songs[asked.song])
        ours, others = block.common(at, length)
        number, first = np.unique(asked.song[ours], return_index=True)
        for song, mine, other in zip(number, ours[first], others[first], strict=True):
            self._places[song] = Place(
                notes=length + (self._kind == "line"),
                seconds=float(asked.seconds[mine]),
                other=int(theirs.song[other]),
                other_seconds=float(theirs.seconds[other]),
            )
        found = np.zeros(len(songs), np.bool_)
        found[number] = True
        return found


class _Block:
    """Training songs as symbols, and which of their windows stand in any song asked about.

    Of a window that does, so does its first half: so for each power of two only those places are
    looked at where the power before was found.
    """

    def __init__(self, symbols: Symbols, asked: Symbols) -> None:
        self.symbols, self._asked = symbols, asked
        self._standing = [np.arange(len(symbols.symbol))]

    def common(self, at: Whole, length: int) -> tuple[Whole, Whole]:
        """Return which places ``at`` of the songs asked about have a window that stands here.

        And for each of them one place where it does.
        """
        power = length.bit_length() - 1
        while len(self._standing) <= power:
            shorter = 1 << len(self._standing)
            asked = np.flatnonzero(self._asked.left >= shorter)
            here = self._with(shorter, self._standing[-1])
            hashes = np.sort(self._asked.windows(shorter, asked))
            stands = _find_each(self.symbols.windows(shorter, here), hashes) >= 0
            self._standing.append(here[stands])
        here = self._with(length, self._standing[power])
        mine, theirs = self._asked.windows(length, at), self.symbols.windows(length, here)
        stands = _find_each(theirs, np.sort(mine)) >= 0
        common, first = np.unique(theirs[stands], return_index=True)
        found = _find_each(mine, common)
        return at[found >= 0], here[stands][first[found[found >= 0]]]

    def _with(self, length: int, places: Whole) -> Whole:
        return places[self.symbols.left[places] >= length]


def _find_each(hashes: npt.NDArray[np.uint64], among: npt.NDArray[np.uint64]) -> Whole:
    """Return the index of each hash among sorted ones, -1 where it is not there."""
    if not len(among):
        return np.full(len(hashes), -1)
    # Most are not there: a table of some of the bits tells it at once.
    shift = np.uint64(64 - _TABLE_BITS)
    table = np.zeros(1 << _TABLE_BITS, np.bool_)
    table[among >> shift] = True
    found = np.full(len(hashes), -1)
    maybe = np.flatnonzero(table[hashes >> shift])
    index = np.minimum(np.searchsorted(among, hashes[maybe]), len(among) - 1)
    same = among[index] == hashes[maybe]
    found[maybe[same]] = index[same]
    return found
