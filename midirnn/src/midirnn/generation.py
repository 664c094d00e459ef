"""A trained network plays songs: what it proposes is what happens, record after record.

No TensorFlow here: the weights come from a run's checkpoint and the steps from numpy.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Self

import midicodec
from midicodec.records import LONG
from midirnn.beat import find_beat
from midirnn.checkpoint import Arrays
from midirnn.config import Config, validate
from midirnn.errors import GenerationError
from midirnn.length import Length, Meter
from midirnn.messages import EventMaker
from midirnn.opening import Opening, Timed
from midirnn.performance import Ensemble, Performance
from midirnn.plugin.interfaces import Event, Events, StreamInfo
from midirnn.primer import Primer
from midirnn.run import Run
from midirnn.stepper import Stepper

_PATIENCE_RECORDS = 2_000
"""After how many records in a row that take no time a length in time is given up."""
_NO_TIME_SECONDS = 0.001
"""What so many records together must take at least."""
_LISTENED_RECORDS = 256
"""From how many records of a song its beat is found."""
_EARLY_BARS = 1 / 64
"""What begins so shortly before the last bar line belongs to the next bar."""


@dataclass
class Tally:
    """What became of the records that the network emitted; grows while a song is generated."""

    records: int = 0
    messages: int = 0
    seconds: float = 0.0
    """From the last message before them to the last one that they made."""
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


class Generator:
    """A checkpoint's network, ready to make songs."""

    def __init__(
        self, config: Config, start: Callable[[], Events], weights: Arrays, step: int = 0
    ) -> None:
        """Keep what a song is made with; ``start`` gives the event that it begins with."""
        self.config, self.step = config, step
        self._channel_only = config.corpus.messages == "channel"
        self._start, self._weights = start, weights

    @classmethod
    def of_run(cls, run: Run, checkpoint: str = "best") -> Self:
        """Read the settings and the weights of a run.

        Raises :class:`midirnn.errors.RunError` where any of them is missing or damaged.
        """
        config, step = run.config(), run.checkpoints.find(checkpoint)
        weights = run.checkpoints.load(step, "weights")
        with run.checkpoints.blamed(step):
            Stepper(weights, 1, config.model.time_scale)  # told now, and not when sinks are open
        return cls(config, run.start, weights, step)

    def with_settings(self, **settings: Any) -> Self:
        """Return a generator with other settings of ``[generation]``; None leaves one as it is.

        Raises :class:`midirnn.errors.ConfigError` for a key there is not or a value that is unfit.
        """
        values = self.config.model_dump(mode="python")
        given = {key: value for key, value in settings.items() if value is not None}
        values["generation"] |= given
        config = validate(values, source="settings")
        return type(self)(config, self._start, self._weights, self.step)

    def performance(
        self, seed: int, *, start: bool = True, channel_only: bool = False
    ) -> Performance:
        """Return one song that others may play along in; with ``start`` its first event was heard.

        ``channel_only``: only channel messages are proposed, whatever the network knows.
        """
        ensemble = Ensemble(self.config, self._weights, seed, channel_only=channel_only)
        if start:
            Opening.of_start(self._start(), self.config.generation).hear(ensemble)
        return Performance(ensemble)

    def events(
        self,
        length: Length,
        seed: int,
        info: StreamInfo,
        *,
        primer: Events | Primer | None = None,
        temperature: float | None = None,
        tally: Tally | None = None,
    ) -> Iterator[Event]:
        """Generate a song, one event at a time, and end every note that still sounds.

        The song begins with the ``primer``'s events (the run's first event without one);
        ``length`` counts what the network emits after them, and so does ``tally``. The same
        arguments give the same events. Records that make no message keep their time. Raises
        :class:`GenerationError` where the song cannot be begun or comes to no end.
        """
        generator = self.with_settings(temperature=temperature)
        primer = Primer(primer) if isinstance(primer, Events) else primer
        (take,) = generator.songs(length, seed, info=info, primer=primer, tally=tally)
        yield from take.events

    def songs(
        self,
        length: Length,
        seed: int,
        count: int = 1,
        *,
        info: StreamInfo | None = None,
        primer: Primer | None = None,
        only_new: bool = False,
        tally: Tally | None = None,
    ) -> list[Take]:
        """Begin ``count`` songs, which are generated side by side while any of them is asked on.

        Each is as :meth:`events` says, and its own, keyed by ``seed`` and its number: songs 1 to
        4 of eight are the four of four. With ``only_new`` what the primer says is left out.
        Without an ``info`` its beat is that of the settings or, where bars are counted, the one
        that the music has. ``tally`` is that of the only song.
        """
        settings = self.config.generation
        if primer is None:
            opening = Opening.of_start(self._start(), settings)
        else:
            opening = Opening.of_primer(primer, settings, only_new=only_new)
        ensemble = Ensemble(self.config, self._weights, seed, count)
        opening.hear(ensemble)
        rows = _SideBySide(ensemble, opening.rest)
        takes = []
        for song in range(count):
            own = Tally() if tally is None else tally
            maker = _Song(self.config, length, opening, rows.row(song), own, info)
            takes.append(Take(maker.info, maker.events(), own, maker.seconds))
        return takes


