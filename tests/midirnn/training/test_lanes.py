"""What each lane reads, and that its states go with it."""

import numpy as np
import pytest

from midirnn.errors import RunError
from midirnn.plugin import Events
from midirnn.settings.config import TrainingConfig
from midirnn.training.lanes import Lanes

HIDDEN = 3


def song(number: int, length: int) -> Events:
    """A song whose records tell which song they are of, and where they stand in it."""
    records = np.zeros((length, 5), np.uint8)
    records[:, 1] = number
    records[:, 2], records[:, 3] = np.divmod(np.arange(length), 256)
    return Events(records, np.arange(length) / 10)


def config(**changes: float) -> TrainingConfig:
    return TrainingConfig(**({"lanes": 2, "sequence_length": 5, "seed": 1} | changes))


def run(lanes: Lanes, steps: range) -> list[tuple[np.ndarray, np.ndarray]]:
    """Take steps as training does; a lane's new state is its old one plus one."""
    seen = []
    for step in steps:
        batch = lanes.next(step)
        seen.append((batch.records.copy(), batch.states.copy()))
        lanes.keep(batch.states + 1)
    return seen


def test_a_slots_windows_follow_each_other_and_its_states_go_along() -> None:
    songs = [song(number, 31) for number in range(4)]
    lanes = Lanes(songs, config(lanes=2, replace_probability=0), HIDDEN)
    expected: dict[tuple[int, int], int] = {}
    for records, states in run(lanes, range(200)):
        for lane in range(2):
            number, place = (
                records[lane, 0, 1],
                int(records[lane, 0, 2]) * 256 + records[lane, 0, 3],
            )
            np.testing.assert_array_equal(records[lane, :, 3], place + np.arange(6))
            # 31 records: windows at 0, 5, … 25; then again from 0 with fresh states
            turn = expected.get((lane, number), 0)
            assert place == turn * 5
            assert (states[lane] == turn).all()
            expected[lane, number] = (turn + 1) % 6


def test_the_last_window_is_the_last_that_fits_whole() -> None:
    exactly, one_more = song(0, 11), song(1, 10)
    places = set()
    lanes = Lanes([exactly, one_more], config(lanes=1), HIDDEN)
    for records, _ in run(lanes, range(40)):
        places.add((int(records[0, 0, 1]), int(records[0, 0, 3])))
    # inputs and targets: 5 + 1 records; from 5 on, 11 has six left and 10 only five
    assert places == {(0, 0), (0, 5), (1, 0)}


@pytest.mark.parametrize(("lanes", "songs", "pool"), [(64, 5, 500), (1, 30, 500), (4, 30, 8)])
def test_every_lane_has_an_equal_share_and_a_song_may_stand_in_several(
    lanes: int, songs: int, pool: int
) -> None:
    dealt = Lanes(
        [song(number, 30) for number in range(songs)],
        config(lanes=lanes, pool_size=pool), HIDDEN,
    ).song  # fmt: skip
    assert dealt.shape == (lanes, max(1, -(-min(pool, songs) // lanes)))
    assert len(np.unique(dealt)) == min(songs, max(pool, lanes), dealt.size)


def test_what_is_read_depends_on_the_seed_the_lane_and_the_step_alone() -> None:
    songs = [song(number, 40) for number in range(20)]
    once, again = (run(Lanes(songs, config(), HIDDEN), range(50)) for _ in range(2))
    other = run(Lanes(songs, config(seed=2), HIDDEN), range(50))
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(once, again, strict=True))
    assert not all(np.array_equal(a[0], b[0]) for a, b in zip(once, other, strict=True))
    lanes_differ = any(not np.array_equal(records[0], records[1]) for records, _ in once)
    assert lanes_differ


def test_songs_that_end_make_room_for_others() -> None:
    songs = [song(number, 12) for number in range(50)]
    always = Lanes(songs, config(lanes=1, pool_size=2, replace_probability=1), HIDDEN)
    never = Lanes(songs, config(lanes=1, pool_size=2, replace_probability=0), HIDDEN)
    read = [{int(records[0, 0, 1]) for records, _ in run(each, range(200))}
            for each in (always, never)]  # fmt: skip
    assert len(read[0]) > 20
    assert len(read[1]) == 2


def noisy(events: Events, rng: np.random.Generator) -> Events:
    records = events.records.copy()
    records[:, 4] = rng.integers(0, 256, len(records))
    return Events(records, events.delta_seconds)


def test_some_of_the_lanes_are_as_they_are_among_all() -> None:
    songs = [song(number, 40) for number in range(7)]
    settings = config(lanes=6, pool_size=12, replace_probability=0.5)
    together = Lanes(songs, settings, HIDDEN, noisy)
    whole = run(together, range(60))
    for mine in (range(2), range(2, 6)):
        some = Lanes(songs, settings, HIDDEN, noisy, mine)
        assert some.lanes == len(mine)
        rows = slice(mine.start, mine.stop)
        for (records, states), (expected, before) in zip(run(some, range(60)), whole, strict=True):
            np.testing.assert_array_equal(records, expected[rows])
            np.testing.assert_array_equal(states, before[rows])
        # A checkpoint is of all lanes, whoever takes some of them up again.
        other = Lanes(songs, settings, HIDDEN, noisy, mine)
        other.restore(together.checkpoint())
        for name, array in some.checkpoint().items():
            np.testing.assert_array_equal(other.checkpoint()[name], array)
        with pytest.raises(RunError, match=r"lanes/song is int64 of shape \(\d, 2\); .* \(6, 2\)"):
            other.restore(some.checkpoint())


def test_restored_lanes_go_on_exactly() -> None:
    songs = [song(number, 40) for number in range(7)]
    settings = config(lanes=3, replace_probability=0.5)
    whole = run(Lanes(songs, settings, HIDDEN, noisy), range(60))
    first = Lanes(songs, settings, HIDDEN, noisy)
    run(first, range(25))
    saved = {name: array.copy() for name, array in first.checkpoint().items()}
    second = Lanes(songs, settings, HIDDEN, noisy)
    run(second, range(3))  # whatever it did before is forgotten
    second.restore(saved)
    for (records, states), (expected, before) in zip(
        run(second, range(25, 60)), whole[25:], strict=True
    ):
        np.testing.assert_array_equal(records, expected)
        np.testing.assert_array_equal(states, before)


def test_a_song_is_augmented_once_for_each_pass_and_differently() -> None:
    calls: list[int] = []

    def count(events: Events, rng: np.random.Generator) -> Events:
        calls.append(int(rng.integers(2**31)))
        return events

    lanes = Lanes([song(0, 31)], config(lanes=1), HIDDEN, count)
    run(lanes, range(12))  # six windows a pass
    assert len(calls) == 2
    assert calls[0] != calls[1]
