"""Messages put in another order of time: songs after one another, tracks on one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from midicodec.errors import MidiCodecError
from midicodec.pieces import cut_array
from midicodec.records import END_OF_TRACK, META, SET_TEMPO, Mask, Records, Ticks, Tracks
from midicodec.timing import DEFAULT_TEMPO, is_meta, spread, tempo_changes, tempo_records

END_RECORDS = cut_array(bytes([META, END_OF_TRACK, 0]))


class Part(NamedTuple):
    """Some messages on a timeline of their own."""

    records: Records
    ticks: Ticks
    """``(n,)``: absolute."""
    track: Tracks
    starts: Mask

    def pick(self, rows: slice | Mask | npt.NDArray[np.intp]) -> Part:
        """Return some of its records, at their ticks."""
        records, ticks, track, starts = self
        return Part(records[rows], ticks[rows], track[rows], starts[rows])


def in_a_row(parts: Sequence[Part], *, idle_tempo: bool = True) -> Part:
    """Return parts one after another, each beginning at the last tick of the one before.

    Each begins at 120 beats a minute, as it does by itself: where the tempo is another by then
    and the part does not begin with one of its own, a set-tempo event says so. Of the ends of
    tracks only those of the last part are left; of set-tempo events those after which their part
    is over, ``idle_tempo``, if wanted.
    """
    placed = []
    tempo, now = DEFAULT_TEMPO, 0
    for number, part in enumerate(parts, start=1):
        end = int(part.ticks.max(initial=0))
        if number < len(parts):
            part = without_ends(part) if idle_tempo else without_idle_tempo(without_ends(part), end)
        at, tempos = tempo_changes(part.records, part.starts)
        if tempo != DEFAULT_TEMPO and end and (not len(at) or part.ticks[at[0]]):
            part = in_tempo(part, DEFAULT_TEMPO)
            tempo = DEFAULT_TEMPO
        placed.append(part._replace(ticks=part.ticks + now))
        tempo = int(tempos[-1]) if len(tempos) else tempo
        now += end
        if now >= 2**63:
            raise MidiCodecError("expected songs of less than 2**63 ticks together")
    return Part(*(np.concatenate(columns) for columns in zip(*placed, strict=True)))


def in_tempo(part: Part, tempo: int) -> Part:
    """Return a part that begins with a set-tempo event, on its first message's track."""
    rows = tempo_records(tempo)
    return Part(
        np.concatenate([rows, part.records]),
        np.append(np.zeros(len(rows), np.int64), part.ticks),
        np.append(
            np.repeat(part.track[:1] if len(part.track) else np.int32(0), len(rows)), part.track
        ),
        np.append([True] + [False] * (len(rows) - 1), part.starts),
    )


def without_ends(part: Part) -> Part:
    """Return a part without its end-of-track events."""
    return _without(part, END_OF_TRACK)


def without_tempo(part: Part) -> Part:
    """Return a part without its set-tempo events."""
    return _without(part, SET_TEMPO)


def without_idle_tempo(part: Part, end: int) -> Part:
    """Return a part without set-tempo events at its ``end``: no time passes after them.

    Of several tracks at that tick they would be on any, and hold for what is put there next.
    """
    at, _ = tempo_changes(part.records, part.starts)
    left_out = np.zeros(len(part.records), np.bool_)
    left_out[at] = part.ticks[at] == end
    return part.pick(spread(~left_out[part.starts], part.starts))


def in_order(part: Part) -> Part:
    """Return a part's messages in the order of their ticks, then tracks."""
    return part.pick(np.lexsort((part.track, part.ticks)))


def with_end(part: Part, end: int) -> Part:
    """Return a part with one end of track, at the tick ``end`` on track 0, as its last message."""
    open_ended = without_ends(part)
    return Part(
        np.concatenate([open_ended.records, END_RECORDS]),
        np.append(open_ended.ticks, end),
        np.append(open_ended.track, np.int32(0)),
        np.append(open_ended.starts, True),
    )


def _without(part: Part, meta_type: int) -> Part:
    left_out = is_meta(part.records, part.starts, meta_type)
    kept = spread(~left_out[part.starts], part.starts)
    return part.pick(kept)
