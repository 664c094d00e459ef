"""What the network says of the next record, in numpy: time first, then byte after byte.

All is of several songs side by side and given as logits: log-probabilities but for a number that
is the same for all choices of a song, and -inf for what cannot be. The heads are those of
:mod:`midirnn.model.heads`, under the names that their weights have there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from midicodec import BITS
from midirnn.errors import RunError
from midirnn.model.timeclasses import CLASSES, PARTS, classes_of
from midirnn.model.timescale import to_seconds
from midirnn.settings.config import TimeScale

Array = npt.NDArray[np.float32]
Chosen = npt.NDArray[np.integer]
Layer = tuple[Array, Array]
Weight = Callable[..., Array]
"""A weight by its name, of a shape that it must have; None for what may differ."""

FIRST_STATUS, LAST_STATUS = 0x80, 0xEF  # of channel messages
ONE_DATA_BYTE = (0xC0, 0xDF)
BYTE_TABLE = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float32)
"""The bits of every byte, ``(256, 8)``."""
_NOTHING: Chosen = np.zeros(0, np.uint8)
_SLOPE = np.float32(0.2)  # leaky_relu's below 0


class TimeSaid(NamedTuple):
    """The time before the next record: ``(songs, CLASSES)`` logits, or a number of seconds."""

    class_logits: Array | None
    """Of the classes of :mod:`midirnn.model.timeclasses`; None where time is a number."""
    seconds: npt.NDArray[np.float64] | None
    """``(songs,)``, from 0 on; None where time has classes."""


class Said(Protocol):
    """What is said of each song's next record. Ask for the bytes in their order."""

    @property
    def time(self) -> TimeSaid:
        """What is said of the time."""

    @property
    def bit_logits(self) -> Array | None:
        """The log-odds ``(songs, 40)`` of independent bits; None where they are not."""

    def position(self, wait: Chosen) -> Array:
        """Return logits ``(songs, PARTS)`` of the part of the time classes ``wait`` (songs,)."""

    def first(self, wait: Chosen) -> Array:
        """Return logits ``(songs, 256)`` of b1 after the time classes ``wait`` (songs,)."""

    def second(self, first: Chosen) -> Array:
        """Return logits ``(songs, 256)`` of b2 after ``first`` (songs,)."""

    def third(self, second: Chosen) -> Array:
        """Return logits ``(songs, 256)`` of b3 after ``second`` (songs,)."""


class Head(Protocol):
    """Makes of the network's last hidden units what it says."""

    def seen(
        self, records: npt.NDArray[np.uint8], seconds: npt.NDArray[np.float64]
    ) -> Array | None:
        """Return what the network is told of the records besides their bits, if anything."""

    def __call__(self, x: Array) -> Said:
        """``x`` is ``(songs, hidden_size)``."""


class BitsHead:
    """40 independent bits, and a number for time."""

    def __init__(self, weight: Weight, units: int, scale: TimeScale) -> None:
        narrow = len(weight("bits_hidden/bias", None))
        self.bits_hidden = dense(weight, "bits_hidden", units, narrow)
        self.bits_out = dense(weight, "bits_out", narrow, BITS)
        self.time_hidden = dense(weight, "time_hidden", units, narrow)
        self.time_out = dense(weight, "time_out", narrow, 1)
        self._scale = scale

    def seen(self, records: npt.NDArray[np.uint8], seconds: npt.NDArray[np.float64]) -> None:
        """Nothing: bits and a number are what it knows."""

    def __call__(self, x: Array) -> Said:
        """Work all of it out at once."""
        logits = affine(leaky_relu(affine(x, self.bits_hidden)), self.bits_out)
        time = leaky_relu(affine(leaky_relu(affine(x, self.time_hidden)), self.time_out))
        return SaidBits(logits, TimeSaid(None, to_seconds(time[:, 0], self._scale)))


class SaidBits:
    """Bytes whose bits are independent: what came before changes nothing."""

    def __init__(self, bit_logits: Array, time: TimeSaid) -> None:
        self.bit_logits, self.time = bit_logits, time

    def position(self, wait: Chosen) -> Array:
        """All parts alike: time is a number here, and has none."""
        return np.zeros((len(self.bit_logits), PARTS), np.float32)

    def first(self, wait: Chosen) -> Array:
        """Whatever the time."""
        return self._byte(1)

    def second(self, first: Chosen) -> Array:
        """Whatever the byte before."""
        return self._byte(2)

    def third(self, second: Chosen) -> Array:
        """Whatever the bytes before."""
        return self._byte(3)

    def _byte(self, index: int) -> Array:
        logits: Array = self.bit_logits[:, 8 * index : 8 * index + 8] @ BYTE_TABLE.T
        return logits


