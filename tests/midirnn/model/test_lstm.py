"""The LSTM for CPUs against Keras' and against TensorFlow's own gradient of a plain loop."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from midirnn.model.lstm import LONGEST_UNROLLED, LSTM, lstm
from midirnn.model.network import Network
from midirnn.plugin.interfaces import Targets
from midirnn.settings.config import ModelConfig

WIDTH, UNITS = 5, 6


def random(*shape: int, dtype: type = np.float32, seed: int = 0) -> tf.Tensor:
    return tf.constant(np.random.default_rng((seed, *shape)).normal(size=shape).astype(dtype))


def arguments(lanes: int, length: int, dtype: type = np.float32) -> list[tf.Tensor]:
    """Inputs, h, c, kernel, recurrent kernel and bias."""
    shapes = [(lanes, length, WIDTH), (lanes, UNITS), (lanes, UNITS),
              (WIDTH, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,)]  # fmt: skip
    return [random(*shape, dtype=dtype, seed=seed) for seed, shape in enumerate(shapes)]


def plain_loop(
    inputs: tf.Tensor, h: tf.Tensor, c: tf.Tensor,
    kernel: tf.Tensor, recurrent_kernel: tf.Tensor, bias: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:  # fmt: skip
    hs = []
    for x in tf.unstack(inputs, axis=1):
        gates = x @ kernel + h @ recurrent_kernel + bias
        i, f, candidate, o = tf.split(gates, 4, axis=1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(candidate)
        h = tf.sigmoid(o) * tf.tanh(c)
        hs.append(h)
    return tf.stack(hs, axis=1), h, c


# What the loss looks at: outputs, last h, last c. Training looks at the first alone.
PARTS = [(True, True, True), (True, False, False), (False, True, False), (False, False, True)]


@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize(("lanes", "length"), [(1, 1), (1, 7), (4, 1), (4, 7)])
def test_outputs_and_all_gradients_are_those_of_a_plain_loop(
    lanes: int, length: int, parts: tuple[bool, ...]
) -> None:
    given = arguments(lanes, length, np.float64)
    found = []
    for function in (lstm, plain_loop):
        with tf.GradientTape() as tape:
            tape.watch(given)
            outputs = function(*given)
            loss = tf.add_n([
                tf.reduce_sum(each * random(*each.shape, dtype=np.float64, seed=9))
                for each, counts in zip(outputs, parts, strict=True) if counts
            ])  # fmt: skip
        found.append([*outputs, *tape.gradient(loss, given)])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def pair_of_layers() -> tuple[LSTM, keras.layers.LSTM]:
    """Ours and Keras', with the same weights."""
    ours = LSTM(UNITS, name="lstm")
    theirs = keras.layers.LSTM(UNITS, return_sequences=True, return_state=True, name="lstm")
    for layer in (ours, theirs):
        layer.build((None, None, WIDTH))
    return ours, theirs


def test_weights_are_interchangeable_with_keras() -> None:
    ours, theirs = pair_of_layers()
    assert [(w.name, w.path, w.shape) for w in ours.trainable_variables] == [
        (w.name, w.path, w.shape) for w in theirs.trainable_variables
    ]
    np.testing.assert_array_equal(ours.get_weights()[2], theirs.get_weights()[2])  # forget's is 1
    theirs.set_weights(arguments(1, 1)[3:])
    ours.set_weights(theirs.get_weights())
    inputs, h, c = arguments(3, 9)[:3]
    found = []
    for layer in (ours, theirs):
        variables = [variable.value for variable in layer.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch([inputs, h, c])
            outputs = layer(inputs, initial_state=[h, c])
            loss = tf.add_n([tf.reduce_sum(each**2) for each in outputs])
        found.append([*outputs, *tape.gradient(loss, [inputs, h, c, *variables])])
    for our, their in zip(*found, strict=True):
        np.testing.assert_allclose(our, their, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("length", [None, LONGEST_UNROLLED + 1])
def test_a_length_unknown_or_long_gives_the_same(length: int | None) -> None:
    layer, _ = pair_of_layers()
    inputs, h, c = arguments(2, LONGEST_UNROLLED + 1)[:3]

    @tf.function(
        autograph=False, input_signature=[tf.TensorSpec((None, length, WIDTH), tf.float32)]
    )
    def run(inputs: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return tuple(layer(inputs, initial_state=[h, c]))

    middle = LONGEST_UNROLLED // 2
    first, *states = layer(inputs[:, :middle], initial_state=[h, c])
    second, *states = layer(inputs[:, middle:], initial_state=states)
    for looped, unrolled in zip(run(inputs), (tf.concat([first, second], 1), *states), strict=True):
        np.testing.assert_allclose(looped, unrolled, rtol=1e-4, atol=1e-5)
    body = run.get_concrete_function().graph.as_graph_def()
    assert len(body.node) < LONGEST_UNROLLED  # it was a loop


@pytest.mark.parametrize("lanes", [1, 16])
def test_the_same_run_twice_gives_the_same_bits(lanes: int) -> None:
    """Wide enough that TensorFlow spreads the products over threads."""
    tf.config.experimental.enable_op_determinism()
    layer = LSTM(256)
    inputs, h, c = random(lanes, 25, 256), random(lanes, 256), random(lanes, 256)
    layer(inputs, initial_state=[h, c])

    @tf.function(autograph=False)
    def run() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch([inputs, h, c])
            outputs = layer(inputs, initial_state=[h, c])
            loss = tf.reduce_mean(outputs[0] ** 2)
        variables = [variable.value for variable in layer.trainable_variables]
        return [*outputs, *tape.gradient(loss, [inputs, h, c, *variables])]

    once = run()
    for _ in range(5):
        for first, again in zip(once, run(), strict=True):
            np.testing.assert_array_equal(first, again)


def test_a_network_has_the_same_weights_and_says_the_same_either_way() -> None:
    own, theirs = (
        Network(ModelConfig(hidden_size=8, dense_size=4, lstm=kind), seed=1)
        for kind in ("own", "keras")
    )
    assert type(own.lstm1) is LSTM
    assert type(theirs.lstm1) is keras.layers.LSTM
    assert list(own.named_weights()) == list(theirs.named_weights())
    for name, variable in own.named_weights().items():
        np.testing.assert_array_equal(variable, theirs.named_weights()[name])
    targets = Targets(random(2, 6, 40), random(2, 6))
    given = random(2, 6, 40), random(2, 6), random(2, 4, 8), targets
    for ours, their in zip(
        tf.nest.flatten(own(*given)), tf.nest.flatten(theirs(*given)), strict=True
    ):
        np.testing.assert_allclose(ours, their, rtol=1e-4, atol=1e-6)
