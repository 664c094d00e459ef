"""The augmentation ``tempo``: songs faster and slower."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from pydantic import Field

from midirnn.plugin import Augmentation, Events, PluginConfig, hookimpl


class Tempo(Augmentation):
    """Plays a whole song faster or slower, differently on every pass over it."""

    name = "tempo"

    class Config(PluginConfig):
        """How much."""

        max_percent: float = Field(default=10, ge=0, lt=100)
        """The most that a song's times grow or shrink by."""

    config: Config

    def augment_events(self, events: Events, rng: np.random.Generator) -> Events:
        """Multiply all times by one number; as often slower by a factor as faster by it."""
        most = np.log1p(self.config.max_percent / 100)
        return Events(events.records, events.delta_seconds * np.exp(rng.uniform(-most, most)))


@hookimpl
def midirnn_register_augmentations() -> Iterable[type[Augmentation]]:
    """Return the augmentation of this distribution."""
    return [Tempo]
