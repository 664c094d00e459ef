"""A song as a table of its notes: when each begins, how long it sounds, what and where it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from midicodec import message_starts
from midicodec.records import B1, B2, B3, DRUM_CHANNEL, LONG
from midicodec.timing import to_absolute
from midirnn.plugin.interfaces import Events

AT_ONCE_SECONDS = 0.03
"""Notes that follow each other within this time are one chord: a roll takes longer, and the ear
hears two onsets as one up to about there (Hirsh 1959, "Auditory perception of temporal order")."""

Times = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Notes:
    """The notes of a song, ``(n,)`` each, a chord's from the lowest up.

    ``onset`` is in seconds from the song's beginning and ``length`` in seconds; no pedal is
    heeded. ``channel`` counts from 0, and ``pitch`` is a drum's number on the drums' channel.
    ``chord`` numbers the chords from 0; drums are in them too.
    """

    onset: Times
    length: Times
    pitch: Whole
    velocity: Whole
    channel: Whole
    chord: Whole

    @classmethod
    def of(cls, events: Events) -> Self:
        """Return the notes of a song's events.

        A note ends with the next note-off or note-on of its channel and pitch, whichever comes
        first, as :mod:`midirnn.training.pianoroll` draws it; or else with the song.
        """
        records = events.records
        seconds = to_absolute(events.delta_seconds, message_starts(records))
        kind = records[:, B1] & 0xF0
        at = np.flatnonzero(((kind == 0x80) | (kind == 0x90)) & (records[:, LONG] == 0))
        if not len(at):
            none = np.empty(0, np.int64)
            return cls(np.empty(0), np.empty(0), none, none, none, none)
        status, pitch, velocity = records[at][:, [B1, B2, B3]].astype(np.int64).T
        channel, begins, when = status & 0x0F, (status >= 0x90) & (velocity > 0), seconds[at]
        # Of one channel and pitch each message is followed by the one that ends it.
        key = channel << 8 | pitch
        order = np.argsort(key, kind="stable")
        end = np.full(len(at), seconds[-1])
        followed = np.flatnonzero(np.diff(key[order]) == 0)
        end[order[followed]] = when[order[followed + 1]]
        onset, length = when[begins], (end - when)[begins]
        pitch, velocity, channel = pitch[begins], velocity[begins], channel[begins]
        chord = np.cumsum(np.diff(onset, prepend=-np.inf) > AT_ONCE_SECONDS) - 1
        order = np.lexsort((channel, pitch, chord))
        columns = (onset, length, pitch, velocity, channel, chord)
        return cls(*(column[order] for column in columns))

    def __len__(self) -> int:
        return len(self.onset)

    @cached_property
    def drums(self) -> npt.NDArray[np.bool_]:
        """``(n,)`` bool: which notes are drums, and have no pitch."""
        drums: npt.NDArray[np.bool_] = self.channel == DRUM_CHANNEL
        return drums

    @cached_property
    def chord_onset(self) -> Times:
        """``(chords,)``: when each chord's first note begins, in seconds."""
        first = np.flatnonzero(np.diff(self.chord, prepend=-1))
        return np.minimum.reduceat(self.onset, first) if len(first) else np.empty(0)
