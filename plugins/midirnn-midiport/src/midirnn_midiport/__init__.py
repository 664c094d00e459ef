"""The sink ``midiport``: the song to a synthesizer, a DAW, or another machine, as it is made."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import model_validator

from midirnn.plugin import Event, PluginConfig, Sink, SinkError, StreamInfo, hookimpl
from midirnn_midiport.ports import open_port, open_socket

if TYPE_CHECKING:
    from mido.ports import BaseOutput

_CHANNELS = range(16)
_ALL_SOUND_OFF, _ALL_NOTES_OFF = 120, 123  # controllers; MIDI 1.0, "Channel Mode Messages"
_DELIVERY_SECONDS = 0.15
"""Between the last message and closing: what a port has not passed on by then is lost."""


class MidiPortSink(Sink):
    """Sends every message when it is due to a MIDI port, or over TCP."""

    name = "midiport"
    realtime = True

    class Config(PluginConfig):
        """Where to send."""

        port: str | None = None
        """The port's name, or a part of it that no other has; without one, the first port."""
        virtual: bool = False
        """Make a port of that name for others to connect to (Linux and macOS)."""
        tcp: str | None = None
        """HOST:PORT of a receiver that listens, such as mido-serve."""
        backend: str | None = None
        """One of mido's backends, such as mido.backends.rtmidi/UNIX_JACK."""

        @model_validator(mode="after")
        def _one_way(self) -> MidiPortSink.Config:
            if self.tcp is not None and (self.port or self.virtual or self.backend):
                raise ValueError("tcp stands alone: no port, virtual or backend beside it")
            return self

    config: Config
    _port: BaseOutput | None = None

    def open(self, info: StreamInfo) -> None:
        """Connect, or say which ports there are."""
        self._sounding: dict[tuple[int, int], None] = {}  # (channel, note)
        chosen = self.config
        if chosen.tcp is not None:
            self._port = open_socket(chosen.tcp)
        else:
            self._port = open_port(chosen.port, virtual=chosen.virtual, backend=chosen.backend)

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

    def close(self) -> None:
        """End every note, silence all channels, wait for that to arrive, and disconnect."""
        import mido

        port, self._port = self._port, None
        if port is None:
            return
        try:
            if port.closed:  # TCP: the other side was first
                return
            for channel, note in self._sounding:
                port.send(mido.Message("note_off", channel=channel, note=note, velocity=0))
            for channel in _CHANNELS:
                for control in (_ALL_NOTES_OFF, _ALL_SOUND_OFF):
                    port.send(mido.Message("control_change", channel=channel, control=control))
            time.sleep(_DELIVERY_SECONDS)
        except OSError as error:
            raise SinkError(f"midiport: the receiver has gone ({error})") from error
        finally:
            port.close()


@hookimpl
def midirnn_register_sinks() -> Iterable[type[Sink]]:
    """Return the sink of this distribution."""
    return [MidiPortSink]
