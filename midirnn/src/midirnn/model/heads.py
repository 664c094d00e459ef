"""What the network says of the next record: a layer from its last hidden units to predictions.

``BitsHead`` is the notebook's: 40 independent bits, and time as a number. ``BytesHead`` gives
a joint distribution: first a class of time, then byte after byte, each given all before it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from midicodec import BITS
from midirnn.model.said import BYTE_TABLE, FIRST_STATUS, LAST_STATUS, ONE_DATA_BYTE
from midirnn.model.timeclasses import (
    AT_ONCE_SECONDS,
    CLASSES,
    FIRST_SECONDS,
    PARTS,
    PER_OCTAVE,
    TOLERANCE,
    seconds_of,
)
from midirnn.model.timescale import (
    LOG_OF_ONE_SECOND,
    LOG_UNIT_SECONDS,
    NOTEBOOK_UNITS_PER_SECOND,
    from_seconds,
)
from midirnn.plugin.interfaces import Predictions, Targets
from midirnn.settings.config import ModelConfig, TimeScale

Dense = Callable[..., keras.layers.Dense]

_IMPOSSIBLE = -100.0  # nats, for a byte that the head gives no probability: finite, so it sums
_CLIP = 1e-6  # where bits are all but certain, so that their log-odds are finite


class BitsHead(keras.layers.Layer):
    """40 independent bits, and a number for time."""

    def __init__(self, dense: Dense, config: ModelConfig) -> None:
        super().__init__(name="head")
        self.bits_hidden = dense("bits_hidden", config.dense_size)
        self.bits_out = dense("bits_out", BITS, activation=None, dtype="float32")
        self.time_hidden = dense("time_hidden", config.dense_size)
        self.time_out = dense("time_out", 1, deviation=0.1, dtype="float32")
        self.parts = [self.bits_hidden, self.bits_out, self.time_hidden, self.time_out]

    def call(self, x: tf.Tensor, targets: Targets | None = None) -> Predictions:
        """(B, T, H) → predictions; likelihoods only where there are targets."""
        logits = self.bits_out(self.bits_hidden(x))  # (B, T, 40)
        bits = tf.sigmoid(logits)
        time = self.time_out(self.time_hidden(x))[:, :, 0]  # (B, T)
        if targets is None:
            return Predictions(logits, bits, time)
        nats = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets.bits, logits=logits)
        right = tf.reduce_all((bits > 0.5) == (targets.bits > 0.5), axis=2)
        return Predictions(
            logits, bits, time, tf.cast(right, tf.float32), -tf.reduce_sum(by_byte(nats), axis=3)
        )


class BytesHead(keras.layers.Layer):
    """A class of time, its part, then three bytes: a softmax each, given all before it.

    A hidden layer of ``D`` units for each of the five: what the network knows, plus a vector for
    each thing said before. ``long`` and ``n`` follow from the bytes and what came before.
    """

    def __init__(self, dense: Dense, config: ModelConfig, *, channel_only: bool) -> None:
        super().__init__(name="head")
        units, self._scale, self._channel_only = config.dense_size, config.time_scale, channel_only
        # What a channel message cannot hold has no unit, so that no probability is lost to it.
        self._base = FIRST_STATUS if channel_only else 0
        statuses = LAST_STATUS + 1 - FIRST_STATUS if channel_only else 256
        values = 128 if channel_only else 256

        def part(name: str, units: int, **options: Any) -> keras.layers.Dense:
            return dense(name, units, activation=None, **options)

        self.hidden = part("head_hidden", 5 * units)
        self.after_time = part("after_time", 4 * units, use_bias=False)
        self.after_first = part("after_first", 2 * units, use_bias=False)
        self.after_second = part("after_second", units, use_bias=False)
        self.time_out = part("time_out", CLASSES, dtype="float32")
        self.position_out = part("position_out", PARTS, dtype="float32")
        self.first_out = part("first_out", statuses, dtype="float32")
        self.second_out = part("second_out", values, dtype="float32")
        self.third_out = part("third_out", values, dtype="float32")
        self.parts = [
            self.hidden, self.after_time, self.after_first, self.after_second, self.time_out,
            self.position_out, self.first_out, self.second_out, self.third_out,
        ]  # fmt: skip
        middles = from_seconds(seconds_of(np.arange(CLASSES)), self._scale)
        self._class_times = tf.constant(middles[:, None])
        table = tf.constant(BYTE_TABLE)
        self._first_table = table[self._base : self._base + statuses]
        self._value_table = table[:values]

    def call(self, x: tf.Tensor, targets: Targets | None = None) -> Predictions:
        """(B, T, H) → predictions; each byte's are given the target's bytes before it."""
        if targets is None:
            raise ValueError("a head that says byte after byte needs to be told the ones before")
        wait, position = time_classes(targets.time, self._scale)
        bytes_ = first, _, third = _bytes_of(targets.bits)
        wait_hot, *byte_hots = self._hot(wait, *bytes_)
        first_hot, second_hot, _ = byte_hots
        after_time = tf.split(self.after_time(wait_hot), 4, axis=2)
        after_first = tf.split(self.after_first(first_hot), 2, axis=2)
        hidden = tf.split(self.hidden(x), 5, axis=2)  # (B, T, D) each, and so below
        time_logits = self.time_out(_active(hidden[0]))
        position_logits = self.position_out(_active(hidden[1] + after_time[0]))
        first_logits = self.first_out(_active(hidden[2] + after_time[1]))
        second_logits = self.second_out(_active(hidden[3] + after_time[2] + after_first[0]))
        third_logits = self.third_out(
            _active(hidden[4] + after_time[3] + after_first[1] + self.after_second(second_hot))
        )
        no_third = tf.zeros_like(first, tf.bool)
        if self._channel_only:
            no_third = (first >= ONE_DATA_BYTE[0]) & (first <= ONE_DATA_BYTE[1])
        logits = (first_logits, second_logits, third_logits)
        likely = [_log_mass(each, hot) for each, hot in zip(logits, byte_hots, strict=True)]
        likely[2] = tf.where(no_third, tf.where(third == 0, 0.0, _IMPOSSIBLE), likely[2])
        right = [
            tf.argmax(each, axis=2, output_type=tf.int32) == byte - base
            for each, byte, base in zip(logits, bytes_, (self._base, 0, 0), strict=True)
        ]
        exact = right[0] & right[1] & (right[2] | no_third)
        zeros = tf.zeros_like(likely[0])
        part_hot = tf.one_hot(position, PARTS)
        in_class = tf.where(wait == 0, 0.0, _log_mass(position_logits, part_hot))
        bits = self._bits(logits, no_third, targets.bits)
        return Predictions(
            tf.math.log(bits) - tf.math.log1p(-bits),
            bits,
            tf.matmul(tf.nn.softmax(time_logits), self._class_times)[:, :, 0],
            tf.cast(exact, tf.float32),
            tf.stack([zeros, *likely, zeros], axis=2),
            _log_mass(time_logits, wait_hot),
            in_class,
        )

    def one_hots(self, bits: tf.Tensor, time: tf.Tensor) -> list[tf.Tensor]:
        """Return the class of time and three bytes, one-hot; what this head does not know is 0.

        They are for products, not lookups: whose gradients are dense, and summed in one order.
        """
        return self._hot(time_classes(time, self._scale)[0], *_bytes_of(bits))

    def _hot(
        self, wait: tf.Tensor, first: tf.Tensor, second: tf.Tensor, third: tf.Tensor
    ) -> list[tf.Tensor]:
        values = len(self._value_table)
        return [
            tf.one_hot(wait, CLASSES),
            tf.one_hot(first - self._base, len(self._first_table)),
            tf.one_hot(second, values),
            tf.one_hot(third, values),
        ]

    def _bits(
        self, logits: tuple[tf.Tensor, tf.Tensor, tf.Tensor], no_third: tf.Tensor, target: tf.Tensor
    ) -> tf.Tensor:
        """Return the probability of each bit, given the target's bytes before its own."""
        first, second, third = map(tf.nn.softmax, logits)
        bits = tf.concat(
            [
                target[:, :, :8],  # long and n follow
                tf.matmul(first, self._first_table),
                tf.matmul(second, self._value_table),
                tf.where(no_third[:, :, None], 0.0, tf.matmul(third, self._value_table)),
                target[:, :, 32:],
            ],
            axis=2,
        )
        return tf.clip_by_value(bits, _CLIP, 1 - _CLIP)


