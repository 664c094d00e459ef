"""The network one record at a time in numpy: what generating needs, without TensorFlow.

Weights are read from a checkpoint under the names that :class:`midirnn.model.Network` gives
them. Each LSTM's kernel and recurrent kernel are joined into one matrix, so that a step reads
every weight once; at one song that reading is what takes the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from midicodec import BITS
from midirnn.errors import RunError

Array = npt.NDArray[np.float32]

_EPSILON = np.float32(1e-7)
_NORM_FLOOR = np.float32(1e-12)  # tf.nn.l2_normalize's
_LSTM_KERNELS = ("kernel", "recurrent_kernel")
_SLOPE = np.float32(0.2)  # leaky_relu's below 0


class Said(NamedTuple):
    """The network's prediction of the next record: ``(40,)`` log-odds, and its time."""

    bit_logits: Array
    time: np.float32


class Stepper:
    """A network's weights and its two LSTMs' states for one song."""

    def __init__(self, weights: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Prepare the weights; raises :class:`RunError` where one is missing or does not fit."""

        def weight(name: str, *shape: int) -> Array:
            found = weights.get(name)
            if found is None:
                raise RunError(f"the checkpoint has no weight {name}")
            if found.dtype.kind != "f" or (shape and found.shape != shape):
                raise RunError(
                    f"the weight {name} is {found.dtype} of shape {found.shape}; "
                    f"expected float32 of {shape}"
                )
            return np.ascontiguousarray(found, np.float32)

        def dense(name: str, inputs: int, outputs: int) -> tuple[Array, Array]:
            return weight(f"{name}/kernel", inputs, outputs), weight(f"{name}/bias", outputs)

        def lstm(name: str) -> tuple[Array, Array]:
            gates = 4 * units
            kernels = [weight(f"{name}/{each}", units, gates) for each in _LSTM_KERNELS]
            return np.concatenate(kernels), weight(f"{name}/bias", gates)

        table = weight("query_gate/table")
        units, narrow = len(table), len(weight("bits_hidden/bias"))
        table = weight("query_gate/table", units, BITS + 1)
        multiplier = weight("query_gate/multiplier")
        queries = _l2_normalized(table + _EPSILON)
        self._queries = np.ascontiguousarray(multiplier * queries.T)
        self._gated = dense("gated", BITS + 1, units)
        self._lstm1 = lstm("lstm1")
        self._between = dense("between", units, units)
        self._lstm2 = lstm("lstm2")
        self._fork = dense("fork", units, units)
        self._bits_hidden = dense("bits_hidden", units, narrow)
        self._bits_out = dense("bits_out", narrow, BITS)
        self._time_hidden = dense("time_hidden", units, narrow)
        self._time_out = dense("time_out", narrow, 1)
        self.states = np.zeros((4, self._queries.shape[1]), np.float32)
        """c and h of the first LSTM, then of the second: ``(4, hidden_size)``."""

    def step(self, bits: npt.ArrayLike, time: npt.ArrayLike) -> Said:
        """Show the network ``bits`` (40,) and ``time``; return what it expects next."""
        c1, h1, c2, h2 = self.states
        inputs = np.append(np.asarray(bits, np.float32), np.asarray(time, np.float32))
        gate = np.tanh(_l2_normalized(inputs + _EPSILON) @ self._queries)
        x = gate * _leaky_relu(_affine(inputs, self._gated))
        c1, h1 = _lstm(x, c1, h1, self._lstm1)
        x = _leaky_relu(_affine(h1, self._between))
        c2, h2 = _lstm(x, c2, h2, self._lstm2)
        x = _leaky_relu(_affine(h2, self._fork))
        logits = _affine(_leaky_relu(_affine(x, self._bits_hidden)), self._bits_out)
        waits = _leaky_relu(_affine(_leaky_relu(_affine(x, self._time_hidden)), self._time_out))
        self.states = np.stack([c1, h1, c2, h2])
        return Said(logits, waits[0])


def _affine(x: Array, layer: tuple[Array, Array]) -> Array:
    kernel, bias = layer
    return x @ kernel + bias


def _lstm(x: Array, c: Array, h: Array, layer: tuple[Array, Array]) -> tuple[Array, Array]:
    """One step of Keras' LSTM, whose gates lie in the order input, forget, candidate, output."""
    gates = _affine(np.concatenate([x, h]), layer).reshape(4, -1)
    admit, forget = _sigmoid(gates[:2])
    c = forget * c + admit * np.tanh(gates[2])
    return c, _sigmoid(gates[3]) * np.tanh(c)


def _sigmoid(x: Array) -> Array:
    """By way of tanh, which neither overflows nor warns."""
    half = np.float32(0.5)
    result: Array = half + half * np.tanh(half * x)
    return result


def _leaky_relu(x: Array) -> Array:
    result: Array = np.maximum(x, _SLOPE * x)
    return result


def _l2_normalized(x: Array) -> Array:
    squares = np.sum(np.square(x), axis=-1, keepdims=True)
    result: Array = x / np.sqrt(np.maximum(squares, _NORM_FLOOR))
    return result
