"""Classes of time: their borders, their parts, and the same in TensorFlow."""

import numpy as np
import pytest
from networks import parts_of

from midirnn.model.heads import time_classes
from midirnn.model.timeclasses import CLASSES, PARTS, classes_of, seconds_of
from midirnn.model.timescale import from_seconds
from midirnn.settings.config import TimeScale


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, 0), (9.9e-5, 0), (1e-4, 1), (1e-3, 1), (1.09e-3, 1), (1.0906e-3, 2), (2e-3, 9),
     (1.024, 81), (32.767, 121), (32.7, 120), (32.8, 121), (1e9, 121)],
)  # fmt: skip
def test_classes_are_at_once_and_eight_an_octave_from_a_millisecond(
    seconds: float, expected: int
) -> None:
    assert classes_of(seconds) == expected


def test_a_class_and_its_part_give_the_time_back_to_less_than_a_percent() -> None:
    seconds = np.geomspace(1e-3, 35.7, 20_000)
    found = seconds_of(classes_of(seconds), parts_of(seconds))
    assert np.abs(found / seconds - 1).max() < 0.01 / 2
    assert seconds_of(0) == seconds_of(0, 3) == 0
    middles = seconds_of(np.arange(CLASSES))
    np.testing.assert_array_equal(classes_of(middles), np.arange(CLASSES))


def test_every_part_is_its_own() -> None:
    classes, parts = (each.ravel() for each in np.mgrid[1:CLASSES, :PARTS])
    seconds = seconds_of(classes, parts)
    np.testing.assert_array_equal(classes_of(seconds), classes)
    np.testing.assert_array_equal(parts_of(seconds), parts)
    assert (np.diff(seconds) > 0).all()


@pytest.mark.parametrize("scale", ["log", "notebook"])
def test_tensorflow_finds_the_same_of_what_the_network_is_shown(scale: TimeScale) -> None:
    ticks = np.arange(0, 4000) / 960  # as files have them: many lie on a border
    random = np.random.default_rng(0).uniform(0, 60, 4000)
    seconds = np.concatenate([ticks, 2.0 ** np.arange(-13, 10), random, [1e-4 * 0.9, 1e-4 * 1.1]])
    classes, parts = time_classes(from_seconds(seconds, scale), scale)
    np.testing.assert_array_equal(classes, classes_of(seconds))
    edge = np.asarray(parts) != parts_of(seconds)
    assert edge.mean() < 1e-3  # a part's border has no tolerance
