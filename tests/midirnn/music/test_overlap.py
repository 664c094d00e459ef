"""Overlapping areas, against normal distributions whose overlap is known."""

import math

import numpy as np
import pytest

from midirnn.music.overlap import MOST_SONGS, inter_distances, intra_distances, overlapping_area

RNG = np.random.default_rng(5)


def test_distances_are_between_each_pair_once() -> None:
    songs = np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 0.0]])
    assert intra_distances(songs).tolist() == [5, 3, 4]
    assert inter_distances(songs[:2], songs[1:]).tolist() == [5, 3, 0, 4]
    many = np.zeros((MOST_SONGS + 500, 1))
    many[-1] = 1  # the last of a large set is looked at, too
    assert inter_distances(many, songs[:1, :1]).shape == (MOST_SONGS,)
    assert inter_distances(many, songs[:1, :1])[-1] == 1


@pytest.mark.parametrize("apart", [0.0, 1.0, 2.0, 8.0])
def test_two_normal_distributions_overlap_as_the_tables_say(apart: float) -> None:
    one, other = RNG.normal(0, 1, 40_000), RNG.normal(apart, 1, 40_000)
    expected = math.erfc(apart / 2 / math.sqrt(2))  # both tails beyond the middle
    assert overlapping_area(one, other) == pytest.approx(expected, abs=0.03)


def test_equal_ones_overlap_whole_and_some_have_no_width() -> None:
    values = RNG.gamma(2, 1, 300)
    assert overlapping_area(values, values) == pytest.approx(1)
    same = np.full(10, 0.5)
    assert overlapping_area(same, same) == 1
    assert overlapping_area(same, same + 1) == pytest.approx(0, abs=1e-6)
    assert overlapping_area(same[:1], values) is not None
    assert overlapping_area(np.empty(0), values) is None
    noise = np.array([[0.1 + 0.2], [0.3]])  # one song's figure, computed in two ways
    assert intra_distances(noise).tolist() == [0]
