"""An LSTM for CPUs, whose weights are those of ``keras.layers.LSTM``.

What does not depend on the step before is taken out of the loop: the inputs of all steps are
multiplied at once, and so is every gradient but that of the states. The loop is unrolled: with one
lane, a ``tf.while_loop`` keeps books for longer than it multiplies. Each gate has a product of its
own: TensorFlow runs them beside each other, a gate's kernel stays in a core's cache where all four
do not, and none is cut out of, or joined into, a wider matrix. ``B`` lanes, ``T`` steps, ``I``
inputs, ``H`` units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

LONGEST_UNROLLED = 128
"""Longer windows, and those of unknown length, go Keras' way: this one takes seconds to trace."""

GATES = 4
"""Input, forget, candidate, output."""

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
    units = recurrent_kernel.shape[0]
    kernels, recurrent_kernels = (
        tf.split(each, GATES, axis=1) for each in (kernel, recurrent_kernel)
    )
    # Time-major only here: a step's rows then lie together, and taking them copies nothing.
    rows = tf.reshape(tf.transpose(inputs, (1, 0, 2)), (-1, width))
    projected = [
        tf.unstack(tf.reshape(tf.nn.bias_add(tf.matmul(rows, each), at_gate), (length, -1, units)))
        for each, at_gate in zip(kernels, tf.split(bias, GATES), strict=True)
    ]
    first_h, hs, steps = h, [], []
    for gate_inputs in zip(*projected, strict=True):
        i, f, candidate, o = (
            gate_input + tf.matmul(h, each)
            for gate_input, each in zip(gate_inputs, recurrent_kernels, strict=True)
        )
        i, f, candidate, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(candidate), tf.sigmoid(o)
        before, c = c, f * c + i * candidate
        tanh_c = tf.tanh(c)
        h = o * tanh_c
        hs.append(h)
        steps.append(_Step(i, f, candidate, o, before, tanh_c))
    all_h = tf.stack(hs)

    def gradient(d_outputs: tf.Tensor, d_h: tf.Tensor, d_c: tf.Tensor) -> tuple[tf.Tensor, ...]:
        d_gates = []
        for step, d_output in zip(
            reversed(steps), reversed(tf.unstack(tf.transpose(d_outputs, (1, 0, 2)))), strict=True
        ):
            at_gates, d_c = _step_gradient(step, d_h + d_output, d_c)
            d_h = _back_through(at_gates, recurrent_kernels)
            d_gates.append(at_gates)
        # One product over all steps and lanes for each gate's weights, and each kind of them.
        all_gates = [
            tf.reshape(tf.stack(each[::-1]), (-1, units)) for each in zip(*d_gates, strict=True)
        ]
        h_before = tf.concat([first_h, tf.reshape(all_h[:-1], (-1, units))], axis=0)
        d_kernel, d_recurrent_kernel = (
            tf.concat([tf.matmul(read, each, transpose_a=True) for each in all_gates], axis=1)
            for read in (rows, h_before)
        )
        d_inputs = tf.reshape(_back_through(all_gates, kernels), (length, -1, width))
        return (
            tf.transpose(d_inputs, (1, 0, 2)),
            d_h,
            d_c,
            d_kernel,
            d_recurrent_kernel,
            tf.concat([tf.raw_ops.BiasAddGrad(out_backprop=each) for each in all_gates], axis=0),
        )

    return (tf.transpose(all_h, (1, 0, 2)), h, c), gradient


def _step_gradient(
    step: _Step, d_h: tf.Tensor, d_c: tf.Tensor
) -> tuple[tuple[tf.Tensor, ...], tf.Tensor]:
    """Return the gradients at each gate, before its activation (B, H), and c before the step."""
    sigmoid, tanh = tf.raw_ops.SigmoidGrad, tf.raw_ops.TanhGrad  # from the outputs, in one op
    d_c += tanh(y=step.tanh_c, dy=d_h * step.o)
    at_gates = (
        sigmoid(y=step.i, dy=d_c * step.candidate),
        sigmoid(y=step.f, dy=d_c * step.c_before),
        tanh(y=step.candidate, dy=d_c * step.i),
        sigmoid(y=step.o, dy=d_h * step.tanh_c),
    )
    return at_gates, d_c * step.f


def _back_through(at_gates: Sequence[tf.Tensor], kernels: Sequence[tf.Tensor]) -> tf.Tensor:
    """Return the gradient of what was multiplied with each gate's kernel."""
    return tf.add_n(
        [
            tf.matmul(each, kernel, transpose_b=True)
            for each, kernel in zip(at_gates, kernels, strict=True)
        ]
    )
