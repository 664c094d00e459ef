"""A run's log: ``metrics.jsonl`` and TensorBoard's event files."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from midicodec.files import replacing
from midirnn.run.folder import Run
from midirnn.training.step import StepResult


class Log:
    """Writes what is measured at a step; a context manager."""

    def __init__(self, run: Run, step: int, function: Any) -> None:
        """Go on after ``step``; ``function`` is the ``tf.function`` whose graph is shown."""
        _drop_lines_after(run, step)
        _drop_events_after(run, step)
        self._metrics: IO[str] = run.metrics_path.open("a", encoding="utf-8")
        self._writer = tf.summary.create_file_writer(str(run.tensorboard_path))
        with self._writer.as_default():
            tf.summary.graph(function.get_concrete_function().graph)

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_: object) -> None:
        self._metrics.close()
        self._writer.close()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Write figures by their names, a line for all of them."""
        line: dict[str, Any] = {"step": step} | {
            name: value if math.isfinite(value) else None  # JSON has no other word for it
            for name, value in values.items()
        }
        self._metrics.write(json.dumps(line) + "\n")
        self._metrics.flush()
        with self._writer.as_default(step):
            for name, value in values.items():
                tf.summary.scalar(name, value)

    def picture(self, step: int, name: str, pixels: npt.NDArray[np.uint8]) -> None:
        """Write a picture, (height, width, 3)."""
        with self._writer.as_default(step):
            tf.summary.image(name, pixels[None])

    def histograms(self, step: int, result: StepResult) -> None:
        """Write how outputs and targets are distributed in this step."""
        with self._writer.as_default(step):
            tf.summary.histogram("outputs/bits", result.predictions.bits)
            tf.summary.histogram("targets/bits", result.targets.bits)
            tf.summary.histogram("outputs/time", result.predictions.time)
            tf.summary.histogram("targets/time", result.targets.time)


class Silence:
    """The log of a worker that is not the chief."""

    def __enter__(self) -> Silence:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Write nothing."""

    def picture(self, step: int, name: str, pixels: npt.NDArray[np.uint8]) -> None:
        """Write nothing."""

    def histograms(self, step: int, result: StepResult) -> None:
        """Write nothing."""


def _drop_lines_after(run: Run, step: int) -> None:
    """Forget what was logged between the checkpoint and the interruption: it comes again."""
    if not run.metrics_path.exists():
        return
    kept = []
    for line in run.metrics_path.read_text("utf-8", errors="replace").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
        except (ValueError, KeyError, TypeError):
            continue  # a line cut short when the process was killed
    with replacing(run.metrics_path) as file:
        file.write("".join(kept).encode())


def _drop_events_after(run: Run, step: int) -> None:
    """The same for TensorBoard's files, which are records of protocol buffers."""
    for path in sorted(run.tensorboard_path.glob("events.out.tfevents.*")):
        kept, dropped = [], False
        try:
            for record in tf.data.TFRecordDataset(str(path)):
                if tf.compat.v1.Event.FromString(record.numpy()).step <= step:
                    kept.append(record.numpy())
                else:
                    dropped = True
        except tf.errors.DataLossError:
            dropped = True  # a record cut short when the process was killed
        if dropped:
            with tempfile.TemporaryDirectory(dir=run.folder) as beside:
                whole = Path(beside, path.name)
                with tf.io.TFRecordWriter(str(whole)) as writer:
                    for each in kept:
                        writer.write(each)
                whole.replace(path)
