"""A song's columns: what they must be, and their two clocks, ticks and seconds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from numbers import Integral
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from midicodec.assemble import checked_starts
from midicodec.errors import MidiCodecError, SmfError
from midicodec.framing import Framing
from midicodec.records import Mask, Records, Seconds, Ticks, Tracks, as_records
from midicodec.tempo import TempoMap
from midicodec.timing import SMPTE_FLAG, seconds_per_tick, spread, tempo_before, to_absolute
from midicodec.tracks import Columns

Integer = TypeVar("Integer", np.int32, np.int64)
Value = TypeVar("Value", bound=np.generic)


@dataclass(frozen=True, init=False, eq=False, repr=False)
class SongColumns:
    """The columns of a :class:`midicodec.song.Song`, and what follows from them alone."""

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
    framing: Framing | None
    """What a file that was loaded has besides; None for what is made or changed, and for a file
    in the plain form that :func:`midicodec.save` writes."""
    defects: tuple[SmfError, ...]
    """What was wrong with a file that was salvaged, and is missing here."""

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
        columns = Columns(rows.copy(), delta, tracks, starts)
        self._set(columns, int(division), int(smf_type))

    def _set(
        self,
        columns: Columns,
        division: int,
        smf_type: int,
        framing: Framing | None = None,
        defects: tuple[SmfError, ...] = (),
    ) -> None:
        for column in columns:
            column.flags.writeable = False
        vars(self).update(  # a frozen dataclass has no assignments
            columns._asdict(),
            division=division,
            smf_type=smf_type,
            framing=framing,
            defects=defects,
        )

    @classmethod
    def of_columns(
        cls,
        columns: Columns,
        *,
        division: int,
        smf_type: int,
        framing: Framing | None = None,
        defects: tuple[SmfError, ...] = (),
    ) -> Self:
        """Return the song of columns that fit together already; they become read-only."""
        song = cls.__new__(cls)
        song._set(columns, division, smf_type, framing, defects)
        return song

    def __reduce__(self) -> tuple[Any, ...]:
        columns = Columns(self.records, self.delta_ticks, self.track, self.starts)
        return _unpickled, (
            type(self), columns, self.division, self.smf_type, self.framing, self.defects
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.records)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SongColumns):
            return NotImplemented
        return (
            (self.division, self.smf_type) == (other.division, other.smf_type)
            and np.array_equal(self.records, other.records)
            and np.array_equal(self.delta_ticks, other.delta_ticks)
            and np.array_equal(self.track, other.track)
        )

    __hash__ = None  # type: ignore[assignment]  # arrays have none either

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
    def tempo_map(self) -> TempoMap:
        """Ticks ↔ seconds anywhere in the song; :class:`MidiCodecError` as ``delta_seconds``.

        Type 2 has none: each of its tracks has its own time.
        """
        if self.smf_type == 2:
            raise MidiCodecError("type 2 has no one tempo map: take song.to_type_0()")
        return TempoMap.of(self.records, self.ticks, self.starts, self.division)

    def _timelines(self) -> list[slice]:
        """Return the parts of the columns that have a beginning and a tempo of their own."""
        if self.smf_type != 2:
            return [slice(0, len(self))]
        cuts = np.flatnonzero(np.diff(self.track)) + 1
        return [slice(*ends) for ends in pairwise([0, *cuts.tolist(), len(self)])]


def _unpickled(cls: type[SongColumns], columns: Columns, *others: Any) -> SongColumns:
    song = cls.__new__(cls)
    song._set(columns, *others)
    return song


def checked(
    records: npt.ArrayLike, delta_ticks: npt.ArrayLike, track: npt.ArrayLike | None, smf_type: int
) -> tuple[Records, Ticks, Tracks, Mask]:
    """Return a song's columns and where its messages start, or raise :class:`MidiCodecError`."""
    rows = as_records(records)
    n = len(rows)
    starts = checked_starts(rows)
    delta = _whole_numbers("delta_ticks", delta_ticks, n, np.int64)
    tracks = _whole_numbers("track", np.zeros(n, np.int32) if track is None else track, n, np.int32)
    torn = (delta != spread(delta[starts], starts)) | (tracks != spread(tracks[starts], starts))
    if torn.any():
        where = f"record {np.flatnonzero(torn)[0]}"
        raise MidiCodecError(f"{where}: expected the delta time and track of its message's first")
    if smf_type == 0 and np.any(tracks):
        raise MidiCodecError(f"expected one track, 0, in type 0, found track {tracks.max()}")
    if smf_type == 2 and np.any(np.diff(tracks) < 0):
        raise MidiCodecError("expected the tracks of a song of type 2 one after another")
    if int(delta.max(initial=0)) * n >= 2**63 and sum(delta[starts].tolist()) >= 2**63:
        raise MidiCodecError("expected delta times of less than 2**63 ticks together")
    return rows, delta, tracks, starts


def read_only(array: npt.NDArray[Value]) -> npt.NDArray[Value]:
    """Return a copy of ``array`` that cannot be written to."""
    own = array.copy()
    own.setflags(write=False)
    return own


def _whole_numbers(
    name: str, values: npt.ArrayLike, n: int, dtype: type[Integer]
) -> npt.NDArray[Integer]:
    array = np.asarray(values)
    if array.shape != (n,):
        raise MidiCodecError(f"expected {name} of shape ({n},), found {array.shape}")
    if n and array.dtype.kind not in "iu":
        raise MidiCodecError(f"expected {name} as integers, found dtype {array.dtype}")
    most = int(np.iinfo(dtype).max)
    if n and not 0 <= int(array.min()) <= int(array.max()) <= most:
        found = f"{array.min()} to {array.max()}"
        raise MidiCodecError(f"expected {name} from 0 to {most}, found {found}")
    return array.astype(dtype)
