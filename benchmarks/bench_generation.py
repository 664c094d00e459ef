"""Generating in numpy, one song and many, against TensorFlow stepping the same network."""

from __future__ import annotations

import torch_first  # noqa: F401

# isort: split

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import tensorflow as tf

from midirnn.model.network import Network
from midirnn.model.stepper import Stepper
from midirnn.model.timescale import from_seconds
from midirnn.plugin import Targets
from midirnn.settings.config import ModelConfig

Race = Callable[[str, int, Mapping[str, Callable[[], object]]], dict[str, float]]

RECORDS = 96  # of all songs together, in one turn
RECORD = np.array([0, 0x90, 60, 64, 3], np.uint8)
SECONDS = 0.1


@pytest.mark.parametrize("head", ["bytes", "bits"])
@pytest.mark.parametrize("units", [256, 500])
def test_generated_records(units: int, head: str, race: Race) -> None:
    """All that a record is drawn from is worked out; nothing is drawn."""
    network = Network(ModelConfig(hidden_size=units, head=head))
    weights = {name: each.numpy() for name, each in network.named_weights().items()}
    function = tf.function(lambda bits, time, states, of: network(bits, time, states, of))
    bits = np.unpackbits(RECORD).astype(np.float32)[None, None]
    time = from_seconds([[SECONDS]], "log")

    def tensorflow() -> None:
        """The record it is shown stands for the one that was drawn, as it would after a draw."""
        states = tf.zeros((1, 4, units))
        for _ in range(RECORDS):
            shown = tf.constant(bits), tf.constant(time)
            predictions, states = function(*shown, states, Targets(*shown))
            predictions.bits.numpy()

    def numpy_of(songs: int) -> Callable[[], None]:
        stepper = Stepper(weights, songs)
        records, seconds = np.tile(RECORD, (songs, 1)), np.full(songs, SECONDS)
        wait, (_, first, second, _, _) = np.full(songs, 50), records.T

        def run() -> None:
            for _ in range(RECORDS // songs):
                said = stepper.step(records, seconds)
                if head == "bytes":
                    said.position(wait)
                said.first(wait)
                said.second(first)
                said.third(second)

        return run

    race(
        f"generating, {units} units, {head}",
        RECORDS,
        {
            "reference: TensorFlow, one song": tensorflow,
            "one song": numpy_of(1),
            "four songs": numpy_of(4),
            "sixteen songs": numpy_of(16),
        },
    )
