"""The augmentation ``dynamics``: songs louder and softer."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from pydantic import Field

from midicodec.records import B1, B3, LONG
from midirnn.plugin import Augmentation, Events, PluginConfig, hookimpl

_NOTE_ON = 0x90  # the upper half of the status; with a velocity of 0 it ends a note


class Dynamics(Augmentation):
    """Plays a whole song louder or softer, differently on every pass over it."""

    name = "dynamics"

    class Config(PluginConfig):
        """How much."""

        max_percent: float = Field(default=20, ge=0, le=1000)
        """The most that velocities grow by; they shrink by the same factor."""

    config: Config

    def augment_events(self, events: Events, rng: np.random.Generator) -> Events:
        """Multiply the velocity of every note that begins by one number, from 1 to 127."""
        most = np.log1p(self.config.max_percent / 100)
        factor = np.exp(rng.uniform(-most, most))
        records = events.records.copy()
        begins = (records[:, LONG] == 0) & (records[:, B1] & 0xF0 == _NOTE_ON)
        begins &= records[:, B3] > 0
        records[begins, B3] = np.clip(np.rint(records[begins, B3] * factor), 1, 127)
        return Events(records, events.delta_seconds)


@hookimpl
def midirnn_register_augmentations() -> Iterable[type[Augmentation]]:
    """Return the augmentation of this distribution."""
    return [Dynamics]
