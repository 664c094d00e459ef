"""The numpy network against TensorFlow's."""

import numpy as np
import pytest

from midirnn.config import ModelConfig
from midirnn.errors import RunError
from midirnn.model import Network
from midirnn.sampling import sample_record
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


def test_temperature_0_rounds_and_higher_ones_draw() -> None:
    rng = np.random.default_rng(0)
    logits = np.linspace(-3, 3, 40).astype(np.float32)
    np.testing.assert_array_equal(sample_record(logits, 0, rng), np.packbits(logits > 0))

    def frequency(temperature: float) -> np.ndarray:
        drawn = [np.unpackbits(sample_record(logits, temperature, rng)) for _ in range(4000)]
        return np.mean(drawn, axis=0)

    for temperature in (0.5, 1.0, 2.0):
        probability = 1 / (1 + np.exp(-logits / temperature))
        np.testing.assert_allclose(frequency(temperature), probability, atol=0.05)


def test_log_odds_that_are_no_numbers_still_give_a_record() -> None:
    logits = np.array([np.nan, np.inf, -np.inf, 1e38] * 10, np.float32)
    for temperature in (0, 1e-300, 1.0):
        with np.errstate(over="ignore"):
            record = sample_record(logits, temperature, np.random.default_rng(0))
        assert record.shape == (5,)
        assert record.dtype == np.uint8
