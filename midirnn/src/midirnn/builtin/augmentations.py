"""The notebook's two augmentations of the network's inputs, and songs in other keys and tempi."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from midicodec.records import B1, B2, DRUM_CHANNEL, LONG
from midirnn.plugin import Augmentation, Events, PluginConfig, hookimpl

if TYPE_CHECKING:
    import tensorflow as tf

_NOTE_OFF, _NOTE_ON, _KEY_PRESSURE = 0x80, 0x90, 0xA0  # the upper half of the status


class Noise(Augmentation):
    """Adds Gaussian noise to every input bit and time, then cuts what is below 0."""

    name = "noise"

    class Config(PluginConfig):
        """How much."""

        deviation: float = Field(default=0.1, ge=0)
        """The noise's standard deviation, in bits and in the network's unit of time."""

    config: Config

    def augment_inputs(
        self, bits: tf.Tensor, time: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Add noise drawn independently for each number."""
        import tensorflow as tf

        seeds = tf.random.split(seed, 2)
        noisy = [
            tf.nn.relu(x + tf.random.stateless_normal(tf.shape(x), each) * self.config.deviation)
            for x, each in zip((bits, time), tf.unstack(seeds), strict=True)
        ]
        return noisy[0], noisy[1]


class StepZeroing(Augmentation):
    """Sets one randomly chosen step of each lane's window to zeros, bits and time."""

    name = "step_zeroing"

    def augment_inputs(
        self, bits: tf.Tensor, time: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Zero one step in each lane."""
        import tensorflow as tf

        lanes, steps = tf.unstack(tf.shape(time))
        chosen = tf.random.stateless_uniform((lanes,), seed, maxval=steps, dtype=tf.int32)
        kept = 1.0 - tf.one_hot(chosen, steps)
        return bits * kept[:, :, None], time * kept


class Transpose(Augmentation):
    """Moves a whole song up or down by some semitones, differently on every pass over it."""

    name = "transpose"

    class Config(PluginConfig):
        """How far."""

        max_semitones: int = Field(default=6, ge=0, le=127)
        """The farthest up or down; 6 covers all twelve keys."""

    config: Config

    def augment_events(self, events: Events, rng: np.random.Generator) -> Events:
        """Add one number to all keys but the drums'; the song stays inside MIDI's 128 keys."""
        status = events.records[:, B1]
        keyed = (events.records[:, LONG] == 0) & (status & 0x0F != DRUM_CHANNEL)
        keyed &= np.isin(status & 0xF0, [_NOTE_OFF, _NOTE_ON, _KEY_PRESSURE])
        keys = events.records[keyed, B2]
        if not len(keys):
            return events
        lowest = max(-self.config.max_semitones, -int(keys.min()))
        highest = min(self.config.max_semitones, 127 - int(keys.max()))
        semitones = int(rng.integers(lowest, highest, endpoint=True))
        records = events.records.copy()
        records[keyed, B2] = keys + np.int16(semitones)
        return Events(records, events.delta_seconds)


class Tempo(Augmentation):
    """Plays a whole song faster or slower, on some passes over it, differently each time."""

    name = "tempo"

    class Config(PluginConfig):
        """How much."""

        max_percent: float = Field(default=30, ge=0, lt=100)
        """The most that a song's times grow by; they shrink by the same factor."""
        probability: float = Field(default=0.5, ge=0, le=1)
        """The share of passes: at all others the song has the times that its file has."""

    config: Config

    def augment_events(self, events: Events, rng: np.random.Generator) -> Events:
        """Multiply all times by one number; as often slower by a factor as faster by it."""
        if rng.random() >= self.config.probability:
            return events
        most = np.log1p(self.config.max_percent / 100)
        return Events(events.records, events.delta_seconds * np.exp(rng.uniform(-most, most)))


@hookimpl
def midirnn_register_augmentations() -> Iterable[type[Augmentation]]:
    """Return the augmentations that come with midirnn."""
    return [Noise, StepZeroing, Transpose, Tempo]
