"""Finds the beat of music that does not say it: the pulse that its notes begin on."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_STEPS = 2048
"""How many periods are tried in the octave around the one that is looked for."""
_FEWEST_ONSETS = 8
_TOGETHER_SECONDS = 0.03
"""What begins within so little is one onset."""
_SUBDIVISIONS = ((1, 0.5), (2, 0.75), (4, 1.0), (3, 0.6))
"""A beat is counted in halves, quarters and thirds as well, and what each weighs."""
_SAME = 1e-3
"""Of a beat: what is so little before or after one is on it."""
_FORGIVEN = 1 / 20
"""By how much of it a time may be off before others have to make up for it."""


class Beat(NamedTuple):
    """A pulse: how many seconds from one to the next, and when the first is."""

    seconds: float
    offset: float

    def since(self, seconds: float) -> Beat:
        """Return the same beat, counted from ``seconds`` later on."""
        return Beat(self.seconds, (self.offset - seconds) % self.seconds)

    @property
    def delay(self) -> float:
        """By how many seconds music is put off for its beats to be multiples of a beat's length."""
        late = self.offset % self.seconds
        near = min(late, self.seconds - late) < _SAME * self.seconds
        return 0.0 if near else self.seconds - late


def find_beat(onsets: npt.ArrayLike, near: float) -> Beat | None:
    """Return the beat of notes that begin at ``onsets`` (seconds, rising, any number of them).

    The same music can be counted in crotchets or in quavers: of the pulses there could be, one
    within half an octave of ``near`` seconds is returned. None where there are too few notes.

    >>> beat = find_beat([n * 0.25 for n in range(40)], 0.55)
    >>> round(beat.seconds, 3), round(beat.offset, 3)
    (0.5, 0.0)
    """
    times = np.asarray(onsets, np.float64)
    if len(times):
        times = times[np.diff(times, prepend=-np.inf) > _TOGETHER_SECONDS]
    if len(times) < _FEWEST_ONSETS:
        return None
    times = times - times[0]
    periods = near * np.exp2(np.linspace(-0.5, 0.5, _STEPS, endpoint=False))
    # How well the onsets agree upon where in the period they are: 1 where they all do.
    turns = np.exp(2j * np.pi * times / periods[:, None])
    score = np.zeros(_STEPS)
    for parts, weight in _SUBDIVISIONS:
        score += weight * np.abs((turns**parts).mean(axis=1))
    # Of two that fit as well, the one nearer to what is looked for.
    score -= 0.05 * np.abs(np.log2(periods / near))
    best = int(score.argmax())
    period = float(periods[best])
    # On which of the four quarters of it most notes begin.
    quarter = np.angle((turns[best] ** 4).mean()) / (2 * np.pi) * period / 4
    begins = [quarter + part * period / 4 for part in range(4)]
    heard = [np.cos(2 * np.pi * (times - begin) / period).mean() for begin in begins]
    offset = begins[int(np.argmax(heard))] + float(np.asarray(onsets, np.float64)[0])
    offset %= period
    return Beat(period, 0.0 if period - offset < _SAME * period else offset)


class Grid:
    """Rounds the times between events, so that a beat of them is one however it was played."""

    def __init__(self, seconds: float = 0.0) -> None:
        """``seconds`` is how wide the grid is; 0: all is left as it comes."""
        self._seconds, self._owed = seconds, 0.0

    def placed(self, wait: float) -> float:
        """Return ``wait`` (seconds) as so many whole steps of the grid.

        Each is rounded by itself, and a whole step that several were rounded by is made up for:
        many short waits together still take their time. But of a wait that has a step a twentieth
        is forgiven, so that a tempo that is a little off does not add up. All together are right
        to a twentieth and a step.
        """
        if not self._seconds:
            return wait
        placed = round(wait / self._seconds) * self._seconds
        owed = self._owed + wait - placed
        owed -= math.copysign(min(abs(owed), min(wait, placed) * _FORGIVEN), owed)
        # A step too many can only be taken from a wait that was just rounded up.
        made_up = math.trunc(owed / self._seconds) * self._seconds
        self._owed = owed - made_up
        return placed + made_up
