"""What is drawn at random for some lanes of a batch is what they get in all of it."""

import numpy as np
import pytest
import tensorflow as tf

from midirnn.builtin.augmentations import Noise, StepZeroing
from midirnn.model.network import Network
from midirnn.model.share import Share
from midirnn.plugin import Augmentation, Targets
from midirnn.settings.config import ModelConfig

LANES, STEPS = 6, 5
SHARES = [Share(tf.constant(first), 2, LANES) for first in (0, 2, 4)]


def inputs() -> tuple[tf.Tensor, tf.Tensor]:
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2, (LANES, STEPS, 40)).astype(np.float32)
    return tf.constant(bits), tf.constant(rng.random((LANES, STEPS)), tf.float32)


@pytest.mark.parametrize("augmentation", [Noise(), StepZeroing()], ids=lambda each: each.name)
def test_a_share_is_augmented_as_in_the_whole_batch(augmentation: Augmentation) -> None:
    bits, time = inputs()
    seed = tf.constant([7, 8])

    def change(bits: tf.Tensor, time: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return augmentation.augment_inputs(bits, time, seed)

    whole = change(bits, time)
    for share in SHARES:
        mine = share.changed(change, share.cut(bits), share.cut(time))
        for found, expected in zip(mine, whole, strict=True):
            np.testing.assert_array_equal(found, share.cut(expected))
    assert not np.array_equal(whole[1], time)


def test_a_share_is_dropped_from_as_in_the_whole_batch() -> None:
    network = Network(ModelConfig(hidden_size=8, dense_size=3, keep_probability=0.5))
    bits, time = inputs()
    states = tf.random.stateless_normal((LANES, 4, 8), (1, 2))
    seed = tf.constant([7, 8])
    whole, after = network(bits, time, states, Targets(bits, time), dropout_seed=seed)
    for share in SHARES:
        mine_bits, mine_time, mine_states = map(share.cut, (bits, time, states))
        targets = Targets(mine_bits, mine_time)
        mine, mine_after = network(*targets, mine_states, targets, dropout_seed=seed, share=share)
        np.testing.assert_allclose(mine.bits, share.cut(whole.bits), atol=1e-6)
        np.testing.assert_allclose(mine_after, share.cut(after), atol=1e-6)
    undropped, _ = network(bits, time, states, Targets(bits, time))
    assert np.abs(undropped.bits - whole.bits).max() > 1e-3
