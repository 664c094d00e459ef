"""Messages → records."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import TYPE_CHECKING, Literal, overload

import numpy as np

from midicodec.border import Refused, from_mido
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
    packed = bytearray()
    deltas: list[float] = []
    for index, message in enumerate(messages):
        try:
            data, time = from_mido(message)
        except Refused as refusal:
            raise EncodeError(index, str(refusal)) from refusal
        problem = problem_with(data) or _time_problem(time, unit)
        if problem is not None:
            raise EncodeError(index, problem)
        pieces = cut(data)
        packed += pieces
        deltas += [time] * (len(pieces) // RECORD_BYTES)
    records = np.frombuffer(packed, np.uint8).reshape(-1, RECORD_BYTES)
    if unit == "ticks":
        return records, np.array(deltas, np.int64)
    return records, np.array(deltas, np.float64)


def _time_problem(time: object, unit: str) -> str | None:
    if unit == "ticks":
        if not isinstance(time, Integral) or not 0 <= int(time) <= _MAX_TICKS:
            return f"a time in ticks is a whole number from 0 to 2**63 - 1, not {time!r}"
    elif not isinstance(time, Real) or not 0 <= float(time) < math.inf:
        return f"a time in seconds is a number from 0 on, not {time!r}"
    return None
