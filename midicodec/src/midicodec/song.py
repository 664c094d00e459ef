"""Song: MIDI events as columns, what they are made of, and what can be made of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from midicodec.arrange import (
    Part,
    in_a_row,
    in_order,
    in_tempo,
    with_end,
    without_tempo,
)
from midicodec.assemble import checked_starts
from midicodec.columns import SongColumns, read_only
from midicodec.decode import decode
from midicodec.encode import encode
from midicodec.errors import MidiCodecError
from midicodec.records import (
    B1,
    Mask,
    as_records,
)
from midicodec.timing import (
    DEFAULT_TEMPO,
    in_minutes,
    nearest_ticks,
    spread,
    to_absolute,
    to_delta,
)
from midicodec.tracks import Columns, Track, join, split

if TYPE_CHECKING:
    from midicodec.border import Message


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Song(SongColumns):
    """The events of a Standard MIDI File as read-only columns, one row per record.

    ``smf_type`` 0 and 1: tracks sound together, and their events are merged here in the order of
    ticks, then tracks. 2: tracks are independent, and follow one another.
    """

    def __repr__(self) -> str:
        tracks, messages = len(np.unique(self.track)), int(self.starts.sum())
        return (
            f"<Song type {self.smf_type}, {tracks} track{'s' * (tracks != 1)}, "
            f"{messages} message{'s' * (messages != 1)} in "
            f"{len(self)} record{'s' * (len(self) != 1)}, "
            f"division {self.division}{self._length()}>"
        )

    def _length(self) -> str:
        try:
            return f", {in_minutes(self.duration_seconds, 1)} minutes"
        except MidiCodecError:  # a division that gives ticks no time
            return ""

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
        return cls(*columns[:3], division=division, smf_type=smf_type)

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
        part = without_tempo(Part(rows, ticks, np.zeros(len(rows), np.int32), starts))
        end = int(ticks.max(initial=0))
        return cls._on_one_track(in_tempo(part, microseconds_per_beat), ticks_per_beat, end)

    @cached_property
    def channel(self) -> npt.NDArray[np.int8]:
        """``(n,)`` int8: the channel, 0 to 15, of each channel message; -1 for other records."""
        channel = (self.records[:, B1] & 0x0F).astype(np.int8)
        return read_only(np.where(self.channel_messages, channel, np.int8(-1)))

    @cached_property
    def channel_messages(self) -> Mask:
        """``(n,)`` bool: where channel messages are (notes, controllers, …: status 80 to EF)."""
        status = self.records[:, B1]
        return read_only(self.starts & (status >= 0x80) & (status < 0xF0))

    def select(
        self,
        mask: npt.ArrayLike | None = None,
        *,
        channel: int | Iterable[int] | None = None,
        track: int | Iterable[int] | None = None,
    ) -> Song:
        """Return the song of the messages that fit: by their first record, channel, track.

        ``mask`` is ``(n,)`` bool; channels and tracks count from 0, and several may be given.
        Messages stay where they are **in ticks**. Where set-tempo events go, seconds change: take
        ``delta_seconds`` before, and :meth:`from_seconds`, if they matter.

        >>> song = Song([[0, 0x90, 60, 64, 3], [0, 0x99, 38, 64, 3]], [0, 10])
        >>> song.select(channel=9).records.tolist()
        [[0, 153, 38, 64, 3]]
        """
        chosen = np.ones(len(self), np.bool_) if mask is None else np.asarray(mask)
        if chosen.shape != (len(self),) or chosen.dtype != np.bool_:
            raise MidiCodecError(
                f"expected a mask of {len(self)} bools, found {chosen.dtype} {chosen.shape}"
            )
        for wanted, column in ((channel, self.channel), (track, self.track)):
            if wanted is not None:
                several = np.atleast_1d(wanted if np.isscalar(wanted) else list(wanted))  # type: ignore[arg-type]
                chosen = chosen & np.isin(column, several[several >= 0])
        kept = spread(chosen[self.starts], self.starts)
        parts = [
            part.pick(kept[at]) for part, at in zip(self._parts(), self._timelines(), strict=True)
        ]
        delta = np.concatenate([to_delta(part.ticks, part.starts) for part in parts])
        return Song(
            self.records[kept],
            delta,
            self.track[kept],
            division=self.division,
            smf_type=self.smf_type,
        )

    def __getitem__(self, rows: slice | npt.ArrayLike) -> Song:
        """Return the song of the messages whose first record is among ``rows``.

        A slice or a boolean mask, as for the columns; see :meth:`select`.
        """
        if rows is None:
            raise MidiCodecError("expected a slice or a mask of rows, found None")
        if isinstance(rows, slice):
            mask = np.zeros(len(self), np.bool_)
            mask[rows] = True
            return self.select(mask)
        return self.select(rows)

    def to_type_0(self) -> Song:
        """Return the song on one track, with one end of track, at the latest time of all.

        Tracks of type 2 follow one another, set back to 120 beats a minute where they need it.
        """
        row = in_a_row(self._parts())
        return self._on_one_track(row, self.division, int(row.ticks.max(initial=0)))

    @classmethod
    def concatenate(cls, songs: Sequence[Song]) -> Song:
        """Return songs one after another, each beginning when the last message before it is.

        Tracks of the same number are one. All must have the same division, and none be of type 2.
        The tempo is 120 beats a minute again where a song begins, unless it says another; only the
        last song's ends of tracks are kept, and no tempo that begins when its song is over.
        """
        if not songs:
            raise MidiCodecError("expected songs to concatenate, found none")
        divisions = sorted({song.division for song in songs})
        if len(divisions) > 1:
            raise MidiCodecError(f"expected songs of one division, found {divisions}")
        if any(song.smf_type == 2 for song in songs):
            raise MidiCodecError("expected songs of types 0 and 1, found 2: take song.to_type_0()")
        parts = [part for song in songs for part in song._parts()]
        # Behind a song that is empty nothing comes: the one before it keeps its end.
        parts = [part for part in parts if len(part.records)] or parts[:1]
        row = in_order(in_a_row(parts, idle_tempo=False))
        return cls._of_part(row, divisions[0], smf_type=int(row.track.any()))

    def __add__(self, other: Song) -> Song:
        if not isinstance(other, Song):
            return NotImplemented
        return Song.concatenate([self, other])

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
        columns = Columns(self.records, self.delta_ticks, self.track, self.starts)
        return split(columns, merged=self.smf_type != 2)

    def _parts(self) -> list[Part]:
        """Return the messages of each timeline."""
        return [
            Part(
                self.records[at],
                to_absolute(self.delta_ticks[at], self.starts[at]),
                self.track[at],
                self.starts[at],
            )
            for at in self._timelines()
        ]

    @classmethod
    def _of_part(cls, part: Part, division: int, smf_type: int) -> Song:
        records, ticks, track, starts = part
        return cls(records, to_delta(ticks, starts), track, division=division, smf_type=smf_type)

    @classmethod
    def _on_one_track(cls, part: Part, division: int, end: int) -> Song:
        """Return a part as type 0, with one end of track, at the tick ``end``."""
        ended = with_end(part._replace(track=np.zeros_like(part.track)), end)
        return cls._of_part(ended, division, smf_type=0)
