"""A song's columns: what they must be, and keeping them as they are."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from midicodec.assemble import checked_starts
from midicodec.errors import MidiCodecError
from midicodec.records import Mask, Records, Ticks, Tracks, as_records
from midicodec.timing import spread

Integer = TypeVar("Integer", np.int32, np.int64)
Value = TypeVar("Value", bound=np.generic)


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
