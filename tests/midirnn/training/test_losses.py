"""Every loss term against its formula in numpy, and the weighted sum of several."""

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from midirnn.builtin.losses import (
    BitCrossEntropy,
    Cosine,
    MeanSquaredError,
    NegativeLogLikelihood,
    TimeRootMeanSquare,
    midirnn_register_losses,
)
from midirnn.model.network import Network
from midirnn.plugin import LossConfig, LossTerm, Predictions, Targets
from midirnn.settings.config import ModelConfig
from midirnn.training.losses import Loss

LANES, STEPS = 4, 6
TERMS = list(midirnn_register_losses())


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


# Each formula sees one lane's real steps, in float64: bits and logits (T, 40), times (T,).


def mse(bits: np.ndarray, logits: np.ndarray, time: np.ndarray, said: np.ndarray) -> float:
    return float(np.mean((sigmoid(logits) - bits) ** 2))


def cosine(bits: np.ndarray, logits: np.ndarray, time: np.ndarray, said: np.ndarray) -> float:
    p = sigmoid(logits)
    cosine_of_the_window = np.sum(p * bits) / np.sqrt(np.sum(p**2) * np.sum(bits**2))
    return float((1 - cosine_of_the_window / len(bits)) ** 2)


def time_rmse(bits: np.ndarray, logits: np.ndarray, time: np.ndarray, said: np.ndarray) -> float:
    return float(np.sqrt(np.mean((time - said) ** 2)))


def cross_entropy(
    bits: np.ndarray, logits: np.ndarray, time: np.ndarray, said: np.ndarray
) -> float:
    p = np.where(bits == 1, sigmoid(logits), 1 - sigmoid(logits))
    return float(-np.log2(p).sum(axis=1).mean())


FORMULAS: dict[type[LossTerm], Callable[..., float]] = {
    MeanSquaredError: mse, Cosine: cosine, TimeRootMeanSquare: time_rmse,
    BitCrossEntropy: cross_entropy, NegativeLogLikelihood: cross_entropy,  # where bits are all
}  # fmt: skip


def some(seed: int = 0) -> tuple[Targets, Predictions]:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (LANES, STEPS, 40)).astype(np.float32)
    bits = rng.integers(0, 2, (LANES, STEPS, 40)).astype(np.float32)
    times = rng.random((2, LANES, STEPS)).astype(np.float32)
    targets = Targets(tf.constant(bits), tf.constant(times[0]))
    return targets, said_of(targets, tf.constant(logits), tf.constant(times[1]))


def said_of(targets: Targets, logits: tf.Tensor, time: tf.Tensor) -> Predictions:
    """As the bits head says it."""
    nats = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets.bits, logits=logits)
    of_bytes = tf.reduce_sum(tf.reshape(nats, (*logits.shape[:2], 5, 8)), axis=3)
    exact = tf.zeros(logits.shape[:2])
    return Predictions(logits, tf.sigmoid(logits), time, exact, -of_bytes)


def test_every_built_in_term_has_its_formula_here() -> None:
    assert set(FORMULAS) == set(TERMS)


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.name)
def test_a_term_is_its_formula_over_each_lanes_real_steps(term: type[LossTerm]) -> None:
    targets, predictions = some()
    mask = np.array([[1] * 6, [1, 1, 1, 0, 0, 0], [1] + [0] * 5, [1, 1, 1, 1, 1, 0]], np.float32)
    values = term()(targets, predictions, tf.constant(mask))
    assert (values.dtype, values.shape) == (tf.float32, (LANES,))
    for lane in range(LANES):
        real = mask[lane] == 1
        arrays = (targets.bits, predictions.bit_logits, targets.time, predictions.time)
        expected = FORMULAS[term](*(np.float64(each.numpy()[lane][real]) for each in arrays))
        assert values[lane].numpy() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.name)
