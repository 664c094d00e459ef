"""Messages and the time between them → events for sinks, with every note brought to an end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import midicodec
from midirnn.plugin.interfaces import Event, StreamInfo

if TYPE_CHECKING:
    import mido

HOLDING_PEDALS = frozenset({64, 66})  # sustain and sostenuto: those that hold notes
PEDAL_DOWN = 64  # a controller's values from here on mean "on" (MIDI 1.0)
_NO_SONG_HOLDS = frozenset({"set_tempo", "end_of_track"})


class EventMaker:
    """Gives each message its start, counted from the beginning, and knows what still sounds.

    Seconds are added up exactly and rounded to ticks once, so that nothing drifts, and an event's
    ``start_seconds`` is that of its tick, so that every sink hears the same.
    """

    def __init__(self, info: StreamInfo) -> None:
        self._info = info
        self.seconds = 0.0
        """When the last message was, left out or not."""
        self._notes: dict[tuple[int, int], None] = {}  # (channel, note), in order of sounding
        self._pedals: dict[tuple[int, int], None] = {}  # (channel, controller)

    def add(self, message: mido.Message | mido.MetaMessage, delta_seconds: float) -> Event | None:
        """Return ``message`` as an event ``delta_seconds`` after the last; None if it is left out.

        Tempo messages (their effect is in the seconds), ends of track (there is one, the song's
        own) and system common and realtime messages (no song holds them) are left out; their
        time counts.
        """
        self.wait(delta_seconds)
        if message.type in _NO_SONG_HOLDS:
            return None
        if not message.is_meta and not hasattr(message, "channel") and message.type != "sysex":
            return None
        self._track(message)
        return self._event(message)

    def wait(self, seconds: float) -> None:
        """Let time pass without a message."""
        self.seconds += seconds

    def end(self) -> list[Event]:
        """Return what ends every note that sounds and lifts every pedal, at the last time."""
        import mido

        off = [
            mido.Message("note_off", channel=channel, note=note, velocity=0)
            for channel, note in self._notes
        ]
        up = [
            mido.Message("control_change", channel=channel, control=control, value=0)
            for channel, control in self._pedals
        ]
        self._notes.clear()
        self._pedals.clear()
        return [self._event(message) for message in off + up]

    def _event(self, message: mido.Message | mido.MetaMessage) -> Event:
        ticks = round(self.seconds / self._info.seconds_per_tick)
        return Event(message.copy(time=0), ticks, ticks * self._info.seconds_per_tick)

    def _track(self, message: mido.Message | mido.MetaMessage) -> None:
        if message.type == "note_on" and message.velocity:
            self._notes[message.channel, message.note] = None
        elif message.type in ("note_on", "note_off"):
            self._notes.pop((message.channel, message.note), None)
        elif message.type == "control_change" and message.control in HOLDING_PEDALS:
            if message.value >= PEDAL_DOWN:
                self._pedals[message.channel, message.control] = None
            else:
                self._pedals.pop((message.channel, message.control), None)


def song_events(song: midicodec.Song, info: StreamInfo) -> Iterator[Event]:
    """Yield a song's events in real time, its tempo map applied, and end what still sounds.

    What mido has no message for (a split sysex, a value it refuses) is left out; its time counts.
    """
    maker, decoder = EventMaker(info), midicodec.Decoder(max_message_bytes=None)

    def made(outcomes: list[mido.Message | mido.MetaMessage | midicodec.Skip]) -> Iterator[Event]:
        for outcome in outcomes:
            if not isinstance(outcome, midicodec.Skip):
                event = maker.add(outcome, outcome.time)
                if event is not None:
                    yield event

    for record, delta_seconds in zip(song.records, song.delta_seconds.tolist(), strict=True):
        yield from made(decoder.feed(record, delta_seconds))
    yield from made(decoder.flush())
    yield from maker.end()
