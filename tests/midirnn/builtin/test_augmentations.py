"""The notebook's two augmentations: how much they change, and the same for the same seed."""

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from midirnn.builtin.augmentations import Noise, StepZeroing
from midirnn.plugin import Augmentation

LANES, STEPS = 30, 25
Augment = Callable[..., tuple[np.ndarray, np.ndarray]]


def traced(augmentation: Augmentation) -> Augment:
    """The augmentation as training has it: in a tf.function that knows no sizes."""

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, 40)), tf.TensorSpec((None, None)),
            tf.TensorSpec((2,), tf.int32),
        ]
    )  # fmt: skip
    def run(bits: tf.Tensor, time: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return augmentation.augment_inputs(bits, time, seed)

    def augment(bits: np.ndarray, time: np.ndarray, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
        changed = run(bits.astype(np.float32), time.astype(np.float32), [7, seed])
        return changed[0].numpy(), changed[1].numpy()

    return augment


def full(value: float) -> tuple[np.ndarray, np.ndarray]:
    return np.full((LANES, STEPS, 40), value), np.full((LANES, STEPS), value)


@pytest.mark.parametrize("deviation", [0.1, 2.0])
def test_noise_has_the_deviation_and_a_mean_of_nothing(deviation: float) -> None:
    augment = traced(Noise(Noise.Config(deviation=deviation)))
    for changed, count in zip(
        augment(*full(100.0)), (LANES * STEPS * 40, LANES * STEPS), strict=True
    ):
        noise = changed - 100.0
        assert abs(noise.mean()) < 5 * deviation / np.sqrt(count)
        assert noise.std() == pytest.approx(deviation, rel=5 / np.sqrt(2 * count))
        # Normal: 68.3 % within one deviation.
        assert np.mean(np.abs(noise) < deviation) == pytest.approx(0.683, abs=2.5 / np.sqrt(count))


def test_noise_is_cut_at_0() -> None:
    bits, time = traced(Noise())(*full(0.0))
    for changed in (bits, time):
        assert changed.min() == 0
        assert 0.45 < np.mean(changed == 0) < 0.55
        assert 0 < changed.max() < 1  # the default's deviation is 0.1


def test_noise_is_drawn_for_each_number_alone() -> None:
    bits, time = traced(Noise())(*full(100.0))
    assert len(np.unique(bits)) > 0.2 * bits.size  # float32 has no more to tell apart near 100
    rows = np.concatenate([bits, time[:, :, None]], axis=2).reshape(-1, 41) - 100.0
    assert np.abs(np.corrcoef(rows.T) - np.eye(41)).max() < 0.2
    assert len(np.unique(rows[:, 0])) > 100
    pairs = np.corrcoef(bits.ravel()[: time.size], time.ravel())
    assert abs(pairs[0, 1]) < 0.2  # the time's are not the first of the bits' once more


def test_no_deviation_changes_nothing() -> None:
    bits, time = (
        np.random.default_rng(0).random((2, 3, 40)),
        np.random.default_rng(1).random((2, 3)),
    )
    changed = traced(Noise(Noise.Config(deviation=0)))(bits, time)
    np.testing.assert_array_equal(changed[0], bits.astype(np.float32))
    np.testing.assert_array_equal(changed[1], time.astype(np.float32))


def test_zeroing_takes_one_step_of_each_lane_bits_and_time() -> None:
    rng = np.random.default_rng(0)
    bits, time = rng.random((LANES, STEPS, 40)) + 1, rng.random((LANES, STEPS)) + 1
    new_bits, new_time = traced(StepZeroing())(bits, time)
    gone = new_time == 0
    assert gone.sum(axis=1).tolist() == [1] * LANES
    assert (new_bits[gone] == 0).all()
    np.testing.assert_array_equal(new_bits[~gone], bits.astype(np.float32)[~gone])
    np.testing.assert_array_equal(new_time[~gone], time.astype(np.float32)[~gone])
    assert len(np.unique(gone.argmax(axis=1))) > 5  # not the same one in every lane


def test_every_step_is_zeroed_equally_often() -> None:
    augment = traced(StepZeroing())
    chosen = [augment(*full(1.0), seed)[1].argmin(axis=1) for seed in range(100)]
    counts = np.bincount(np.ravel(chosen), minlength=STEPS)
    assert len(counts) == STEPS
    expected = 100 * LANES / STEPS
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


@pytest.mark.parametrize("augmentation", [Noise(), StepZeroing()], ids=lambda each: each.name)
def test_the_same_seed_gives_the_same_and_another_another(augmentation: Augmentation) -> None:
    augment = traced(augmentation)
    (once, time), (again, _), (other, _) = (augment(*full(1.0), seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, other)
    assert once.shape == (LANES, STEPS, 40)
    assert time.shape == (LANES, STEPS)
