"""The numpy network against TensorFlow's, with either head and several songs side by side."""

import numpy as np
import pytest
import tensorflow as tf
from networks import parts_of

from midirnn.errors import RunError
from midirnn.model.network import Network
from midirnn.model.said import Said
from midirnn.model.stepper import Stepper
from midirnn.model.timeclasses import classes_of
from midirnn.model.timescale import from_seconds
from midirnn.plugin import Predictions, Targets
from midirnn.settings.config import ModelConfig

SONGS, STEPS, UNITS = 3, 70, 64
KINDS = {"bits": ("bits", True), "bytes": ("bytes", True), "bytes, all": ("bytes", False)}


def some(channel_only: bool) -> tuple[np.ndarray, np.ndarray]:
    """Records (SONGS, STEPS + 1, 5) of channel messages, or of any bytes, and their seconds."""
    rng = np.random.default_rng(0)
    records = rng.integers(0, 256, (SONGS, STEPS + 1, 5)).astype(np.uint8)
    if channel_only:
        records[..., 0], records[..., 4] = 0, 3
        records[..., 1] = rng.integers(0x80, 0xF0, records.shape[:2])
        records[..., 2:4] &= 127
        one = (records[..., 1] >> 5) == 6
        records[one, 3], records[one, 4] = 0, 2
    seconds = np.where(
        rng.random(records.shape[:2]) < 0.3, 0, rng.exponential(1, records.shape[:2])
    )
    return records, seconds


def network(head: str, channel_only: bool, scale: float) -> Network:
    config = ModelConfig(head=head, hidden_size=UNITS, dense_size=16)
    net = Network(config, seed=3, channel_only=channel_only)
    net.load({name: each.numpy() * scale for name, each in net.named_weights().items()})
    return net


def weights_of(net: Network) -> dict[str, np.ndarray]:
    return {name: each.numpy() for name, each in net.named_weights().items()}


def stepped(stepper: Stepper, records: np.ndarray, seconds: np.ndarray) -> list[Said]:
    return [stepper.step(records[:, now], seconds[:, now]) for now in range(records.shape[1] - 1)]


def predicted(
    net: Network, records: np.ndarray, seconds: np.ndarray
) -> tuple[Predictions, tf.Tensor]:
    bits = np.unpackbits(records, axis=2).astype(np.float32)
    time = from_seconds(seconds, "log")
    zero = np.zeros((len(records), 4, UNITS), np.float32)
    return net(bits[:, :-1], time[:, :-1], zero, Targets(bits[:, 1:], time[:, 1:]))


