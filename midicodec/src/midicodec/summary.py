"""What is in a song, for people to read."""

from __future__ import annotations

from collections import Counter

import numpy as np

from midicodec.errors import MidiCodecError
from midicodec.pieces import rejoin
from midicodec.records import KINDS, META, PACKET, SYSEX
from midicodec.song import Song
from midicodec.timing import DEFAULT_TEMPO, SMPTE_FLAG, in_minutes, tempo_changes

META_NAMES = {
    0x00: "sequence number",
    0x01: "text",
    0x02: "copyright",
    0x03: "track name",
    0x04: "instrument name",
    0x05: "lyric",
    0x06: "marker",
    0x07: "cue point",
    0x08: "program name",
    0x09: "device name",
    0x20: "channel prefix",
    0x21: "port",
    0x2F: "end of track",
    0x51: "set tempo",
    0x54: "SMPTE offset",
    0x58: "time signature",
    0x59: "key signature",
    0x7F: "sequencer-specific",
}
"""Meta events (Standard MIDI Files 1.0), and 08, 09 and 21, which are in use."""


def summarize(song: Song) -> str:
    """Return some lines: type, tracks, division, length, tempo, and how many messages of a kind."""
    messages = rejoin(song.records, song.starts)
    tracks = len(np.unique(song.track))
    lines = [
        f"type {song.smf_type}, {_count(tracks, 'track')}, {_division(song)}",
        f"{_count(len(messages), 'message')} in {_count(len(song), 'record')}",
        f"{_duration(song)}, {_tempo(song)}",
    ]
    kinds = Counter(map(kind_of, messages)).most_common()
    return "\n".join([*lines, *(f"{n:>8}  {kind}" for kind, n in kinds)])


def kind_of(message: bytes) -> str:
    """Return what a whole message is called.

    >>> kind_of(bytes([0x91, 60, 64]))
    'note on'
    """
    status = message[0]
    if status == META and len(message) > 1:
        return META_NAMES.get(message[1], f"meta {message[1]:02x}")
    if status == SYSEX:
        return "sysex"
    return "packet or escape" if status == PACKET else KINDS[status].name


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"


def _division(song: Song) -> str:
    if not song.division & SMPTE_FLAG:
        return f"{song.division} ticks per beat"
    return f"SMPTE: {256 - (song.division >> 8)} frames, {song.division & 0xFF} ticks per frame"


def _duration(song: Song) -> str:
    try:
        return f"{in_minutes(song.duration_seconds, 3)} minutes"
    except MidiCodecError as error:
        return f"no duration ({error})"


def _tempo(song: Song) -> str:
    _, tempos = tempo_changes(song.records, song.starts)
    if not len(tempos):
        tempos = np.array([DEFAULT_TEMPO])
    slowest, fastest = (
        f"{60e6 / t:.1f}" if t else "infinitely many"
        for t in (int(tempos.max()), int(tempos.min()))
    )
    return f"{slowest}{'' if slowest == fastest else f' to {fastest}'} beats per minute"
