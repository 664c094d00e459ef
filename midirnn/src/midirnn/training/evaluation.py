"""How well a network predicts songs: bits per message, and for its time.

The measure is the same for every model: the negative log2-likelihood of each channel message's
whole record, over all but a song's first. A network is shown what it was trained on: one that
knows all messages sees those between, too, and is not scored on them. Bits that are independent
have their probabilities clipped at 1e-6. Time has a term of its own, the negative log2-likelihood
of its class (:mod:`midirnn.model.timeclasses`), where the network gives it a distribution.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from midirnn.console.say import say
from midirnn.corpus.reading import (
    open_corpus,
    prepared_among,
    read_corpus,
    read_split,
    settings_of,
)
from midirnn.corpus.split import Split
from midirnn.errors import CorpusError
from midirnn.model.heads import by_byte
from midirnn.model.network import Network
from midirnn.model.timescale import from_seconds, to_seconds
from midirnn.plugin.interfaces import Events, LossTerm, Predictions, Targets
from midirnn.run.folder import Run
from midirnn.settings.config import Config
from midirnn.training.choices import make_losses
from midirnn.training.losses import each_term
from midirnn.training.step import records_to_bits

_CLIP = 1e-6
_LANES = 32


_FIRST = ("note", "note", "note", "controller", "program", "pressure", "bend")
"""What a channel message's first data byte is, by the upper half of its status from 8 on."""
_SECOND = ("velocity", "velocity", "pressure", "value", "unused", "unused", "bend")


@dataclass(frozen=True)
class Evaluation:
    """A network's scores over some songs; loss terms are means over windows, unweighted."""

    songs: int
    messages: int
    bits_per_message: float
    fields: dict[str, float]
    """The share of each part of a record in these bits; together they are all of them."""
    time_bits_per_message: float | None
    """What the class of its time costs; None where the network says a number."""
    exact_messages: float
    """The share of messages that are the likeliest: of bytes, given the true time."""
    time_error_seconds: float
    """The mean absolute error of the time before a message: of its mean, where it has one."""
    losses: dict[str, float]

    @property
    def total_bits_per_message(self) -> float:
        """What message and time cost together: what networks are compared by."""
        return self.bits_per_message + (self.time_bits_per_message or 0.0)

    def as_dict(self) -> dict[str, Any]:
        """Return the scores as plain values, for JSON."""
        return asdict(self) | {"total_bits_per_message": self.total_bits_per_message}


def evaluate_run(
    folder: Path, paths: Sequence[Path], checkpoint: str, split: Split | None = None
) -> Evaluation:
    """Score a run's network on the channel messages of ``paths``.

    These are a prepared corpus, of which ``split`` is used (the validation split if not given), or
    files and folders, which are used whole, or, with a ``split``, split as training splits them.
    """
    run = Run(folder)
    config = run.config()
    losses = make_losses(config)
    step = run.checkpoints.find(checkpoint)
    weights = run.checkpoints.load(step, "weights")
    songs = _songs(paths, config, split)
    network = Network(
        config.model.model_copy(update={"precision": "float32"}),
        channel_only=config.corpus.channel_only,
    )
    with run.checkpoints.blamed(step):
        network.load(weights)
    return Evaluator(network, losses, config).evaluate(songs)


def _songs(paths: Sequence[Path], config: Config, split: Split | None) -> Sequence[Events]:
    prepared = prepared_among(paths)
    if prepared is not None:
        made_with = settings_of(paths)
        if config.corpus.channel_only and made_with is not None and not made_with.channel_only:
            raise CorpusError(
                f"{prepared} was prepared with all messages, of which this network knows those of "
                "channels only; prepare another with --messages channel"
            )
        corpus = read_split(prepared, split or "validation")
    elif split is None:
        corpus = read_corpus(paths, config.corpus)
    else:
        corpus = open_corpus(paths, config.corpus)
        songs = {"train": corpus.songs, "validation": corpus.validation, "test": corpus.test}[split]
        if not len(songs):
            raise CorpusError(
                f"of so few songs none is held back for {split}; leave --split out to score all"
            )
        say(f"{len(songs)} songs, the {split} split")
        return songs
    say(str(corpus))
    return corpus.songs


