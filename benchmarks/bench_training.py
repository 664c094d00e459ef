"""Training against the machine's own speed: the same multiplications as bare matrix products."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from midirnn.config import resolve
from midirnn.losses import Loss
from midirnn.model import Network
from midirnn.plugin.choice import PluginChoice
from midirnn.plugin.manager import plugin_manager
from midirnn.step import TrainStep

Measure = Callable[[str, str, int, Callable[[], object]], None]

HIDDEN, LENGTH = 500, 25
# Products of (lanes × steps, HIDDEN) with (HIDDEN, HIDDEN) in one training event: two LSTMs of
# eight each, two dense layers; once forwards and twice back. The narrow layers are left out.
PRODUCTS = 3 * (2 * 8 + 2)


@pytest.mark.parametrize("lanes", [1, 8, 32])
@pytest.mark.parametrize("how", ["a training step", "reference: matrix products"])
def test_training_events(how: str, lanes: int, measure: Measure) -> None:
    rng = np.random.default_rng(0)
    group = f"training events, {lanes} lanes"
    if how.startswith("reference"):
        inputs = rng.random((lanes * LENGTH, HIDDEN), np.float32)
        weights = rng.random((HIDDEN, HIDDEN), np.float32)

        def products() -> None:
            for _ in range(PRODUCTS):
                inputs @ weights

        measure(group, how, lanes * LENGTH, products)
        return
    config = resolve(None, {"training": {"lanes": lanes}})
    manager = plugin_manager()
    terms = [manager.create("loss", PluginChoice(name=each.name, options=each.options))
             for each in config.loss]  # fmt: skip
    step = TrainStep(Network(config.model), Loss(terms), [], config)
    records = rng.integers(0, 256, (lanes, LENGTH + 1, 5)).astype(np.uint8)
    time = rng.random((lanes, LENGTH + 1)).astype(np.float32)
    states = np.zeros((lanes, 4, HIDDEN), np.float32)
    number = tf.constant(0)
    measure(group, how, lanes * LENGTH, lambda: step(records, time, states, number).loss.numpy())
