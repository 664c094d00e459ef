"""Several devices, and several processes on the loopback, train what one process does."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from midirnn.errors import ConfigError
from midirnn.training.distribute import Task, Workers, read_task
from midirnn.training.train import train_run

Command = Callable[..., subprocess.CompletedProcess[str]]
Team = Callable[..., list[subprocess.Popen[str]]]


@pytest.fixture
def flags(small: tuple[str, ...]) -> tuple[str, ...]:
    """The settings of these tests' runs."""
    return (*small, "--checkpoint-every", "5", "--augment", "noise", "--augment", "step_zeroing")


def settings(steps: int) -> dict[str, Any]:
    """The same as the flags, for a run in this process."""
    training = {"lanes": 4, "seed": 7, "sequence_length": 10, "checkpoint_every": 5, "steps": steps}
    augment = [{"name": "noise"}, {"name": "step_zeroing"}]
    return {"model": {"hidden_size": 16}, "augment": augment, "training": training}


HOSTS = ["a:1", "b:2", "c:3"]


@pytest.mark.parametrize(
    ("config", "task"),
    [
        (
            {"cluster": {"worker": HOSTS}, "task": {"type": "worker", "index": 1}},
            Task(("a:1", "b:2", "c:3"), 1),
        ),
        # As Kubeflow's training operator writes it.
        (
            {"cluster": {"chief": ["z:1"], "worker": HOSTS}, "environment": "cloud",
             "task": {"type": "worker", "index": 0}},
            Task(("z:1", "a:1", "b:2", "c:3"), 1),
        ),
        (
            {"cluster": {"chief": ["z:1"], "worker": HOSTS}, "task": {"type": "chief", "index": 0}},
            Task(("z:1", "a:1", "b:2", "c:3"), 0),
        ),
        ({"cluster": {"worker": HOSTS}, "task": {"type": "worker", "index": "2"}},
         Task(("a:1", "b:2", "c:3"), 2)),
    ],
)  # fmt: skip
def test_the_task_is_what_tf_config_says(config: dict[str, Any], task: Task) -> None:
    assert read_task({"TF_CONFIG": json.dumps(config)}) == task


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "TF_CONFIG, which is not set"),
        ("", "TF_CONFIG, which is not set"),
        ("{", "TF_CONFIG is malformed: Expecting"),
        ("[]", "TF_CONFIG is malformed: list indices"),
        ('{"cluster": {"worker": ["a:1"]}}', "TF_CONFIG is malformed: has no 'task'"),
        ('{"cluster": ["a:1"], "task": {"type": "worker", "index": 0}}', "TF_CONFIG is malformed"),
        (
            '{"cluster": {"worker": "a:1"}, "task": {"type": "worker", "index": 0}}',
            "expected a list of addresses, found 'a:1'",
        ),
        (
            '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
            "worker 1, but lists 1 of them",
        ),
        (
            '{"cluster": {"worker": ["a:1"]}, "task": {"type": "chief", "index": 0}}',
            "chief 0, but lists 0 of them",
        ),
        (
            '{"cluster": {"worker": ["a:1"]}, "task": {"type": "evaluator", "index": 0}}',
            "makes this a 'evaluator'",
        ),
        (
            '{"cluster": {"worker": ["a:1"], "ps": ["b:2"]}, "task": {"type": "worker",'
            ' "index": 0}}',
            "parameter servers",
        ),
    ],
)
def test_a_tf_config_that_makes_no_sense_is_told(text: str | None, message: str) -> None:
    environment = {} if text is None else {"TF_CONFIG": text}
    with pytest.raises(ConfigError, match=message):
        read_task(environment)


def test_one_worker_has_all_lanes_and_nobody_to_ask() -> None:
    alone = Workers()
    assert (alone.chief, alone.alone, alone.replicas) == (True, True, 1)
    assert alone.lanes(7) == range(7)
    assert (alone.any(True), alone.any(False)) == (True, False)
    assert alone.of_chief(lambda: 0.1) == 0.1
    rows = {"x": np.arange(3)}
    assert alone.gathered(rows) is rows
    alone.check_alike(settings="whatever")


def checkpoint(run: Path, step: int) -> dict[str, np.ndarray]:
    with np.load(run / "checkpoints" / f"step-{step:08d}.npz") as arrays:
        return dict(arrays)


def assert_the_same_but_for_rounding(run: Path, other: Path, step: int) -> None:
    found, expected = checkpoint(run, step), checkpoint(other, step)
    assert set(found) == set(expected)
    for name, array in found.items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-3, atol=1e-5, err_msg=name)
    # Biases begin as zeros: without some way behind them, the tolerance would say nothing.
    assert np.abs(expected["weights/first_out/bias"]).max() > 5e-3


