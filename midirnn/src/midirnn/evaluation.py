"""How well a network predicts songs: bits per message, and time.

The measure is the same for every model: the negative log2-likelihood of each channel message's
whole 40-bit record, its bits independent and their probabilities clipped at 1e-6, over every
record that has one before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from midirnn.config import Config
from midirnn.corpus import read_corpus
from midirnn.losses import each_term
from midirnn.model import Network
from midirnn.plugin.interfaces import Events, LossTerm, Targets
from midirnn.run import Run
from midirnn.say import say
from midirnn.step import records_to_bits
from midirnn.timescale import from_seconds, to_seconds
from midirnn.training import describe, make_losses

_CLIP = 1e-6
_LANES = 32


@dataclass(frozen=True)
class Evaluation:
    """A network's scores over some songs; loss terms are means over windows, unweighted."""

    songs: int
    messages: int
    bits_per_message: float
    exact_messages: float
    """The share of messages that rounding the network's bits gives exactly."""
    time_error_seconds: float
    """The mean absolute error of the time before a message."""
    losses: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Return the scores as plain values, for JSON."""
        return asdict(self)


def evaluate_run(folder: Path, paths: Sequence[Path], checkpoint: str) -> Evaluation:
    """Score a run's network on the channel messages of the files among and below ``paths``."""
    run = Run(folder)
    config = run.config()
    losses = make_losses(config)
    step = run.checkpoints.find(checkpoint)
    weights = run.checkpoints.load(step, "weights")
    # The same set for every model, whatever it was trained on.
    corpus = read_corpus(paths, config.corpus.model_copy(update={"messages": "channel"}))
    say(describe(corpus))
    network = Network(config.model)
    with run.checkpoints.blamed(step):
        network.load(weights)
    return evaluate(network, corpus.songs, losses, config)


def evaluate(
    network: Network, songs: Sequence[Events], terms: Sequence[LossTerm], config: Config
) -> Evaluation:
    """Run over every song from its beginning, fresh states each, and score each prediction."""
    scale, length = config.model.time_scale, config.training.sequence_length

    @tf.function(autograph=False)
    def predict(
        records: tf.Tensor, time: tf.Tensor, states: tf.Tensor, mask: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        bits = records_to_bits(records)
        targets = Targets(bits[:, 1:], time[:, 1:])
        predictions, states = network(bits[:, :-1], time[:, :-1], states)
        # A lane that has only padding in this window has no loss, whatever a term makes of it.
        real = tf.reduce_any(mask > 0, axis=1)
        parts = {
            name: tf.reduce_sum(tf.where(real, values, 0.0))
            for name, values in each_term(terms, targets, predictions, mask).items()
        }
        p = tf.clip_by_value(predictions.bits, _CLIP, 1 - _CLIP)
        likelihood = tf.where(targets.bits > 0.5, p, 1 - p)
        cost_bits = -tf.reduce_sum(tf.math.log(likelihood), axis=2) / tf.math.log(2.0)
        exact = tf.reduce_all((predictions.bits > 0.5) == (targets.bits > 0.5), axis=2)
        return states, cost_bits, exact, predictions.time, parts

    messages = 0
    bits = exact_messages = time_error = 0.0
    sums = dict.fromkeys((term.name for term in terms), 0.0)
    windows = 0
    # Songs of about one length side by side: the short ones wait for the longest of them.
    by_length = sorted(songs, key=len)
    for first in range(0, len(by_length), _LANES):
        lanes = by_length[first : first + _LANES]
        states = np.zeros((len(lanes), 4, config.model.hidden_size), np.float32)
        for records, delta_seconds, real in _windows(lanes, length):
            time = from_seconds(delta_seconds, scale)
            states, cost, exact, said, parts = predict(
                records, time, states, real.astype(np.float32)
            )
            long, status = records[:, 1:, 0], records[:, 1:, 1]
            counted = real & (long == 0) & (status >= 0x80) & (status < 0xF0)
            messages += int(counted.sum())
            bits += float(cost.numpy()[counted].sum())
            exact_messages += float(exact.numpy()[counted].sum())
            error = np.abs(to_seconds(said.numpy(), scale) - delta_seconds[:, 1:])
            time_error += float(error[counted].sum())
            windows += int(real.any(axis=1).sum())
            for name, value in parts.items():
                sums[name] += float(value)
    count = max(messages, 1)
    return Evaluation(
        songs=len(songs),
        messages=messages,
        bits_per_message=bits / count,
        exact_messages=exact_messages / count,
        time_error_seconds=time_error / count,
        losses={name: total / max(windows, 1) for name, total in sums.items()},
    )


def _windows(
    songs: Sequence[Events], length: int
) -> Iterator[tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64], npt.NDArray[np.bool_]]]:
    """Yield windows of ``length`` + 1 records over all songs, zeros behind a song's end.

    The mask, ``(songs, length)``, is true where a target is real.
    """
    for start in range(0, max(map(len, songs)) - 1, length):
        records = np.zeros((len(songs), length + 1, 5), np.uint8)
        delta_seconds = np.zeros((len(songs), length + 1), np.float64)
        real = np.zeros((len(songs), length), np.bool_)
        for lane, song in enumerate(songs):
            piece = song.records[start : start + length + 1]
            records[lane, : len(piece)] = piece
            delta_seconds[lane, : len(piece)] = song.delta_seconds[start : start + length + 1]
            real[lane, : max(len(piece) - 1, 0)] = True
        yield records, delta_seconds, real
