"""The beat is found in music made on one, near the one that is looked for."""

import numpy as np
import pytest

from midirnn.generation.beat import Grid, find_beat


def melody(beat: float, offset: float, seed: int = 0, jitter: float = 0.0) -> np.ndarray:
    """Notes on quarters of a beat, most of them on the beat itself."""
    rng = np.random.default_rng(seed)
    steps = [k for k in range(200) if rng.random() < (0.9, 0.15, 0.5, 0.15)[k % 4]]
    times = offset + np.array(steps) * beat / 4
    return np.sort(times + rng.normal(0, jitter, len(times)))


@pytest.mark.parametrize("beat", [0.4, 0.5, 60 / 96, 0.75])
@pytest.mark.parametrize("offset", [0.0, 0.1, 0.3])
def test_the_beat_and_where_it_falls_are_found(beat: float, offset: float) -> None:
    found = find_beat(melody(beat, offset), beat * 1.1)
    assert found is not None
    assert found.seconds == pytest.approx(beat, rel=2e-3)
    away = (found.offset - offset + beat / 2) % beat - beat / 2
    assert abs(away) < 0.02 * beat


def test_played_a_little_unevenly_it_is_found_all_the_same() -> None:
    found = find_beat(melody(0.5, 0.0, jitter=0.012), 0.6)
    assert found is not None
    assert found.seconds == pytest.approx(0.5, rel=5e-3)


@pytest.mark.parametrize(("near", "expected"), [(0.5, 0.5), (1.0, 1.0), (0.25, 0.25)])
def test_of_two_ways_to_count_the_nearer_one_is_taken(near: float, expected: float) -> None:
    found = find_beat(np.arange(100) * 0.25, near)
    assert found is not None
    assert found.seconds == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("onsets", [[], [0.0] * 50, [0.0, 0.5, 1.0]])
def test_too_few_notes_have_no_beat(onsets: list[float]) -> None:
    assert find_beat(onsets, 0.5) is None


def test_chords_count_once() -> None:
    chords = np.repeat(np.arange(40) * 0.5, 3) + np.tile([0, 0.004, 0.009], 40)
    found = find_beat(chords, 0.55)
    assert found is not None
    assert found.seconds == pytest.approx(0.5, rel=5e-3)


def test_on_a_grid_what_is_a_little_off_does_not_add_up() -> None:
    grid = Grid(0.5 / 12)
    rng = np.random.default_rng(0)
    waits = rng.choice([0.0, 0.125, 0.25, 0.5], 500)
    placed = [grid.placed(wait * 1.004 + 0.001 * (wait > 0)) for wait in waits.tolist()]
    np.testing.assert_allclose(placed, waits, atol=1e-9)


@pytest.mark.parametrize("longest", [0.002, 0.008, 0.015, 0.03, 0.05, 0.09, 0.4])
@pytest.mark.parametrize("kind", ["equal", "unequal"])
def test_on_a_grid_waits_take_their_time_together(longest: float, kind: str) -> None:
    width = 0.5 / 12
    even = np.full(3000, longest)
    waits = even if kind == "equal" else np.random.default_rng(0).uniform(0.001, longest, 3000)
    grid = Grid(width)
    placed = np.array([grid.placed(wait) for wait in waits.tolist()])
    steps = placed / width
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-9)
    assert (steps > -0.5).all()
    drift = np.abs(np.cumsum(placed) - np.cumsum(waits))
    forgiven = np.cumsum(waits) / 20 if longest > width / 2 else 0.0
    assert (drift <= forgiven + width + 1e-9).all()


def test_on_a_grid_what_is_at_once_stays_so() -> None:
    """Whatever is owed: a chord is not broken up to make up for it."""
    grid = Grid(0.04)
    for _ in range(200):
        grid.placed(0.019)
        assert [grid.placed(0.0) for _ in range(3)] == [0, 0, 0]


def test_without_a_grid_all_is_as_it_comes() -> None:
    assert [Grid().placed(wait) for wait in (0.1, 0.01234)] == [0.1, 0.01234]
