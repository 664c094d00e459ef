"""The classes that plugin authors derive from, and the data that passes between them.

Nothing here imports TensorFlow: a sink must start in well under a second. A plugin that needs
TensorFlow imports it inside the methods that do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    import mido
    import tensorflow as tf


class PluginConfig(BaseModel):
    """The typed options of a plugin: ``--sink NAME:key=value`` or a TOML table sets its fields.

    Unknown keys are refused, and values are checked and converted by their annotations.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


class Plugin:
    """What every plugin has, of whatever kind: a name, typed options, a constructor."""

    name: ClassVar[str]
    """What the user writes after ``--augment``, ``--in``, …; of a model, where a run is meant."""

    Config: ClassVar[type[PluginConfig]] = PluginConfig
    """The options; derive from :class:`PluginConfig` and annotate the fields."""

    def __init__(self, config: Any = None) -> None:
        """Keep ``config``, an instance of ``Config``; without one, every option's default."""
        self.config: Any = self.Config() if config is None else config


@dataclass(frozen=True, slots=True)
class Events:
    """A song as the network is shown it: records and the real time between them.

    ``records`` is ``(n, 5)`` uint8 (midicodec's layout); ``delta_seconds`` is ``(n,)`` float64,
    the time since the message before. Each piece of a long message carries the message's own.
    """

    records: npt.NDArray[np.uint8]
    delta_seconds: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.records)


class Augmentation(Plugin):
    """Changes what the network is shown, at one or both of two stages; override what you need."""

    def augment_events(self, events: Events, rng: np.random.Generator) -> Events:
        """Return a changed copy of a whole song, once for each pass over it.

        ``rng`` is keyed by the run's seed, the song and the pass: a resumed run sees the same.
        Inputs and targets are both cut from what this returns.
        """
        return events

    def augment_inputs(
        self, bits: tf.Tensor, time: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return changed network inputs, every training step; targets are never touched.

        ``bits`` is ``(batch, steps, 40)`` and ``time`` ``(batch, steps)``, float32. ``seed`` is
        ``(2,)`` int32, for TensorFlow's stateless random ops; it differs for each step and for
        each augmentation. This is traced into a ``tf.function``.
        """
        return bits, time


class Targets(NamedTuple):
    """What the network should have said. ``bits`` ``(batch, steps, 40)``, ``time`` as below.

    ``time`` is ``(batch, steps)`` in the network's own unit (see ``midirnn.model.timescale``).
    """

    bits: tf.Tensor
    time: tf.Tensor


class Predictions(NamedTuple):
    """What the network said of the next record, shapes as in :class:`Targets`, float32.

    With either head the first three are there. ``bit_logits`` are the log-odds that a bit is set,
    ``bits`` their sigmoid; where bytes are said one after the other, given the target's bytes
    before. ``time`` is a number; where time has a distribution, what it is on average.

    The others are None where there were no targets to ask about. ``exact``, 1 or 0, says
    whether the likeliest record is the target. ``byte_log_likelihood`` ``(batch, steps, 5)`` is
    the log-probability of each of the target's bytes, in nats. ``time_log_likelihood`` is that of
    the class of time it is in (:mod:`midirnn.model.timeclasses`), ``position_log_likelihood`` that
    of the part of the class; both are None where time is a number.
    """

    bit_logits: tf.Tensor
    bits: tf.Tensor
    time: tf.Tensor
    exact: tf.Tensor | None = None
    byte_log_likelihood: tf.Tensor | None = None
    time_log_likelihood: tf.Tensor | None = None
    position_log_likelihood: tf.Tensor | None = None

    @property
    def log_likelihood(self) -> tf.Tensor:
        """The log-probability of the target's record, in nats, ``(batch, steps)``."""
        import tensorflow as tf

        return tf.reduce_sum(self.byte_log_likelihood, axis=2)


class LossConfig(PluginConfig):
    """The one option that every loss term has."""

    weight: float = Field(default=1.0, allow_inf_nan=False)


class LossTerm(Plugin, ABC):
    """One summand of the loss. The core averages it over lanes, weights it and logs it."""

    Config: ClassVar[type[PluginConfig]] = LossConfig

    @abstractmethod
    def __call__(self, targets: Targets, predictions: Predictions, mask: tf.Tensor) -> tf.Tensor:
        """Return ``(batch,)`` float32, already reduced over the steps.

        ``mask`` is ``(batch, steps)`` float32: 1 where a step is real, 0 where it only fills up.
        """


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a sink is told before the first event. One constant tempo holds for the stream."""

    ticks_per_beat: int = 480
    microseconds_per_beat: int = 500_000
    title: str = "midirnn"
    song: int = 1
    songs: int = 1
    """Which song this is of how many that are made at once; each has sinks of its own."""

    @property
    def seconds_per_tick(self) -> float:
        """How long a tick is."""
        return self.microseconds_per_beat / 1_000_000 / self.ticks_per_beat

    def numbered(self, path: Path) -> Path:
        """Return ``path`` with the song's number in its name, if there are several songs."""
        if self.songs == 1:
            return path
        digits = max(2, len(str(self.songs)))
        return path.with_name(f"{path.stem}-{self.song:0{digits}}{path.suffix}")


@dataclass(frozen=True, slots=True)
class Event:
    """One message of a stream and when it starts, counted from the stream's beginning."""

    message: mido.Message | mido.MetaMessage
    start_ticks: int
    start_seconds: float


class Sink(Plugin, ABC):
    """Somewhere for music to go: a file, a loudspeaker, a MIDI port, whatever you write.

    The calls come in this order, all from one thread that belongs to this sink:
    ``open``, ``send`` for each event, ``finish`` if the song came to its end, ``close``.
    Raise :class:`midirnn.errors.SinkError` with a line that the user can act on.
    """

    realtime: ClassVar[bool] = False
    """True: ``send`` is called when an event is due. False: as soon as there is one."""

    def open(self, info: StreamInfo) -> None:
        """Get ready; whatever can be found wrong (no such port, no right to write) is now."""

    @abstractmethod
    def send(self, event: Event) -> None:
        """Take one event. Starts never decrease."""

    def finish(self) -> None:
        """The song has ended: write it, or play out what is left of it."""

    def interrupt(self) -> None:
        """The user wants silence now; called from another thread, before or during ``finish``.

        A sink whose ``finish`` plays returns from it soon after this; what it writes it writes.
        """

    def close(self) -> None:
        """Let everything go and leave no note sounding; always called, and may be called twice."""


class Source(Plugin, ABC):
    """Where music comes from as it is played: a keyboard, a sequencer, whatever you write.

    ``open`` is called once, then ``check`` now and then, and ``close``, always.
    Raise :class:`midirnn.errors.SourceError` with a line that the user can act on.
    """

    @abstractmethod
    def open(self, receive: Callable[[mido.Message], None]) -> None:
        """Listen from now on: give each message to ``receive`` the moment it comes.

        ``receive`` returns at once and may be called from any thread.
        """

    def check(self) -> None:
        """Raise an error if nothing more can come; called about every second."""

    def close(self) -> None:
        """Stop listening: ``receive`` is not called any more. May be called twice."""


class Model(Plugin, ABC):
    """A trained network to play with and to start from: a run folder that a distribution carries.

    ``midirnn export`` makes such a folder. It is only read: nothing is ever written into it.
    """

    @abstractmethod
    def folder(self) -> Path:
        """Return the run folder, whose ``CARD.md`` says what the network was trained on."""
