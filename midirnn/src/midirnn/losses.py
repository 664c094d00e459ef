"""The loss: chosen terms, each averaged over lanes, weighted and summed."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from midirnn.plugin.interfaces import LossTerm, Predictions, Targets


class Loss:
    """The weighted sum of ``terms``."""

    def __init__(self, terms: Sequence[LossTerm]) -> None:
        self.terms = terms

    def __call__(
        self, targets: Targets, predictions: Predictions, mask: tf.Tensor
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Return the loss, a scalar, and each term's unweighted mean over lanes by name."""
        parts = {term.name: tf.reduce_mean(term(targets, predictions, mask)) for term in self.terms}
        weighted = [parts[term.name] * term.config.weight for term in self.terms]
        return tf.add_n(weighted), parts
