"""What these tests share: songs written down by hand, note by note."""

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from midirnn.plugin.interfaces import Events

Written = tuple[float, float, int] | tuple[float, float, int, int]
"""A note: when it begins, how long it is, in seconds, its pitch, and its channel if not 0."""


@pytest.fixture(scope="session")
def written() -> Callable[[Iterable[Written]], Events]:
    """Return the events of notes; at one time, notes end before others begin."""

    def events(notes: Iterable[Written]) -> Events:
        messages = []
        for onset, length, pitch, *channel in notes:
            on = 0x90 | (channel[0] if channel else 0)
            messages += [(onset, 1, on, pitch, 64), (onset + length, 0, on, pitch, 0)]
        messages.sort(key=lambda each: each[:2])
        records = [(0, *bytes_, 3) for _, _, *bytes_ in messages]
        times = np.array([each[0] for each in messages])
        return Events(
            np.array(records, np.uint8).reshape(-1, 5), np.diff(times, prepend=np.zeros(1))
        )

    return events
