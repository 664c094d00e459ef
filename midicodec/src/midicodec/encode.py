"""Messages → records."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import TYPE_CHECKING, Literal, overload

import numpy as np

from midicodec.border import Refused, from_mido, from_mido_channel
from midicodec.errors import EncodeError, MidiCodecError
from midicodec.grammar import problem_with
from midicodec.pieces import cut
from midicodec.records import RECORD_BYTES, Records, Seconds, Ticks

if TYPE_CHECKING:
    from midicodec.border import Message

_MAX_TICKS = 2**63 - 1


@overload
def encode(
    messages: Iterable[Message | bytes], *, unit: Literal["ticks"] = "ticks"
) -> tuple[Records, Ticks]: ...


@overload
def encode(
    messages: Iterable[Message | bytes], *, unit: Literal["seconds"]
) -> tuple[Records, Seconds]: ...


def encode(
    messages: Iterable[Message | bytes], *, unit: Literal["ticks", "seconds"] = "ticks"
) -> tuple[Records, Ticks] | tuple[Records, Seconds]:
    """Return messages as records ``(n, 5)`` uint8, and each record's delta time ``(n,)``.

    Messages are mido's, or one message's bytes each (their time is 0). ``unit`` says what the
    messages' ``time`` counts: ``"ticks"`` gives int64, ``"seconds"`` float64. All pieces of a
    long message carry its time. Raises :class:`EncodeError` for what is no single message or has
    no time ≥ 0 of that unit.

    >>> records, delta = encode([bytes([0x90, 60, 64]), bytes([0xF0, 1, 2, 3, 0xF7])])
    >>> records.tolist()
    [[0, 144, 60, 64, 3], [1, 240, 1, 2, 3], [1, 3, 247, 0, 2]]
    """
    if unit not in ("ticks", "seconds"):
        raise MidiCodecError(f'expected the unit "ticks" or "seconds", found {unit!r}')
    given = messages if isinstance(messages, list) else list(messages)
    records, times, taken = from_mido_channel(given, np.int64 if unit == "ticks" else np.float64)
    others = np.flatnonzero(~taken)
    if not len(others):
        return records, times  # type: ignore[return-value]  # the overloads say which
    counts = np.ones(len(given), np.int64)
    packed = []
    for index in others.tolist():
        data, time = _checked(given[index], index, unit)
        pieces = cut(data)
        packed.append(pieces)
        times[index] = time
        counts[index] = len(pieces) // RECORD_BYTES
    rows = np.repeat(records, counts, axis=0)
    rows[np.repeat(~taken, counts)] = np.frombuffer(b"".join(packed), np.uint8).reshape(
        -1, RECORD_BYTES
    )
    return rows, np.repeat(times, counts)  # type: ignore[return-value]


def _checked(message: Message | bytes, index: int, unit: str) -> tuple[bytes, int | float]:
    try:
        data, time = from_mido(message)
    except Refused as refusal:
        raise EncodeError(index, str(refusal)) from refusal
    problem = problem_with(data) or _time_problem(time, unit)
    if problem is not None:
        raise EncodeError(index, problem)
    return data, time


def _time_problem(time: object, unit: str) -> str | None:
    if unit == "ticks":
        if not isinstance(time, Integral) or not 0 <= int(time) <= _MAX_TICKS:
            return f"a time in ticks is a whole number from 0 to 2**63 - 1, not {_shown(time)}"
    elif not isinstance(time, Real) or not 0 <= _as_float(time) < math.inf:
        return f"a time in seconds is a finite number from 0 on, not {_shown(time)}"
    return None


def _as_float(time: Real) -> float:
    try:
        return float(time)
    except OverflowError:
        return math.inf


def _shown(time: object) -> str:
    """Return how a time reads; Python prints no number of thousands of digits."""
    long = isinstance(time, int) and time.bit_length() > 64
    return f"one of {int.bit_length(time)} bits" if long else repr(time)  # type: ignore[arg-type]
