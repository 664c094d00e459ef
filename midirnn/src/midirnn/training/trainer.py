"""The training loop: lanes → step → lanes, validated and saved now and then."""

from __future__ import annotations

import math
import threading
import time as clock
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from midirnn.console.progress import Progress
from midirnn.corpus.reading import Corpus
from midirnn.errors import RunError
from midirnn.generation.generator import Generator
from midirnn.generation.length import Length
from midirnn.model.network import Network
from midirnn.model.timescale import from_seconds
from midirnn.plugin.border import augmenting
from midirnn.plugin.interfaces import Augmentation, Events, LossTerm, StreamInfo
from midirnn.run.checkpoint import Arrays
from midirnn.run.folder import Run
from midirnn.settings.config import Config
from midirnn.training.distribute import Workers
from midirnn.training.evaluation import Evaluator
from midirnn.training.lanes import Lanes
from midirnn.training.log import Log, Silence
from midirnn.training.losses import Loss
from midirnn.training.pianoroll import piano_roll
from midirnn.training.schedule import Divergence, Schedule
from midirnn.training.step import StepResult, TrainStep

_SAMPLE_RECORDS, _SAMPLE_SECONDS = 300, 20.0
"""How much of the network's own music is drawn at each checkpoint."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How training ended: after which step, and why."""

    step: int
    interrupted: bool
    stopped_early: bool
    """Whether the validation score had got no better for too long."""
    out_of_time: bool = False
    """Whether the minutes it was given were over."""


