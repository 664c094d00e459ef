"""The notebook's two augmentations of the network's inputs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import Field

from midirnn.plugin import Augmentation, PluginConfig, hookimpl

if TYPE_CHECKING:
    import tensorflow as tf


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


@hookimpl
def midirnn_register_augmentations() -> Iterable[type[Augmentation]]:
    """Return the augmentations that come with midirnn."""
    return [Noise, StepZeroing]
