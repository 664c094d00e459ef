"""Training against torch, and against the machine: the same multiplications as bare products."""

from __future__ import annotations

import torch_first  # noqa: F401

# isort: split

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from midirnn.corpus.reading import read_corpus
from midirnn.model.lstm import LSTM
from midirnn.model.network import Network
from midirnn.model.timescale import from_seconds
from midirnn.settings.config import Config
from midirnn.settings.resolve import resolve
from midirnn.training.choices import make_losses
from midirnn.training.lanes import Lanes
from midirnn.training.losses import Loss
from midirnn.training.step import TrainStep

Functions = dict[str, Callable[[], object]]
Race = Callable[[str, int, Mapping[str, Callable[[], object]]], dict[str, float]]

HIDDEN, LENGTH = 500, 25
LANES = (1, 8, 32, 64, 128)
# Products of (lanes × steps, HIDDEN) with (HIDDEN, 4 HIDDEN): for inputs and for states, in two
# layers, once forwards and twice back. A whole step has two dense layers more, a quarter as wide;
# the narrow ones are left out.
LSTM_PRODUCTS, STEP_PRODUCTS = 3 * 2 * 2, 3 * (2 * 2 + 0.5)


@pytest.mark.parametrize("lanes", LANES)
def test_the_two_lstms_forwards_and_back(
    lanes: int, race: Race, report: Callable[[str], None]
) -> None:
    names = ("lstm1", "lstm2")
    keras_layers = [
        keras.layers.LSTM(HIDDEN, return_sequences=True, return_state=True) for _ in names
    ]
    group, count = f"two LSTMs, {lanes} lanes", lanes * LENGTH
    products = _products(lanes, LSTM_PRODUCTS)
    seconds = race(
        group,
        count,
        {
            "midirnn's LSTM": _layers([LSTM(HIDDEN, name=name) for name in names], lanes),
            "keras.layers.LSTM": _layers(keras_layers, lanes),
            **_by_threads("torch.nn.LSTM", _torch_layers(lanes)),
            **products,
        },
    )
    _report_share(report, group, "midirnn's LSTM", seconds, products)


@pytest.mark.parametrize("lanes", LANES)
def test_a_whole_training_step(lanes: int, race: Race, report: Callable[[str], None]) -> None:
    step, _ = _train_step(lanes)
    rng = np.random.default_rng(0)
    records = rng.integers(0, 256, (lanes, LENGTH + 1, 5)).astype(np.uint8)
    delta_time = rng.random((lanes, LENGTH + 1)).astype(np.float32)
    states, number = np.zeros((lanes, 4, HIDDEN), np.float32), tf.constant(0)
    group = f"a training step, {lanes} lanes"
    products = _products(lanes, STEP_PRODUCTS)
    seconds = race(
        group,
        lanes * LENGTH,
        {
            "midirnn": lambda: step(records, delta_time, states, number).loss.numpy(),
            **_by_threads("torch", _torch_step(lanes)),
            **products,
        },
    )
    _report_share(report, group, "midirnn", seconds, products)


@pytest.mark.parametrize("lanes", LANES)
def test_the_share_of_a_step_spent_on_its_input(
    lanes: int, pieces: list[Path], report: Callable[[str], None]
) -> None:
    """As :class:`midirnn.training.trainer.Trainer` does: lanes, their time's scale, states kept."""
    step, config = _train_step(lanes)
    songs = read_corpus(pieces, config.corpus, shortest=LENGTH + 1).songs
    reader = Lanes(songs, config.training, HIDDEN)
    spent = whole = 0.0
    for number in range(-2, 30 if lanes < 32 else 8):
        began = time.perf_counter()
        batch = reader.next(number + 2)
        delta_time = from_seconds(batch.delta_seconds, config.model.time_scale)
        read = time.perf_counter()
        result = step(batch.records, delta_time, batch.states, tf.constant(number))
        result.loss.numpy()
        stepped = time.perf_counter()
        reader.keep(result.states.numpy())
        kept = time.perf_counter()
        if number >= 0:  # the first ones warm up
            spent += read - began + kept - stepped
            whole += kept - began
    report(f"a training step, {lanes} lanes: {spent / whole:.1%} of it is spent on its input")


