"""The log of a run that is gone on with holds every step once."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import tensorflow as tf

from midirnn.run.folder import Run
from midirnn.training.log import Log


def _steps(folder: Path) -> dict[str, list[int]]:
    """The steps of each of TensorBoard's figures, read from every file there is."""
    found = defaultdict(list)
    for path in sorted(folder.iterdir()):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                found[value.tag].append(event.step)
    return found


def _log(run: Run, after: int) -> Log:
    function = tf.function(lambda x: x + 1, input_signature=[tf.TensorSpec((), tf.float32)])
    return Log(run, after, function)


def test_what_came_after_the_checkpoint_is_forgotten_by_both_logs(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with _log(run, 0) as log:
        for step in range(1, 6):
            log.scalars(step, {"loss": 1.0 / step})
    cut = next(run.tensorboard_path.iterdir())
    cut.write_bytes(cut.read_bytes() + b"\x18\0\0\0\0\0\0\0cut")  # killed while it wrote
    with run.metrics_path.open("a") as file:
        file.write('{"step": 6, "lo')
    with _log(run, 3) as log:
        log.scalars(4, {"loss": 0.25})
    assert _steps(run.tensorboard_path) == {"loss": [1, 2, 3, 4]}
    lines = [json.loads(line) for line in run.metrics_path.read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert {path.name for path in tmp_path.iterdir()} == {"metrics.jsonl", "tensorboard"}


def test_a_log_with_nothing_to_forget_is_left_as_it_is(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with _log(run, 0) as log:
        log.scalars(1, {"loss": 1.0})
    path = next(run.tensorboard_path.iterdir())
    before = path.stat()
    with _log(run, 1):
        pass
    assert path.stat().st_mtime_ns == before.st_mtime_ns
