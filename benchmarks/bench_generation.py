"""Generating in numpy against TensorFlow stepping the same network."""

from __future__ import annotations

import torch_first  # noqa: F401

# isort: split

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from midirnn.config import ModelConfig
from midirnn.model import Network
from midirnn.stepper import Stepper

Measure = Callable[[str, str, int, Callable[[], object]], None]

RECORDS = 200


@pytest.mark.parametrize("how", ["Stepper (numpy)", "reference: tf.function"])
def test_generated_records(how: str, measure: Measure) -> None:
    network = Network(ModelConfig())
    bits = np.random.default_rng(0).integers(0, 2, 40).astype(np.float32)
    stepper = Stepper({name: v.numpy() for name, v in network.named_weights().items()})
    zero = np.zeros((1, 4, 500), np.float32)
    function = tf.function(lambda bits, time, states: network(bits, time, states))

    def numpy_steps() -> None:
        for _ in range(RECORDS):
            stepper.step(bits, 0.1)

    def tensorflow_steps() -> None:
        states = tf.constant(zero)
        time = tf.constant([[0.1]], tf.float32)
        for _ in range(RECORDS):
            predictions, states = function(tf.constant(bits[None, None]), time, states)
            predictions.time.numpy()

    steps = numpy_steps if how.startswith("Stepper") else tensorflow_steps
    measure("generated records", how, RECORDS, steps)
