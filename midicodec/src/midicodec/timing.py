"""Ticks, tempo and seconds: how a delta time becomes real time and back.

Tempo is in microseconds per beat (a quarter note). Standard MIDI Files 1.0, "Header Chunks" (the
division) and "Meta-Events" (set tempo).
"""

from __future__ import annotations

from numbers import Integral
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from midicodec.errors import MidiCodecError
from midicodec.pieces import cut_array
from midicodec.records import (
    B1,
    B2,
    B3,
    META,
    PIECE_BYTES,
    SET_TEMPO,
    TIME_SIGNATURE,
    Mask,
    N,
    Records,
    Seconds,
    Ticks,
)

DEFAULT_TEMPO = 500_000
"""Before any set-tempo event: 120 beats a minute."""
SMPTE_FLAG = 0x8000
"""The division's highest bit: it counts frames and ticks per frame, not ticks per beat."""
_FRAMES_PER_SECOND = {24: 24.0, 25: 25.0, 29: 30_000 / 1001, 30: 30.0}
"""By the division's code; 29 is "30 drop", whose frames come at 29.97 a second."""

Value = TypeVar("Value", np.bool_, np.uint8, np.int32, np.int64, np.float64)
Time = TypeVar("Time", np.int64, np.float64)


def spread(per_message: npt.NDArray[Value], starts: Mask) -> npt.NDArray[Value]:
    """Return one value per message as one per record."""
    per_record: npt.NDArray[Value] = per_message[np.cumsum(starts) - 1]
    return per_record


def to_absolute(delta: npt.NDArray[Time], starts: Mask) -> npt.NDArray[Time]:
    """Return delta times as absolute ones; a message's time counts once, at its first record."""
    return np.cumsum(np.where(starts, delta, delta.dtype.type(0)))


def to_delta(absolute: npt.NDArray[Time], starts: Mask) -> npt.NDArray[Time]:
    """Return absolute times as delta times; every record of a message carries the message's."""
    delta = np.diff(absolute, prepend=absolute.dtype.type(0))
    return spread(delta[starts], starts)


def in_minutes(seconds: float, digits: int) -> str:
    """Return seconds as minutes and seconds, rounded first, so that the latter are below 60.

    >>> in_minutes(59.96, 1)
    '1:00.0'
    """
    minutes, rest = divmod(round(seconds, digits), 60)
    return f"{int(minutes)}:{rest:0{digits + 3}.{digits}f}"


def is_meta(records: Records, starts: Mask, meta_type: int) -> Mask:
    """Return ``(n,)`` bool: where meta events of a type begin."""
    # All meta events fill their first record; a lone FF (n = 1) is system reset.
    full = starts & (records[:, N] == PIECE_BYTES)
    of_type: Mask = full & (records[:, B1] == META) & (records[:, B2] == meta_type)
    return of_type


def tempo_changes(records: Records, starts: Mask) -> tuple[npt.NDArray[np.intp], Ticks]:
    """Return the index of each set-tempo event's first record, and the tempo it sets.

    An event that does not have the three bytes of the specification is ignored.
    """
    at = np.flatnonzero(is_meta(records, starts, SET_TEMPO) & (records[:, B3] == 3))
    high, middle, low = records[at + 1, B1 : B3 + 1].astype(np.int64).T
    return at, high << 16 | middle << 8 | low


def time_signatures(
    records: Records, starts: Mask
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return the index of each time signature's first record, and what stands above and below.

    Below is a power of two: 3 is a quaver. An event that does not have the four bytes of the
    specification is ignored.
    """
    at = np.flatnonzero(is_meta(records, starts, TIME_SIGNATURE) & (records[:, B3] == 4))
    return at, records[at + 1, B1], records[at + 1, B2]


def tempo_before(records: Records, starts: Mask) -> Ticks:
    """Return ``(n,)`` int64: the tempo in force before each record's message."""
    at, tempos = tempo_changes(records, starts)
    # The event has two records, and the time of both is still one at the tempo before it.
    changes = np.searchsorted(at + 2, np.arange(len(records)), side="right")
    before: Ticks = np.concatenate([[DEFAULT_TEMPO], tempos])[changes]
    return before


def tempo_records(tempo: int) -> Records:
    """Return the two records of a set-tempo event."""
    return cut_array(bytes([META, SET_TEMPO, 3, *int(tempo).to_bytes(3, "big")]))


def seconds_per_tick(division: int, tempo: Ticks) -> Seconds:
    """Return how long a tick lasts at each tempo; with an SMPTE division it is always the same.

    Raises :class:`MidiCodecError` for a division that gives ticks no duration.
    """
    if division & SMPTE_FLAG:
        return np.full(len(tempo), 1 / _smpte_ticks_per_second(division))
    if division == 0:
        raise MidiCodecError("a division of 0 ticks per beat gives ticks no time in seconds")
    return tempo * 1e-6 / division


def nearest_ticks(seconds: Seconds, ticks_per_beat: int, tempo: int) -> Ticks:
    """Return absolute seconds ≥ 0 as the nearest absolute ticks at one tempo."""
    if not isinstance(ticks_per_beat, Integral) or not 1 <= ticks_per_beat < SMPTE_FLAG:
        raise MidiCodecError(f"expected 1 to 32767 ticks per beat, found {ticks_per_beat!r}")
    if not isinstance(tempo, Integral) or not 1 <= tempo < 1 << 24:
        raise MidiCodecError(f"expected 1 to 16777215 microseconds per beat, found {tempo!r}")
    ticks = np.rint(seconds * (1e6 * ticks_per_beat / tempo))
    if np.any(ticks >= 2.0**53):  # from here on not every whole number is a float
        raise MidiCodecError(f"expected less than 2**53 ticks, found {ticks.max():g}")
    return ticks.astype(np.int64)


def _smpte_ticks_per_second(division: int) -> float:
    code, ticks_per_frame = 256 - (division >> 8), division & 0xFF
    frames = _FRAMES_PER_SECOND.get(code)
    if frames is None or not ticks_per_frame:
        raise MidiCodecError(
            "expected an SMPTE division of 24, 25, 29 or 30 frames a second and 1 to 255 ticks a "
            f"frame, found {code} and {ticks_per_frame} ({division:#06x})"
        )
    return frames * ticks_per_frame
