"""A damaged run folder: each kind of damage is a line that names the file, and nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from midirnn.errors import ConfigError, RunError
from midirnn.generation.generator import Generator
from midirnn.plugin.hookspecs import hookimpl
from midirnn.plugin.manager import PluginManager
from midirnn.run.folder import Run
from midirnn.settings.resolve import resolve

Command = Callable[..., subprocess.CompletedProcess[str]]
CHECKPOINT = "checkpoints/step-00000040.npz"


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of a trained run to damage."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def change(path: Path, **arrays: np.ndarray) -> None:
    with np.load(path) as archive:
        kept = dict(archive)
    np.savez(path, **{**kept, **{name.replace("__", "/"): value for name, value in arrays.items()}})


@pytest.mark.parametrize("report", ['"fingerprint"', "[]", "{}", "null"])
def test_a_corpus_report_that_is_none(run: Path, report: str) -> None:
    (run / "corpus.json").write_text(report)
    with pytest.raises(RunError, match=r"corpus\.json is missing or damaged"):
        Run(run).corpus()


def test_a_log_with_bytes_that_are_no_text(
    run: Path, composed: Path, midirnn: Command, small: tuple[str, ...]
) -> None:
    """What can be read of it is kept."""
    with (run / "metrics.jsonl").open("ab") as file:
        file.write(b"\xff\xfe\n")
    done = midirnn("train", composed, "--run", run, "--steps", 41, "--checkpoint-every", 20,
                   *small, "--resume")  # fmt: skip
    assert done.returncode == 0, done.stderr
    steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert sorted(set(steps)) == [20, 40, 41]


@pytest.mark.parametrize(
    "weight", [np.zeros((3, 3), np.float32), np.array(["a"]), np.zeros((16, 64), np.int8)]
)
def test_weights_that_do_not_fit(run: Path, weight: np.ndarray) -> None:
    change(run / CHECKPOINT, weights__lstm1__kernel=weight)
    with pytest.raises(RunError, match=r"step-00000040\.npz does not fit .*lstm1/kernel is"):
        Generator.of_run(Run(run))


def test_of_a_damaged_checkpoint_the_one_before_is_used(
    run: Path, trained: Path, composed: Path, midirnn: Command, small: tuple[str, ...]
) -> None:
    """It is named, and the run ends as if nothing had been damaged."""
    path = run / CHECKPOINT
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    done = midirnn("train", composed, "--run", run, "--steps", 40, "--checkpoint-every", 20,
                   *small, "--resume")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "step-00000040.npz is damaged" in done.stderr
    assert "going on from step 20" in done.stderr
    with np.load(path) as mine, np.load(trained / CHECKPOINT) as whole:
        assert all(np.array_equal(mine[name], whole[name]) for name in whole.files)
    for each in (run / "checkpoints").glob("*.npz"):
        each.write_bytes(b"")
    done = midirnn("train", composed, "--run", run, "--steps", 40, "--checkpoint-every", 20,
                   *small, "--resume")  # fmt: skip
    assert done.returncode == 2
    assert "is damaged" in done.stderr.splitlines()[-1]


LANES = {
    "states of another shape": {"lanes__states": np.zeros((1, 1, 4, 16), np.float32)},
    "songs that are not there": {"lanes__song": np.full((4, 6), 9999)},
    "positions before the beginning": {"lanes__position": np.full((4, 6), -1)},
}


@pytest.mark.parametrize("arrays", LANES.values(), ids=LANES)
def test_lanes_that_do_not_fit(
    run: Path, arrays: dict[str, np.ndarray], composed: Path, midirnn: Command,
    small: tuple[str, ...],
) -> None:  # fmt: skip
    change(run / CHECKPOINT, **arrays)
    done = midirnn("train", composed, "--run", run, "--steps", 60, "--checkpoint-every", 20,
                   *small, "--resume")  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "step-00000040.npz does not fit" in done.stderr.splitlines()[-1]


STARTS = {
    "no number": {"delta_seconds": np.array([np.nan])},
    "before the beginning": {"delta_seconds": np.array([-1.0])},
    "four columns": {"records": np.zeros((1, 4), np.uint8)},
    "floats": {"records": np.zeros((1, 5))},
    "nothing": {"records": np.zeros((0, 5), np.uint8), "delta_seconds": np.zeros(0)},
}


@pytest.mark.parametrize("arrays", STARTS.values(), ids=STARTS)
def test_a_start_that_is_none(run: Path, arrays: dict[str, np.ndarray]) -> None:
    change(run / "start.npz", **arrays)
    with pytest.raises(RunError, match=r"start\.npz is missing or damaged .*--primer"):
        Run(run).starts()


def test_an_emptied_config_is_not_one_of_defaults(run: Path) -> None:
    (run / "config.toml").write_text("")
    with pytest.raises(RunError, match=r"config\.toml is damaged: it has no preset"):
        Run(run).config()


def test_what_is_no_section_is_told_even_where_a_flag_sets_it(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("training = 3\n")
    with pytest.raises(ConfigError, match="training = 3"):
        resolve(path, {"training": {"lanes": 2}})


def test_a_hook_that_exits_is_broken_and_takes_nobody_along() -> None:
    class Exits:
        @staticmethod
        @hookimpl
        def midirnn_register_losses() -> list[type]:
            raise SystemExit(4)

    manager = PluginManager()
    manager.load([])
    manager._add(Exits, "exits", "somebody", "1")  # type: ignore[arg-type]
    assert [each.cause for each in manager.broken] == ["SystemExit: 4"]
    assert manager.find("loss", "mse")