def test_what_fills_up_changes_nothing_not_even_a_gradient(term: type[LossTerm]) -> None:
    targets, predictions = some()
    mask = tf.constant(np.repeat([[1, 1, 1, 1, 0, 0]], LANES, axis=0).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch([predictions.bit_logits, predictions.time])
        said = said_of(targets, predictions.bit_logits, predictions.time)
        loss = tf.reduce_sum(term()(targets, said, mask))
    found = tape.gradient(
        loss, [said.bit_logits, said.time], unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    assert all(np.isfinite(gradient).all() for gradient in found)
    assert all((gradient.numpy()[:, 4:] == 0).all() for gradient in found)
    assert any((gradient.numpy()[:, :4] != 0).all() for gradient in found)


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.name)
def test_a_lane_of_nothing_real_is_no_loss(term: type[LossTerm]) -> None:
    values = term()(*some(), tf.zeros((LANES, STEPS)))
    np.testing.assert_allclose(values, np.zeros(LANES), atol=1e-3)


def test_a_likelihood_has_the_class_of_time_and_the_place_in_it_where_there_are_any() -> None:
    targets, said = some()
    time, position = tf.fill((LANES, STEPS), -np.log(8)), tf.fill((LANES, STEPS), -np.log(4))
    said = said._replace(
        time_log_likelihood=tf.cast(time, tf.float32),
        position_log_likelihood=tf.cast(position, tf.float32),
    )
    mask = tf.constant(np.repeat([[1, 1, 0, 0, 0, 0]], LANES, axis=0).astype(np.float32))
    record = -said.log_likelihood.numpy()[:, :2].mean(axis=1) / np.log(2)
    values = NegativeLogLikelihood()(targets, said, mask)
    np.testing.assert_allclose(values, record + 3 + 2, rtol=1e-5)


@pytest.mark.parametrize("head", ["bits", "bytes"])
def test_every_term_trains_either_head(head: str) -> None:
    net = Network(ModelConfig(head=head, hidden_size=8, dense_size=4), seed=1)
    rng = np.random.default_rng(0)
    records = rng.integers(0, 128, (LANES, STEPS, 5)).astype(np.uint8)
    records[..., 0], records[..., 1], records[..., 4] = 0, 0x90, 3
    bits = np.unpackbits(records, axis=2).astype(np.float32)
    time = rng.random((LANES, STEPS)).astype(np.float32)
    targets = Targets(tf.constant(bits), tf.constant(time))
    variables = [each.value for each in net.named_weights().values()]
    with tf.GradientTape(persistent=True) as tape:
        said, _ = net(bits, time, np.zeros((LANES, 4, 8), np.float32), targets)
        losses = {term: term()(targets, said, tf.ones((LANES, STEPS))) for term in TERMS}
    for term, loss in losses.items():
        assert np.isfinite(loss).all(), term.name
        gradients = [each for each in tape.gradient(loss, variables) if each is not None]
        assert all(np.isfinite(each).all() for each in gradients), term.name
        assert sum(np.abs(each).sum() for each in gradients) > 0, term.name


def test_numbers_known_by_heart() -> None:
    ones, mask = tf.ones((1, 2, 40)), tf.ones((1, 2))
    targets = Targets(ones, tf.constant([[3.0, 0.0]]))
    even = Predictions(tf.zeros((1, 2, 40)), ones / 2, tf.constant([[0.0, 4.0]]))
    assert BitCrossEntropy()(targets, even, mask).numpy() == pytest.approx([40.0])
    assert MeanSquaredError()(targets, even, mask).numpy() == pytest.approx([0.25])
    assert TimeRootMeanSquare()(targets, even, mask).numpy() == pytest.approx([12.5**0.5])
    # The window's cosine is 1, its share of each of two steps a half.
    assert Cosine()(targets, even, mask).numpy() == pytest.approx([0.25])
    right = Predictions(ones * 100, ones, targets.time)
    assert BitCrossEntropy()(targets, right, mask).numpy() == pytest.approx([0.0])
    assert TimeRootMeanSquare()(targets, right, mask).numpy() == pytest.approx([0.0], abs=1e-3)


def test_certain_and_wrong_is_dear_but_finite() -> None:
    logits = tf.constant(np.full((1, 1, 40), -1000.0, np.float32))
    said = Predictions(logits, tf.sigmoid(logits), tf.zeros((1, 1)))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        said = Predictions(logits, tf.sigmoid(logits), tf.zeros((1, 1)))
        loss = BitCrossEntropy()(
            Targets(tf.ones((1, 1, 40)), tf.zeros((1, 1))), said, tf.ones((1, 1))
        )
    assert loss.numpy() == pytest.approx([40 * 1000 / np.log(2)])
    np.testing.assert_allclose(tape.gradient(loss, logits), np.full((1, 1, 40), -1 / np.log(2)))


def test_a_time_that_is_right_has_a_finite_slope() -> None:
    time = tf.ones((1, 3))
    with tf.GradientTape() as tape:
        tape.watch(time)
        bits = tf.zeros((1, 3, 40))
        said = Predictions(bits, bits, time)
        loss = TimeRootMeanSquare()(Targets(bits, tf.ones((1, 3))), said, tf.ones((1, 3)))
    assert tape.gradient(loss, time).numpy().tolist() == [[0, 0, 0]]


def test_the_loss_is_the_weighted_sum_of_means_over_lanes() -> None:
    targets, predictions = some()
    mask = tf.ones((LANES, STEPS))
    terms = [MeanSquaredError(LossConfig(weight=2.0)), BitCrossEntropy(),
             TimeRootMeanSquare(LossConfig(weight=-0.5))]  # fmt: skip
    total, parts = Loss(terms)(targets, predictions, mask)
    means = [float(np.mean(term(targets, predictions, mask))) for term in terms]
    assert list(parts) == ["mse", "bit_cross_entropy", "time_rmse"]
    assert [float(part) for part in parts.values()] == pytest.approx(means)  # unweighted
    assert float(total) == pytest.approx(2 * means[0] + means[1] - 0.5 * means[2])
    assert total.shape == ()
