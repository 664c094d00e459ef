"""The network, read top to bottom: query gate → LSTM → dense → LSTM → fork → head.

With the ``bits`` head the notebook's, to the letter; with ``bytes``, what was seen is also given to
the first LSTM as classes, and more is dropped. ``B`` lanes, ``T`` steps, ``H`` the hidden size.
"""

from __future__ import annotations

from collections.abc import Mapping

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from midicodec import BITS
from midirnn.errors import RunError
from midirnn.model.heads import BitsHead, BytesHead
from midirnn.model.lstm import LSTM
from midirnn.model.share import Share
from midirnn.plugin.interfaces import Predictions, Targets
from midirnn.settings.config import ModelConfig

_EPSILON = 1e-7


class QueryGate(keras.layers.Layer):
    """How much each unit attends to an input: tanh of a scaled cosine with its learnt query."""

    def __init__(
        self, units: int, initializer: keras.initializers.Initializer, dtype: str = "float32"
    ) -> None:
        super().__init__(name="query_gate", dtype=dtype)
        self.table = self.add_weight(shape=(units, BITS + 1), initializer=initializer, name="table")
        self.multiplier = self.add_weight(shape=(), initializer="ones", name="multiplier")

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """(B, T, 41) → (B, T, H), each between -1 and 1."""
        queries = tf.nn.l2_normalize(self.table + _EPSILON, axis=1)
        inputs = tf.nn.l2_normalize(inputs + _EPSILON, axis=-1)
        return tf.tanh(self.multiplier * tf.matmul(inputs, queries, transpose_b=True))


