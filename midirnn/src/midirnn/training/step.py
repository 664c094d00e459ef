"""One training step in TensorFlow: windows and states in, losses and states out."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from midicodec import BITS
from midirnn.model.network import Network
from midirnn.model.share import Share
from midirnn.plugin.border import blamed_on
from midirnn.plugin.interfaces import Augmentation, Predictions, Targets
from midirnn.settings.config import Config
from midirnn.training.adam import Adam
from midirnn.training.losses import Loss


class StepResult(NamedTuple):
    """What a step leaves: states ``(B, 4, H)``, scalars, and what the histograms are made of."""

    states: tf.Tensor
    loss: tf.Tensor
    parts: dict[str, tf.Tensor]
    nonfinite_gradients: tf.Tensor
    gradient_norms: list[tf.Tensor]
    """Of each weight's gradient after clipping, a scalar each, in the order of ``variables``."""
    predictions: Predictions
    targets: Targets
    stop: tf.Tensor
    """Whether any replica was told that training is to stop."""


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
        strategy: tf.distribute.Strategy | None = None,
    ) -> None:
        """Make a step for ``network``, in whose ``strategy``'s scope both are made."""
        self._strategy = strategy or tf.distribute.get_strategy()
        self._lanes = config.training.lanes
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
                tf.TensorSpec((), tf.bool),
            ],
        )

    def __call__(
        self,
        records: tf.Tensor,
        time: tf.Tensor,
        states: tf.Tensor,
        step: tf.Tensor,
        stop: bool = False,
    ) -> StepResult:
        """Train on ``records`` (B, T + 1, 5) uint8 and ``time`` (B, T + 1) float32.

        ``states`` (B, 4, H) are those before the windows; ``step`` keys everything random. Where
        a strategy has several replicas, ``B`` are this process's lanes, and of the result states,
        predictions and targets are theirs; all else is of all lanes. ``stop`` changes nothing
        here, but is told to all.
        """
        result: StepResult = self.function(records, time, states, step, tf.constant(stop))
        return result

    def _step(
        self,
        records: tf.Tensor,
        time: tf.Tensor,
        states: tf.Tensor,
        step: tf.Tensor,
        stop: tf.Tensor,
    ) -> StepResult:
        """Let every replica of this process take its part, and put together what they say."""
        gradients, result = self._strategy.run(self._replica, (records, time, states, step, stop))
        self._apply(gradients)
        return tf.nest.map_structure(self._of_all_here, result)  # type: ignore[no-any-return]

    def _apply(self, gradients: Sequence[tf.Tensor]) -> None:
        """Let Adam change every replica's weights.

        What the optimizer's own ``apply`` does, but that it would sum all replicas' gradients,
        which here are one and the same already.
        """
        with self._strategy.scope():
            for gradient, variable in zip(gradients, self.variables, strict=True):
                self._strategy.extended.update(
                    variable.value, self._update, args=(gradient,), group=False
                )
            self.optimizer.iterations.assign_add(1)

    def _update(self, variable: tf.Variable, gradient: tf.Tensor) -> None:
        self.optimizer.update_step(gradient, variable, self.optimizer.learning_rate)

    def _of_all_here(self, value: tf.Tensor | None) -> tf.Tensor | None:
        """Return a scalar, which is the same in every replica, or all lanes of this process."""
        if value is None:  # what this network does not say
            return None
        each = self._strategy.experimental_local_results(value)
        return each[0] if len(each) == 1 or each[0].shape.rank == 0 else tf.concat(each, axis=0)

    def _replica(
        self,
        records: tf.Tensor,
        time: tf.Tensor,
        states: tf.Tensor,
        step: tf.Tensor,
        stop: tf.Tensor,
    ) -> tuple[list[tf.Tensor], StepResult]:
        """Return the gradients over all lanes, and what the step was for this replica's."""
        share = self._share()
        if share is not None:
            here = share.first % (share.lanes * len(self._strategy.extended.worker_devices))
            records, time, states = (
                each[here : here + share.lanes] for each in (records, time, states)
            )
        bits = records_to_bits(records)
        targets = Targets(bits[:, 1:], time[:, 1:])
        shown_bits, shown_time = bits[:, :-1], time[:, :-1]
        key = tf.stack([self._seed, step])
        for index, augmentation in enumerate(self._augmentations, start=1):
            change = functools.partial(
                augmentation.augment_inputs, seed=tf.random.fold_in(key, index)
            )
            with blamed_on(augmentation):
                if share is None:
                    shown_bits, shown_time = change(shown_bits, shown_time)
                else:
                    shown_bits, shown_time = share.changed(change, shown_bits, shown_time)
        mask = tf.ones_like(targets.time)
        with tf.GradientTape() as tape:
            predictions, states = self._network(
                shown_bits,
                shown_time,
                states,
                targets,
                dropout_seed=tf.random.fold_in(key, 0),
                share=share,
            )
            loss, parts = self._loss(targets, predictions, mask)
        # Without a term of time, say, the weights that only time needs have no gradient: a zero,
        # which TensorFlow can only make for its own variables, not for the Keras ones around them.
        variables = [variable.value for variable in self.variables]
        gradients = tape.gradient(loss, variables, unconnected_gradients="zero")
        if share is not None:
            # The mean first, then what is not linear: as one process with all the lanes does.
            context = tf.distribute.get_replica_context()
            told = tf.cast(stop, tf.float32)
            gradients, loss, parts, told = context.all_reduce(
                "MEAN", (gradients, loss, parts, told)
            )
            stop = told > 0
        gradients, nonfinite, norms = finite_and_clipped(gradients, self._clip)
        return gradients, StepResult(
            states, loss, parts, nonfinite, tf.unstack(norms), predictions, targets, stop
        )

    def _share(self) -> Share | None:
        """Return which lanes are this replica's; None if all are."""
        context = tf.distribute.get_replica_context()
        replicas = context.num_replicas_in_sync
        if replicas == 1:
            return None
        lanes = self._lanes // replicas
        return Share(context.replica_id_in_sync_group * lanes, lanes, self._lanes)


def finite_and_clipped(
    gradients: Sequence[tf.Tensor], limit: float
) -> tuple[list[tf.Tensor], tf.Tensor, tf.Tensor]:
    """Return gradients with non-finite entries zeroed and the rest within ± ``limit``.

    Also how many entries, of all gradients together, were not finite, and the norm of each now.
    """
    # A norm within the limit says, in one reading, that every entry is: nearly always.
    norms = _norms(gradients)
    norm = tf.norm(norms)
    cleaned, nonfinite, norms = tf.cond(
        (norm <= limit) & tf.math.is_finite(norm),  # a limit may be infinite
        lambda: (list(gradients), tf.constant(0), norms),
        lambda: _mended(gradients, limit),
    )
    return cleaned, nonfinite, norms


def _mended(
    gradients: Sequence[tf.Tensor], limit: float
) -> tuple[list[tf.Tensor], tf.Tensor, tf.Tensor]:
    finite = [tf.math.is_finite(gradient) for gradient in gradients]
    nonfinite = tf.add_n([tf.reduce_sum(tf.cast(~each, tf.int32)) for each in finite])
    cleaned = [
        tf.clip_by_value(tf.where(each, gradient, 0.0), -limit, limit)
        for each, gradient in zip(finite, gradients, strict=True)
    ]
    return cleaned, nonfinite, _norms(cleaned)


def _norms(gradients: Sequence[tf.Tensor]) -> tf.Tensor:
    return tf.stack([tf.norm(gradient) for gradient in gradients])
