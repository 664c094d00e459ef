"""Song: MIDI events as columns, and their two clocks, ticks and seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from numbers import Integral
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from midicodec.assemble import checked_starts
from midicodec.columns import checked, read_only
from midicodec.decode import decode
from midicodec.encode import encode
from midicodec.errors import MidiCodecError
from midicodec.pieces import cut_array
from midicodec.records import (
    B1,
    END_OF_TRACK,
    META,
    SET_TEMPO,
    Mask,
    Records,
    Seconds,
    Ticks,
    Tracks,
    as_records,
)
from midicodec.timing import (
    DEFAULT_TEMPO,
    SMPTE_FLAG,
    is_meta,
    nearest_ticks,
    seconds_per_tick,
    spread,
    tempo_before,
    tempo_changes,
    tempo_records,
    to_absolute,
    to_delta,
)
from midicodec.tracks import Columns, Track, join, split

if TYPE_CHECKING:
    from midicodec.border import Message

END_RECORDS = cut_array(bytes([META, END_OF_TRACK, 0]))


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Song:
    """The events of a Standard MIDI File as read-only columns, one row per record.

    ``smf_type`` 0 and 1: tracks sound together, and their events are merged here in the order of
    ticks, then tracks. 2: tracks are independent, and follow one another.
    """

    records: Records
    """``(n, 5)`` uint8, the layout of :mod:`midicodec.records`; each is part of a message."""
    delta_ticks: Ticks
    """``(n,)`` int64: ticks since the message before; all records of a message carry the same,
    which counts once."""
    track: Tracks
    """``(n,)`` int32: the track of each record, from 0."""
    division: int
    """The header's 16 bits: ticks per beat, or from 0x8000 on an SMPTE division."""
    smf_type: int
    starts: Mask
    """``(n,)`` bool: where messages begin."""

    def __init__(
        self,
        records: npt.ArrayLike,
        delta_ticks: npt.ArrayLike,
        track: npt.ArrayLike | None = None,
        *,
        division: int = 480,
        smf_type: int = 0,
    ) -> None:
        """Copy the columns and check them; without ``track`` all is on track 0.

        Raises :class:`MidiCodecError` for what does not fit together; that is
        :class:`DecodeError` where records make no message.
        """
        if not isinstance(division, Integral) or not 0 <= division <= 0xFFFF:
            raise MidiCodecError(f"expected a division from 0 to 65535, found {division!r}")
        if smf_type not in (0, 1, 2):
            raise MidiCodecError(f"expected the type 0, 1 or 2, found {smf_type!r}")
        rows, delta, tracks, starts = checked(records, delta_ticks, track, smf_type)
        vars(self).update(  # a frozen dataclass has no assignments
            records=read_only(rows),
            delta_ticks=read_only(delta),
            track=read_only(tracks),
            starts=read_only(starts),
            division=int(division),
            smf_type=int(smf_type),
        )

    def __len__(self) -> int:
        return len(self.records)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Song):
            return NotImplemented
        return (
            (self.division, self.smf_type) == (other.division, other.smf_type)
            and np.array_equal(self.records, other.records)
            and np.array_equal(self.delta_ticks, other.delta_ticks)
            and np.array_equal(self.track, other.track)
        )

    __hash__ = None  # type: ignore[assignment]  # arrays have none either

    def __repr__(self) -> str:
        tracks = len(np.unique(self.track))
        return (
            f"<Song type {self.smf_type}, {tracks} track{'s' * (tracks != 1)}, "
            f"{np.count_nonzero(self.starts)} messages in {len(self)} records, "
            f"division {self.division}>"
        )

    @classmethod
    def from_messages(cls, messages: Iterable[Message | bytes], *, division: int = 480) -> Song:
        """Return a song of type 0; messages are as in :func:`encode`, their times ticks.

        Raises :class:`EncodeError` for one that cannot be encoded.
        """
        records, delta = encode(messages)
        return cls(records, delta, division=division)

    @classmethod
    def from_tracks(
        cls,
        tracks: Sequence[Iterable[Message | bytes]],
        *,
        division: int = 480,
        smf_type: int = 1,
    ) -> Song:
        """Return a song of several tracks of messages, their times ticks within their track.

        Raises :class:`EncodeError`, with the message's index in its track.
        """
        songs = [cls.from_messages(messages) for messages in tracks]
        parts = [Track(song.records, song.ticks, song.starts) for song in songs]
        columns = join(parts, merged=smf_type != 2)
        return cls(*columns, division=division, smf_type=smf_type)

    @classmethod
    def from_seconds(
        cls,
        records: npt.ArrayLike,
        delta_seconds: npt.ArrayLike,
        *,
        ticks_per_beat: int = 480,
        microseconds_per_beat: int = DEFAULT_TEMPO,
    ) -> Song:
        """Return a song of type 0 in one constant tempo, of records in real time.

        ``delta_seconds`` is ``(n,)``; a message's time stands at its first record. Set-tempo
        events are dropped, as the seconds hold their effect already; one is written first, and
        one end of track last. Absolute times are rounded, so no event is off by more than half a
        tick. Raises :class:`MidiCodecError` for times that are no numbers ≥ 0, and
        :class:`DecodeError` for records that make no message.
        """
        rows = as_records(records)
        starts = checked_starts(rows)
        delta = np.asarray(delta_seconds)
        if delta.shape != (len(rows),):
            raise MidiCodecError(f"expected {len(rows)} delta times, found shape {delta.shape}")
        if delta.dtype.kind not in "iuf":
            raise MidiCodecError(f"expected delta times as integers or floats, found {delta.dtype}")
        delta = delta.astype(np.float64)
        if not np.all((delta[starts] >= 0) & (delta[starts] < np.inf)):
            raise MidiCodecError("expected finite delta times ≥ 0, found others")
        with np.errstate(over="ignore"):  # what gets infinite is refused
            absolute = to_absolute(delta, starts)
            ticks = nearest_ticks(absolute, ticks_per_beat, microseconds_per_beat)
        kept = spread(~is_meta(rows, starts, SET_TEMPO)[starts], starts)
        tempo = tempo_records(microseconds_per_beat)
        return cls._on_one_track(
            np.concatenate([tempo, rows[kept]]),
            np.concatenate([np.zeros(len(tempo), np.int64), ticks[kept]]),
            end=int(ticks.max(initial=0)),
            division=ticks_per_beat,
        )

    @classmethod
    def _on_one_track(cls, records: Records, ticks: Ticks, *, end: int, division: int) -> Song:
        """Return records at absolute ticks as type 0, with one end of track at the tick ``end``."""
        starts = checked_starts(records)
        kept = spread(~is_meta(records, starts, END_OF_TRACK)[starts], starts)
        ended = np.concatenate([records[kept], END_RECORDS])
        delta = to_delta(np.append(ticks[kept], end), np.append(starts[kept], True))
        return cls(ended, delta, division=division)

    @property
    def ticks_per_beat(self) -> int:
        """Ticks per quarter note; :class:`MidiCodecError` for an SMPTE division, which has none."""
        if self.division & SMPTE_FLAG:
            raise MidiCodecError(f"the division {self.division:#06x} is SMPTE's: it has no beats")
        return self.division

    @cached_property
    def ticks(self) -> Ticks:
        """``(n,)`` int64: when each record's message is, from the beginning of the columns.

        For type 2 too, whose tracks follow one another in them.
        """
        return read_only(to_absolute(self.delta_ticks, self.starts))

    @cached_property
    def delta_seconds(self) -> Seconds:
        """``(n,)`` float64: ``delta_ticks`` in real time, the tempo map applied.

        Set-tempo events of all tracks count; in type 2 each track begins at 120 beats a minute
        again. All records of a message carry the same. Raises :class:`MidiCodecError` for a
        division that gives ticks no time: 0, or SMPTE's with frames or ticks there are not.
        """
        tempo = [tempo_before(self.records[at], self.starts[at]) for at in self._timelines()]
        per_tick = seconds_per_tick(self.division, np.concatenate(tempo))
        return read_only(self.delta_ticks * per_tick)

    @cached_property
    def start_seconds(self) -> Seconds:
        """``(n,)`` float64: when each record's message is, in seconds from the beginning."""
        return read_only(to_absolute(self.delta_seconds, self.starts))

    @property
    def duration_seconds(self) -> float:
        """When the last message is, in seconds; 0 for an empty song."""
        return float(self.start_seconds[-1]) if len(self) else 0.0

    @cached_property
    def channel_messages(self) -> Mask:
        """``(n,)`` bool: where channel messages are (notes, controllers, …: status 80 to EF)."""
        status = self.records[:, B1]
        return read_only(self.starts & (status >= 0x80) & (status < 0xF0))

    def select(self, mask: npt.ArrayLike) -> Song:
        """Return the song of the messages whose first record ``mask`` ``(n,)`` bool picks.

        They stay where they are **in ticks**. Where set-tempo events go, seconds change: take
        ``delta_seconds`` before, and :meth:`from_seconds`, if they matter.
        """
        chosen = np.asarray(mask)
        if chosen.shape != (len(self),) or chosen.dtype != np.bool_:
            raise MidiCodecError(
                f"expected a mask of {len(self)} bools, found {chosen.dtype} {chosen.shape}"
            )
        kept = spread(chosen[self.starts], self.starts)
        deltas = []
        for at in self._timelines():
            ticks = to_absolute(self.delta_ticks[at], self.starts[at])
            deltas.append(to_delta(ticks[kept[at]], self.starts[at][kept[at]]))
        return Song(
            self.records[kept],
            np.concatenate(deltas),
            self.track[kept],
            division=self.division,
            smf_type=self.smf_type,
        )

    def to_type_0(self) -> Song:
        """Return the song on one track, with one end of track, at the latest time of all.

        Tracks of type 2 follow one another, set back to 120 beats a minute where they need it.
        """
        records, ticks = self._with_tempo_restarts()
        end = int(ticks.max(initial=0))
        return Song._on_one_track(records, ticks, end=end, division=self.division)

    def to_messages(self, *, errors: Literal["strict", "skip"] = "strict") -> list[Message]:
        """Return the messages in the columns' order, times in ticks; errors as :func:`decode`."""
        return decode(self.records, self.delta_ticks, errors=errors)

    def to_tracks(self, *, errors: Literal["strict", "skip"] = "strict") -> list[list[Message]]:
        """Return each track's messages, times in ticks within it; errors as :func:`decode`."""
        return [
            decode(track.records, to_delta(track.ticks, track.starts), errors=errors)
            for track in self.split()
        ]

    def split(self) -> list[Track]:
        """Return each track's records, with absolute ticks within it; some may be empty."""
        columns = Columns(self.records, self.delta_ticks, self.track)
        return split(columns, self.starts, merged=self.smf_type != 2)

    def _timelines(self) -> list[slice]:
        """Return the parts of the columns that have a beginning and a tempo of their own."""
        if self.smf_type != 2:
            return [slice(0, len(self))]
        cuts = np.flatnonzero(np.diff(self.track)) + 1
        return [slice(*ends) for ends in pairwise([0, *cuts.tolist(), len(self)])]

    def _with_tempo_restarts(self) -> tuple[Records, Ticks]:
        """Return records and ticks; where a track ends in another tempo, the next sets it back."""
        records, ticks = self.records, self.ticks
        for before, part in reversed(list(pairwise(self._timelines()))):
            _, tempos = tempo_changes(self.records[before], self.starts[before])
            if len(tempos) and tempos[-1] != DEFAULT_TEMPO:
                at = [part.start] * 2
                records = np.insert(records, at, tempo_records(DEFAULT_TEMPO), axis=0)
                ticks = np.insert(ticks, at, self.ticks[part.start - 1])
        return records, ticks
