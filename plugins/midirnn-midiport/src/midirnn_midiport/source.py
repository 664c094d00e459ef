"""The source ``midiport``: what somebody plays on a MIDI port, or sends over TCP."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from midirnn.plugin import Source, SourceError
from midirnn_midiport.options import PortConfig
from midirnn_midiport.ports import is_there, open_input
from midirnn_midiport.tcp import Listener

if TYPE_CHECKING:
    import mido
    from mido.ports import BaseInput

    from midirnn_midiport.polled import PolledInput


class MidiPortSource(Source):
    """Listens to a MIDI port, or over TCP."""

    name = "midiport"

    class Config(PortConfig):
        """Where to listen."""

    config: Config
    _port: BaseInput | PolledInput | Listener | None = None

    def open(self, receive: Callable[[mido.Message], None]) -> None:
        """Connect, or say which ports there are."""
        chosen = self.config
        if chosen.tcp is not None:
            self._port = Listener(chosen.tcp, receive)
        else:
            self._port = open_input(
                chosen.port, receive, virtual=chosen.virtual, backend=chosen.backend
            )

    def check(self) -> None:
        """See whether the port is still there; over TCP, the next sender may come."""
        port = self._port
        if port is None or isinstance(port, Listener) or self.config.virtual:
            return
        if not is_there(port):
            raise SourceError(f"midiport: the input port {port.name!r} has gone")

    def close(self) -> None:
        """Disconnect."""
        port, self._port = self._port, None
        if port is not None:
            port.close()
