"""Where bytes become mido's message objects and back: the only place that knows mido.

mido is imported when the first message is asked for, not with midicodec.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from midicodec import native
from midicodec.assemble import whole_channel_messages
from midicodec.records import B1, META, RECORD_BYTES, Mask, N, Records, Seconds, Ticks
from midicodec.vlq import read_vlq

if TYPE_CHECKING:
    import mido

    Message: TypeAlias = mido.Message | mido.MetaMessage

Times: TypeAlias = npt.NDArray[np.int64 | np.float64]
T = TypeVar("T")


class Refused(Exception):  # noqa: N818 - what happened, not an error of ours: callers turn it into one
    """mido cannot make, or cannot write, this message: why."""


def to_mido(data: bytes, time: float) -> Message:
    """Return one whole message as mido's object; raise :class:`Refused` where mido has none.

    A meta event that mido reads but would write differently is refused too: nothing is changed
    behind the caller's back.
    """
    return _at_border(lambda: _make(data, time))


def channel_messages(records: Records, times: Times) -> tuple[list[Message | None], int]:
    """Return the message of each record that is a whole channel message, None for the others.

    Also how many there are of these.
    """
    mido = _mido()
    if native.messages is not None:
        made: tuple[list[Message | None], int] = native.messages.make_messages(
            mido.Message, np.ascontiguousarray(records), *_by_unit(times)
        )
        return made
    wanted = whole_channel_messages(records)
    return [
        to_mido(record[B1 : B1 + record[N]], time) if is_wanted else None
        for record, time, is_wanted in zip(
            map(bytes, records), times.tolist(), wanted.tolist(), strict=True
        )
    ], int(wanted.sum())


def from_mido_channel(
    messages: list[Message | bytes], dtype: type[np.int64] | type[np.float64]
) -> tuple[Records, Times, Mask]:
    """Return one record and one time for each message, and where these were plainly to be had.

    That is what channel messages of mido's with a fitting time are; of others nothing is said.
    """
    n = len(messages)
    records, times, taken = (
        np.zeros((n, RECORD_BYTES), np.uint8),
        np.zeros(n, dtype),
        np.zeros(n, np.bool_),
    )
    # If mido was never imported, none of these is mido's.
    if native.messages is not None and "mido" in sys.modules:
        in_ticks, ticks, seconds = _by_unit(times)
        native.messages.take_messages(
            _mido().Message, messages, in_ticks, records, ticks, seconds, taken
        )
    return records, times, taken


def _by_unit(times: Times) -> tuple[bool, Ticks, Seconds]:
    """Return whether times are in ticks, and an array for each unit; the other one is empty."""
    if times.dtype == np.int64:
        return True, times, np.empty(0)  # type: ignore[return-value]
    return False, np.empty(0, np.int64), times  # type: ignore[return-value]


def from_mido(message: Message | bytes) -> tuple[bytes, int | float]:
    """Return a message's bytes and its time; plain bytes are taken as they are, at time 0."""
    if isinstance(message, bytes):
        return message, 0
    return _at_border(lambda: (bytes(message.bytes()), message.time))


@cache
def _mido() -> ModuleType:
    """Return mido, its message class primed."""
    import mido

    if native.messages is not None:
        native.messages.prime(mido.Message)
    found: ModuleType = mido
    return found


def _make(data: bytes, time: float) -> Message:
    mido = _mido()
    from mido.midifiles.meta import build_meta_message

    if data[0] != META or len(data) == 1:
        return mido.Message.from_bytes(data, time=time)
    # MetaMessage.from_bytes misreads lengths of two bytes (mido 1.3.3), so we read the length.
    quantity = read_vlq(data, 2)
    assert quantity is not None  # the message is whole
    message = build_meta_message(data[1], data[quantity[1] :])
    if bytes(message.bytes()) != data:
        raise ValueError("its bytes would be changed")
    message.time = time
    return message


def _at_border(call: Callable[[], T]) -> T:
    try:
        return call()
    # mido raises whatever its parsing runs into (ValueError, IndexError, KeySignatureError,
    # UnicodeError, struct.error, …), and a new release may raise something else.
    except Exception as error:
        raise Refused(f"mido refuses it: {error or type(error).__name__}") from error


if "mido" in sys.modules:
    _mido()  # the sooner the better: see midicodec._messages.prime
