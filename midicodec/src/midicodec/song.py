"""A song as columns: records, the ticks between them, and the tracks they are of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from midicodec.assemble import message_starts
from midicodec.bits import as_uint8
from midicodec.clock import delta_seconds, quantized, tempo_record
from midicodec.decode import decode
from midicodec.encode import encode
from midicodec.errors import MidiCodecError
from midicodec.records import B1, B2, END_OF_TRACK, META, RECORD_BYTES, SET_TEMPO, Records

if TYPE_CHECKING:
    import mido

    Message = mido.Message | mido.MetaMessage

END_OF_TRACK_RECORD = np.array([[0, META, END_OF_TRACK, 0, 3]], np.uint8)


class Song:
    """The messages of a Standard MIDI File, in the order in which they are played.

    Time is in ticks, as in the file, and tempo messages stay among the records. The tracks of
    type 1 are merged in time and each record keeps its track's number; those of type 2 follow
    one another. Columns cannot be written to: an edit makes another song.
    """

    def __init__(
        self,
        records: npt.ArrayLike,
        delta_ticks: npt.ArrayLike,
        track: npt.ArrayLike | None = None,
        *,
        division: int = 480,
        smf_type: int = 0,
    ) -> None:
        """Make a song of ``records`` (n, 5) uint8, ``delta_ticks`` (n,) int64, ``track`` (n,).

        ``division`` is the header's 16 bits: ticks per beat, or an SMPTE frame rate if the
        highest is set. Raises :class:`MidiCodecError` where the columns do not fit together.
        """
        self.records: Records = _column(as_uint8(records, RECORD_BYTES))
        """``(n, 5)`` uint8."""
        count = len(self.records)
        self.delta_ticks: npt.NDArray[np.int64] = _column(_whole(delta_ticks, count, np.int64))
        """``(n,)`` int64: ticks since the message before; each piece has its message's."""
        tracks = np.zeros(count, np.int32) if track is None else track
        self.track: npt.NDArray[np.int32] = _column(_whole(tracks, count, np.int32))
        """``(n,)`` int32: the track that each record is of, from 0."""
        if self.records.ndim != 2:
            raise MidiCodecError(f"expected records of shape (n, 5), found {self.records.shape}")
        if smf_type not in (0, 1, 2):
            raise MidiCodecError(f"smf_type must be 0, 1 or 2, not {smf_type!r}")
        if not 0 <= division <= 0xFFFF:
            raise MidiCodecError(f"division has 16 bits, {division!r} does not fit")
        self.division = division
        self.smf_type = smf_type

    def __len__(self) -> int:
        return len(self.records)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Song):
            return NotImplemented
        return (self.division, self.smf_type) == (other.division, other.smf_type) and all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ("records", "delta_ticks", "track")
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        messages, tracks = int(self.starts.sum()), int(self.track.max(initial=-1)) + 1
        return (
            f"<Song type {self.smf_type}, {tracks} track{'s' * (tracks != 1)}, "
            f"{messages} messages in {len(self)} records, division {self.division}>"
        )

    @property
    def ticks_per_beat(self) -> int:
        """Ticks in a quarter note; raises :class:`MidiCodecError` for an SMPTE division."""
        if self.division & 0x8000:
            raise MidiCodecError(f"the division {self.division:#06x} counts SMPTE frames, no beats")
        return self.division

    @cached_property
    def starts(self) -> npt.NDArray[np.bool_]:
        """``(n,)`` bool: the first record of each message, where its time counts."""
        return _column(message_starts(self.records))

    @property
    def channel_messages(self) -> npt.NDArray[np.bool_]:
        """``(n,)`` bool: notes, controllers, programs, pressure and bends."""
        status = self.records[:, B1]
        return self.starts & (self.records[:, 0] == 0) & (status >= 0x80) & (status < 0xF0)

    @cached_property
    def ticks(self) -> npt.NDArray[np.int64]:
        """``(n,)`` int64: when each record's message is, in ticks from the song's beginning."""
        return _column(np.cumsum(np.where(self.starts, self.delta_ticks, 0)))

    @cached_property
    def delta_seconds(self) -> npt.NDArray[np.float64]:
        """``(n,)`` float64: seconds since the message before, the tempo map applied.

        120 beats a minute up to the first tempo message; the tracks of type 2 have their own.
        Raises :class:`MidiCodecError` for a division of 0, which has no time.
        """
        return _column(delta_seconds(self))

    @cached_property
    def start_seconds(self) -> npt.NDArray[np.float64]:
        """``(n,)`` float64: when each record's message is, in seconds."""
        return _column(np.cumsum(np.where(self.starts, self.delta_seconds, 0.0)))

    @property
    def duration_seconds(self) -> float:
        """When the last message is, in seconds."""
        return float(self.start_seconds[-1]) if len(self) else 0.0

    def select(self, mask: npt.ArrayLike) -> Song:
        """Return the messages whose first record is true in ``mask`` ``(n,)`` bool, at their ticks.

        Whole messages go or stay. Where tempo messages go, seconds change: take
        ``delta_seconds`` first if they matter.
        """
        wanted = np.asarray(mask)
        if wanted.shape != (len(self),) or wanted.dtype != np.bool_:
            raise MidiCodecError(f"expected a mask of {len(self)} bools, found {wanted.dtype} of "
                                 f"shape {wanted.shape}")  # fmt: skip
        whole = wanted[self._first_pieces()]
        delta = self._delta_from(self.ticks[whole], self.starts[whole])
        return Song(self.records[whole], delta, self.track[whole],
                    division=self.division, smf_type=self.smf_type)  # fmt: skip

    def to_type_0(self) -> Song:
        """Return the song on one track, with one end of track, at the latest of theirs.

        The messages are in the order in which mido merges tracks.
        """
        ends = self.is_meta(END_OF_TRACK)
        last = int(self.ticks[-1]) if len(self) else 0
        body = self.select(~ends)
        rest = last - (int(body.ticks[-1]) if len(body) else 0)
        return Song(
            np.concatenate([body.records, END_OF_TRACK_RECORD]),
            np.append(body.delta_ticks, rest),
            division=self.division,
        )

    def is_meta(self, meta_type: int) -> npt.NDArray[np.bool_]:
        """Return ``(n,)`` bool: the first records of meta messages of that type."""
        first = (self.records[:, B1] == META) & (self.records[:, B2] == meta_type)
        return first & self.starts & (self.records[:, 4] > 1)

    @classmethod
    def from_messages(cls, messages: Iterable[Message], *, division: int = 480) -> Song:
        """Return a song of type 0 of mido's messages, their ``time`` in ticks since the last."""
        records, delta = encode(messages)
        return cls(records, delta, division=division)

    @classmethod
    def from_tracks(
        cls, tracks: Sequence[Iterable[Message]], *, division: int = 480, smf_type: int = 1
    ) -> Song:
        """Return a song of several tracks of mido's messages: merged in time unless of type 2."""
        encoded = [encode(track) for track in tracks]
        return cls.from_columns(
            [records for records, _ in encoded], [delta for _, delta in encoded],
            division=division, smf_type=smf_type,
        )  # fmt: skip

    @classmethod
    def from_columns(
        cls,
        records: Sequence[Records],
        delta_ticks: Sequence[npt.NDArray[np.int64]],
        *,
        division: int,
        smf_type: int,
    ) -> Song:
        """Return a song of each track's records and delta ticks.

        Type 1 (and 0, if it has several) is merged in time, equal ticks by track; the tracks of
        type 2 follow one another.
        """
        if not records:
            return cls(np.empty((0, 5), np.uint8), np.empty(0, np.int64), division=division, smf_type=smf_type)
        track = np.repeat(np.arange(len(records)), [len(each) for each in records])
        all_records, all_delta = np.concatenate(records), np.concatenate(delta_ticks)
        if smf_type != 2 and len(records) > 1:
            pairs = [(message_starts(each), delta) for each, delta in
                     zip(records, delta_ticks, strict=True)]  # fmt: skip
            ticks = np.concatenate([np.cumsum(np.where(s, delta, 0)) for s, delta in pairs])
            starts = np.concatenate([s for s, _ in pairs])
            order = np.argsort(ticks, kind="stable")
            all_records, track = all_records[order], track[order]
            all_delta = cls._delta_from(ticks[order], starts[order])
        return cls(all_records, all_delta, track, division=division, smf_type=smf_type)

    @classmethod
    def from_seconds(
        cls,
        records: npt.ArrayLike,
        delta_seconds: npt.ArrayLike,
        *,
        ticks_per_beat: int = 480,
        microseconds_per_beat: int = 500_000,
    ) -> Song:
        """Return a song of type 0 of records and the real time between them, at one tempo.

        Tempo messages are dropped, as their effect is in the seconds, and one is written first.
        A message's absolute time is rounded to ticks, so that nothing drifts.
        """
        rows = as_uint8(records, RECORD_BYTES)
        seconds = np.asarray(delta_seconds, np.float64)
        if seconds.shape != (len(rows),) or not (np.isfinite(seconds) & (seconds >= 0)).all():
            raise MidiCodecError(f"expected {len(rows)} finite delta_seconds, none negative")
        starts = message_starts(rows)
        ticks = quantized(
            np.cumsum(np.where(starts, seconds, 0.0)), ticks_per_beat, microseconds_per_beat
        )
        timed = cls(rows, cls._delta_from(ticks, starts), division=ticks_per_beat)
        body = timed.select(~timed.is_meta(SET_TEMPO)).to_type_0()
        tempo = tempo_record(microseconds_per_beat)
        return cls(
            np.concatenate([tempo, body.records]),
            np.concatenate([np.zeros(len(tempo), np.int64), body.delta_ticks]),
            division=ticks_per_beat,
        )

    def to_messages(self) -> list[Message]:
        """Return mido's messages in the song's order, ``time`` in ticks since the one before.

        Raises :class:`DecodeError` for what mido has no message for.
        """
        return decode(self.records, self.delta_ticks)

    def to_tracks(self) -> list[list[Message]]:
        """Return mido's messages track by track, ``time`` in ticks since the track's last."""
        return [decode(records, delta) for records, delta in self.track_columns()]

    def track_columns(self) -> list[tuple[Records, npt.NDArray[np.int64]]]:
        """Return each track's records and delta ticks: the inverse of :meth:`from_columns`."""
        columns = []
        for number in range(int(self.track.max(initial=-1)) + 1):
            mine = self.track == number
            delta = self.delta_ticks[mine]
            if self.smf_type != 2:
                delta = self._delta_from(self.ticks[mine], self.starts[mine])
            columns.append((self.records[mine], delta))
        return columns

    def _first_pieces(self) -> npt.NDArray[np.int64]:
        """Return ``(n,)``: the index of the first record of each record's message."""
        index = np.where(self.starts, np.arange(len(self)), 0)
        return np.maximum.accumulate(index) if len(index) else index

    @staticmethod
    def _delta_from(
        ticks: npt.NDArray[np.int64], starts: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int64]:
        """Return deltas from absolute ticks; a piece repeats its message's."""
        delta = np.diff(ticks, prepend=0)
        first = np.maximum.accumulate(np.where(starts, np.arange(len(ticks)), 0))
        return delta[first] if len(delta) else delta


def _column(array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Return a view that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view


def _whole(values: npt.ArrayLike, count: int, dtype: type[np.signedinteger]) -> np.ndarray:
    array = np.asarray(values)
    if array.shape != (count,):
        raise MidiCodecError(f"expected a column of {count} numbers, found shape {array.shape}")
    if array.dtype.kind not in "iu" and array.size:
        raise MidiCodecError(f"expected whole numbers, found {array.dtype}")
    if array.size and int(array.min()) < 0:
        raise MidiCodecError(f"expected numbers from 0 on, found {int(array.min())}")
    return array.astype(dtype)
