"""The network against one exact step of the notebook's own graph."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from midirnn.builtin.losses import Cosine, MeanSquaredError, TimeRootMeanSquare
from midirnn.errors import RunError
from midirnn.model.network import Network
from midirnn.plugin import LossConfig, Predictions, Targets
from midirnn.settings.config import PRESETS, ModelConfig
from midirnn.settings.resolve import resolve
from midirnn.training.losses import Loss
from midirnn.training.step import TrainStep, finite_and_clipped, records_to_bits

HIDDEN, DENSE = 32, 16

# Our layer → the notebook's variable scope, for the dense layers, whose weights are laid out alike.
DENSE_LAYERS = {
    "gated": "inputs1_gated",
    "between": "mid2b",
    "fork": "output_fork",
    "bits_hidden": "pre_midi_output",
    "bits_out": "midi_output",
    "time_hidden": "pre_midi_time",
    "time_out": "midi_time",
}


def to_ours(reference: Mapping[str, np.ndarray], group: str) -> dict[str, np.ndarray]:
    """The reference's arrays of one group under our names and in Keras' gate order.

    Its LSTM kernels are [input; hidden] × (input, candidate, forget, output); Keras has them
    apart, as (input, forget, candidate, output).
    """
    ours = {
        "query_gate/table": reference[f"{group}/query"],
        "query_gate/multiplier": reference[f"{group}/multiplier"],
    }
    for mine, theirs in DENSE_LAYERS.items():
        for weight in ("kernel", "bias"):
            ours[f"{mine}/{weight}"] = reference[f"{group}/{theirs}/{weight}"]

    def reordered(array: np.ndarray) -> np.ndarray:
        i, candidate, forget, output = np.split(array, 4, axis=-1)
        return np.concatenate([i, forget, candidate, output], axis=-1)

    for lstm in ("lstm1", "lstm2"):
        kernel = reordered(reference[f"{group}/rnn/{lstm}/kernel"])
        ours[f"{lstm}/kernel"], ours[f"{lstm}/recurrent_kernel"] = np.split(kernel, 2)
        bias = reordered(reference[f"{group}/rnn/{lstm}/bias"]).copy()
        if group.startswith("weight"):
            bias[HIDDEN : 2 * HIDDEN] += 1  # the notebook's forget gate adds it when it runs
        ours[f"{lstm}/bias"] = bias
    return ours


@pytest.fixture(scope="module")
def reference(shared: Path) -> dict[str, np.ndarray]:
    with np.load(shared / "notebook" / "notebook_reference.npz") as arrays:
        return dict(arrays)


def network(keep_probability: float = 1.0) -> Network:
    config = ModelConfig(
        head="bits", hidden_size=HIDDEN, dense_size=DENSE, keep_probability=keep_probability,
        initializer="notebook",
    )  # fmt: skip
    return Network(config, seed=1)


def states_of(reference: Mapping[str, np.ndarray], group: str) -> np.ndarray:
    names = ("lstm1_c", "lstm1_h", "lstm2_c", "lstm2_h")
    return np.stack([reference[f"{group}/{name}"] for name in names], axis=1)


def notebook_loss() -> Loss:
    return Loss(
        [
            MeanSquaredError(LossConfig(weight=1.0)),
            Cosine(LossConfig(weight=0.001)),
            TimeRootMeanSquare(LossConfig(weight=0.001)),
        ]
    )


def test_outputs_gate_states_and_losses_are_the_notebooks(
    reference: dict[str, np.ndarray],
) -> None:
    net = network()
    net.load(to_ours(reference, "weight"))
    bits = reference["input/bits"].astype(np.float32)[None]
    time = reference["input/time"][None, :, 0]
    predictions, states = net(bits, time, states_of(reference, "state_in"))
    close = {"rtol": 2e-5, "atol": 2e-6}
    np.testing.assert_allclose(predictions.bits[0], reference["output/bits"], **close)
    np.testing.assert_allclose(predictions.time[0], reference["output/time"][:, 0], **close)
    np.testing.assert_allclose(states, states_of(reference, "state_out"), **close)
    gate = net.query_gate(tf.concat([bits, time[:, :, None]], axis=2))
    np.testing.assert_allclose(gate[0], reference["output/gate"], **close)

    targets = Targets(
        reference["target/bits"].astype(np.float32)[None], reference["target/time"][None, :, 0]
    )
    total, parts = notebook_loss()(targets, predictions, tf.ones((1, 25)))
    for name in ("mse", "cosine", "time_rmse"):
        np.testing.assert_allclose(parts[name], reference[f"loss/{name}"], rtol=1e-5)
    np.testing.assert_allclose(total, reference["loss/total"], rtol=1e-5)


def test_gradients_and_the_weights_after_a_step_are_the_notebooks(
    reference: dict[str, np.ndarray],
) -> None:
    net = network()
    net.load(to_ours(reference, "weight"))
    config = resolve(None, {"preset": "notebook", "model": {"hidden_size": HIDDEN}})
    step = TrainStep(net, notebook_loss(), [], config)
    seen: list[list[tf.Tensor]] = []
    apply = step._apply

    def look(gradients: list[tf.Tensor]) -> None:
        seen.append(list(gradients))
        apply(gradients)

    step._apply = look  # type: ignore[method-assign]
    step.function = step._step  # eagerly, so that the gradients can be looked at
    # One window: the notebook's input, and its last target behind it.
    bits = np.concatenate([reference["input/bits"], reference["target/bits"][-1:]])
    np.testing.assert_array_equal(bits[1:], reference["target/bits"])
    records = np.packbits(bits, axis=1)[None]
    time = np.concatenate([reference["input/time"], reference["target/time"][-1:]])[None, :, 0]
    result = step(records, time, states_of(reference, "state_in"), tf.constant(0))
    np.testing.assert_allclose(result.loss, reference["loss/total"], rtol=1e-5)
    assert int(result.nonfinite_gradients) == 0

    expected = to_ours(reference, "clipped_gradient")
    for name, gradient in zip(net.named_weights(), seen[0], strict=True):
        scale = np.abs(expected[name]).max()
        np.testing.assert_allclose(
            gradient, expected[name], rtol=1e-4, atol=1e-5 * scale, err_msg=name
        )
    after = to_ours(reference, "weight_after_one_adam_step")
    for name, variable in net.named_weights().items():
        np.testing.assert_allclose(
            variable.numpy(), after[name], rtol=1e-5, atol=2e-6, err_msg=name
        )
    result = step(records, time, states_of(reference, "state_in"), tf.constant(1))
    np.testing.assert_allclose(result.loss, reference["loss/total_after_one_adam_step"], rtol=1e-5)


def test_the_notebook_preset_has_the_notebooks_loss_and_settings() -> None:
    config = resolve(None, {"preset": "notebook"})
    assert [choice.table() for choice in config.loss] == PRESETS["notebook"]["loss"]
    assert (config.model.hidden_size, config.model.dense_size) == (500, 100)
    assert (config.training.lanes, config.training.sequence_length) == (1, 25)
    assert config.training.learning_rate == 1e-4
    assert config.training.gradient_clip == 5.0


def test_a_window_cut_in_two_gives_the_same_as_whole() -> None:
    net = network()
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (3, 10, 40)).astype(np.float32)
    time = rng.random((3, 10)).astype(np.float32)
    zero = np.zeros((3, 4, HIDDEN), np.float32)
    whole, last = net(bits, time, zero)
    first, middle = net(bits[:, :4], time[:, :4], zero)
    second, end = net(bits[:, 4:], time[:, 4:], middle)
    np.testing.assert_allclose(
        np.concatenate([first.bits, second.bits], axis=1), whole.bits, rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(end, last, rtol=1e-5, atol=1e-6)


def test_dropout_is_the_same_for_the_same_seed_and_absent_without_one() -> None:
    net = network(keep_probability=0.5)
    bits, time = np.ones((2, 5, 40), np.float32), np.ones((2, 5), np.float32)
    zero = np.zeros((2, 4, HIDDEN), np.float32)
    first, again, other = (net(bits, time, zero, dropout_seed=s)[0].time for s in ([1, 2], [1, 2], [1, 3]))  # noqa: E501  # fmt: skip
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(net(bits, time, zero)[0].time, net(bits, time, zero)[0].time)


def test_the_same_seed_gives_the_same_first_weights() -> None:
    for name, variable in network().named_weights().items():
        np.testing.assert_array_equal(variable, network().named_weights()[name])


def test_a_missing_or_misshapen_weight_is_named() -> None:
    net = network()
    weights = {name: variable.numpy() for name, variable in net.named_weights().items()}
    with pytest.raises(RunError, match=r"lstm1/bias has shape \(3,\); expected \(128,\)"):
        net.load(weights | {"lstm1/bias": np.zeros(3, np.float32)})
    del weights["fork/kernel"]
    with pytest.raises(RunError, match="fork/kernel is missing"):
        net.load(weights)


def test_records_become_the_bits_that_numpy_unpacks() -> None:
    records = np.random.default_rng(0).integers(0, 256, (2, 7, 5)).astype(np.uint8)
    np.testing.assert_array_equal(records_to_bits(records), np.unpackbits(records, axis=-1))


def test_gradients_that_are_not_finite_are_counted_and_zeroed_the_rest_clipped() -> None:
    gradients = [tf.constant([1.0, np.nan, -9.0]), tf.constant([[np.inf, 2.0]])]
    cleaned, count, norms = finite_and_clipped(gradients, 5.0)
    assert int(count) == 2
    np.testing.assert_array_equal(cleaned[0], [1.0, 0.0, -5.0])
    np.testing.assert_array_equal(cleaned[1], [[0.0, 2.0]])
    assert norms.numpy() == pytest.approx([np.sqrt(1 + 25), 2])


def test_without_a_limit_what_is_not_finite_is_zeroed_all_the_same() -> None:
    cleaned, count, _ = finite_and_clipped([tf.constant([np.inf, -9.0])], math.inf)
    assert int(count) == 1
    np.testing.assert_array_equal(cleaned[0], [0.0, -9.0])


def test_gradients_within_the_limit_stay_as_they_are() -> None:
    for gradients in ([[3.0, -4.0], [0.0]], [[1e30, 5.0], [-5.0]]):  # a norm of 5; one too large
        cleaned, count, norms = finite_and_clipped([tf.constant(each) for each in gradients], 5.0)
        assert int(count) == 0
        clipped = [np.linalg.norm(np.clip(before, -5.0, 5.0)) for before in gradients]
        assert norms.numpy() == pytest.approx(clipped, rel=1e-6)
        for after, before in zip(cleaned, gradients, strict=True):
            np.testing.assert_array_equal(after, np.clip(before, -5.0, 5.0))


def test_padding_changes_no_loss() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 6, 40)).astype(np.float32)
    time = rng.random((2, 6)).astype(np.float32)
    bits = rng.integers(0, 2, (2, 6, 40)).astype(np.float32)
    real = np.zeros((2, 6), np.float32)
    real[:, :4] = 1

    def parts(steps: int, mask: np.ndarray) -> dict[str, tf.Tensor]:
        predictions = Predictions(logits[:, :steps], tf.sigmoid(logits[:, :steps]), time[:, :steps])
        targets = Targets(bits[:, :steps], np.ones_like(time[:, :steps]))
        return notebook_loss()(targets, predictions, mask)[1]

    short, padded = parts(4, np.ones((2, 4), np.float32)), parts(6, real)
    for name, value in short.items():
        np.testing.assert_allclose(padded[name], value, rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("head", ["bits", "bytes"])
@pytest.mark.parametrize("lstm", ["own", "keras"])
def test_in_mixed_precision_a_step_is_about_the_same(lstm: str, head: str) -> None:
    rng = np.random.default_rng(1)
    records = rng.integers(0, 256, (2, 26, 5)).astype(np.uint8)
    time = rng.random((2, 26)).astype(np.float32)
    states = rng.normal(size=(2, 4, HIDDEN)).astype(np.float32)
    found = {}
    for precision in ("float32", "mixed_bfloat16"):
        model = {"head": head, "hidden_size": HIDDEN, "lstm": lstm, "precision": precision}
        config = resolve(
            None, {"model": model, "training": {"learning_rate": 1.0, "sequence_length": 25}}
        )
        net = Network(config.model)
        assert {variable.dtype for variable in net.named_weights().values()} == {"float32"}
        step = TrainStep(net, notebook_loss(), [], config)
        result = step(records, time, states, tf.constant(0))
        said = [each for each in result.predictions if each is not None]
        assert {each.dtype for each in (*said, result.states)} == {tf.float32}
        again = step(records, time, states, tf.constant(0))
        assert again.loss != result.loss
        found[precision] = result
    full, mixed = found.values()
    assert mixed.nonfinite_gradients == 0
    np.testing.assert_allclose(mixed.loss, full.loss, rtol=0.01)
    norms = [np.linalg.norm(each.gradient_norms) for each in (mixed, full)]
    np.testing.assert_allclose(*norms, rtol=0.02)
    np.testing.assert_allclose(mixed.predictions.bits, full.predictions.bits, atol=0.02)
    assert not np.array_equal(mixed.predictions.bits, full.predictions.bits)
