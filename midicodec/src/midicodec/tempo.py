"""The tempo map: ticks ↔ seconds anywhere in a song."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from midicodec.errors import MidiCodecError
from midicodec.records import Mask, Records, Seconds, Ticks
from midicodec.timing import DEFAULT_TEMPO, seconds_per_tick, tempo_changes


@dataclass(frozen=True, eq=False)
class TempoMap:
    """Where a song's tempos begin, and how fast ticks go by from there: ``(m,)`` each, m ≥ 1."""

    ticks: Ticks
    seconds: Seconds
    microseconds_per_beat: Ticks
    seconds_per_tick: Seconds

    @classmethod
    def of(cls, records: Records, ticks: Ticks, starts: Mask, division: int) -> TempoMap:
        """Return the map of messages at absolute ``ticks``; the last of several at a tick counts.

        Raises :class:`MidiCodecError` for a division that gives ticks no duration.
        """
        at, tempos = tempo_changes(records, starts)
        begins = np.concatenate([[0], ticks[at]])
        tempos = np.concatenate([[DEFAULT_TEMPO], tempos])
        lasting = np.append(np.diff(begins) > 0, True)
        begins, tempos = begins[lasting], tempos[lasting]
        per_tick = seconds_per_tick(division, tempos)
        elapsed = np.concatenate([[0.0], np.cumsum(np.diff(begins) * per_tick[:-1])])
        return cls(begins, elapsed, tempos, per_tick)

    def to_seconds(self, ticks: npt.ArrayLike) -> Seconds:
        """Return when each of ``ticks`` ≥ 0, of any shape, is: float64 seconds of that shape."""
        at = _from_zero("ticks", ticks)
        tempo = np.searchsorted(self.ticks, at, side="right") - 1
        return np.asarray(
            self.seconds[tempo] + (at - self.ticks[tempo]) * self.seconds_per_tick[tempo]
        )

    def to_ticks(self, seconds: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return which tick it is at each of ``seconds`` ≥ 0, of any shape: float64, not rounded.

        Where the tempo is 0, all ticks are at the same time: the last of them is returned.
        """
        at = _from_zero("seconds", seconds)
        tempo = np.searchsorted(self.seconds, at, side="right") - 1
        per_tick = self.seconds_per_tick[tempo]
        since = np.divide(
            at - self.seconds[tempo], per_tick, out=np.zeros_like(at), where=per_tick > 0
        )
        return np.asarray(self.ticks[tempo] + since)


def _from_zero(name: str, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    array = np.asarray(values)
    if array.dtype.kind not in "iuf" or not np.all((array >= 0) & (array < np.inf)):
        raise MidiCodecError(f"expected {name} as finite numbers from 0 on, found {values!r}")
    return array.astype(np.float64)