class Network(keras.Model):
    """Predicts the next record and its time from all before it."""

    def __init__(self, config: ModelConfig, seed: int = 0, *, channel_only: bool = True) -> None:
        """Make the layers; ``channel_only``, records are of channel messages and nothing else."""
        super().__init__(name="network", dtype="float32")
        self.config = config
        units = config.hidden_size
        mixed = _precision(config)
        # A layer's own seeds, so that its first weights depend on nothing made before it.
        seeds = iter(np.random.SeedSequence(seed).generate_state(64).tolist())

        def weights(deviation: float = 0.01) -> keras.initializers.Initializer:
            if config.initializer == "notebook":
                return keras.initializers.RandomNormal(stddev=deviation, seed=next(seeds))
            return keras.initializers.GlorotUniform(seed=next(seeds))

        def dense(
            name: str,
            units: int,
            activation: str | None = "leaky_relu",
            deviation: float = 0.01,
            dtype: str = mixed,
            use_bias: bool = True,
        ) -> keras.layers.Dense:
            kernel = weights(deviation)
            return keras.layers.Dense(
                units, activation, use_bias, kernel_initializer=kernel, name=name, dtype=dtype
            )

        def lstm(name: str) -> keras.layers.LSTM:
            recurrent = (
                weights()
                if config.initializer == "notebook"
                else keras.initializers.Orthogonal(seed=next(seeds))
            )
            # Keras' unit_forget_bias, in both, is the notebook's implicit +1 on the forget gate.
            if _own_lstm(config):
                return LSTM(units, weights(), recurrent, name, mixed)
            return keras.layers.LSTM(
                units,
                kernel_initializer=weights(),
                recurrent_initializer=recurrent,
                return_sequences=True,
                return_state=True,
                name=name,
                dtype=mixed,
            )

        self.query_gate = QueryGate(units, weights(), mixed)
        self.gated = dense("gated", units)
        self.lstm1 = lstm("lstm1")
        self.between = dense("between", units)
        self.lstm2 = lstm("lstm2")
        self.fork = dense("fork", units)
        self.head: BitsHead | BytesHead
        if config.head == "bits":
            self.head = BitsHead(dense, config)
        else:
            self.head = BytesHead(dense, config, channel_only=channel_only)
            # Bits and a number are a roundabout way of saying which note, and how long ago.
            self.seen = dense("seen", units, activation=None, use_bias=False)
        bits, time = tf.zeros((1, 1, BITS)), tf.zeros((1, 1))
        self(bits, time, tf.zeros((1, 4, units)), Targets(bits, time))

    def call(
        self,
        bits: tf.Tensor,
        time: tf.Tensor,
        states: tf.Tensor,
        targets: Targets | None = None,
        dropout_seed: tf.Tensor | None = None,
        share: Share | None = None,
    ) -> tuple[Predictions, tf.Tensor]:
        """Run over ``bits`` (B, T, 40) and ``time`` (B, T) from ``states`` (B, 4, H).

        Returns the predictions for the step after each, and the states after the last. ``targets``
        are what the predictions are to say the likelihood of; the bytes head needs them. With a
        ``dropout_seed`` (2,) int32, units between the LSTMs are dropped; without, none are. With
        a ``share``, these lanes are but some of a batch, and what is dropped is as for all of it.
        """
        c1, h1, c2, h2 = tf.unstack(states, axis=1)
        inputs = tf.concat([bits, time[:, :, None]], axis=2)  # (B, T, 41)
        x = self.query_gate(inputs) * self.gated(inputs)  # (B, T, H), and so below
        if isinstance(self.head, BytesHead):
            x += self.seen(tf.concat(self.head.one_hots(bits, time), axis=2))
        x, h1, c1 = self.lstm1(x, initial_state=[h1, c1])
        x = self.between(x)
        if dropout_seed is not None:
            x = _dropout(x, 1 - self.config.keep_probability, dropout_seed, share)
        x, h2, c2 = self.lstm2(x, initial_state=[h2, c2])
        if dropout_seed is not None and self.config.head == "bytes":
            seed = tf.random.fold_in(dropout_seed, 1)
            x = _dropout(x, 1 - self.config.keep_probability, seed, share)
        x = self.fork(x)
        states = tf.stack([tf.cast(each, tf.float32) for each in (c1, h1, c2, h2)], axis=1)
        return self.head(x, targets), states

    def named_weights(self) -> dict[str, keras.Variable]:
        """Return the weights as ``layer/weight``: the names that checkpoints have."""
        return {
            f"{layer.name}/{weight.name}": weight
            for layer in [each for each in self.layers if each is not self.head] + self.head.parts
            for weight in layer.trainable_variables
        }

    def load(self, weights: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Set every weight; raises :class:`RunError` when one is missing or of another shape."""
        for name, variable in self.named_weights().items():
            value = weights.get(name)
            if value is None or value.shape != tuple(variable.shape):
                found = "is missing" if value is None else f"has shape {value.shape}"
                raise RunError(f"the weight {name} {found}; expected {tuple(variable.shape)}")
            variable.assign(value)


def _dropout(x: tf.Tensor, rate: float, seed: tf.Tensor, share: Share | None) -> tf.Tensor:
    dropout = tf.nn.experimental.stateless_dropout
    if share is None and x.dtype == tf.float32:
        return dropout(x, rate, seed)
    # In float32 also where x is not: bfloat16's few digits would make another rate of it.
    lanes, *shape = tf.unstack(tf.shape(x))
    kept = dropout(tf.ones([lanes if share is None else share.of, *shape]), rate, seed)
    return x * tf.cast(kept if share is None else share.cut(kept), x.dtype)


def _own_lstm(config: ModelConfig) -> bool:
    """Whether the LSTMs are :class:`~midirnn.model.lstm.LSTM`: on a GPU, Keras' is quicker."""
    if config.lstm == "auto":
        return not tf.config.get_visible_devices("GPU")
    return config.lstm == "own"


def _precision(config: ModelConfig) -> str:
    """Return the layers' Keras policy; bfloat16 needs no scaling of the loss, as float16 would."""
    if config.precision != "auto":
        return config.precision
    gpus = tf.config.get_visible_devices("GPU")
    details = map(tf.config.experimental.get_device_details, gpus)
    able = [each.get("compute_capability", (0, 0)) >= (8, 0) for each in details]
    return "mixed_bfloat16" if able and all(able) else "float32"