def log_softmax(logits: np.ndarray) -> np.ndarray:
    logits = logits.astype(np.float64)
    logits -= logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def likelihoods(said: Said, record: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """What b1, b2 and b3, and the time's class and part, have in nats: (SONGS, 5)."""
    each = np.arange(len(record))
    wait, part = classes_of(seconds), parts_of(seconds)
    logits = [said.first(wait), said.second(record[:, 1]), said.third(record[:, 2])]
    found = [log_softmax(logits[byte])[each, record[:, byte + 1]] for byte in range(3)]
    if said.time.class_logits is not None:
        found.append(log_softmax(said.time.class_logits)[each, wait])
        found.append(np.where(wait == 0, 0, log_softmax(said.position(wait))[each, part]))
    return np.stack(found, axis=1)


def assert_close(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert np.abs(ours - theirs).max() <= 1e-5 * np.abs(theirs).max()


@pytest.mark.parametrize("scale", [1.0, 3.0])
@pytest.mark.parametrize("kind", KINDS)
def test_it_says_what_tensorflow_says(kind: str, scale: float) -> None:
    """Fed the same; weights three times as large drive the gates into saturation."""
    net = network(*KINDS[kind], scale)
    records, seconds = some(KINDS[kind][1])
    predictions, states = predicted(net, records, seconds)
    stepper = Stepper(weights_of(net), SONGS)
    said = stepped(stepper, records, seconds)
    assert_close(stepper.states, states.numpy())
    ours = np.stack(
        [likelihoods(each, records[:, n], seconds[:, n]) for n, each in enumerate(said, start=1)],
        axis=1,
    )
    theirs = [predictions.byte_log_likelihood[..., 1:4]]
    if predictions.time_log_likelihood is not None:
        theirs += [predictions.time_log_likelihood[..., None],
                   predictions.position_log_likelihood[..., None]]  # fmt: skip
    else:
        times = from_seconds(np.stack([each.time.seconds for each in said], axis=1), "log")
        assert_close(times, np.maximum(predictions.time, 0))
        assert_close(
            np.stack([each.bit_logits for each in said], axis=1), predictions.bit_logits.numpy()
        )
    assert_close(ours, np.concatenate(theirs, axis=-1))


@pytest.mark.parametrize("kind", KINDS)
def test_songs_side_by_side_are_each_as_alone(kind: str) -> None:
    weights = weights_of(network(*KINDS[kind], 2.0))
    records, seconds = some(KINDS[kind][1])
    together = Stepper(weights, SONGS)
    said = stepped(together, records, seconds)[-1]
    for song in range(SONGS):
        alone = Stepper(weights)
        one = stepped(alone, records[song : song + 1], seconds[song : song + 1])[-1]
        assert_close(together.states[song], alone.states[0])
        wait = classes_of(seconds[:, -1])
        many, few = said.first(wait)[song], one.first(wait[song : song + 1])[0]
        assert_close(many[np.isfinite(many)], few[np.isfinite(few)])


def test_what_was_said_stays_when_the_network_steps_on() -> None:
    stepper = Stepper(weights_of(network("bytes", True, 1.0)), SONGS)
    records, seconds = some(True)
    said = stepper.step(records[:, 0], seconds[:, 0])
    before = said.time.class_logits.copy()
    stepper.step(records[:, 1], seconds[:, 1])
    np.testing.assert_array_equal(said.time.class_logits, before)


def test_only_channel_messages_can_follow_where_only_they_were_learnt() -> None:
    stepper = Stepper(weights_of(network("bytes", True, 1.0)), SONGS)
    records, seconds = some(True)
    said = stepper.step(records[:, 0], seconds[:, 0])
    wait = classes_of(seconds[:, 1])
    possible = np.isfinite(said.first(wait))
    assert possible[:, 0x80:0xF0].all() and possible.sum() == SONGS * 112  # noqa: PT018
    possible = np.isfinite(said.second(np.array([0x90, 0xC0, 0xD5])))
    assert possible[:, :128].all() and possible.sum() == SONGS * 128  # noqa: PT018
    third = np.isfinite(said.third(np.array([60, 1, 127])))
    assert third.sum(axis=1).tolist() == [128, 1, 1]
    assert third[:, 0].all()


def test_states_can_be_set() -> None:
    weights = weights_of(network("bytes", True, 1.0))
    records, seconds = some(True)
    first = Stepper(weights, SONGS)
    stepped(first, records, seconds)
    second = Stepper(weights, 1)
    second.states = first.states[1:2].copy()
    one = second.step(records[1:2, -1], seconds[1:2, -1])
    many = first.step(records[:, -1], seconds[:, -1])
    assert_close(one.time.class_logits[0], many.time.class_logits[1])


@pytest.mark.parametrize(
    ("head", "name", "shape", "match"),
    [
        ("bytes", "lstm2/bias", None, "no weight lstm2/bias"),
        ("bytes", "after_time/kernel", (7, 64), r"after_time/kernel is float32 of shape \(7, 64\)"),
        ("bytes", "first_out/bias", (100,), "for 80 units and 100 statuses; expected"),
        ("bits", "bits_out/bias", (39,), r"bits_out/bias .* expected float32 of 40"),
        ("bits", "query_gate/multiplier", (1,), "expected float32 of one number"),
    ],
)
def test_a_missing_or_misshapen_weight_is_named(
    head: str, name: str, shape: tuple[int, ...] | None, match: str
) -> None:
    weights = weights_of(network(head, True, 1.0))
    if shape is None:
        del weights[name]
    else:
        weights[name] = np.zeros(shape, np.float32)
    with pytest.raises(RunError, match=match):
        Stepper(weights)
