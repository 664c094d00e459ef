"""Records → mido's messages: all at once, or one record at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from midicodec.assemble import (
    Assembled,
    Assembler,
    Skip,
    outcomes_of_others,
    whole_channel_messages,
)
from midicodec.border import Refused, Times, channel_messages, to_mido
from midicodec.errors import DecodeError, MidiCodecError
from midicodec.records import RECORD_BYTES, as_records, as_uint8

if TYPE_CHECKING:
    from midicodec.border import Message

Outcome: TypeAlias = "Message | Skip"
"""What a :class:`Decoder` gives: one of mido's messages, or why there is none."""


def decode(
    records: npt.ArrayLike,
    delta: npt.ArrayLike | None = None,
    *,
    errors: Literal["strict", "skip"] = "strict",
) -> list[Message]:
    """Return the messages that ``(n, 5)`` uint8 records make.

    ``delta`` is ``(n,)``, integers or floats of any unit; a message's ``time`` is that of its
    first record (0 without ``delta``). Records that make no message, or one that mido refuses,
    raise :class:`DecodeError` when ``errors`` is ``"strict"``; with ``"skip"`` they are left out,
    and their time is added to the next message's. For their reasons use :class:`Decoder`.

    >>> decode([[0, 0x90, 60, 64, 3]], [96])
    [Message('note_on', channel=0, note=60, velocity=64, time=96)]
    """
    if errors not in ("strict", "skip"):
        raise MidiCodecError(f'expected errors to be "strict" or "skip", found {errors!r}')
    array = as_records(records)
    times = _as_times(delta, len(array))
    found, count = channel_messages(array, times)
    if count == len(array):
        return found
    channel = whole_channel_messages(array)
    others = {outcome.index: outcome for outcome in outcomes_of_others(array, channel)}
    messages: list[Message] = []
    carried: float = 0
    for index, (message, time) in enumerate(zip(found, times.tolist(), strict=True)):
        if message is None:
            outcome = others.get(index)
            if outcome is None:
                continue  # a later piece of a long message
            made = _made(outcome, carried + time)
            if isinstance(made, Skip):
                if errors == "strict":
                    raise DecodeError(index, made.reason, array[index].tobytes())
                carried += time if made.starts else 0
                continue
            message = made
        elif carried:
            message.time += carried
        carried = 0
        messages.append(message)
    return messages


def _made(outcome: Assembled | Skip, time: float) -> Outcome:
    """Return mido's message of a whole one's bytes, or a skip where mido refuses it."""
    if isinstance(outcome, Skip):
        return outcome
    try:
        return to_mido(outcome.data, time)
    except Refused as refusal:
        return Skip(str(refusal), outcome.index)


class Decoder:
    """Decodes records as they come; the state is one unfinished long message at most.

    Of a message longer than ``max_message_bytes`` only so much is held back, and it becomes one
    :class:`Skip` when it ends, which bounds what a stream that never ends a message can take.
    """

    def __init__(self, max_message_bytes: int | None = 65536) -> None:
        if max_message_bytes is not None and max_message_bytes < 16:
            raise MidiCodecError(f"expected max_message_bytes ≥ 16, found {max_message_bytes}")
        self._assembler = Assembler(max_message_bytes)
        self._count = 0
        self._held_delta: float = 0
        self._carried: float = 0

    @property
    def pending(self) -> bool:
        """Whether the beginning of a message is held back."""
        return self._assembler.pending_since is not None

    def starts(self, record: npt.ArrayLike) -> bool:
        """Return whether a message would begin with ``record``, were it the next.

        The later records of a message, and stray pieces, have no time of their own.
        """
        return self._assembler.starts(_record_bytes(record))

    def feed(self, record: npt.ArrayLike, delta: float = 0) -> list[Outcome]:
        """Take the next record, ``(5,)`` uint8 or five bytes, and its delta time of any unit.

        Returns what is complete now, in order: a list of no, one or two messages or
        :class:`Skip`. A message's ``time`` is its first record's, and what was skipped before it.
        """
        if isinstance(delta, np.generic):
            delta = delta.item()
        index = self._count
        outcomes = self._assembler.feed(_record_bytes(record))
        self._count += 1
        results = [
            self._result(outcome, delta if outcome.index == index else self._held_delta)
            for outcome in outcomes
        ]
        if self._assembler.pending_since == index:
            self._held_delta = delta
        return results

    def flush(self) -> list[Outcome]:
        """End what is held back, as at the end of the records: one :class:`Skip`, or nothing."""
        return [self._result(outcome, self._held_delta) for outcome in self._assembler.flush()]

    def _result(self, outcome: Assembled | Skip, delta: float) -> Outcome:
        made = _made(outcome, self._carried + delta)
        if not isinstance(made, Skip):
            self._carried = 0
        elif made.starts:
            self._carried += delta
        return made


def _as_times(delta: npt.ArrayLike | None, n: int) -> Times:
    """Return ``n`` times as int64 or float64."""
    if delta is None:
        return np.zeros(n, np.int64)
    array = np.asarray(delta)
    if array.shape != (n,):
        raise MidiCodecError(f"expected delta times of shape ({n},), found {array.shape}")
    if n and array.dtype.kind not in "iuf":
        raise MidiCodecError(f"expected delta times as integers or floats, found {array.dtype}")
    if array.dtype.kind == "u" and n and array.max() >= 2**63:
        raise MidiCodecError(f"expected delta times under 2**63, found {array.max()}")
    return np.ascontiguousarray(array, np.float64 if array.dtype.kind == "f" else np.int64)


def _record_bytes(record: npt.ArrayLike) -> bytes:
    if isinstance(record, bytes) and len(record) == RECORD_BYTES:
        return record
    array = as_uint8(record, RECORD_BYTES)
    if array.ndim != 1:
        raise MidiCodecError(f"expected one record of shape (5,), found {array.shape}")
    return array.tobytes()
