"""A disk that is full, a folder that cannot be written to: a clear line, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]

# Small, but for its weights: a checkpoint takes more than two megabytes.
FLAGS = ("--hidden-size", 128, "--checkpoint-every", 2)
# The system refuses to let a file grow beyond this, as a full disk would.
LIMITED = (
    "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20))\n"
    "from midirnn.cli import main; main()"
)


@pytest.mark.skipif(sys.platform == "win32", reason="files have no such limit there")
def test_a_checkpoint_that_does_not_fit_is_told_and_leaves_what_was_there(
    composed: Path, midirnn: Command, small: tuple[str, ...], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    first = midirnn("train", composed, "--run", run, "--steps", 2, *small, *FLAGS)
    assert first.returncode == 0, first.stderr
    before = {path.name: path.read_bytes() for path in (run / "checkpoints").iterdir()}
    assert len(before["step-00000002.npz"]) > 2 << 20
    arguments = ["train", composed, "--run", run, "--steps", 4, *small, *FLAGS, "--resume"]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *map(str, arguments)], capture_output=True, text=True
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last == f"midirnn: {run / 'checkpoints' / 'step-00000004.npz'}: File too large"
    assert {path.name: path.read_bytes() for path in (run / "checkpoints").iterdir()} == before
    again = midirnn("train", composed, "--run", run, "--steps", 4, *small, *FLAGS, "--resume")
    assert again.returncode == 0, again.stderr
    assert "resumed after step 2" in again.stderr


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="nothing there that is for nobody to write")
def test_a_folder_that_nobody_can_write_to(
    composed: Path, midirnn: Command, small: tuple[str, ...]
) -> None:
    done = midirnn("train", composed, "--run", "/proc/run", "--steps", 2, *small, *FLAGS)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("midirnn: /proc/run: ")
