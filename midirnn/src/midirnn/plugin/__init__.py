"""All that a plugin imports from midirnn; documented in docs/plugins.md."""

from midirnn.console.quiet import native_stderr_hidden
from midirnn.errors import PluginError, SinkError, SourceError
from midirnn.plugin.hookspecs import hookimpl
from midirnn.plugin.interfaces import (
    Augmentation,
    Event,
    Events,
    LossConfig,
    LossTerm,
    Model,
    Plugin,
    PluginConfig,
    Predictions,
    Sink,
    Source,
    StreamInfo,
    Targets,
)
from midirnn.plugin.recorder import Recorder

__all__ = [
    "Augmentation",
    "Event",
    "Events",
    "LossConfig",
    "LossTerm",
    "Model",
    "Plugin",
    "PluginConfig",
    "PluginError",
    "Predictions",
    "Recorder",
    "Sink",
    "SinkError",
    "Source",
    "SourceError",
    "StreamInfo",
    "Targets",
    "hookimpl",
    "native_stderr_hidden",
]
