"""The training loop: lanes → step → lanes, with a log, checkpoints, and a way to go on."""

from __future__ import annotations

import json
import math
import threading
import time as clock
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import tensorflow as tf

from midicodec.files import replacing
from midirnn.checkpoint import Arrays
from midirnn.config import Config
from midirnn.corpus import Corpus
from midirnn.errors import RunError
from midirnn.lanes import Lanes
from midirnn.losses import Loss
from midirnn.model import Network
from midirnn.plugin.border import augmented
from midirnn.plugin.interfaces import Augmentation, Events, LossTerm
from midirnn.run import Run
from midirnn.step import StepResult, TrainStep
from midirnn.timescale import from_seconds


@dataclass(frozen=True, slots=True)
class Progress:
    """What the loop says after each step."""

    step: int
    loss: float
    events_per_second: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """How training ended: after which step, whether it was told to stop, the mean last loss."""

    step: int
    interrupted: bool
    loss: float


class Trainer:
    """One run's network, lanes and optimizer, and the loop that moves them on."""

    def __init__(
        self,
        run: Run,
        config: Config,
        corpus: Corpus,
        augmentations: Sequence[Augmentation],
        losses: Sequence[LossTerm],
    ) -> None:
        """Build everything at step 0; :meth:`restore` brings a run back to its checkpoint."""
        # Ops that could sum in another order each time do not: the same seed, the same weights.
        tf.config.experimental.enable_op_determinism()
        tf.random.set_seed(config.training.seed)
        self._run, self._config = run, config
        self._network = Network(config.model, config.training.seed)
        self._train_step = TrainStep(self._network, Loss(losses), augmentations, config)
        changes = [each for each in augmentations if _overrides(each, "augment_events")]

        def augment(events: Events, rng: np.random.Generator) -> Events:
            for each in changes:
                events = augmented(each, events, rng)
            return events

        self._lanes = Lanes(
            corpus.songs, config.training, config.model.hidden_size, augment if changes else None
        )
        self.step = 0
        self._recent: list[float] = []  # the losses since the last regular checkpoint

    def restore(self, step: int) -> None:
        """Load the checkpoint after ``step``: weights, optimizer, lanes."""
        checkpoints, variables = self._run.checkpoints, self._train_step.optimizer.variables
        weights, lanes = checkpoints.load(step, "weights"), checkpoints.load(step, "lanes")
        with checkpoints.blamed(step):
            self._network.load(weights)
            self._lanes.restore(lanes)
        optimizer = checkpoints.load(step, "optimizer")
        shapes = {str(index): tuple(variable.shape) for index, variable in enumerate(variables)}
        if shapes != {name: array.shape for name, array in optimizer.items()}:
            raise RunError(
                f"{checkpoints.path(step)} holds the state of another optimizer, as of another "
                "version of Keras; go on with the version that saved it, or start another run"
            )
        for index, variable in enumerate(variables):
            variable.assign(optimizer[str(index)])
        if step % self._config.training.checkpoint_every:  # saved between two regular ones
            self._recent = checkpoints.load(step, "recent")["losses"].tolist()
        self.step = step

    def save(self) -> float:
        """Write a checkpoint that holds all there is to go on from; return the mean last loss."""
        weights: Arrays = {
            name: variable.numpy() for name, variable in self._network.named_weights().items()
        }
        optimizer: Arrays = {
            str(index): np.asarray(variable.numpy())
            for index, variable in enumerate(self._train_step.optimizer.variables)
        }
        groups = {
            "weights": weights,
            "optimizer": optimizer,
            "lanes": self._lanes.checkpoint(),
            "recent": {"losses": np.array(self._recent)},
        }
        loss = float(np.mean(self._recent)) if self._recent else math.nan
        self._run.checkpoints.save(self.step, loss, groups)
        return loss

    def train(self, stop: threading.Event, report: Callable[[Progress], None]) -> Outcome:
        """Train until ``config.training.steps``, or until ``stop`` is set; save either way."""
        settings = self._config.training
        mean, saved = float("nan"), self.step
        with _Log(self._run, self.step, self._train_step) as log:
            while self.step < settings.steps and not stop.is_set():
                began = clock.perf_counter()
                result = self._one_step()
                loss = float(result.loss)
                self._recent.append(loss)
                seconds = clock.perf_counter() - began
                rate = settings.lanes * settings.sequence_length / seconds
                report(Progress(self.step, loss, rate))
                last = self.step == settings.steps
                if self.step % settings.log_every == 0 or last:
                    log.scalars(self.step, result, rate)
                if self.step % settings.histogram_every == 0 or last:
                    log.histograms(self.step, result)
                if self.step % settings.checkpoint_every == 0 or last:
                    mean, saved = self.save(), self.step
                    self._recent = []
        if self.step > saved:  # stopped between two checkpoints
            mean = self.save()
        return Outcome(self.step, self.step < settings.steps, mean)

    def _one_step(self) -> StepResult:
        batch = self._lanes.next(self.step)
        time = from_seconds(batch.delta_seconds, self._config.model.time_scale)
        result = self._train_step(batch.records, time, batch.states, tf.constant(self.step))
        self._lanes.keep(result.states.numpy())
        self.step += 1
        return result


class _Log:
    """``metrics.jsonl`` and TensorBoard's event files."""

    def __init__(self, run: Run, step: int, train_step: TrainStep) -> None:
        _drop_lines_after(run, step)
        self._metrics: IO[str] = run.metrics_path.open("a", encoding="utf-8")
        self._writer = tf.summary.create_file_writer(str(run.tensorboard_path))
        with self._writer.as_default():
            tf.summary.graph(train_step.function.get_concrete_function().graph)

    def __enter__(self) -> _Log:
        return self

    def __exit__(self, *_: object) -> None:
        self._metrics.close()
        self._writer.close()

    def scalars(self, step: int, result: StepResult, events_per_second: float) -> None:
        """Write the loss and its terms, unweighted, and what else is counted."""
        values = {"loss/loss": float(result.loss)}
        values |= {f"loss/{name}": float(value) for name, value in result.parts.items()}
        values["gradients/nonfinite"] = int(result.nonfinite_gradients)
        values["speed/events_per_second"] = events_per_second
        line: dict[str, Any] = {"step": step} | {
            name: value if math.isfinite(value) else None  # JSON has no other word for it
            for name, value in values.items()
        }
        self._metrics.write(json.dumps(line) + "\n")
        self._metrics.flush()
        with self._writer.as_default(step):
            for name, value in values.items():
                tf.summary.scalar(name, value)

    def histograms(self, step: int, result: StepResult) -> None:
        """Write how outputs and targets are distributed in this step."""
        with self._writer.as_default(step):
            tf.summary.histogram("outputs/bits", result.predictions.bits)
            tf.summary.histogram("targets/bits", result.targets.bits)
            tf.summary.histogram("outputs/time", result.predictions.time)
            tf.summary.histogram("targets/time", result.targets.time)


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


def _overrides(augmentation: Augmentation, method: str) -> bool:
    return getattr(type(augmentation), method) is not getattr(Augmentation, method)