class Evaluator:
    """Scores a network as it is at the moment, as often as it is asked to."""

    def __init__(self, network: Network, terms: Sequence[LossTerm], config: Config) -> None:
        self._network, self._terms = network, terms
        self._length = config.training.sequence_length
        self._scale = config.model.time_scale
        self._units = config.model.hidden_size
        self._bytes = config.model.head == "bytes"
        self._predict = tf.function(
            self._costs,
            autograph=False,
            input_signature=[
                tf.TensorSpec((None, self._length + 1, 5), tf.uint8),
                tf.TensorSpec((None, self._length + 1), tf.float32),
                tf.TensorSpec((None, 4, self._units), tf.float32),
                tf.TensorSpec((None, self._length), tf.float32),
            ],
        )

    def evaluate(self, songs: Sequence[Events]) -> Evaluation:
        """Run over every song from its beginning, fresh states each, and score each prediction."""
        messages = windows = 0
        exact_messages = time_error = time_bits = 0.0
        fields: dict[str, float] = {}
        losses = dict.fromkeys((term.name for term in self._terms), 0.0)
        # Songs of about one length side by side: the short ones wait for the longest of them.
        by_length = sorted(songs, key=len)
        for first in range(0, len(by_length), _LANES):
            lanes = by_length[first : first + _LANES]
            states = np.zeros((len(lanes), 4, self._units), np.float32)
            for records, delta_seconds, real, counted in _windows(lanes, self._length):
                time = from_seconds(delta_seconds, self._scale)
                states, cost, predictions, parts = self._predict(
                    records, time, states, real.astype(np.float32)
                )
                status = records[:, 1:, 1]
                messages += int(counted.sum())
                for name, bits in _by_field(status[counted], cost.numpy()[counted]):
                    fields[name] = fields.get(name, 0.0) + bits
                exact_messages += float(predictions.exact.numpy()[counted].sum())
                said = to_seconds(predictions.time.numpy(), self._scale)
                time_error += float(np.abs(said - delta_seconds[:, 1:])[counted].sum())
                if predictions.time_log_likelihood is not None:
                    nats = predictions.time_log_likelihood.numpy()[counted]
                    time_bits -= float(nats.sum(dtype=np.float64)) / math.log(2)
                windows += int(real.any(axis=1).sum())
                for name, value in parts.items():
                    losses[name] += float(value)
        count = max(messages, 1)
        return Evaluation(
            songs=len(songs),
            messages=messages,
            bits_per_message=sum(fields.values()) / count,
            fields={name: bits / count for name, bits in fields.items()},
            time_bits_per_message=time_bits / count if self._bytes else None,
            exact_messages=exact_messages / count,
            time_error_seconds=time_error / count,
            losses={name: total / max(windows, 1) for name, total in losses.items()},
        )

    def _costs(
        self, records: tf.Tensor, time: tf.Tensor, states: tf.Tensor, mask: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, Predictions, dict[str, tf.Tensor]]:
        """Return the states, each byte's bits, the predictions, and loss terms."""
        bits = records_to_bits(records)
        targets = Targets(bits[:, 1:], time[:, 1:])
        predictions, states = self._network(bits[:, :-1], time[:, :-1], states, targets)
        # A lane that has only padding in this window has no loss, whatever a term makes of it.
        real = tf.reduce_any(mask > 0, axis=1)
        parts = {
            name: tf.reduce_sum(tf.where(real, values, 0.0))
            for name, values in each_term(self._terms, targets, predictions, mask).items()
        }
        if self._bytes:
            cost = -predictions.byte_log_likelihood
        else:
            p = tf.clip_by_value(predictions.bits, _CLIP, 1 - _CLIP)
            cost = -tf.math.log(tf.where(targets.bits > 0.5, p, 1 - p))
            cost = tf.reduce_sum(by_byte(cost), axis=3)
        return states, cost / tf.math.log(2.0), predictions, parts


def _by_field(
    status: npt.NDArray[np.uint8], cost: npt.NDArray[np.float32]
) -> Iterator[tuple[str, float]]:
    """Yield the sums of ``cost``, (n, 5) of channel messages, by what their bytes mean."""
    total = cost.sum(axis=0, dtype=np.float64)
    yield "status", float(total[1])
    kinds = (status >> 4) - 8
    for names, column in ((_FIRST, 2), (_SECOND, 3)):
        sums = np.bincount(kinds, cost[:, column], minlength=len(names))
        for name, bits, count in zip(names, sums, np.bincount(kinds, minlength=8), strict=False):
            if count:
                yield name, float(bits)
    yield "long", float(total[0])
    yield "n", float(total[4])


def _scored(records: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Return ``(n,)`` bool: a song's channel messages but the first, which no other announces."""
    long, status = records[:, 0], records[:, 1]
    scored: npt.NDArray[np.bool_] = (long == 0) & (status >= 0x80) & (status < 0xF0)
    scored[: int(scored.argmax()) + 1] = False
    return scored


class _Window(NamedTuple):
    """``T`` + 1 records of each of some songs, zeros behind a song's end."""

    records: npt.NDArray[np.uint8]
    delta_seconds: npt.NDArray[np.float64]
    real: npt.NDArray[np.bool_]
    """``(songs, T)``: which targets there are."""
    counted: npt.NDArray[np.bool_]
    """``(songs, T)``: which of them are scored."""


def _windows(songs: Sequence[Events], length: int) -> Iterator[_Window]:
    """Yield windows of ``length`` + 1 records over all songs."""
    scored = [_scored(song.records) for song in songs]
    for start in range(0, max(map(len, songs)) - 1, length):
        records = np.zeros((len(songs), length + 1, 5), np.uint8)
        delta_seconds = np.zeros((len(songs), length + 1), np.float64)
        real, counted = np.zeros((2, len(songs), length), np.bool_)
        for lane, song in enumerate(songs):
            piece = song.records[start : start + length + 1]
            records[lane, : len(piece)] = piece
            delta_seconds[lane, : len(piece)] = song.delta_seconds[start : start + length + 1]
            targets = scored[lane][start + 1 : start + length + 1]
            real[lane, : len(targets)] = True
            counted[lane, : len(targets)] = targets
        yield _Window(records, delta_seconds, real, counted)