class BytesHead:
    """A softmax for the class of time, its part, and each byte, given all before it."""

    def __init__(self, weight: Weight, units: int) -> None:
        width = weight("head_hidden/bias", None).shape[0]
        self.units, over = divmod(width, 5)
        statuses = weight("first_out/bias", None).shape[0]
        self.channel_only = statuses == LAST_STATUS + 1 - FIRST_STATUS
        if over or (statuses != 256 and not self.channel_only):
            raise RunError(
                f"the weights of the head are for {width} units and {statuses} statuses; "
                "expected a multiple of 5, and 112 or 256"
            )
        values, narrow = 128 if self.channel_only else 256, self.units
        self.hidden = dense(weight, "head_hidden", units, width)
        self.after_time = weight("after_time/kernel", CLASSES, 4 * narrow)
        begin = FIRST_STATUS if self.channel_only else 0
        self.after_first = _at(begin, weight("after_first/kernel", statuses, 2 * narrow))
        kernel = weight("seen/kernel", CLASSES + statuses + 2 * values, units)
        waits, *rows = np.split(kernel, np.cumsum([CLASSES, statuses, values]))
        self._waits = waits
        self._bytes = [_at(at, each) for at, each in zip((begin, 0, 0), rows, strict=True)]
        self.after_second = weight("after_second/kernel", values, narrow)
        self.time_out = dense(weight, "time_out", narrow, CLASSES)
        self.position_out = dense(weight, "position_out", narrow, PARTS)
        self.first_out = _of_bytes(dense(weight, "first_out", narrow, statuses), begin)
        self.second_out = _of_bytes(dense(weight, "second_out", narrow, values))
        self.third_out = _of_bytes(dense(weight, "third_out", narrow, values))

    def seen(self, records: npt.NDArray[np.uint8], seconds: npt.NDArray[np.float64]) -> Array:
        """Return the sum of a vector for the class of time and for each byte, (songs, units)."""
        total: Array = self._waits[classes_of(seconds)]
        for column, vectors in enumerate(self._bytes, start=1):
            total += vectors[records[:, column]]
        return total

    def __call__(self, x: Array) -> Said:
        """Work out what is the same whatever is chosen."""
        return SaidBytes(self, affine(x, self.hidden))


class SaidBytes:
    """Bytes of which each is given those before it."""

    bit_logits: None = None

    def __init__(self, head: BytesHead, hidden: Array) -> None:
        self._head, self._units = head, head.units
        self._hidden = hidden.reshape(len(hidden), 5, -1)
        self._given, self._first = self._hidden[:, 2:], _NOTHING
        self.time = TimeSaid(affine(leaky_relu(self._hidden[:, 0]), head.time_out), None)

    def position(self, wait: Chosen) -> Array:
        """Of the class: where in it."""
        x = self._hidden[:, 1] + self._head.after_time[wait, : self._units]
        return affine(leaky_relu(x), self._head.position_out)

    def first(self, wait: Chosen) -> Array:
        """Given the time."""
        x = self._hidden[:, 2:].reshape(len(wait), -1) + self._head.after_time[wait, self._units :]
        self._given = x.reshape(len(wait), 3, -1)
        return affine(leaky_relu(self._given[:, 0]), self._head.first_out)

    def second(self, first: Chosen) -> Array:
        """Given the time and the first byte."""
        self._first = first
        self._given[:, 1:] += self._head.after_first[first].reshape(len(first), 2, -1)
        return affine(leaky_relu(self._given[:, 1]), self._head.second_out)

    def third(self, second: Chosen) -> Array:
        """Given all before; 0 after a status that takes one data byte."""
        self._given[:, 2] += self._head.after_second[second]
        logits = affine(leaky_relu(self._given[:, 2]), self._head.third_out)
        if self._head.channel_only:
            none = (self._first >= ONE_DATA_BYTE[0]) & (self._first <= ONE_DATA_BYTE[1])
            if none.any():
                logits[none] = -np.inf
                logits[none, 0] = 0
        return logits


def dense(weight: Weight, name: str, inputs: int, outputs: int) -> Layer:
    """Return a layer's kernel and bias."""
    return weight(f"{name}/kernel", inputs, outputs), weight(f"{name}/bias", outputs)


def affine(x: Array, layer: Layer) -> Array:
    """Return ``x`` (songs, inputs) times the kernel, plus the bias."""
    kernel, bias = layer
    result: Array = x @ kernel
    result += bias
    return result


def leaky_relu(x: Array) -> Array:
    """Return ``x``, a fifth of it where it is below 0."""
    result: Array = np.maximum(x, _SLOPE * x)
    return result


def _of_bytes(layer: Layer, begin: int = 0) -> Layer:
    """Give each of the 256 bytes a place; what the layer has none for is at -inf."""
    kernel, bias = layer
    certain = np.full(256, -np.inf, np.float32)
    certain[begin : begin + len(bias)] = bias
    return np.ascontiguousarray(_at(begin, kernel.T).T), certain


def _at(begin: int, rows: Array) -> Array:
    """Return 256 rows, of which those from ``begin`` on are ``rows`` and the others zeros."""
    return np.pad(rows, ((begin, 256 - begin - len(rows)), (0, 0)))
