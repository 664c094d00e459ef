"""The augmentations and loss terms that the settings name, made."""

from __future__ import annotations

from midirnn.errors import ConfigError
from midirnn.plugin.interfaces import Augmentation, LossTerm
from midirnn.plugin.manager import plugin_manager
from midirnn.settings.config import Config


def make_plugins(config: Config) -> tuple[list[Augmentation], list[LossTerm]]:
    """Make the augmentations, in their order, and the loss terms that the settings name.

    The sinks are made too, so that a wrong one is told now and not after the training.
    """
    losses, manager = make_losses(config), plugin_manager()
    for choice in config.sink:
        manager.create("sink", choice)
    return [manager.create("augmentation", choice) for choice in config.augment], losses


def make_losses(config: Config) -> list[LossTerm]:
    """Make the loss terms that the settings name."""
    names = [choice.name for choice in config.loss]
    if not names:
        raise ConfigError("a network cannot be trained without a loss; give at least one term")
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ConfigError(f"the loss term {min(twice)!r} is given twice; give it once")
    return [plugin_manager().create("loss", choice) for choice in config.loss]
