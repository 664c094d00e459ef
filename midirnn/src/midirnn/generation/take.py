"""A song that is being generated: a network's records become events, timed, whole, of a length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np
import numpy.typing as npt

import midicodec
from midicodec.records import RECORD_BYTES
from midicodec.timing import to_absolute
from midirnn.corpus.duplicates import note_ons
from midirnn.errors import GenerationError
from midirnn.generation.beat import Beat, Grid, find_beat
from midirnn.generation.length import Length, Meter
from midirnn.generation.opening import Opening, Timed
from midirnn.messages import EventMaker
from midirnn.plugin.interfaces import Event, StreamInfo
from midirnn.settings.config import Config

_PATIENCE_RECORDS = 2_000
"""After how many records in a row that take no time a length in time is given up."""
_NO_TIME_SECONDS = 0.001
"""What so many records together must take at least."""
_LISTENED_RECORDS = 256
"""From how many records of a song its beat is found, if it is not known."""
_EARLY_BARS = 1 / 64
"""What begins so shortly before the last bar line belongs to the next bar."""


@dataclass
class Tally:
    """What became of the records that the network emitted; grows while a song is generated."""

    records: int = 0
    messages: int = 0
    seconds: float = 0.0
    """From the end of what the song begins with to the last message that they made."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Why records gave no message, and how often."""


@dataclass(frozen=True)
class Take:
    """A song that is being generated: its events come as they are asked for."""

    info: StreamInfo
    events: Iterator[Event]
    tally: Tally
    seconds: float | None
    """How long what the network adds gets; None where its records are counted."""


class Song:
    """One song's records become its events: in its tempo, of its length."""

    def __init__(
        self,
        config: Config,
        length: Length,
        opening: Opening,
        row: Iterator[Timed],
        tally: Tally,
        info: StreamInfo | None,
    ) -> None:
        settings = config.generation
        self._channel_only = config.corpus.channel_only
        self._length, self._meter = length, Meter.parse(settings.meter)
        self._signed, self._ruled = settings.meter is not None, settings.rules
        self._opening, self._row, self._tally = opening, row, tally
        self._scale, self._delay = 1.0, 0.0
        self._grid, self._skipped = Grid(), opening.rest if opening.skips_rest else 0.0
        self.info = StreamInfo() if info is None else info
        """Given, or what the song is found to be in."""
        if settings.tempo is not None:
            if info is None:
                self.info = replace(self.info, microseconds_per_beat=round(60e6 / settings.tempo))
            self._keep_to_beat(scaled=True)
        elif info is None and (opening.beat or length.bars is not None or settings.quantize):
            self._keep_to_beat(scaled=False)
        if settings.quantize:
            width = self.info.microseconds_per_beat / 1e6 / settings.quantize
            self._grid = Grid(width)
            self._delay, self._skipped = (
                Grid(width).placed(each) for each in (self._delay, self._skipped)
            )

    @property
    def seconds(self) -> float | None:
        """How long what the network adds gets; None where its records are counted."""
        return self._length.end(0.0, self._bar)

    @property
    def _bar(self) -> float:
        return self._meter.quarters * self.info.microseconds_per_beat / 1e6

    def _keep_to_beat(self, *, scaled: bool) -> None:
        """Bring the song's beat to the tempo, or the tempo to the beat; and put it on the beat."""
        seconds = self.info.microseconds_per_beat / 1e6
        beat = self._opening.beat or self._found_beat(seconds)
        if beat is None:
            return
        if scaled:
            self._scale = seconds / beat.seconds
        else:
            self.info = replace(self.info, microseconds_per_beat=round(beat.seconds * 1e6))
        self._delay = beat.delay * self._scale
        self._skipped *= self._scale

    def _found_beat(self, near: float) -> Beat | None:
        """Listen to how the song begins."""
        begins = [next(self._row) for _ in range(_LISTENED_RECORDS)]
        self._row = chain(begins, self._row)
        return find_beat(_onsets([*self._opening.in_song, *begins]) - self._skipped, near)

    def events(self) -> Iterator[Event]:
        """Yield the events, and end what still sounds."""
        maker, decoder, tally = EventMaker(self.info), midicodec.Decoder(), self._tally
        if self._signed:
            yield from self._time_signature(maker)
        maker.wait(self._delay)
        now = maker.seconds  # with the time of what makes no message, or has made none yet
        for record, network_seconds in self._opening.in_song:
            seconds = self._placed(network_seconds) if decoder.starts(record) else 0.0
            now += seconds
            yield from self._decoded(decoder.feed(record, seconds), maker, Tally())
        maker.wait(-self._skipped)
        now -= self._skipped
        began, moved, still = now + self._opening.rest * self._scale, now, 0
        end = self._length.end(began, self._bar, self._delay)
        most = self._length.records
        early = 0.0 if self._length.bars is None else _EARLY_BARS * self._bar
        # A stray piece may have waited for the primer's end, but has no time in the song.
        rest = 0.0 if self._ruled else self._opening.rest
        for record, network_seconds in self._row:
            starts = decoder.starts(record)
            if starts:
                network_seconds, rest = max(network_seconds, rest), 0.0
            seconds = self._placed(network_seconds) if starts else 0.0
            if end is not None and now + seconds > end - early:
                break
            if most is not None and tally.records >= most and (starts or not self._ruled):
                end = now + seconds  # so long what came last may sound
                break
            now += seconds
            yield from self._decoded(decoder.feed(record, seconds), maker, tally)
            tally.records += 1
            tally.seconds = max(maker.seconds - began, 0.0)
            moved, still = (moved, still + 1) if now - moved < _NO_TIME_SECONDS else (now, 0)
            if end is not None and still > _PATIENCE_RECORDS:
                raise GenerationError(
                    f"the network emitted {still} records in a row that take no time, after "
                    f"{now - began:.1f} s; give the length in records, or train it for longer"
                )
        yield from self._decoded(decoder.flush(), maker, tally)
        maker.wait(max((end or 0.0) - maker.seconds, 0.0))
        yield from maker.end()

    def _placed(self, seconds: float) -> float:
        """Return how long in the song what takes the network so long is."""
        return self._grid.placed(seconds * self._scale)

    def _time_signature(self, maker: EventMaker) -> Iterator[Event]:
        import mido

        event = maker.add(
            mido.MetaMessage(
                "time_signature", numerator=self._meter.beats, denominator=self._meter.unit
            ),
            0.0,
        )
        assert event is not None
        yield event

    def _decoded(
        self, outcomes: list[midicodec.Outcome], maker: EventMaker, tally: Tally
    ) -> Iterator[Event]:
        for outcome in outcomes:
            if isinstance(outcome, midicodec.Skip):
                tally.skipped[outcome.reason] += 1
            elif self._channel_only and (outcome.is_meta or not hasattr(outcome, "channel")):
                tally.skipped["not a channel message, and the network knows only those"] += 1
                maker.wait(outcome.time)
            else:
                tally.messages += 1
                event = maker.add(outcome, outcome.time)
                if event is not None:
                    yield event


def _onsets(timed: list[Timed]) -> npt.NDArray[np.float64]:
    """Return the seconds at which notes begin, ``(notes,)``."""
    records = np.frombuffer(b"".join(record for record, _ in timed), np.uint8)
    records = records.reshape(-1, RECORD_BYTES)
    seconds = np.array([passed for _, passed in timed])
    times = to_absolute(seconds, midicodec.message_starts(records))
    onsets: npt.NDArray[np.float64] = times[note_ons(records)]
    return onsets
