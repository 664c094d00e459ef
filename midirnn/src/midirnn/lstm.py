"""An LSTM for CPUs, whose weights are those of ``keras.layers.LSTM``.

What does not depend on the step before is taken out of the loop: the inputs of all steps are
multiplied at once, and so is every gradient but that of the states. The loop is unrolled: with one
lane, a ``tf.while_loop`` keeps books for longer than it multiplies. ``B`` lanes, ``T`` steps, ``I``
inputs, ``H`` units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

LONGEST_UNROLLED = 128
"""Longer windows, and those of unknown length, go Keras' way: this one takes seconds to trace."""

Gradient = Callable[..., tuple[tf.Tensor, ...]]


class LSTM(keras.layers.LSTM):
    """Keras' LSTM, with its names, shapes and gate order (input, forget, candidate, output)."""

    def __init__(
        self,
        units: int,
        kernel_initializer: keras.initializers.Initializer | str = "glorot_uniform",
        recurrent_initializer: keras.initializers.Initializer | str = "orthogonal",
        name: str | None = None,
        dtype: str = "float32",
    ) -> None:
        super().__init__(
            units,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            return_sequences=True,
            return_state=True,
            name=name,
            dtype=dtype,
        )

    def call(
        self, sequences: tf.Tensor, initial_state: Sequence[tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """``sequences`` (B, T, I), h and c (B, H) → h of every step (B, T, H), the last h and c."""
        length = sequences.shape[1]
        if length is None or length > LONGEST_UNROLLED:
            outputs, h, c = super().call(sequences, initial_state=list(initial_state))
            return outputs, h, c
        weights = (self.cell.kernel, self.cell.recurrent_kernel, self.cell.bias)
        outputs, h, c = lstm(sequences, *initial_state, *map(tf.convert_to_tensor, weights))
        return outputs, h, c


class _Step(NamedTuple):
    """What a step leaves for the way back, ``(B, H)`` each."""

    i: tf.Tensor
    f: tf.Tensor
    candidate: tf.Tensor
    o: tf.Tensor
    c_before: tf.Tensor
    tanh_c: tf.Tensor


@tf.custom_gradient
def lstm(
    inputs: tf.Tensor,
    h: tf.Tensor,
    c: tf.Tensor,
    kernel: tf.Tensor,
    recurrent_kernel: tf.Tensor,
    bias: tf.Tensor,
) -> tuple[tuple[tf.Tensor, tf.Tensor, tf.Tensor], Gradient]:
    """Run over ``inputs`` (B, T, I) from ``h`` and ``c`` (B, H); ``T`` must be static.

    The weights are ``kernel`` (I, 4H), ``recurrent_kernel`` (H, 4H) and ``bias`` (4H,). Returns h
    of every step (B, T, H), and h and c of the last. The same arguments give the same bits, in
    the gradients too: every sum has one order.
    """
    _, length, width = inputs.shape
    gates = kernel.shape[1]
    # Time-major only here: a step's gates then lie together, and taking one copies nothing.
    rows = tf.reshape(tf.transpose(inputs, (1, 0, 2)), (-1, width))
    projected = tf.nn.bias_add(tf.matmul(rows, kernel), bias)
    first_h, hs, steps = h, [], []
    for gate_inputs in tf.unstack(tf.reshape(projected, (length, -1, gates))):
        i, f, candidate, o = tf.split(gate_inputs + tf.matmul(h, recurrent_kernel), 4, axis=1)
        i, f, candidate, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(candidate), tf.sigmoid(o)
        before, c = c, f * c + i * candidate
        tanh_c = tf.tanh(c)
        h = o * tanh_c
        hs.append(h)
        steps.append(_Step(i, f, candidate, o, before, tanh_c))
    outputs = tf.stack(hs, axis=1)

    def gradient(d_outputs: tf.Tensor, d_h: tf.Tensor, d_c: tf.Tensor) -> tuple[tf.Tensor, ...]:
        d_gates = []
        for step, d_output in zip(
            reversed(steps), reversed(tf.unstack(d_outputs, axis=1)), strict=True
        ):
            at_gates, d_c = _step_gradient(step, d_h + d_output, d_c)
            d_h = tf.matmul(at_gates, recurrent_kernel, transpose_b=True)
            d_gates.append(at_gates)
        # One product over all steps and lanes for each weight, its rows in the inputs' order.
        all_gates = tf.reshape(tf.stack(d_gates[::-1], axis=1), (-1, gates))
        hs_before = tf.stack([first_h, *hs[:-1]], axis=1)
        units = recurrent_kernel.shape[0]
        return (
            tf.reshape(tf.matmul(all_gates, kernel, transpose_b=True), tf.shape(inputs)),
            d_h,
            d_c,
            tf.matmul(tf.reshape(inputs, (-1, width)), all_gates, transpose_a=True),
            tf.matmul(tf.reshape(hs_before, (-1, units)), all_gates, transpose_a=True),
            tf.reduce_sum(all_gates, axis=0),
        )

    return (outputs, h, c), gradient


def _step_gradient(step: _Step, d_h: tf.Tensor, d_c: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the gradients at a step's gates, before their activation (B, 4H), and c before it."""
    sigmoid, tanh = tf.raw_ops.SigmoidGrad, tf.raw_ops.TanhGrad  # from the outputs, in one op
    d_c += tanh(y=step.tanh_c, dy=d_h * step.o)
    at_gates = [
        sigmoid(y=step.i, dy=d_c * step.candidate),
        sigmoid(y=step.f, dy=d_c * step.c_before),
        tanh(y=step.candidate, dy=d_c * step.i),
        sigmoid(y=step.o, dy=d_h * step.tanh_c),
    ]
    return tf.concat(at_gates, axis=1), d_c * step.f
