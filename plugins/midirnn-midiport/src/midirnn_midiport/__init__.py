"""The sink ``midiport``: the song to a synthesizer, a DAW, or another machine, as it is made.

The source of that name, in :mod:`midirnn_midiport.source`, is the way in.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from midirnn.plugin import Event, Sink, SinkError, Source, StreamInfo, hookimpl
from midirnn_midiport.options import PortConfig
from midirnn_midiport.ports import is_there, open_output
from midirnn_midiport.source import MidiPortSource
from midirnn_midiport.tcp import connect

if TYPE_CHECKING:
    from mido.ports import BaseOutput

_DELIVERY_SECONDS = 0.15
"""Between the last message and closing: what a port has not passed on by then is lost."""
_LOOK_SECONDS = 1.0
"""How often it is looked whether the receiver is still there."""


class MidiPortSink(Sink):
    """Sends every message when it is due to a MIDI port, or over TCP."""

    name = "midiport"
    realtime = True

    class Config(PortConfig):
        """Where to send."""

    config: Config
    _port: BaseOutput | None = None

    def open(self, info: StreamInfo) -> None:
        """Connect, or say which ports there are."""
        self._sounding: dict[tuple[int, int], None] = {}  # (channel, note)
        chosen = self.config
        if chosen.tcp is not None:
            self._port = connect(chosen.tcp)
        else:
            self._port = open_output(chosen.port, virtual=chosen.virtual, backend=chosen.backend)
        self._look_at = time.monotonic() + _LOOK_SECONDS

    def send(self, event: Event) -> None:
        """Send a message; meta messages are for files only."""
        message = event.message
        if self._port is None or message.is_meta:
            return
        try:
            self._port.send(message)
        except OSError as error:
            raise SinkError(f"midiport: the receiver has gone ({error})") from error
        if message.type == "note_on" and message.velocity:
            self._sounding[message.channel, message.note] = None
        elif message.type in ("note_on", "note_off"):
            self._sounding.pop((message.channel, message.note), None)
        if time.monotonic() > self._look_at:  # after sending, which is not to wait for it
            self._look(self._port)

    def _look(self, port: BaseOutput) -> None:
        """See whether somebody is there: a port takes messages for nobody, too."""
        if not self.config.virtual and not is_there(port):
            raise SinkError(f"midiport: the output port {port.name!r} has gone")
        self._look_at = time.monotonic() + _LOOK_SECONDS

    def close(self) -> None:
        """End all that sounds, wait for that to arrive, and disconnect."""
        import mido

        port, self._port = self._port, None
        if port is None:
            return
        try:
            if port.closed:  # TCP: the other side was first
                return
            for channel, note in self._sounding:
                port.send(mido.Message("note_off", channel=channel, note=note, velocity=0))
            port.reset()
            port.panic()
            time.sleep(_DELIVERY_SECONDS)
        except OSError as error:
            raise SinkError(f"midiport: the receiver has gone ({error})") from error
        finally:
            port.close()


@hookimpl
def midirnn_register_sinks() -> Iterable[type[Sink]]:
    """Return the sink of this distribution."""
    return [MidiPortSink]


@hookimpl
def midirnn_register_sources() -> Iterable[type[Source]]:
    """Return the source of this distribution."""
    return [MidiPortSource]
