"""The notebook's three loss terms, the cross-entropy of bits, and the likelihood of all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from midirnn.plugin import LossTerm, Predictions, Targets, hookimpl

if TYPE_CHECKING:
    import tensorflow as tf

_EPSILON = 1e-7  # the notebook's guard against 0/0 and the slope of a root at 0


def masked_mean(values: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Return the mean of ``values`` (batch, steps) over the real steps, (batch,)."""
    import tensorflow as tf

    return tf.math.divide_no_nan(tf.reduce_sum(values * mask, axis=1), tf.reduce_sum(mask, axis=1))


class MeanSquaredError(LossTerm):
    """The mean squared difference between bits and their probabilities."""

    name = "mse"

    def __call__(self, targets: Targets, predictions: Predictions, mask: tf.Tensor) -> tf.Tensor:
        """Average over bits, then over steps."""
        import tensorflow as tf

        squares = tf.math.squared_difference(predictions.bits, targets.bits)
        return masked_mean(tf.reduce_mean(squares, axis=2), mask)


class Cosine(LossTerm):
    """The square of the mean cosine distance; both sides normalised over the whole window.

    As in the notebook, a window's bits are one vector of unit length, whose product with the
    target's is shared out over the steps before it is taken from 1.
    """

    name = "cosine"

    def __call__(self, targets: Targets, predictions: Predictions, mask: tf.Tensor) -> tf.Tensor:
        """Average the distance over steps, then square it."""
        import tensorflow as tf

        real = mask[:, :, None]
        said = tf.nn.l2_normalize((predictions.bits + _EPSILON) * real, axis=(1, 2))
        meant = tf.nn.l2_normalize((targets.bits + _EPSILON) * real, axis=(1, 2))
        distance = 1.0 - tf.reduce_sum(said * meant, axis=2)
        return tf.square(masked_mean(distance, mask))


class TimeRootMeanSquare(LossTerm):
    """The root of the mean squared error of time, in the network's unit of time."""

    name = "time_rmse"

    def __call__(self, targets: Targets, predictions: Predictions, mask: tf.Tensor) -> tf.Tensor:
        """Average the squares over steps, then take the root."""
        import tensorflow as tf

        squares = tf.math.squared_difference(predictions.time, targets.time)
        return tf.sqrt(_EPSILON + masked_mean(squares, mask))


class BitCrossEntropy(LossTerm):
    """The negative log-likelihood of a record's 40 bits, in bits a record."""

    name = "bit_cross_entropy"

    def __call__(self, targets: Targets, predictions: Predictions, mask: tf.Tensor) -> tf.Tensor:
        """Sum over a record's bits, average over steps."""
        import tensorflow as tf

        nats = tf.nn.sigmoid_cross_entropy_with_logits(
            labels=targets.bits, logits=predictions.bit_logits
        )
        return masked_mean(tf.reduce_sum(nats, axis=2) / tf.math.log(2.0), mask)


class NegativeLogLikelihood(LossTerm):
    """What record and time cost together, in bits: the whole of what the bytes head says."""

    name = "negative_log_likelihood"

    def __call__(self, targets: Targets, predictions: Predictions, mask: tf.Tensor) -> tf.Tensor:
        """Sum over the record, its class of time and the part of it; average over steps."""
        import tensorflow as tf

        said = [predictions.log_likelihood]
        if predictions.time_log_likelihood is not None:  # else time is a number: use time_rmse
            said += [predictions.time_log_likelihood, predictions.position_log_likelihood]
        return masked_mean(-tf.add_n(said) / tf.math.log(2.0), mask)


@hookimpl
def midirnn_register_losses() -> Iterable[type[LossTerm]]:
    """Return the loss terms that come with midirnn."""
    return [MeanSquaredError, Cosine, TimeRootMeanSquare, BitCrossEntropy, NegativeLogLikelihood]