def time_classes(time: tf.Tensor, scale: TimeScale) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the class and the part, int32, of each network time: timeclasses.py's."""
    if scale == "notebook":
        seconds = time / NOTEBOOK_UNITS_PER_SECOND
    else:
        seconds = tf.math.expm1(time * LOG_OF_ONE_SECOND) * LOG_UNIT_SECONDS
    steps = tf.math.log(tf.maximum(seconds / FIRST_SECONDS, 1.0)) * (PER_OCTAVE / np.log(2))
    steps = tf.minimum(steps + TOLERANCE, CLASSES - 1.0)
    whole = tf.minimum(tf.floor(steps), CLASSES - 2.0)
    part = tf.clip_by_value(tf.floor((steps - whole) * PARTS), 0.0, PARTS - 1.0)
    at_once = seconds < AT_ONCE_SECONDS
    return (
        tf.cast(tf.where(at_once, 0.0, 1 + whole), tf.int32),
        tf.cast(tf.where(at_once, 0.0, part), tf.int32),
    )


def _log_mass(logits: tf.Tensor, hot: tf.Tensor) -> tf.Tensor:
    """Return the log-probability (B, T) that a softmax of ``logits`` gives to what is ``hot``."""
    nats = tf.nn.softmax_cross_entropy_with_logits(labels=hot, logits=logits)
    return tf.where(tf.reduce_any(hot > 0, axis=-1), -nats, _IMPOSSIBLE)


def _active(x: tf.Tensor) -> tf.Tensor:
    return tf.nn.leaky_relu(x, 0.2)


def by_byte(bits: tf.Tensor) -> tf.Tensor:
    """(B, T, 40) → (B, T, 5, 8)."""
    return tf.reshape(bits, tf.concat([tf.shape(bits)[:2], [5, 8]], axis=0))


def _bytes_of(bits: tf.Tensor) -> list[tf.Tensor]:
    """(B, T, 40), which noise may have blurred → the message's three bytes, (B, T) int32 each."""
    places = tf.constant([128.0, 64.0, 32.0, 16.0, 8.0, 4.0, 2.0, 1.0])
    whole = tf.cast(by_byte(bits)[:, :, 1:4] > 0.5, tf.float32)
    bytes_: list[tf.Tensor] = tf.unstack(
        tf.cast(tf.reduce_sum(whole * places, axis=3), tf.int32), axis=2
    )
    return bytes_