class _SideBySide:
    """Songs that are generated together, and read one by one."""

    def __init__(self, ensemble: Ensemble, rest: float) -> None:
        self._ensemble, self._rest = ensemble, rest
        self._waiting: list[deque[Timed] | None] = [deque() for _ in range(ensemble.songs)]
        self._proposed: tuple[Any, Any] | None = None

    def row(self, song: int) -> Iterator[Timed]:
        """Yield a song's records, without end."""
        waiting = self._waiting[song]
        assert waiting is not None
        try:
            while True:
                if not waiting:
                    self._advance()
                yield waiting.popleft()
        finally:
            self._waiting[song] = None  # nobody reads on: nothing more is kept

    def _advance(self) -> None:
        """Let each song go on by a record; it is heard only when the next one is asked for."""
        if self._proposed is not None:
            seconds, records = self._proposed
            self._ensemble.hear(records, seconds)
        self._proposed = self._ensemble.next(self._rest)
        self._rest = 0.0
        seconds, records = self._proposed
        for waiting, record, passed in zip(self._waiting, records, seconds.tolist(), strict=True):
            if waiting is not None:
                waiting.append((record.tobytes(), passed))


class _Song:
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
        self._channel_only = config.corpus.messages == "channel"
        self._length, self._meter = length, Meter.parse(settings.meter)
        self._signed, self._ruled = settings.meter is not None, settings.rules
        self._opening, self._row, self._tally = opening, row, tally
        self._scale, self._delay = 1.0, 0.0
        wanted = 60 / settings.tempo if settings.tempo is not None else None
        if info is None:
            info = StreamInfo()
            if wanted is not None:
                info = replace(info, microseconds_per_beat=round(wanted * 1e6))
        self.info = info
        if wanted is not None or length.bars is not None:
            self._find_beat(info.microseconds_per_beat / 1e6, scaled=wanted is not None)

    @property
    def seconds(self) -> float | None:
        """How long what the network adds gets; None where its records are counted."""
        return self._length.end(0.0, self._bar)

    @property
    def _bar(self) -> float:
        return self._meter.quarters * self.info.microseconds_per_beat / 1e6

    def _find_beat(self, seconds: float, *, scaled: bool) -> None:
        """Listen to how the song begins; bring its beat to ``seconds``, or take it as it is."""
        begins = [next(self._row) for _ in range(_LISTENED_RECORDS)]
        self._row = chain(begins, self._row)
        onsets, now = [], -self._opening.skipped
        for record, passed in [*self._opening.in_song, *begins]:
            now += passed
            if record[1] & 0xF0 == 0x90 and record[3] and not record[0]:
                onsets.append(now)
        beat = find_beat(onsets, seconds)
        if beat is None:
            return
        if scaled:
            self._scale = seconds / beat.seconds
        else:
            self.info = replace(self.info, microseconds_per_beat=round(beat.seconds * 1e6))
        self._delay = (-beat.offset % beat.seconds) * self._scale

    def events(self) -> Iterator[Event]:
        """Yield the events, and end what still sounds."""
        maker, decoder, tally = EventMaker(self.info), midicodec.Decoder(), self._tally
        if self._signed:
            yield from self._time_signature(maker)
        maker.wait(self._delay)
        for record, seconds in self._opening.in_song:
            yield from self._decoded(decoder.feed(record, seconds * self._scale), maker, Tally())
        maker.wait(-self._opening.skipped * self._scale)
        began, passed, moved, still = maker.seconds, 0.0, 0.0, 0
        rest = self._opening.rest * self._scale
        end = self._length.end(began + rest, self._bar, self._delay)
        most = self._length.records
        early = 0.0 if self._length.bars is None else _EARLY_BARS * self._bar
        for record, network_seconds in self._row:
            # Each piece of a long message carries its time, which counts once.
            goes_on = decoder.pending and bool(record[LONG])
            seconds = 0.0 if goes_on else network_seconds * self._scale
            if end is not None and began + passed + seconds > end - early:
                break
            if most is not None and tally.records >= most and not (self._ruled and goes_on):
                end = maker.seconds + seconds  # so long what came last may sound
                break
            yield from self._decoded(decoder.feed(record, seconds), maker, tally)
            tally.records += 1
            heard = maker.seconds - began
            # What made no message yet takes time too; the next message will start after it.
            passed = heard if heard > tally.seconds else passed + seconds
            tally.seconds = heard
            moved, still = (moved, still + 1) if passed - moved < _NO_TIME_SECONDS else (passed, 0)
            if end is not None and still > _PATIENCE_RECORDS:
                raise GenerationError(
                    f"the network emitted {still} records in a row that take no time, after "
                    f"{passed:.1f} s; give the length in records, or train it for longer"
                )
        yield from self._decoded(decoder.flush(), maker, tally)
        maker.wait(max((end or 0.0) - maker.seconds, 0.0))
        yield from maker.end()

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
