"""What every plugin must keep to, for its author's own tests.

Each function takes a plugin as the user would make it, ``MySink(MySink.Config(path=…))``, treats
it as midirnn does, and raises :class:`AssertionError` with a line that says what is wrong.
"""

from __future__ import annotations

import inspect
import threading
import time
from pathlib import Path

import numpy as np

import midicodec
from midirnn.errors import MidiRnnError, PluginError
from midirnn.generation.generator import Generator
from midirnn.generation.length import Length
from midirnn.plugin.border import problem_with
from midirnn.plugin.interfaces import (
    Augmentation,
    Event,
    Events,
    LossTerm,
    Model,
    Plugin,
    Predictions,
    Sink,
    Source,
    StreamInfo,
    Targets,
)
from midirnn.plugin.manager import check_class
from midirnn.run.card import problem_with_card
from midirnn.run.checkpoint import read_arrays
from midirnn.run.folder import Run
from midirnn.run.models import folder_of
from midirnn.settings.config import Config
from midirnn.training.choices import make_plugins

_STEPS, _LANES = 6, 3
_LISTENED_SECONDS = 0.1
"""How long it is listened whether a closed source is silent."""
_MODEL_RECORDS = 300


def check_plugin(plugin: Plugin) -> None:
    """Check a plugin's name, options and docstring: what ``midirnn plugins`` shows."""
    try:
        check_class(type(plugin))
    except PluginError as error:
        raise AssertionError(str(error)) from error
    assert inspect.getdoc(type(plugin)), f"{plugin.name}: its class needs a docstring"
    assert isinstance(plugin.config, type(plugin).Config), f"{plugin.name}: config is not a Config"


def check_sink(sink: Sink) -> None:
    """Send a short song to a sink that can open what it is configured with; leave it closed."""
    import mido

    check_plugin(sink)
    sink.close()  # as after an `open` that failed
    info = StreamInfo(title="midirnn.testing")
    sink.open(info)
    messages = [
        mido.MetaMessage("text", text="midirnn.testing"),
        mido.Message("program_change", channel=3, program=7),
        mido.Message("note_on", channel=3, note=60, velocity=64),
        mido.Message("sysex", data=[1, 2, 3, 4]),
        mido.Message("note_on", channel=3, note=60, velocity=0),
    ]
    for number, message in enumerate(messages):
        sink.send(Event(message, 48 * number, 48 * number * info.seconds_per_tick))
    sink.interrupt()  # so that a `finish` that plays returns soon
    sink.finish()
    sink.close()
    sink.close()


def check_source(source: Source) -> None:
    """Open a source that can be, and close it: after that it is silent."""
    check_plugin(source)
    source.close()  # as after an `open` that failed
    closed, late = threading.Event(), []
    source.open(lambda message: late.append(message) if closed.is_set() else None)
    source.check()
    source.close()
    closed.set()
    source.close()
    time.sleep(_LISTENED_SECONDS)
    assert not late, f"{source.name}: it received {late[0]} after it was closed"


def check_augmentation(augmentation: Augmentation) -> None:
    """Let an augmentation change a song, and a network's inputs if it does: with TensorFlow."""
    check_plugin(augmentation)
    name = augmentation.name
    song = _song()
    before = Events(song.records.copy(), song.delta_seconds.copy())
    once, again = (augmentation.augment_events(song, np.random.default_rng(7)) for _ in range(2))
    assert _equal(song, before), f"{name}: augment_events changed the song it was given"
    problem = problem_with(once)
    assert problem is None, f"{name}: augment_events returned {problem}"
    assert _equal(once, again), f"{name}: augment_events is not decided by its generator alone"
    midicodec.decode(once.records)
    if type(augmentation).augment_inputs is not Augmentation.augment_inputs:
        _check_inputs(augmentation)


def check_loss(term: LossTerm) -> None:
    """Take a loss term of windows of which one is shorter, with what either head says."""
    check_plugin(term)
    for distribution in (False, True):
        _check_loss(term, distribution)


