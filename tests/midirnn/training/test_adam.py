"""Adam in one op against Keras' own."""

import keras
import numpy as np
import tensorflow as tf

from midirnn.training.adam import Adam


def test_it_does_what_keras_does_and_keeps_the_same_variables() -> None:
    rng = np.random.default_rng(0)
    first = [rng.normal(size=shape).astype(np.float32) for shape in ((4, 3), (3,), ())]
    weights, optimizers = [], []
    for kind in (Adam, keras.optimizers.Adam):
        weights.append([keras.Variable(each, name=f"w{n}") for n, each in enumerate(first)])
        optimizers.append(kind(1e-2, epsilon=1e-8))
        optimizers[-1].build(weights[-1])
    for _ in range(20):
        gradients = [tf.constant(rng.normal(size=each.shape), tf.float32) for each in first]
        for optimizer, variables in zip(optimizers, weights, strict=True):
            optimizer.apply_gradients(zip(gradients, variables, strict=True))
    ours, theirs = optimizers
    assert [v.name for v in ours.variables] == [v.name for v in theirs.variables]
    assert int(ours.iterations.numpy()) == 20
    pairs = zip([*ours.variables, *weights[0]], [*theirs.variables, *weights[1]], strict=True)
    for our, their in pairs:
        np.testing.assert_allclose(our.numpy(), their.numpy(), rtol=1e-4, atol=1e-6)
    assert not np.allclose(weights[0][0].numpy(), first[0], atol=0.01)