class Trainer:
    """One run's network, lanes and optimizer, and the loop that moves them on."""

    def __init__(
        self,
        run: Run,
        config: Config,
        corpus: Corpus,
        augmentations: Sequence[Augmentation],
        losses: Sequence[LossTerm],
        workers: Workers | None = None,
    ) -> None:
        """Build everything at step 0; :meth:`restore` brings a run back to its checkpoint."""
        self._workers = workers = workers or Workers()
        # Ops that could sum in another order each time do not: the same seed, the same weights.
        tf.config.experimental.enable_op_determinism()
        tf.random.set_seed(config.training.seed)
        self._run, self._config = run, config
        with workers.strategy.scope():
            self._network = Network(
                config.model,
                config.training.seed,
                channel_only=config.corpus.channel_only,
            )
            self._train_step = TrainStep(
                self._network, Loss(losses), augmentations, config, workers.strategy
            )
        self._lanes = Lanes(
            corpus.songs,
            config.training,
            config.model.hidden_size,
            augmenting(augmentations),
            workers.lanes(config.training.lanes),
        )
        self._evaluator = Evaluator(self._network, losses, config)
        self._validation = _some_of(corpus.validation, config.training.validation_records)
        self._schedule, self._divergence = Schedule(config.training), Divergence()
        self._score: float | None = None
        self._starts = corpus.starts()
        self.step = 0
        self._recent: list[float] = []  # the losses since the last regular checkpoint

    def begin(self, weights: Arrays) -> None:
        """Let a new run begin with another's weights, as its folder keeps them."""
        try:
            self._network.load(weights)
        except RunError as error:
            raise RunError(f"{self._run.folder / 'begin.npz'} does not fit: {error}") from error

    def restore(self, step: int) -> None:
        """Load the checkpoint after ``step``: weights, optimizer, lanes, and what was decided."""
        checkpoints, variables = self._run.checkpoints, self._train_step.optimizer.variables
        found = {
            name: checkpoints.load(step, name)
            for name in ("weights", "lanes", "schedule", "divergence")
        }
        with checkpoints.blamed(step):
            self._network.load(found["weights"])
            self._lanes.restore(found["lanes"])
            self._schedule.restore(found["schedule"])
            self._divergence.restore(found["divergence"])
        optimizer = checkpoints.load(step, "optimizer")
        shapes = {str(index): tuple(variable.shape) for index, variable in enumerate(variables)}
        if shapes != {name: array.shape for name, array in optimizer.items()}:
            raise RunError(
                f"{checkpoints.path(step)} holds the state of another optimizer, as of another "
                "version of Keras; go on with the version that saved it, or start another run"
            )
        for index, variable in enumerate(variables):
            variable.assign(optimizer[str(index)])
        self._recent = checkpoints.load(step, "recent")["losses"].tolist()
        self.step = step

    def save(self, score: float = math.nan) -> None:
        """Write a checkpoint that holds all there is to go on from.

        ``score``, lower is better, decides which checkpoint is the best; it is not if it is no
        number. All workers take part, and the chief writes it.
        """
        lanes = self._workers.gathered(self._lanes.checkpoint())
        if not self._workers.chief:
            return
        optimizer: Arrays = {
            str(index): np.asarray(variable.numpy())
            for index, variable in enumerate(self._train_step.optimizer.variables)
        }
        groups = {
            "weights": self._weights(),
            "optimizer": optimizer,
            "lanes": lanes,
            "schedule": self._schedule.checkpoint(),
            "divergence": self._divergence.checkpoint(),
            "recent": {"losses": np.array(self._recent)},
        }
        self._run.checkpoints.save(self.step, score, groups)

    def train(self, stop: threading.Event, report: Callable[[Progress], None]) -> Outcome:
        """Train until ``config.training.steps``, until ``stop`` is set, or until it helps no more.

        Or until the minutes that the settings give this call are over. Saves in each case. Raises
        :class:`RunError` when the loss is no number or has exploded. Of several workers, each that
        is told to stop stops all, after a step in which they tell.
        """
        settings, schedule, workers = self._config.training, self._schedule, self._workers
        saved = self.step
        stopping = workers.any(stop.is_set())
        minutes = math.inf if settings.minutes is None else settings.minutes
        end = clock.monotonic() + 60 * minutes
        with self._log() as log:
            while self.step < settings.steps and not stopping and not schedule.over:
                began = clock.perf_counter()
                told = stop.is_set() or clock.monotonic() >= end
                result = self._one_step(told)
                loss = float(result.loss)
                self._recent.append(loss)
                seconds = clock.perf_counter() - began
                rate = settings.lanes * settings.sequence_length / seconds
                last = self.step == settings.steps
                if self.step % settings.log_every == 0 or last:
                    log.scalars(self.step, self._scalars(result, rate))
                self._check(loss, saved)
                if self.step % settings.histogram_every == 0 or last:
                    log.histograms(self.step, result)
                if self.step % settings.checkpoint_every == 0 or last:
                    self._regular_checkpoint(log)
                    saved = self.step
                report(Progress(self.step, loss, rate, self._score))
                stopping = stop.is_set() or told if workers.alone else bool(result.stop)
            ended = self.step == settings.steps or schedule.over
            late = not ended and workers.any(clock.monotonic() >= end)
            late = late and not workers.any(stop.is_set())
            if late and self.step > saved:
                self._regular_checkpoint(log)
                saved = self.step
        if self.step > saved:  # stopped between two checkpoints
            self.save()
        workers.wait()  # for the chief: what it has written last is there when any has ended
        return Outcome(self.step, not ended and not late, schedule.over, late)

    def _log(self) -> Log | Silence:
        if not self._workers.chief:
            return Silence()
        return Log(self._run, self.step, self._train_step.function)

    def _check(self, loss: float, saved: int) -> None:
        problem = self._divergence.tell(loss)
        if problem is not None:
            where = f"its last checkpoint is that of step {saved}" if saved else "nothing was saved"
            raise RunError(
                f"{self._run.folder}: training diverged at step {self.step}: {problem}; {where}. "
                "Start another run with a lower --learning-rate than "
                f"{self._schedule.learning_rate:g}"
            )

    def _regular_checkpoint(self, log: Log | Silence) -> None:
        """Validate, decide, save."""
        score = float(np.mean(self._recent))
        # At the last step this comes perhaps too early: the schedule is told at regular ones only,
        # or a run that is given more steps later would not be the same.
        regular = self.step % self._config.training.checkpoint_every == 0
        if self._validation:
            # The chief's figure for all: others' might differ in a last bit, and so what follows.
            score = self._score = self._workers.of_chief(lambda: self._validate(log))
            if regular and self._schedule.tell(score):
                self._train_step.optimizer.learning_rate.assign(self._schedule.learning_rate)
        if regular:
            self._recent = []
        self.save(score)
        if self._workers.chief:
            log.picture(self.step, "sample", self._sample())

    def _validate(self, log: Log | Silence) -> float:
        """Return the bits per message, and for its time, of the songs held back."""
        evaluation = self._evaluator.evaluate(self._validation)
        scores = {
            "bits_per_message": evaluation.bits_per_message,
            "time_bits_per_message": evaluation.time_bits_per_message,
            "exact_messages": evaluation.exact_messages,
            "time_error_seconds": evaluation.time_error_seconds,
        }
        log.scalars(
            self.step,
            {f"validation/{name}": score for name, score in scores.items() if score is not None},
        )
        return evaluation.total_bits_per_message

    def _sample(self) -> npt.NDArray[np.uint8]:
        """Draw what the network plays now."""
        generator = Generator(self._config, lambda: self._starts, self._weights(), self.step)
        events = generator.events(Length(records=_SAMPLE_RECORDS), 0, StreamInfo())
        return piano_roll(events, _SAMPLE_SECONDS)

    def _weights(self) -> Arrays:
        return {name: each.numpy() for name, each in self._network.named_weights().items()}

    def _scalars(self, result: StepResult, events_per_second: float) -> dict[str, float]:
        values = {"loss/loss": float(result.loss)}
        values |= {f"loss/{name}": float(value) for name, value in result.parts.items()}
        values["gradients/nonfinite"] = int(result.nonfinite_gradients)
        values |= self._gradient_norms([float(norm) for norm in result.gradient_norms])
        values["speed/learning_rate"] = float(self._train_step.optimizer.learning_rate.numpy())
        values["speed/events_per_second"] = events_per_second
        return values

    def _gradient_norms(self, norms: Sequence[float]) -> dict[str, float]:
        """Return the norm of all gradients together, and of each layer's."""
        squares: dict[str, float] = {}
        for name, norm in zip(self._network.named_weights(), norms, strict=True):
            layer = name.split("/")[0]
            squares[layer] = squares.get(layer, 0.0) + norm**2
        found = {f"gradients/norm_of_{layer}": math.sqrt(each) for layer, each in squares.items()}
        return {"gradients/norm": math.sqrt(sum(squares.values()))} | found

    def _one_step(self, stop: bool) -> StepResult:
        batch = self._lanes.next(self.step)
        time = from_seconds(batch.delta_seconds, self._config.model.time_scale)
        try:
            result = self._train_step(
                batch.records, time, batch.states, tf.constant(self.step), stop
            )
        except tf.errors.ResourceExhaustedError as error:
            raise RunError(
                f"there is not enough memory for a step of {self._config.training.lanes} lanes "
                f"and {self._config.model.hidden_size} units; lower --lanes or --hidden-size"
            ) from error
        self._lanes.keep(result.states.numpy())
        self.step += 1
        return result


def _some_of(songs: Sequence[Events], records: int) -> list[Events]:
    """Return songs from all over the corpus, always the same, of so many records together."""
    some: list[Events] = []
    for index in np.random.default_rng(0).permutation(len(songs)).tolist():
        if records <= 0:
            break
        some.append(songs[index])
        records -= len(some[-1])
    return some
