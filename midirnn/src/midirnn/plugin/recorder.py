"""A stream kept as a song: for sinks that need all of it before they can do anything with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from midirnn.plugin.interfaces import Event, StreamInfo

if TYPE_CHECKING:
    import mido

    import midicodec


class Recorder:
    """Takes a stream's events, and gives them back as one song in the stream's tempo."""

    def __init__(self, info: StreamInfo) -> None:
        self._info = info
        self._ticks = 0
        self._messages: list[mido.Message | mido.MetaMessage] = []

    def add(self, event: Event) -> None:
        """Keep the next event; a clock's pulses and the like, which no song holds, are left out."""
        if event.message.is_realtime:
            return
        delta_ticks = event.start_ticks - self._ticks
        self._ticks = event.start_ticks
        self._messages.append(event.message.copy(time=delta_ticks))

    def song(self) -> midicodec.Song:
        """Return what was kept as a song of type 0, a tempo message first."""
        import mido

        import midicodec

        tempo = mido.MetaMessage("set_tempo", tempo=self._info.microseconds_per_beat, time=0)
        return midicodec.Song.from_messages(
            [tempo, *self._messages], division=self._info.ticks_per_beat
        )
