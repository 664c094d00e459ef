"""The network one record at a time in numpy: what generating needs, without TensorFlow.

Weights are read from a checkpoint under the names that :class:`midirnn.model.network.Network` gives
them, and prepared so that a step reads each once: at one song that reading is what takes the
time, and several songs side by side share it. So each LSTM's two kernels are one matrix, and so
are the two that the inputs meet.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from midicodec import BITS
from midirnn.errors import RunError
from midirnn.model.said import (
    Array,
    BitsHead,
    BytesHead,
    Head,
    Layer,
    Said,
    Weight,
    affine,
    dense,
    leaky_relu,
)
from midirnn.model.timescale import from_seconds
from midirnn.settings.config import TimeScale

_EPSILON = np.float32(1e-7)
_NORM_FLOOR = np.float32(1e-12)  # tf.nn.l2_normalize's
_LSTM_KERNELS = ("kernel", "recurrent_kernel")
_HALF = np.float32(0.5)


class Stepper:
    """A network's weights, and its two LSTMs' states for several songs."""

    states: Array
    """c and h of the first LSTM, then of the second: ``(songs, 4, hidden_size)``; may be set."""

    def __init__(
        self,
        weights: Mapping[str, npt.NDArray[np.generic]],
        songs: int = 1,
        time_scale: TimeScale = "log",
    ) -> None:
        """Prepare the weights; raises :class:`RunError` where one is missing or does not fit."""

        def weight(name: str, *shape: int | None) -> Array:
            found = weights.get(name)
            if found is None:
                raise RunError(f"the checkpoint has no weight {name}")
            fits = len(shape) == found.ndim and all(
                wanted in (None, size) for wanted, size in zip(shape, found.shape, strict=True)
            )
            if found.dtype.kind != "f" or not fits:
                expected = " × ".join("any" if each is None else str(each) for each in shape)
                raise RunError(
                    f"the weight {name} is {found.dtype} of shape {found.shape}; "
                    f"expected float32 of {expected or 'one number'}"
                )
            return np.ascontiguousarray(found, np.float32)

        table = weight("query_gate/table", None, BITS + 1)
        units = len(table)
        queries = weight("query_gate/multiplier") * _l2_normalized(table + _EPSILON).T
        kernel, bias = dense(weight, "gated", BITS + 1, units)
        # A query's cosine is with the inputs plus epsilon, whose length divides afterwards.
        self._inputs: Layer = (
            np.concatenate([queries, kernel], axis=1),
            np.concatenate([_EPSILON * queries.sum(axis=0), bias]),
        )
        self._lstm1 = _LSTM(weight, "lstm1", units, songs)
        self._between = dense(weight, "between", units, units)
        self._lstm2 = _LSTM(weight, "lstm2", units, songs)
        self._fork = dense(weight, "fork", units, units)
        self._head: Head = (
            BytesHead(weight, units)
            if "head_hidden/kernel" in weights
            else BitsHead(weight, units, time_scale)
        )
        self._time_scale: TimeScale = time_scale
        self._shown = np.empty((songs, BITS + 1), np.float32)
        self._seen = np.empty((songs, 2 * units), np.float32)
        self._gate, self._gated = self._seen[:, :units], self._seen[:, units:]
        self.states = np.zeros((songs, 4, units), np.float32)

    def step(self, records: npt.NDArray[np.uint8], seconds: npt.NDArray[np.float64]) -> Said:
        """Show each song its last record; return what is expected next of each.

        ``records`` is ``(songs, 5)`` and ``seconds`` ``(songs,)``, the time before each. What is
        returned stays what it is in the steps that follow.
        """
        shown = self._shown
        shown[:, :BITS] = np.unpackbits(records, axis=1)
        shown[:, BITS] = from_seconds(seconds, self._time_scale)
        _affine_into(self._seen, shown, self._inputs)
        gate = np.tanh(self._gate / _norm(shown + _EPSILON))
        c1, h1, c2, h2 = self.states.swapaxes(0, 1)  # views: what is written there stays
        x = gate * leaky_relu(self._gated)
        seen = self._head.seen(records, seconds)
        if seen is not None:
            x += seen
        self._lstm1.step(x, c1, h1)
        x = leaky_relu(affine(h1, self._between))
        self._lstm2.step(x, c2, h2)
        return self._head(leaky_relu(affine(h2, self._fork)))


class _LSTM:
    """Keras' LSTM, whose gates lie in the order input, forget, candidate, output."""

    def __init__(self, weight: Weight, name: str, units: int, songs: int) -> None:
        kernels = [weight(f"{name}/{each}", units, 4 * units) for each in _LSTM_KERNELS]
        # sigmoid(x) is (1 + tanh(x / 2)) / 2: so all four gates take one call of tanh.
        half = np.repeat(np.array([0.5, 0.5, 1, 0.5], np.float32), units)
        self._layer = np.concatenate(kernels) * half, weight(f"{name}/bias", 4 * units) * half
        self._both = np.empty((songs, 2 * units), np.float32)
        self._x, self._h = self._both[:, :units], self._both[:, units:]
        self._gates = np.empty((songs, 4 * units), np.float32)
        views = (self._gates[:, n * units : (n + 1) * units] for n in range(4))
        self._admit, self._forget, self._candidate, self._output = views
        self._sigmoids = self._gates[:, : 2 * units], self._output

    def step(self, x: Array, c: Array, h: Array) -> None:
        """Let ``x`` (songs, units) change ``c`` and ``h``, of the same shape, in place."""
        self._x[:], self._h[:] = x, h
        _affine_into(self._gates, self._both, self._layer)
        np.tanh(self._gates, out=self._gates)
        for gate in self._sigmoids:
            gate += 1
            gate *= _HALF
        self._candidate *= self._admit
        c *= self._forget
        c += self._candidate
        np.multiply(self._output, np.tanh(c), out=h)


def _affine_into(out: Array, x: Array, layer: Layer) -> None:
    kernel, bias = layer
    np.matmul(x, kernel, out=out)
    out += bias


def _norm(x: Array) -> Array:
    squares = np.einsum("ij,ij->i", x, x)[:, None]
    result: Array = np.sqrt(np.maximum(squares, _NORM_FLOOR))
    return result


def _l2_normalized(x: Array) -> Array:
    result: Array = x / _norm(x)
    return result
