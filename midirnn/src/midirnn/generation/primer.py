"""A song that another one begins with: a MIDI file, or its first seconds or bars."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import midicodec
from midicodec.records import B1, B3, END_OF_TRACK
from midicodec.timing import SMPTE_FLAG, is_meta, time_signatures, to_absolute
from midirnn.corpus.reading import read_events
from midirnn.errors import GenerationError
from midirnn.generation.beat import Beat
from midirnn.generation.length import Meter
from midirnn.plugin.interfaces import Events
from midirnn.settings.config import CorpusConfig

_LATE_BARS = 1 / 32
"""A time signature that is so little behind a bar line is of the bar that begins there."""
_PART = re.compile(r"(.+):(?:(\d{1,9}(?:\.\d*)?|\.\d+)\s*s|(\d{1,9})\s*bars?)")


@dataclass(frozen=True, slots=True)
class Primer:
    """What a song begins with, and the seconds that are left of it after its last event."""

    events: Events
    rest: float = 0.0
    beat: Beat | None = None
    """The file's own, in the tempo in force at the end; None where it has none."""

    @property
    def seconds(self) -> float:
        """How long it is, the rest too."""
        starts = midicodec.message_starts(self.events.records)
        return float(self.events.delta_seconds[starts].sum()) + self.rest


@dataclass(frozen=True, slots=True)
class PrimerChoice:
    """Which file, and how much of it from its beginning: all, seconds or bars."""

    path: Path
    seconds: float | None = None
    bars: int | None = None

    @classmethod
    def parse(cls, text: str) -> PrimerChoice:
        r"""Read ``FILE``, ``FILE:8s`` or ``FILE:4bars``.

        A file of the whole name is taken as that, and Windows' ``C:\song.mid`` too.
        """
        match = _PART.fullmatch(text)
        if match is None or Path(text).exists():
            return cls(Path(text))
        path, seconds, bars = match.groups()
        choice = cls(Path(path), float(seconds) if seconds else None, int(bars) if bars else None)
        if not (choice.seconds or choice.bars):
            raise GenerationError(f"a primer must be more than nothing, found {text!r}")
        return choice

    def read(self, config: CorpusConfig) -> Primer:
        """Read the file as the network is shown it, up to where it is cut.

        Notes that end there are ended, and notes that begin there are not begun; of the end of
        its track only the time is left. Raises :class:`midirnn.errors.CorpusError` where the file
        cannot be read, and :class:`GenerationError` where it has no bars or nothing before the cut.
        """
        events = read_events(self.path, config)
        song = midicodec.load(self.path)
        song = song.to_type_0() if song.smf_type == 2 else song
        if self.bars is not None and song.division & SMPTE_FLAG:
            raise GenerationError(f"{self.path} counts its time in frames, and has no bars")
        cut = self.seconds if self.bars is None else _bars_end(song, self.bars)
        starts = midicodec.message_starts(events.records)
        times = to_absolute(events.delta_seconds, starts)
        status = events.records[:, B1]
        ends = (status & 0xF0 == 0x80) | ((status & 0xF0 == 0x90) & (events.records[:, B3] == 0))
        # The end of its track would say that the song is over; the song goes on.
        kept = ~is_meta(events.records, starts, END_OF_TRACK)
        if cut is not None:
            # What the clock's rounding makes of the cut's own time is still that time.
            early = 1e-6
            kept &= (times < cut - early) | ((times < cut + early) & ends)
        # Pieces of a long message are at its time, so they stay or go together.
        count = int(np.count_nonzero(np.logical_and.accumulate(kept)))
        if not count:
            within = "it" if cut is None else f"its first {cut:g} seconds"
            raise GenerationError(f"{self.path} has nothing in {within}")
        end = float(times[-1]) if cut is None else cut
        part = Events(events.records[:count], events.delta_seconds[:count])
        return Primer(part, max(end - float(times[count - 1]), 0.0), _beat(song, end))


def _beat(song: midicodec.Song, end: float) -> Beat | None:
    """Return the beat that a song has just before the second ``end``."""
    if song.division & SMPTE_FLAG:
        return None
    tempo_map = song.tempo_map
    at = max(int(np.searchsorted(tempo_map.seconds, end)) - 1, 0)
    per_tick = float(tempo_map.seconds_per_tick[at])
    if not per_tick:
        return None
    since_beat = int(tempo_map.ticks[at]) % song.division * per_tick
    beat = Beat(song.division * per_tick, float(tempo_map.seconds[at]))
    return beat.since(since_beat)


def _bars_end(song: midicodec.Song, bars: int) -> float:
    """Return the second at which a song's bar of this number ends."""
    at, above, power = time_signatures(song.records, song.starts)
    signatures = zip(song.ticks[at].tolist(), above.tolist(), power.tolist(), strict=True)
    changes = [(tick, Meter(a, 2**p)) for tick, a, p in signatures if a and p < 8]
    tick, meter, left = 0.0, Meter(), bars
    for begins, following in changes:  # each begins a bar, whether or not the last one is whole
        bar = meter.quarters * song.division
        count = math.ceil((begins - tick) / bar - _LATE_BARS)
        line = min(begins, tick + count * bar)
        if left <= count:
            return float(song.tempo_map.to_seconds(min(tick + left * bar, line)))
        tick, meter, left = line, following, left - count
    return float(song.tempo_map.to_seconds(tick + left * meter.quarters * song.division))
