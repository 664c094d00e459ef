"""One stream of records ↔ tracks: how the columns of a :class:`~midicodec.song.Song` are made."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from midicodec.records import RECORD_BYTES, Mask, Records, Ticks, Tracks
from midicodec.timing import to_absolute, to_delta


class Track(NamedTuple):
    """One track by itself."""

    records: Records
    ticks: Ticks
    """``(n,)``: absolute, from the track's beginning."""
    starts: Mask
    """``(n,)``: where messages begin."""


class Columns(NamedTuple):
    """A song's columns, all of the same length."""

    records: Records
    delta_ticks: Ticks
    track: Tracks
    starts: Mask


def join(tracks: Sequence[Track], *, merged: bool) -> Columns:
    """Return tracks as one stream: merged in time, or one after another.

    Merged messages are in the order of their ticks; at the same tick in that of their tracks.
    """
    records = np.concatenate([np.empty((0, RECORD_BYTES), np.uint8), *(t.records for t in tracks)])
    number = np.repeat(np.arange(len(tracks), dtype=np.int32), [len(t.records) for t in tracks])
    starts = np.concatenate([np.empty(0, np.bool_), *(t.starts for t in tracks)])
    if not merged:
        deltas = [to_delta(t.ticks, t.starts) for t in tracks]
        return Columns(records, np.concatenate([np.empty(0, np.int64), *deltas]), number, starts)
    ticks = np.concatenate([np.empty(0, np.int64), *(t.ticks for t in tracks)])
    # A message's records share tick and track, so a stable order keeps them together.
    order = np.argsort(ticks, kind="stable")
    delta_ticks = to_delta(ticks[order], starts[order])
    return Columns(records[order], delta_ticks, number[order], starts[order])


def split(columns: Columns, *, merged: bool, count: int = 0) -> list[Track]:
    """Return the tracks that :func:`join` would make the stream of, ``count`` or more.

    A track that no record names is empty.
    """
    records, delta_ticks, track, starts = columns
    ticks = to_absolute(delta_ticks, starts)
    tracks = []
    count = max(count, int(track.max(initial=-1)) + 1)
    order = np.argsort(track, kind="stable")
    cuts = np.searchsorted(track[order], np.arange(count + 1, dtype=np.int32))
    for begin, end in pairwise(cuts.tolist()):
        own = order[begin:end]
        own_ticks = ticks[own] if merged else to_absolute(delta_ticks[own], starts[own])
        tracks.append(Track(records[own], own_ticks, starts[own]))
    return tracks
