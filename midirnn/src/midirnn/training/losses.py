"""The loss: chosen terms, each averaged over lanes, weighted and summed."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from midirnn.errors import PluginError
from midirnn.plugin.border import blamed_on
from midirnn.plugin.interfaces import LossTerm, Predictions, Targets


class Loss:
    """The weighted sum of ``terms``."""

    def __init__(self, terms: Sequence[LossTerm]) -> None:
        self.terms = terms

    def __call__(
        self, targets: Targets, predictions: Predictions, mask: tf.Tensor
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Return the loss, a scalar, and each term's unweighted mean over lanes by name."""
        per_lane = each_term(self.terms, targets, predictions, mask)
        parts = {name: tf.reduce_mean(values) for name, values in per_lane.items()}
        weighted = [parts[term.name] * term.config.weight for term in self.terms]
        return tf.add_n(weighted), parts


def each_term(
    terms: Sequence[LossTerm], targets: Targets, predictions: Predictions, mask: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Return each term's ``(batch,)`` float32 by name, or say what is wrong with it."""
    found = {}
    for term in terms:
        with blamed_on(term):
            values = tf.convert_to_tensor(term(targets, predictions, mask))
        if values.dtype != tf.float32 or values.shape.rank != 1:
            raise PluginError(
                f"{term.name}: expected a loss of float32 (batch,), "
                f"found {values.dtype.name} of shape {values.shape}"
            )
        found[term.name] = values
    return found
