"""The checks for plugin authors: what is installed passes, and each kind of fault is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from midirnn.plugin import Augmentation, Events, LossTerm, PluginConfig, Sink, Source
from midirnn.plugin.choice import PluginChoice
from midirnn.plugin.manager import Kind, plugin_manager
from midirnn.testing import (
    check_augmentation,
    check_loss,
    check_model,
    check_plugin,
    check_sink,
    check_source,
)

CHECKS = {"augmentation": check_augmentation, "loss": check_loss, "model": check_model}
INSTALLED = [each for each in plugin_manager().registered() if each.kind in CHECKS]


@pytest.mark.parametrize("each", INSTALLED, ids=lambda each: f"{each.kind} {each.name}")
def test_what_is_installed_passes(each) -> None:
    CHECKS[each.kind](plugin_manager().create(each.kind, PluginChoice(name=each.name)))


@pytest.mark.parametrize("name", ["file", "notelog"])
def test_sinks_that_write_files_pass(name: str, tmp_path: Path) -> None:
    kind: Kind = "sink"
    path = tmp_path / "out"
    choice = PluginChoice(name=name, options={"path": str(path)})
    check_sink(plugin_manager().create(kind, choice))
    assert path.stat().st_size


class Plain(Augmentation):
    """Does nothing."""

    name = "plain"


def changed(events: Events, **columns: np.ndarray) -> Events:
    return Events(
        columns.get("records", events.records), columns.get("delta_seconds", events.delta_seconds)
    )


class WritesToItsInput(Plain):
    def augment_events(self, events, rng):
        events.delta_seconds[:] = 0
        return events


class HasItsOwnChance(Plain):
    def augment_events(self, events, rng):
        times = np.random.default_rng().random(len(events))
        return changed(events, delta_seconds=times)


class GoesBackInTime(Plain):
    def augment_events(self, events, rng):
        return changed(events, delta_seconds=-events.delta_seconds - 1)


class MakesWiderRecords(Plain):
    def augment_events(self, events, rng):
        return changed(events, records=events.records.astype(np.int64))


class LosesASeed(Plain):
    def augment_inputs(self, bits, time, seed):
        return bits + tf.random.uniform(tf.shape(bits)), time


class LosesAStep(Plain):
    def augment_inputs(self, bits, time, seed):
        return bits[:, 1:], time


AUGMENTATIONS = {
    WritesToItsInput: "changed the song it was given",
    HasItsOwnChance: "not decided by its generator alone",
    GoesBackInTime: "delta_seconds that are negative",
    MakesWiderRecords: "records of int64",
    LosesASeed: "not decided by its seed alone",
    LosesAStep: r"bits \(3, 6, 40\) became \(3, 5, 40\)",
}


@pytest.mark.parametrize(("plugin", "complaint"), AUGMENTATIONS.items())
def test_faults_of_augmentations_are_told(plugin: type[Plain], complaint: str) -> None:
    plugin.__doc__ = "Has a fault."
    with pytest.raises(AssertionError, match=complaint):
        check_augmentation(plugin())


LOSSES: dict[str, tuple[Callable[..., tf.Tensor], str]] = {
    "a scalar": (lambda t, p, m: tf.reduce_mean(p.bits), r"expected shape \(batch,\)"),
    "steps kept": (lambda t, p, m: p.time, r"expected shape \(batch,\)"),
    "float64": (lambda t, p, m: tf.cast(p.time[:, 0], tf.float64), "expected float32"),
    "no mask": (lambda t, p, m: tf.reduce_mean(p.bits, axis=(1, 2)), "only fill up count"),
    "no number": (lambda t, p, m: tf.math.log(-p.bits[:, 0, 0]), "the loss is"),
    "a steep root": (
        lambda t, p, m: tf.sqrt(tf.reduce_sum(p.bit_logits * 0, axis=(1, 2))),
        "its gradient is not finite",
    ),
}


@pytest.mark.parametrize(("function", "complaint"), LOSSES.values(), ids=LOSSES)
def test_faults_of_losses_are_told(function: Callable[..., tf.Tensor], complaint: str) -> None:
    class Faulty(LossTerm):
        """Has a fault."""

        name = "faulty"

        def __call__(self, targets, predictions, mask):
            return function(targets, predictions, mask)

    with pytest.raises(AssertionError, match=complaint):
        check_loss(Faulty())


def test_a_sink_that_closes_badly_is_told() -> None:
    class NeedsOpen(Sink):
        """Has a fault."""

        name = "needs-open"

        def open(self, info):
            self.file = info

        def send(self, event):
            """Take it."""

        def close(self):
            del self.file

    with pytest.raises(AttributeError):
        check_sink(NeedsOpen())


def test_a_source_that_goes_on_after_it_was_closed_is_told() -> None:
    class Endless(Source):
        """Has a fault."""

        name = "endless"

        def open(self, receive):
            def play():
                while not over.wait(0.01):
                    receive("a message")

            threading.Thread(target=play).start()

    over = threading.Event()
    try:
        with pytest.raises(AssertionError, match="received a message after it was closed"):
            check_source(Endless())
    finally:
        over.set()


def test_names_options_and_docstrings_are_checked() -> None:
    class TwoWords(Plain):
        """Has a fault."""

        name = "two words"

    class Reserved(Plain):
        """Has a fault."""

        class Config(PluginConfig):
            options: int = 1

    for plugin, complaint in ((TwoWords, "must be a word"), (Reserved, "cannot have a field")):
        with pytest.raises(AssertionError, match=complaint):
            check_plugin(plugin())
