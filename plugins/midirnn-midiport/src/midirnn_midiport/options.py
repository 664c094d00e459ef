"""The options that the sink and the source have in common."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from midirnn.plugin import PluginConfig


class PortConfig(PluginConfig):
    """Which port, or which address."""

    port: str | None = None
    """The port's name, or a part of it that no other has; without one, the first port."""
    virtual: bool = False
    """Make a port of that name for others to connect to (Linux and macOS)."""
    tcp: str | None = None
    """HOST:PORT: for the sink of a receiver that listens, for the source where to listen."""
    backend: str | None = None
    """One of mido's backends, such as mido.backends.rtmidi/UNIX_JACK."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.tcp is not None and (self.port or self.virtual or self.backend):
            raise ValueError("tcp stands alone: no port, virtual or backend beside it")
        return self
