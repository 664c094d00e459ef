"""A song's times grow or shrink together, by no more than was asked for."""

import numpy as np
import pytest
from pydantic import ValidationError

from midirnn.builtin.augmentations import Tempo
from midirnn.plugin import Events

SONG = Events(np.array([[0, 0x90, 60, 64, 3]] * 3, np.uint8), np.array([0.0, 0.5, 2.0]))


def factors(percent: float, songs: int = 200, probability: float = 1) -> np.ndarray:
    tempo = Tempo(Tempo.Config(max_percent=percent, probability=probability))
    found = []
    for seed in range(songs):
        played = tempo.augment_events(SONG, np.random.default_rng(seed))
        np.testing.assert_array_equal(played.records, SONG.records)
        assert played.delta_seconds[0] == 0
        assert played.delta_seconds[1] / 0.5 == pytest.approx(played.delta_seconds[2] / 2)
        found.append(played.delta_seconds[1] / 0.5)
    assert SONG.delta_seconds.tolist() == [0.0, 0.5, 2.0]
    return np.array(found)


def test_songs_are_as_often_faster_as_slower_and_within_what_was_asked_for() -> None:
    found = factors(20)
    assert 1 / 1.2 <= found.min() < 0.86
    assert 1.17 < found.max() <= 1.2
    assert 0.35 < (found < 1).mean() < 0.65
    assert (factors(0) == 1).all()


def test_some_passes_are_as_the_file_has_them() -> None:
    assert 0.35 < (factors(20, probability=0.5) == 1).mean() < 0.65
    assert (factors(20, probability=0) == 1).all()


def test_chance_comes_from_the_generator_alone() -> None:
    np.testing.assert_array_equal(factors(10, 20), factors(10, 20))


@pytest.mark.parametrize("wrong", [-1, 100, "fast"])
def test_what_is_no_share_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        Tempo.Config(max_percent=wrong)
