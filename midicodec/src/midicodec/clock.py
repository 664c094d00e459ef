"""Ticks ↔ seconds: the tempo map, SMPTE divisions, and one constant tempo on the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from midicodec.encode import cut_message, from_pieces
from midicodec.errors import MidiCodecError
from midicodec.records import META, SET_TEMPO, Records

if TYPE_CHECKING:
    from midicodec.song import Song

DEFAULT_TICKS_PER_BEAT = 480
DEFAULT_MICROSECONDS_PER_BEAT = 500_000
"""120 beats a minute, which a file without a tempo has (Standard MIDI Files 1.0)."""


def seconds_per_tick(division: int, microseconds_per_beat: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return how long a tick is; an SMPTE division has its own rate, whatever the tempo."""
    tempo = np.asarray(microseconds_per_beat, np.float64)
    if division & 0x8000:
        frames_per_second = 0x100 - (division >> 8)
        # 29 stands for the drop-frame rate of 30000/1001 frames a second.
        rate = 30000 / 1001 if frames_per_second == 29 else float(frames_per_second)
        ticks_per_frame = division & 0xFF
        if ticks_per_frame == 0:
            raise MidiCodecError("the SMPTE division has 0 ticks a frame: the song has no time")
        return np.full(tempo.shape, 1 / (rate * ticks_per_frame))
    if division == 0:
        raise MidiCodecError("the division is 0 ticks a beat: the song has no time")
    return tempo * 1e-6 / division


def delta_seconds(song: Song) -> npt.NDArray[np.float64]:
    """Return the seconds that each of ``song.delta_ticks`` lasts under the song's tempo map."""
    tempo = np.full(len(song), DEFAULT_MICROSECONDS_PER_BEAT, np.int64)
    changes = np.flatnonzero(song.is_meta(SET_TEMPO))
    changes = changes[changes + 1 < len(song)]
    # FF 51 03 and, in the next record, the tempo's three bytes
    changes = changes[(song.records[changes, 3] == 3) & (song.records[changes + 1, 4] == 3)]
    values = song.records[changes + 1, 1:4].astype(np.int64) @ (1 << 16, 1 << 8, 1)
    ends = np.append(changes, len(song))[1:]
    for change, end, value in zip(changes, ends, values, strict=True):
        tempo[change + 2 : end + 2] = value  # the change's own pieces still wait at the old tempo
        if song.smf_type == 2:
            others = song.track[change + 2 : end + 2] != song.track[change]
            tempo[change + 2 : end + 2][others] = DEFAULT_MICROSECONDS_PER_BEAT
    result: npt.NDArray[np.float64] = song.delta_ticks * seconds_per_tick(song.division, tempo)
    return result


def quantized(
    seconds: npt.NDArray[np.float64], ticks_per_beat: int, microseconds_per_beat: int
) -> npt.NDArray[np.int64]:
    """Return absolute ``seconds`` as the nearest ticks at one tempo."""
    if not 0 < ticks_per_beat < 0x8000:
        raise MidiCodecError(f"ticks_per_beat must be 1 to 32767, not {ticks_per_beat!r}")
    if not 0 < microseconds_per_beat < 1 << 24:
        raise MidiCodecError(
            f"microseconds_per_beat must be 1 to 16777215, not {microseconds_per_beat!r}"
        )
    ticks = np.rint(seconds / seconds_per_tick(ticks_per_beat, microseconds_per_beat))
    if ticks.size and float(ticks.max()) >= 2.0**62:
        raise MidiCodecError(f"{float(seconds.max()):g} seconds are too long for a song")
    return ticks.astype(np.int64)


def tempo_record(microseconds_per_beat: int) -> Records:
    """Return a set_tempo message's records."""
    data = bytes([META, SET_TEMPO, 3]) + microseconds_per_beat.to_bytes(3, "big")
    return from_pieces(cut_message(data))