def _report_share(
    report: Callable[[str], None],
    group: str,
    name: str,
    seconds: Mapping[str, float],
    products: Functions,
) -> None:
    best = min(products, key=lambda each: seconds[each])
    share = seconds[best] / seconds[name]
    report(f"{group}: {share:.0%} of the best rate of {best.removeprefix('reference: ')}")


def _train_step(lanes: int) -> tuple[TrainStep, Config]:
    """The network that ``torch_network.py`` has too: the notebook's layers, in 0.95 of dropout."""
    config = resolve(
        None,
        {
            "model": {
                "head": "bits", "hidden_size": HIDDEN, "dense_size": 100, "keep_probability": 0.95,
            },
            "training": {"lanes": lanes, "sequence_length": LENGTH},
            "loss": [{"name": "bit_cross_entropy"}, {"name": "time_rmse", "weight": 0.3}],
        },
    )  # fmt: skip
    return TrainStep(Network(config.model), Loss(make_losses(config)), [], config), config


def _layers(layers: list[keras.layers.LSTM], lanes: int) -> Callable[[], object]:
    """One after the other, and the gradients of inputs and weights."""
    inputs = tf.random.normal((lanes, LENGTH, HIDDEN))
    zero = tf.zeros((lanes, HIDDEN))
    for layer in layers:
        layer.build((None, LENGTH, HIDDEN))
    weights = [each.value for layer in layers for each in layer.trainable_variables]

    @tf.function(autograph=False)
    def run(inputs: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            x = inputs
            for layer in layers:
                x, _, _ = layer(x, initial_state=[zero, zero])
            loss = tf.reduce_sum(x)
        gradients: list[tf.Tensor] = tape.gradient(loss, [inputs, *weights])
        return gradients

    return lambda: run(inputs)[0].numpy()


def _torch_layers(lanes: int) -> Callable[[], object]:
    torch = pytest.importorskip("torch")
    layers = torch.nn.LSTM(HIDDEN, HIDDEN, num_layers=2)
    inputs = torch.randn(LENGTH, lanes, HIDDEN, requires_grad=True)

    def run() -> None:
        inputs.grad = None
        layers.zero_grad(set_to_none=True)
        layers(inputs)[0].sum().backward()

    return run


def _torch_step(lanes: int) -> Callable[[], object]:
    torch = pytest.importorskip("torch")
    from torch_network import TorchStep

    step = TorchStep()
    bits = torch.randint(0, 2, (LENGTH, lanes, 40)).float()
    delta_time = torch.rand(LENGTH, lanes)
    inputs = torch.cat([bits, delta_time[..., None]], dim=2)
    return lambda: step(inputs, bits, delta_time)


def _products(lanes: int, products: float) -> Functions:
    """As much multiplication in TensorFlow and in torch: the quickest is the machine's ceiling."""
    rows = lanes * LENGTH
    left, right = tf.random.normal((rows, HIDDEN)), tf.random.normal((HIDDEN, 4 * HIDDEN))
    times = round(2 * products)  # each of them half as wide
    right = right[:, : 2 * HIDDEN]

    @tf.function(autograph=False)
    def in_tensorflow(left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
        outputs: list[tf.Tensor] = []
        for _ in range(times):
            # One after the other, and none of them taken for another.
            with tf.control_dependencies(outputs[-1:]):
                outputs.append(tf.raw_ops.MatMul(a=left, b=right))
        return tf.add_n([each[0, 0] for each in outputs])

    torch = pytest.importorskip("torch")
    torch_left, torch_right = torch.from_numpy(left.numpy()), torch.from_numpy(right.numpy())
    out = torch_left @ torch_right

    def in_torch() -> None:
        for _ in range(times):
            torch.mm(torch_left, torch_right, out=out)

    return {
        "reference: products in TensorFlow": lambda: in_tensorflow(left, right).numpy(),
        **_by_threads("products in torch", in_torch),
    }


def _by_threads(name: str, function: Callable[[], object]) -> Functions:
    """On a busy machine torch is quicker with fewer threads: they wait for each other."""
    torch = pytest.importorskip("torch")

    def run(threads: int) -> None:
        torch.set_num_threads(threads)
        function()

    most = torch.get_num_threads()
    return {
        f"reference: {name}, threads: {threads}": lambda threads=threads: run(threads)
        for threads in sorted({1, most})
    }
