"""From log-odds to a record: rounded, or drawn with the right frequency."""

import numpy as np
import pytest

from midirnn.sampling import sample_record

LOGITS = np.linspace(-4, 4, 40).astype(np.float32)


def frequencies(temperature: float, draws: int = 4000) -> np.ndarray:
    rng = np.random.default_rng(0)
    records = np.stack([sample_record(LOGITS, temperature, rng) for _ in range(draws)])
    assert records.dtype == np.uint8
    return np.unpackbits(records, axis=1).mean(axis=0)


def test_temperature_0_rounds_most_significant_bit_first() -> None:
    logits = np.full(40, -1.0, np.float32)
    logits[[0, 15, 39]] = 1.0
    logits[20] = 0.0  # as likely as not: 0
    record = sample_record(logits, 0, np.random.default_rng(0))
    assert record.tolist() == [0x80, 0x01, 0, 0, 0x01]


@pytest.mark.parametrize("temperature", [0.25, 1.0, 3.0])
def test_bits_are_set_as_often_as_the_tempered_sigmoid_says(temperature: float) -> None:
    expected = 1 / (1 + np.exp(-LOGITS.astype(np.float64) / temperature))
    # Five standard deviations of a share of 4000 draws, at most 0.04.
    bound = 5 * np.sqrt(expected * (1 - expected) / 4000) + 1e-9
    assert (np.abs(frequencies(temperature) - expected) <= bound + 1 / 4000).all()


def test_a_low_temperature_comes_near_to_rounding() -> None:
    np.testing.assert_array_equal(frequencies(1e-3, draws=20), LOGITS > 0)


def test_bits_are_drawn_apart_from_each_other() -> None:
    rng = np.random.default_rng(1)
    records = np.stack([sample_record(np.zeros(40, np.float32), 1.0, rng) for _ in range(4000)])
    correlation = np.corrcoef(np.unpackbits(records, axis=1).T) - np.eye(40)
    assert np.abs(correlation).max() < 0.1


def test_the_same_generator_gives_the_same_record() -> None:
    drawn = [sample_record(LOGITS, 1.0, np.random.default_rng(s)).tolist() for s in (5, 5, 6)]
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize("temperature", [0, 1e-300, 1.0])
def test_log_odds_that_are_no_numbers_are_even_and_infinite_ones_certain(
    temperature: float,
) -> None:
    logits = np.array([np.nan, np.inf, -np.inf, 3e38] * 10, np.float32)
    rng = np.random.default_rng(0)
    with np.errstate(all="raise"):
        records = np.stack([sample_record(logits, temperature, rng) for _ in range(200)])
    bits = np.unpackbits(records, axis=1).reshape(-1, 4).mean(axis=0)
    assert bits[1:].tolist() == [1, 0, 1]
    assert bits[0] == 0 if temperature == 0 else 0.4 < bits[0] < 0.6