def _check_loss(term: LossTerm, distribution: bool) -> None:
    """Check a term with a number for time, or with a distribution."""
    import tensorflow as tf

    rng = np.random.default_rng(7)
    logits = rng.normal(size=(_LANES, _STEPS, midicodec.BITS)).astype(np.float32)
    bits = rng.integers(0, 2, logits.shape).astype(np.float32)
    times = rng.random((2, _LANES, _STEPS)).astype(np.float32)
    mask = np.ones((_LANES, _STEPS), np.float32)
    mask[-1, _STEPS // 2 :] = 0

    @tf.function(autograph=False)
    def taken(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        nats = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)
        of_bytes = tf.reduce_sum(tf.reshape(nats, (_LANES, _STEPS, 5, 8)), axis=3)
        time = (of_bytes[:, :, 0], of_bytes[:, :, 1]) if distribution else (None, None)
        exact = tf.ones((_LANES, _STEPS))
        predictions = Predictions(logits, tf.sigmoid(logits), times[0], exact, -of_bytes, *time)
        return term(Targets(targets, times[1]), predictions, tf.constant(mask))

    with tf.GradientTape() as tape:
        given = tf.constant(logits)
        tape.watch(given)
        loss = taken(given, bits)
    assert loss.dtype == tf.float32, f"{term.name}: expected float32, found {loss.dtype.name}"
    assert loss.shape == (_LANES,), f"{term.name}: expected shape (batch,), found {loss.shape}"
    assert np.isfinite(loss).all(), f"{term.name}: the loss is {loss.numpy()}"
    slope = tape.gradient(loss, given)
    assert slope is None or np.isfinite(slope).all(), f"{term.name}: its gradient is not finite"
    logits[mask == 0] += 1
    bits[mask == 0] = 1 - bits[mask == 0]
    masked = taken(tf.constant(logits), bits)
    assert np.allclose(loss, masked), f"{term.name}: steps that only fill up count in the loss"


def check_model(model: Model) -> None:
    """Read a model's folder, train nothing, and let it play; its card says what must be said."""
    check_plugin(model)
    name = model.name
    try:
        run = Run(folder_of(model))
        before = _files(run.folder)
        config, corpus, card = run.config(), run.corpus(), run.card()
        make_plugins(config)  # which whoever trains from it needs
        _check_weights(name, run, config)
        length = Length(records=_MODEL_RECORDS)
        events = list(Generator.of_run(run).events(length, 0, StreamInfo()))
    except MidiRnnError as error:
        raise AssertionError(f"{name}: {error}") from error
    assert corpus.get("songs"), f"{name}: its corpus.json says nothing of songs"
    problem = problem_with_card(card)
    assert problem is None, f"{name}: {run.card_path.name}: {problem}"
    begun, sounding = 0, set()
    for message in (event.message for event in events):
        midicodec.encode([bytes(message.bytes())])
        if message.type == "note_on" and message.velocity:
            begun += 1
            sounding.add((message.channel, message.note))
        elif message.type in ("note_on", "note_off"):
            sounding.discard((message.channel, message.note))
    assert begun, f"{name}: it plays no note"
    assert not sounding, f"{name}: of its song, {len(sounding)} notes are left sounding"
    assert _files(run.folder) == before, f"{name}: something was written into its folder"


def _check_weights(name: str, run: Run, config: Config) -> None:
    """Check that the settings' network takes the weights, and that only their score is besides."""
    from midirnn.model.network import Network

    step = run.checkpoints.find("best")
    weights = run.checkpoints.load(step, "weights")
    held = {each.partition("/")[0] for each in read_arrays(run.checkpoints.path(step))}
    more = ", ".join(sorted(held - {"weights", "score"}))
    assert not more, f"{name}: its checkpoint holds {more} besides weights: export it"
    for key, array in weights.items():
        assert np.isfinite(array).all(), f"{name}: the weight {key} has values that are no numbers"
    channel_only = config.corpus.channel_only
    with run.checkpoints.blamed(step):
        Network(config.model, channel_only=channel_only).load(weights)


def _files(folder: Path) -> dict[Path, tuple[int, int]]:
    """Return what is below a folder, and when it was written."""
    return {
        path: (found.st_size, found.st_mtime_ns)
        for path in folder.rglob("*")
        for found in [path.stat()]
    }


def _song() -> Events:
    """Return two voices, a drum, a controller and a sysex."""
    notes = [(0, 60), (1, 48), (9, 38), (0, 64), (0, 127), (1, 0)]
    messages = [bytes([0x90 | channel, note, 64]) for channel, note in notes]
    messages += [bytes([0x80 | channel, note, 0]) for channel, note in notes]
    messages += [bytes([0xB0, 64, 127]), bytes([0xF0, 1, 2, 3, 4, 0xF7])]
    records, _ = midicodec.encode(messages)
    return Events(records, np.linspace(0, 2, len(records)))


def _equal(one: Events, other: Events) -> bool:
    return np.array_equal(one.records, other.records) and np.array_equal(
        one.delta_seconds, other.delta_seconds
    )


def _check_inputs(augmentation: Augmentation) -> None:
    import tensorflow as tf

    name, width = augmentation.name, midicodec.BITS
    tf.random.set_seed(7)  # where ops are to be deterministic, as in training, one is needed
    bits = tf.constant(np.random.default_rng(7).integers(0, 2, (_LANES, _STEPS, width)), tf.float32)
    time = tf.random.stateless_uniform((_LANES, _STEPS), (1, 2))
    changed = tf.function(augmentation.augment_inputs, autograph=False)
    seed = tf.constant([3, 4], tf.int32)
    once, again = changed(bits, time, seed), changed(bits, time, seed)
    for found, given, what in zip(once, (bits, time), ("bits", "time"), strict=True):
        assert found.shape == given.shape, f"{name}: {what} {given.shape} became {found.shape}"
        assert found.dtype == tf.float32, f"{name}: {what} became {found.dtype.name}"
        assert np.isfinite(found).all(), f"{name}: {what} became what is no number"
    same = all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))
    assert same, f"{name}: augment_inputs is not decided by its seed alone"
