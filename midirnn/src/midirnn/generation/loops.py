"""Notices where songs go round in circles: the same messages, time for time, again and again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_LONGEST_LOOP = 256
"""Of how many messages a loop may be to be noticed."""
_FEWEST = 32
"""How many messages have to be the same: a note that is struck again a few times is no loop."""
NOTHING = -1


class Loops:
    """The last messages of each song, and for each period how long they have repeated with it."""

    def __init__(self, most_repeats: int, songs: int = 1) -> None:
        """``most_repeats`` is how often the same may be heard in a row; 0: as often as it comes."""
        periods = np.arange(1, _LONGEST_LOOP + 1)
        self._enough = np.maximum((most_repeats - 1) * periods, _FEWEST)
        self._recent = np.full((songs, _LONGEST_LOOP), NOTHING, np.int64)  # the newest first
        self._same = np.zeros((songs, _LONGEST_LOOP), np.int64)
        self._on = most_repeats > 0

    def heard(self, records: npt.NDArray[np.uint8], waits: npt.NDArray[np.int64]) -> None:
        """Take in each song's next record ``(songs, 5)``, and the class of the time before it."""
        if not self._on:
            return
        rows = records.astype(np.int64)
        said = (waits << 24) + (rows[:, 1] << 16) + (rows[:, 2] << 8) + rows[:, 3]
        self._same += 1
        self._same *= self._recent == said[:, None]
        self._recent[:, 1:] = self._recent[:, :-1].copy()
        self._recent[:, 0] = said

    def going_on(self) -> npt.NDArray[np.int64]:
        """Return ``(songs, 3)``: the bytes of what would go on with a loop.

        ``NOTHING`` for a song that is in none.
        """
        found = np.full((len(self._recent), 3), NOTHING, np.int64)
        if not self._on:
            return found
        looping = self._same >= self._enough
        for song in np.flatnonzero(looping.any(axis=1)):
            expected = int(self._recent[song, looping[song].argmax()])
            found[song] = expected >> 16 & 0xFF, expected >> 8 & 0xFF, expected & 0xFF
        return found
