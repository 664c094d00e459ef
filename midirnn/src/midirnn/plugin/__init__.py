"""All that a plugin imports from midirnn; documented in docs/plugins.md."""

from midirnn.errors import PluginError, SinkError
from midirnn.plugin.hookspecs import hookimpl
from midirnn.plugin.interfaces import (
    Augmentation,
    Event,
    Events,
    LossConfig,
    LossTerm,
    Plugin,
    PluginConfig,
    Predictions,
    Sink,
    StreamInfo,
    Targets,
)

__all__ = [
    "Augmentation",
    "Event",
    "Events",
    "LossConfig",
    "LossTerm",
    "Plugin",
    "PluginConfig",
    "PluginError",
    "Predictions",
    "Sink",
    "SinkError",
    "StreamInfo",
    "Targets",
    "hookimpl",
]
