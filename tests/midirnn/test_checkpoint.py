"""Checkpoints: whole or not at all, the best and the newest kept, damage named."""

from pathlib import Path

import numpy as np
import pytest

from midirnn.checkpoint import KEPT, Checkpoints
from midirnn.errors import RunError


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
