"""From log-probabilities to what is drawn: the likeliest, or with the right frequency."""

import numpy as np
import pytest

from midirnn.generation.sampling import Sampler, Uniforms, bits_drawn

LOGITS = np.linspace(-4, 4, 40).astype(np.float32)
SOME = np.log(np.array([0.5, 0.05, 0.25, 0.0001, 0.1999]))


def uniforms(draws: int, width: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((draws, width))


def bits(logits: np.ndarray, temperature: float, draws: int = 4000, seed: int = 0) -> np.ndarray:
    rows = np.tile(logits, (draws, 1))
    records = bits_drawn(rows, temperature, uniforms(draws, 40, seed))
    assert records.dtype == np.uint8
    assert records.shape == (draws, 5)
    return np.unpackbits(records, axis=1)


def shares(sampler: Sampler, logits: np.ndarray, draws: int = 20_000) -> np.ndarray:
    drawn = sampler.draw(np.tile(logits, (draws, 1)), uniforms(draws)[:, 0])
    return np.bincount(drawn, minlength=len(logits)) / draws


def test_temperature_0_rounds_most_significant_bit_first() -> None:
    logits = np.full(40, -1.0, np.float32)
    logits[[0, 15, 39]] = 1.0
    logits[20] = 0.0  # as likely as not: 0
    record = bits_drawn(logits[None], 0, uniforms(1, 40))
    assert record.tolist() == [[0x80, 0x01, 0, 0, 0x01]]


@pytest.mark.parametrize("temperature", [0.25, 1.0, 3.0])
def test_bits_are_set_as_often_as_the_tempered_sigmoid_says(temperature: float) -> None:
    expected = 1 / (1 + np.exp(-LOGITS.astype(np.float64) / temperature))
    # Five standard deviations of a share of 4000 draws, at most 0.04.
    bound = 5 * np.sqrt(expected * (1 - expected) / 4000) + 1e-9
    frequencies = bits(LOGITS, temperature).mean(axis=0)
    assert (np.abs(frequencies - expected) <= bound + 1 / 4000).all()


def test_a_low_temperature_comes_near_to_rounding() -> None:
    np.testing.assert_array_equal(bits(LOGITS, 1e-3, 20).mean(axis=0), LOGITS > 0)


def test_bits_are_drawn_apart_from_each_other() -> None:
    correlation = np.corrcoef(bits(np.zeros(40, np.float32), 1.0, seed=1).T) - np.eye(40)
    assert np.abs(correlation).max() < 0.1


@pytest.mark.parametrize("temperature", [0, 1e-300, 1.0])
def test_log_odds_that_are_no_numbers_are_even_and_infinite_ones_certain(
    temperature: float,
) -> None:
    logits = np.array([np.nan, np.inf, -np.inf, 3e38] * 10, np.float32)
    with np.errstate(all="raise"):
        drawn = bits(logits, temperature, 200).reshape(-1, 4).mean(axis=0)
    assert drawn[1:].tolist() == [1, 0, 1]
    assert drawn[0] == 0 if temperature == 0 else 0.4 < drawn[0] < 0.6


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_values_are_drawn_as_often_as_the_tempered_softmax_says(temperature: float) -> None:
    expected = np.exp(SOME / temperature)
    np.testing.assert_allclose(
        shares(Sampler(temperature), SOME), expected / expected.sum(), atol=0.02
    )


def test_what_is_drawn_from_stays_as_it_is() -> None:
    logits = np.full((2, 5), 5.0)
    Sampler(0.8, top_k=2, top_p=0.9).draw(logits, np.array([0.1, 0.9]))
    assert (logits == 5).all()


def test_greedy_takes_the_likeliest_that_may_be() -> None:
    allowed = np.array([[False, True, True, True, True], [True] * 5])
    drawn = Sampler(0).draw(np.stack([SOME, SOME]), np.array([0.99, 0.99]), allowed)
    assert drawn.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({"top_k": 1}, [0]),
        ({"top_k": 3}, [0, 2, 4]),
        ({"top_k": 9}, [0, 1, 2, 3, 4]),
        ({"top_p": 0.5}, [0]),
        ({"top_p": 0.51}, [0, 2]),
        ({"top_p": 0.96}, [0, 1, 2, 4]),
        ({"top_p": 1e-9}, [0]),
        ({"top_k": 2, "top_p": 0.7}, [0, 2]),  # of the two, 0.5 has two thirds
        ({"top_k": 2, "top_p": 0.6}, [0]),
    ],
)
def test_only_the_likeliest_are_drawn_from(options: dict[str, float], kept: list[int]) -> None:
    share = shares(Sampler(**options), SOME)  # type: ignore[arg-type]
    assert set(np.flatnonzero(share)) <= set(kept)
    left = np.zeros(5)
    left[kept] = np.exp(SOME)[kept]
    np.testing.assert_allclose(share, left / left.sum(), atol=0.02)


@pytest.mark.parametrize("temperature", [0.0, 0.7])
@pytest.mark.parametrize("number", [0.0, 0.5, np.nextafter(1.0, 0.0)])
def test_only_what_is_allowed_is_drawn_whatever_the_logits(
    temperature: float, number: float
) -> None:
    rng = np.random.default_rng(3)
    logits = rng.standard_normal((60, 256)) * 50
    logits[::3] = -np.inf
    logits[1::3, ::2] = np.nan
    logits[2::3, 5] = np.inf
    allowed = rng.random((60, 256)) < 0.02
    allowed[np.arange(60), rng.integers(0, 256, 60)] = True
    sampler = Sampler(temperature, top_p=0.9)
    with np.errstate(all="raise"):
        drawn = sampler.draw(logits, np.full(60, number), allowed)
    assert allowed[np.arange(60), drawn].all()


def test_what_is_impossible_is_never_drawn_where_something_is_possible() -> None:
    logits = np.array([[-np.inf, 0.0, -np.inf, -1.0, -np.inf]])
    for number in (0.0, 0.3, 0.999999, np.nextafter(1.0, 0.0)):
        assert Sampler().draw(logits, np.array([number]))[0] in (1, 3)


def test_a_songs_numbers_are_its_own() -> None:
    many, few = Uniforms(5, 4, 3), Uniforms(5, 2, 3)
    for _ in range(600):
        all_four, two = many.next(), few.next()
        np.testing.assert_array_equal(all_four[:2], two)
        assert len(np.unique(all_four)) == 12
    assert not np.array_equal(Uniforms(6, 2, 3).next(), Uniforms(5, 2, 3).next())
