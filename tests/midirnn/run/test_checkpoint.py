"""Checkpoints: whole or not at all, the best and the newest kept, damage named."""

from pathlib import Path

import numpy as np
import pytest

from midirnn.errors import RunError
from midirnn.run.checkpoint import KEPT, Checkpoints


def save(checkpoints: Checkpoints, losses: dict[int, float]) -> None:
    for step, loss in losses.items():
        weights = {"a/kernel": np.full((2, 2), step, np.float32)}
        checkpoints.save(step, loss, {"weights": weights, "lanes": {"song": np.arange(3)}})


def test_the_newest_and_the_best_are_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    save(checkpoints, {10: 5.0, 20: 1.0, 30: 2.0, 40: 3.0, 50: 4.0, 60: 2.5})
    assert checkpoints.steps == [20, 40, 50, 60]
    assert len(checkpoints.steps) == KEPT + 1
    assert checkpoints.find("best") == 20
    assert checkpoints.find("last") == checkpoints.find() == 60
    assert checkpoints.find("40") == 40
    np.testing.assert_array_equal(checkpoints.load(20, "weights")["a/kernel"], np.full((2, 2), 20))
    assert set(checkpoints.load(20, "lanes")) == {"song"}


def test_a_loss_that_is_no_number_is_never_the_best(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, {1: float("nan"), 2: 7.0, 3: float("nan")})
    assert checkpoints.find("best") == 2


def test_of_equal_losses_and_where_none_is_a_number_the_newest_is_best(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, {step: float("nan") for step in (1, 2, 3)})
    assert checkpoints.find("best") == 3
    save(checkpoints, {4: 7.0, 5: 7.0, 6: 8.0})
    assert checkpoints.find("best") == 5


def test_a_best_checkpoint_that_was_deleted_makes_room_for_the_next_best(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, {10: 1.0, 20: 2.0})
    checkpoints.path(10).unlink()
    assert checkpoints.find("best") == 20
    save(checkpoints, {30: 3.0, 40: 4.0, 50: 5.0, 60: 6.0})
    assert checkpoints.steps == [20, 40, 50, 60]


def test_a_checkpoint_whose_saving_was_killed_at_its_end_has_its_score(tmp_path: Path) -> None:
    """All that is left to do once a file is there is to remove others."""
    checkpoints, killed = Checkpoints(tmp_path / "run"), Checkpoints(tmp_path / "killed")
    save(killed, {20: 1.0})
    save(checkpoints, {10: 3.0})
    killed.path(20).rename(checkpoints.path(20))
    save(checkpoints, {30: 2.0})
    assert checkpoints.find("best") == 20
    assert (checkpoints.score(10), checkpoints.score(20), checkpoints.score(30)) == (3, 1, 2)


def test_one_that_is_damaged_may_have_been_the_best_and_is_told(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, {10: 1.0, 20: 2.0, 30: 3.0})
    np.savez(checkpoints.path(20), weights=np.zeros(3))
    assert checkpoints.score(20) is None
    checkpoints.path(10).write_bytes(b"")
    with pytest.raises(RunError, match=r"step-00000010\.npz is damaged .*this run's: 20, 30"):
        checkpoints.find("best")
    assert checkpoints.best_whole() == (30, 3)
    # But training goes on.
    save(checkpoints, {40: 4.0})
    assert checkpoints.steps == [20, 30, 40]
    assert checkpoints.find("best") == 30


def test_what_is_later_goes_when_a_run_goes_on_from_before_it(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, {10: 5.0, 20: 4.0, 30: 1.0})
    checkpoints.path(30).write_bytes(b"")
    save(checkpoints, {25: 3.0})
    assert checkpoints.steps == [10, 20, 25]
    assert checkpoints.find("last") == checkpoints.find("best") == 25


@pytest.mark.parametrize("which", ["first", "70", "-1"])
def test_an_unknown_checkpoint_is_an_error_that_lists_them(tmp_path: Path, which: str) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, {10: 1.0, 20: 2.0})
    with pytest.raises(RunError, match="there are: best, last, 10, 20"):
        checkpoints.find(which)


def test_no_checkpoint_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="never saved"):
        Checkpoints(tmp_path / "nowhere").find()


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "junk"])
def test_damage_is_named_with_what_else_there_is(tmp_path: Path, damage: str) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, {10: 1.0, 20: 2.0})
    path = checkpoints.path(20)
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[data.index(np.float32(20).tobytes())] ^= 1
    path.write_bytes({"cut": data[:-40], "flip": data, "empty": b"", "junk": b"junk" * 9}[damage])
    with pytest.raises(RunError, match=r"step-00000020\.npz is damaged .*this run's: 10"):
        checkpoints.load(20, "weights")
