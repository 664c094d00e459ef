"""All notes that begin grow louder or softer together, and nothing else changes."""

import numpy as np
import pytest
from pydantic import ValidationError

from midirnn.plugin import Events
from midirnn_dynamics import Dynamics

RECORDS = np.array(
    [[0, 0x90, 60, 50, 3], [0, 0x9F, 61, 100, 3], [0, 0x90, 60, 0, 3], [0, 0x80, 61, 100, 3],
     [0, 0xB0, 7, 100, 3], [1, 0x90, 1, 100, 3], [0, 0x90, 62, 1, 3]], np.uint8
)  # fmt: skip
SONG = Events(RECORDS.copy(), np.linspace(0, 1, len(RECORDS)))
LOUD = [0, 1, 6]


def played(percent: float, seed: int) -> np.ndarray:
    dynamics = Dynamics(Dynamics.Config(max_percent=percent))
    events = dynamics.augment_events(SONG, np.random.default_rng(seed))
    np.testing.assert_array_equal(SONG.records, RECORDS)  # shared by all passes
    np.testing.assert_array_equal(events.delta_seconds, SONG.delta_seconds)
    assert events.records.dtype == np.uint8
    return events.records


def test_notes_that_begin_change_together_and_nothing_else_does() -> None:
    for seed in range(50):
        records = played(20, seed)
        same = records == RECORDS
        same[LOUD, 3] = True
        assert same.all()
        assert abs(int(records[1, 3]) - 2 * int(records[0, 3])) <= 1
        assert round(50 / 1.2) <= records[0, 3] <= 60
    assert min(played(20, seed)[0, 3] for seed in range(50)) < 45
    assert max(played(20, seed)[0, 3] for seed in range(50)) > 57


def test_no_note_falls_silent_or_beyond_the_loudest() -> None:
    velocities = np.array([played(900, seed)[LOUD, 3] for seed in range(50)])
    assert velocities.min() == 1
    assert velocities.max() == 127


def test_chance_comes_from_the_generator_alone() -> None:
    np.testing.assert_array_equal(played(50, 3), played(50, 3))


@pytest.mark.parametrize("wrong", [-1, 1001, "loud"])
def test_what_is_no_share_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        Dynamics.Config(max_percent=wrong)
