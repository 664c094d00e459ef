"""Seconds to the network's time and back."""

from typing import get_args

import numpy as np
import pytest

from midirnn.model.timescale import from_seconds, to_seconds
from midirnn.settings.config import TimeScale

SCALES = get_args(TimeScale)


@pytest.mark.parametrize(
    ("scale", "seconds", "expected"),
    [
        ("notebook", 0.5, 480.0),  # a beat at 120 a minute, 480 ticks a beat
        ("notebook", 0.0, 0.0),
        ("log", 0.0, 0.0),
        ("log", 1.0, 1.0),
        ("log", 0.001, np.log(2) / np.log(1001)),
        ("log", 1000.0, np.log(1_000_001) / np.log(1001)),
    ],
)
def test_the_networks_time_is_what_the_page_says(
    scale: TimeScale, seconds: float, expected: float
) -> None:
    assert from_seconds(seconds, scale) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("scale", SCALES)
def test_there_and_back_is_the_same_and_keeps_shape_order_and_kind(scale: TimeScale) -> None:
    seconds = np.concatenate([[0], np.geomspace(1e-4, 1e4, 99)]).reshape(4, 25)
    time = from_seconds(seconds, scale)
    assert (time.dtype, time.shape) == (np.float32, (4, 25))
    assert (np.diff(time.ravel()) > 0).all()
    back = to_seconds(time, scale)
    assert (back.dtype, back.shape) == (np.float64, (4, 25))
    np.testing.assert_allclose(back, seconds, rtol=1e-5)


@pytest.mark.parametrize("scale", SCALES)
def test_whatever_a_network_says_is_a_time_from_0_on(scale: TimeScale) -> None:
    said = np.array([np.nan, -np.inf, -1.0, -1e-30, 0.0, 1e38, np.inf], np.float32)
    with np.errstate(all="raise"):
        seconds = to_seconds(said, scale)
    assert seconds[:5].tolist() == [0] * 5
    assert (seconds[5:] > 1e30).all()
