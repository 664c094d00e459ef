"""One training step in TensorFlow: windows and states in, losses and states out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from midirnn.adam import Adam
from midirnn.config import Config
from midirnn.losses import Loss
from midirnn.model import BITS, Network
from midirnn.plugin.border import blamed_on
from midirnn.plugin.interfaces import Augmentation, Predictions, Targets


class StepResult(NamedTuple):
    """What a step leaves: states ``(B, 4, H)``, scalars, and what the histograms are made of."""

    states: tf.Tensor
    loss: tf.Tensor
    parts: dict[str, tf.Tensor]
    nonfinite_gradients: tf.Tensor
    gradient_norm: tf.Tensor
    """Of all gradients together, after they were clipped."""
    predictions: Predictions
    targets: Targets


def records_to_bits(records: tf.Tensor) -> tf.Tensor:
    """Return ``(…, 5)`` uint8 records as ``(…, 40)`` float32 bits, most significant first."""
    shifts = tf.range(7, -1, -1, dtype=tf.int32)
    bits = tf.bitwise.right_shift(tf.cast(records, tf.int32)[..., None], shifts) & 1
    shape = tf.concat([tf.shape(records)[:-1], [BITS]], axis=0)
    return tf.cast(tf.reshape(bits, shape), tf.float32)


class TrainStep:
    """Augments, predicts, takes the loss, and lets Adam change the weights."""

    def __init__(
        self,
        network: Network,
        loss: Loss,
        augmentations: Sequence[Augmentation],
        config: Config,
    ) -> None:
        self._network = network
        self._loss = loss
        self._augmentations = augmentations
        self._clip = config.training.gradient_clip
        self._seed = config.training.seed
        self.variables = list(network.named_weights().values())
        # TensorFlow 1's epsilon, the notebook's; Keras' own default is ten times that.
        self.optimizer = Adam(config.training.learning_rate, epsilon=1e-8)
        self.optimizer.build(self.variables)
        units, records = config.model.hidden_size, config.training.sequence_length + 1
        self.function = tf.function(
            self._step,
            autograph=False,  # a plugin's error stays what it is
            input_signature=[
                tf.TensorSpec((None, records, 5), tf.uint8),
                tf.TensorSpec((None, records), tf.float32),
                tf.TensorSpec((None, 4, units), tf.float32),
                tf.TensorSpec((), tf.int32),
            ],
        )

    def __call__(
        self, records: tf.Tensor, time: tf.Tensor, states: tf.Tensor, step: tf.Tensor
    ) -> StepResult:
        """Train on ``records`` (B, T + 1, 5) uint8 and ``time`` (B, T + 1) float32.

        ``states`` (B, 4, H) are those before the windows; ``step`` keys everything random.
        """
        result: StepResult = self.function(records, time, states, step)
        return result

    def _step(
        self, records: tf.Tensor, time: tf.Tensor, states: tf.Tensor, step: tf.Tensor
    ) -> StepResult:
        bits = records_to_bits(records)
        targets = Targets(bits[:, 1:], time[:, 1:])
        shown_bits, shown_time = bits[:, :-1], time[:, :-1]
        key = tf.stack([self._seed, step])
        for index, augmentation in enumerate(self._augmentations, start=1):
            seed = tf.random.fold_in(key, index)
            with blamed_on(augmentation):
                shown_bits, shown_time = augmentation.augment_inputs(shown_bits, shown_time, seed)
        mask = tf.ones_like(targets.time)
        with tf.GradientTape() as tape:
            predictions, states = self._network(
                shown_bits, shown_time, states, dropout_seed=tf.random.fold_in(key, 0)
            )
            loss, parts = self._loss(targets, predictions, mask)
        # Without a term of time, say, the weights that only time needs have no gradient: a zero,
        # which TensorFlow can only make for its own variables, not for the Keras ones around them.
        variables = [variable.value for variable in self.variables]
        gradients, nonfinite = finite_and_clipped(
            tape.gradient(loss, variables, unconnected_gradients="zero"), self._clip
        )
        self.optimizer.apply_gradients(zip(gradients, self.variables, strict=True))
        norm = tf.linalg.global_norm(gradients)
        return StepResult(states, loss, parts, nonfinite, norm, predictions, targets)


def finite_and_clipped(
    gradients: Sequence[tf.Tensor], limit: float
) -> tuple[list[tf.Tensor], tf.Tensor]:
    """Return gradients with non-finite entries zeroed and the rest within ± ``limit``.

    Also how many entries, of all gradients together, were not finite.
    """
    # A norm within the limit says, in one reading, that every entry is: nearly always.
    cleaned, nonfinite = tf.cond(
        tf.linalg.global_norm(gradients) <= limit,
        lambda: (list(gradients), tf.constant(0)),
        lambda: _mended(gradients, limit),
    )
    return cleaned, nonfinite


def _mended(gradients: Sequence[tf.Tensor], limit: float) -> tuple[list[tf.Tensor], tf.Tensor]:
    finite = [tf.math.is_finite(gradient) for gradient in gradients]
    nonfinite = tf.add_n([tf.reduce_sum(tf.cast(~each, tf.int32)) for each in finite])
    cleaned = [
        tf.clip_by_value(tf.where(each, gradient, 0.0), -limit, limit)
        for each, gradient in zip(finite, gradients, strict=True)
    ]
    return cleaned, nonfinite
