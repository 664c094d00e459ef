"""Where a chosen plugin is called, in training, in a jam or for its model: its errors get its name.

Sinks alone are called elsewhere, in threads of their own: see :mod:`midirnn.playback.play`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from midirnn.errors import MidiRnnError, PluginError
from midirnn.plugin.interfaces import Augmentation, Events, Plugin


@contextlib.contextmanager
def blamed_on(plugin: Plugin) -> Iterator[None]:
    """Turn what a plugin raises into a :class:`PluginError` that says whose fault it is."""
    try:
        yield
    except MidiRnnError:
        raise
    except (Exception, SystemExit) as error:  # the plugin border
        first = str(error).strip().partition("\n")[0]
        raise PluginError(f"{plugin.name}: {type(error).__name__}: {first}") from error


def augmenting(
    augmentations: Sequence[Augmentation],
) -> Callable[[Events, np.random.Generator], Events] | None:
    """Return what changes a song as each augmentation does, in turn; None if none changes any."""
    unchanged = Augmentation.augment_events
    changes = [each for each in augmentations if type(each).augment_events is not unchanged]

    def augment(events: Events, rng: np.random.Generator) -> Events:
        for each in changes:
            events = _augmented(each, events, rng)
        return events

    return augment if changes else None


def _augmented(augmentation: Augmentation, events: Events, rng: np.random.Generator) -> Events:
    """Return a song as an augmentation changes it, or say what is wrong with that."""
    with blamed_on(augmentation):
        changed = augmentation.augment_events(events, rng)
        problem = problem_with(changed)
    if problem is not None:
        raise PluginError(f"{augmentation.name}: augment_events returned {problem}")
    return changed


def problem_with(events: object) -> str | None:
    """Say why ``events`` are not what a network can be shown; None if they are."""
    if not isinstance(events, Events):
        return f"{type(events).__name__}, not Events"
    records, seconds = events.records, events.delta_seconds
    if records.dtype != np.uint8 or records.ndim != 2 or records.shape[1] != 5:
        return f"records of {records.dtype} {records.shape}, not of uint8 (n, 5)"
    if seconds.shape != (len(records),) or seconds.dtype.kind != "f":
        return f"delta_seconds of {seconds.dtype} {seconds.shape}, not of float64 (n,)"
    if not np.all((seconds >= 0) & (seconds < np.inf)):
        return "delta_seconds that are negative or no numbers"
    return None
