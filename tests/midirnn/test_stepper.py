"""The numpy network against TensorFlow's."""

import numpy as np
import pytest

from midirnn.config import ModelConfig
from midirnn.errors import RunError
from midirnn.model import Network
from midirnn.stepper import Stepper


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_it_says_what_tensorflow_says_over_200_steps(scale: float) -> None:
    """Fed the same inputs; weights three times as large drive the gates into saturation."""
    net = Network(ModelConfig(hidden_size=64, dense_size=16), seed=3)
    weights = {name: variable.numpy() * scale for name, variable in net.named_weights().items()}
    net.load(weights)
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (200, 40)).astype(np.float32)
    time = rng.random(200).astype(np.float32) * 2
    predictions, states = net(bits[None], time[None], np.zeros((1, 4, 64), np.float32))
    stepper = Stepper(weights)
    said = [stepper.step(b, t) for b, t in zip(bits, time, strict=True)]
    logits = np.stack([each.bit_logits for each in said])
    times = np.array([each.time for each in said])
    for ours, theirs in (
        (logits, predictions.bit_logits[0]), (times, predictions.time[0]),
        (stepper.states, states[0]),
    ):  # fmt: skip
        difference = np.abs(ours - np.asarray(theirs)).max()
        assert difference <= 1e-5 * np.abs(theirs).max()


def test_a_missing_weight_is_named() -> None:
    weights = {name: v.numpy() for name, v in Network(ModelConfig(hidden_size=4)).named_weights().items()}  # noqa: E501  # fmt: skip
    del weights["lstm2/bias"]
    with pytest.raises(RunError, match="no weight lstm2/bias"):
        Stepper(weights)
