"""Messages → records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from midicodec.assemble import Assembler, Whole, short_problem
from midicodec.errors import EncodeError
from midicodec.records import PIECE_BYTES, RECORD_BYTES, Records

if TYPE_CHECKING:
    import mido

_PADDING = (b"", b"\0\0", b"\0", b"")


def encode(
    messages: Iterable[mido.Message | mido.MetaMessage | bytes],
    *,
    unit: Literal["ticks", "seconds"] = "ticks",
) -> tuple[Records, npt.NDArray[np.int64] | npt.NDArray[np.float64]]:
    """Return messages as records ``(n, 5)`` uint8, and the time before each, ``(n,)``.

    Messages are mido's, whose ``time`` is read as ``unit``: whole ticks (int64) or seconds
    (float64); or plain bytes, which take no time. Each piece of a long message carries the
    message's time. Raises :class:`EncodeError` with the index of a message that is not MIDI or
    whose time does not fit the unit.

    >>> import mido
    >>> records, delta = encode([mido.Message("note_on", note=60, velocity=64, time=120)])
    >>> records.tolist(), delta.tolist()
    ([[0, 144, 60, 64, 3]], [120])
    """
    pieces: list[bytes] = []
    times: list[float] = []
    for index, message in enumerate(messages):
        if isinstance(message, bytes | bytearray):
            data, time = bytes(message), 0
        else:
            data, time = bytes(message.bytes()), message.time
        problem = problem_of(data) or _time_problem(time, unit)
        if problem is not None:
            raise EncodeError(index, problem)
        cut = cut_message(data)
        pieces += cut
        times += [time] * len(cut)
    delta = np.array(times, np.int64 if unit == "ticks" else np.float64)
    return from_pieces(pieces), delta


def cut_message(data: bytes) -> list[bytes]:
    """Return the records, five bytes each, of a message that is known to be well formed."""
    length = len(data)
    if length <= PIECE_BYTES:
        return [b"\0" + data + _PADDING[length] + bytes([length])]
    pieces = [data[at : at + PIECE_BYTES] for at in range(0, length, PIECE_BYTES)]
    return [b"\1" + each + _PADDING[len(each)] + bytes([len(each)]) for each in pieces]


def from_pieces(pieces: Sequence[bytes]) -> Records:
    """Return records of five bytes each as one ``(n, 5)`` array."""
    return np.frombuffer(b"".join(pieces), np.uint8).reshape(-1, RECORD_BYTES)


def problem_of(data: bytes) -> str | None:
    """Say why ``data`` is not one MIDI message; None if it is."""
    if len(data) <= PIECE_BYTES:
        return short_problem(data) if data else "there is no byte in it"
    assembler = Assembler()
    outcomes = [each for piece in cut_message(data) for each in assembler.feed(piece)]
    outcomes += assembler.flush()
    if outcomes == [Whole(data, 0)]:
        return None
    skips = [each.reason for each in outcomes if not isinstance(each, Whole)]
    return skips[0] if skips else f"it is more than one message: {data[:9].hex(' ')} …"


def _time_problem(time: float, unit: str) -> str | None:
    if unit == "ticks":
        if isinstance(time, int | np.integer) and 0 <= time < 2**63:
            return None
        return f"a time in ticks is a whole number from 0 on, not {time!r} (unit='seconds'?)"
    if 0 <= time < float("inf"):
        return None
    return f"a time in seconds is a number from 0 on, not {time!r}"
