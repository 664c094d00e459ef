"""How a file was written, where that is not the plain form: what records cannot hold.

The plain form is that of :mod:`midicodec.smf_write`: a header of six bytes, chunks of events and
nothing else, running status wherever it may be, quantities in as few bytes as it takes. What a
file did otherwise is kept here, so that it can be written as the bytes it was. It says nothing of
the music.

A track's *codes* are nothing for the plain form, or one byte of policy (bit 0: a status is written
where it could be left out; bit 1: it is left out even behind a meta event or sysex), then the
messages that are special. Each is a variable-length quantity, ``gap << 2 | kind``, the gap counted
in messages from the one before; DELTA and LENGTH have a second one, how many bytes of padding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from midicodec.errors import MidiCodecError
from midicodec.vlq import MAX_VALUE, read_vlq, write_vlq

FLIP, DELTA, LENGTH, JOINED = range(4)
"""A status against the policy; a padded delta time; a padded length; a sysex with bytes no sysex
may have, which records hold as an empty one and a packet."""
SAME_EXPLICIT, ACROSS_RUNNING = 1, 2
"""The bits of a policy."""
MAX_GAP = MAX_VALUE >> 2


class Special(NamedTuple):
    """What is special about a track's message: its place among them, and how."""

    place: int
    kind: int
    amount: int = 0


@dataclass(slots=True)
class Habits:
    """How a track's messages of the status before are written: the indices of each way."""

    same_explicit: list[int] = field(default_factory=list)
    same_running: list[int] = field(default_factory=list)
    across_explicit: list[int] = field(default_factory=list)
    """A meta event, sysex or realtime message is between."""
    across_running: list[int] = field(default_factory=list)

    def codes(self, specials: Iterable[Special]) -> bytes:
        """Return the codes of a track, with the policy that most of its messages keep to."""
        policy, against = 0, [self.same_explicit, self.across_running]
        if len(self.same_explicit) > len(self.same_running):
            policy, against[0] = SAME_EXPLICIT, self.same_running
        if len(self.across_running) > len(self.across_explicit):
            policy, against[1] = policy | ACROSS_RUNNING, self.across_explicit
        flips = [Special(index, FLIP) for indices in against for index in indices]
        codes, last = bytearray([policy]), 0
        for index, kind, amount in sorted([*flips, *specials]):
            while index - last > MAX_GAP:  # a padding of nothing, to have a place to count from
                codes += write_vlq(MAX_GAP << 2 | DELTA) + write_vlq(0)
                last += MAX_GAP
            codes += write_vlq((index - last) << 2 | kind)
            last = index
            if kind in (DELTA, LENGTH):
                codes += write_vlq(amount)
        return b"" if codes == b"\0" else bytes(codes)


def read_codes(codes: bytes) -> tuple[int, Mapping[int, Mapping[int, int]]]:
    """Return the policy, and by message what is special: its kinds, each with its amount."""
    specials: dict[int, dict[int, int]] = defaultdict(dict)
    at, index = 1, 0
    while at < len(codes):
        value, at = _number(codes, at)
        index += value >> 2
        kind, amount = value & 3, 0
        if kind in (DELTA, LENGTH):
            amount, at = _number(codes, at)
        specials[index][kind] = amount
    return (codes[0] if codes else 0), specials


@dataclass(frozen=True, slots=True)
class Framing:
    """A file's bytes between its tracks' events, and how the events were written."""

    prefixes: tuple[bytes | None, ...]
    """What stands before each track's events; None: what the plain form has there."""
    codes: tuple[bytes, ...]
    """Each track's codes."""
    suffix: bytes = b""
    """What stands behind the last track's events."""

    @property
    def nbytes(self) -> int:
        """How many bytes it holds."""
        parts = [*self.codes, *(prefix or b"" for prefix in self.prefixes), self.suffix]
        return sum(map(len, parts))

    def to_bytes(self) -> bytes:
        """Return it as bytes that :meth:`from_bytes` reads."""
        packed = bytearray(write_vlq(len(self.codes)))
        for prefix, codes in zip(self.prefixes, self.codes, strict=True):
            # One more than the length, as none and empty are two things.
            packed += write_vlq(0) if prefix is None else write_vlq(len(prefix) + 1) + prefix
            packed += write_vlq(len(codes)) + codes
        return bytes(packed + self.suffix)

    @classmethod
    def from_bytes(cls, data: bytes) -> Framing:
        """Read what :meth:`to_bytes` made; raises :class:`MidiCodecError` for anything else."""
        count, at = _number(data, 0)
        prefixes: list[bytes | None] = []
        codes = []
        for _ in range(count):
            length, at = _number(data, at)
            prefix, at = _taken(data, at, max(length - 1, 0))
            prefixes.append(prefix if length else None)
            length, at = _number(data, at)
            code, at = _taken(data, at, length)
            codes.append(code)
        return cls(tuple(prefixes), tuple(codes), data[at:])


def _number(data: bytes, at: int) -> tuple[int, int]:
    quantity = read_vlq(data, at)
    if quantity is None:
        raise MidiCodecError(f"framing, byte {at}: expected a number, found {data[at : at + 4]!r}")
    return quantity


def _taken(data: bytes, at: int, count: int) -> tuple[bytes, int]:
    if at + count > len(data):
        raise MidiCodecError(f"framing, byte {at}: expected {count} bytes, found {len(data) - at}")
    return data[at : at + count], at + count