def test_two_devices_train_as_one(
    composed: Path, tmp_path: Path, midirnn: Command, flags: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("MIDIRNN_CPU_DEVICES", "2")
    arguments = ("train", composed, "--distribute", "mirrored", *flags)
    for more in (("--steps", "7"), ("--steps", "12", "--resume")):
        done = midirnn(*arguments, "--run", tmp_path / "two", *more)
        assert done.returncode == 0, done.stderr
        assert "2 replicas: CPU:0, CPU:1" in done.stderr
    train_run([composed], tmp_path / "one", settings(12))
    assert_the_same_but_for_rounding(tmp_path / "two", tmp_path / "one", 12)

    odd = midirnn(*arguments, "--run", tmp_path / "odd", "--lanes", "3")
    assert odd.returncode == 2
    assert odd.stderr.splitlines()[-1] == (
        "midirnn: 3 lanes cannot be shared equally among 2 replicas; "
        "give --lanes as a multiple of 2"
    )
    assert not (tmp_path / "odd").exists()


@pytest.fixture
def team(composed: Path, flags: tuple[str, ...]) -> Iterator[Team]:
    """Start two workers with the same arguments, each with its own besides."""
    started: list[subprocess.Popen[str]] = []

    def start(run: Path, *more: object, own: tuple[tuple[str, ...], ...] = ((), ())) -> Any:
        with socket.socket() as one, socket.socket() as other:
            for each in (one, other):
                each.bind(("127.0.0.1", 0))
            addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in (one, other)]
        workers = []
        for index in range(2):
            task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            command = (sys.executable, "-m", "midirnn", "train", composed, "--run", run,
                       "--distribute", "multiworker", *flags, *more, *own[index])  # fmt: skip
            workers.append(
                subprocess.Popen(
                    [*map(str, command)],
                    env=os.environ | {"TF_CONFIG": json.dumps(task)},
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        started.extend(workers)
        return workers

    yield start
    for worker in started:
        if worker.poll() is None:
            worker.kill()
        worker.communicate()


def ended(workers: list[subprocess.Popen[str]], *statuses: int) -> list[str]:
    """Wait for all to end with these statuses; return what they said."""
    said = [worker.communicate(timeout=300)[1] for worker in workers]
    assert tuple(worker.returncode for worker in workers) == statuses, "\n".join(said)
    return said


def newest(run: Path) -> int:
    return max(
        (int(path.stem[5:]) for path in run.glob("checkpoints/step-*.npz")),
        default=0,
    )


def wait_for_checkpoint(run: Path, after: int, workers: list[subprocess.Popen[str]]) -> None:
    deadline = time.monotonic() + 300
    while newest(run) <= after:
        assert all(worker.poll() is None for worker in workers), "\n".join(
            worker.communicate()[1] for worker in workers
        )
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_two_processes_train_as_one_whatever_befalls_them(
    composed: Path, tmp_path: Path, team: Team
) -> None:
    run, for_ever = tmp_path / "disturbed", ("--steps", 1_000_000)
    workers = team(run, *for_ever)
    wait_for_checkpoint(run, 0, workers)
    workers[1].kill()
    chief_said, _ = ended(workers, 2, -signal.SIGKILL)
    assert "midirnn: another worker has ended" in chief_said.splitlines()[-1]

    killed_at = newest(run)
    workers = team(run, "--resume", *for_ever)
    wait_for_checkpoint(run, killed_at, workers)
    workers[1].send_signal(signal.SIGINT)  # Ctrl-C on one stops both
    chief_said, _ = ended(workers, 130, 130)
    stopped_at = newest(run)
    assert f"resumed after step {killed_at}" in chief_said
    assert f"interrupted after step {stopped_at}; saved" in chief_said

    steps = stopped_at + 3
    ended(team(run, "--resume", "--steps", steps), 0, 0)
    ended(team(tmp_path / "whole", "--steps", steps), 0, 0)
    disturbed, undisturbed = checkpoint(run, steps), checkpoint(tmp_path / "whole", steps)
    assert set(disturbed) == set(undisturbed)
    for name, array in undisturbed.items():
        np.testing.assert_array_equal(disturbed[name], array, err_msg=name)

    # The folder is a run like any other: one process goes on with what two began.
    train_run([composed], tmp_path / "one", settings(steps + 5))
    train_run([composed], run, settings(steps + 5), resume=True)
    assert_the_same_but_for_rounding(run, tmp_path / "one", steps + 5)


def test_workers_that_were_started_differently_say_so(tmp_path: Path, team: Team) -> None:
    run = tmp_path / "run"
    said = ended(team(run, "--steps", 5, own=((), ("--learning-rate", "0.5"))), 2, 2)
    for each in said:
        assert "does not have the chief's settings; start all" in each.splitlines()[-1]
    assert not run.exists()
