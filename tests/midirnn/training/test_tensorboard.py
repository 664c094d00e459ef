"""A process of its own that is found, and that never outlives its context."""

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from midirnn.errors import MidiRnnError
from midirnn.training.tensorboard import TensorBoard

GREETING = 'echo "TensorBoard 9.9 at http://localhost:1234/ (Press CTRL+C to quit)" >&2\n'
Program = Callable[[str], None]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Have another program start in the interpreter's place; it leaves its arguments behind."""

    def install(script: str) -> None:
        path = tmp_path / "python"
        path.write_text(f'#!/bin/sh\necho "$@" > "{tmp_path}/arguments"\n{script}')
        path.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(path))

    return install


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_is_started_on_the_folder_and_stopped(program: Program, tmp_path: Path) -> None:
    program('echo "https://elsewhere/ is not it" >&2\n' + GREETING + "exec sleep 60\n")
    with TensorBoard(tmp_path / "logs") as board:
        assert board.url == "http://localhost:1234/"
        pid = board._process.pid
        assert is_running(pid)
        words = (tmp_path / "arguments").read_text().split()
        assert words[:2] == ["-m", "tensorboard.main"]
        assert words[words.index("--logdir") + 1] == str(tmp_path / "logs")
        assert words[words.index("--host") + 1] == "localhost"
    assert not is_running(pid)


def test_it_is_stopped_when_training_fails(program: Program, tmp_path: Path) -> None:
    program(GREETING + "exec sleep 60\n")
    board = TensorBoard(tmp_path)
    with pytest.raises(ValueError, match="no luck"), board:
        raise ValueError("no luck")
    assert not is_running(board._process.pid)


def test_whatever_it_prints_does_not_block_it(program: Program, tmp_path: Path) -> None:
    talk = f'i=0; while [ $i -lt 3000 ]; do echo "a line of sixty-odd characters, to fill a pipe: $i" >&2; i=$((i+1)); done; touch "{tmp_path}/done"\n'  # noqa: E501  # fmt: skip
    program(GREETING + talk + "exec sleep 60\n")
    with TensorBoard(tmp_path):
        deadline = time.monotonic() + 20
        while not (tmp_path / "done").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_if_it_does_not_start_its_last_words_are_told(program: Program, tmp_path: Path) -> None:
    program('echo "Traceback" >&2; echo "ModuleNotFoundError: no grpc" >&2; echo >&2; exit 1\n')
    with pytest.raises(MidiRnnError) as caught, TensorBoard(tmp_path):
        pass
    assert "ModuleNotFoundError: no grpc" in str(caught.value)
    assert "train without --tensorboard" in str(caught.value)


def test_if_it_only_hangs_it_is_ended(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("midirnn.training.tensorboard._START_SECONDS", 0.2)
    program("exec sleep 60\n")
    board = TensorBoard(tmp_path)
    with pytest.raises(MidiRnnError, match="did not start"), board:
        pass
    assert not is_running(board._process.pid)


def test_ctrl_c_while_it_starts_leaves_nothing_behind(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program("exec sleep 60\n")
    board = TensorBoard(tmp_path)

    def interrupted(event: threading.Event, timeout: float | None = None) -> bool:
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Event, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt), board:
        pass
    assert not is_running(board._process.pid)
