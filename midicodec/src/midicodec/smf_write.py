"""Song → bytes of a Standard MIDI File: as it was read, or in its plain modern form.

The plain form has a header of six bytes, one MTrk chunk a track, running status, quantities in as
few bytes as it takes, an end of track in every track. What a song's framing says of it differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from midicodec import native
from midicodec.chunks import TRACK, plain_chunk, plain_header
from midicodec.errors import EncodeError
from midicodec.framing import (
    ACROSS_RUNNING,
    DELTA,
    FLIP,
    JOINED,
    LENGTH,
    SAME_EXPLICIT,
    read_codes,
)
from midicodec.pieces import rejoin
from midicodec.records import END_OF_TRACK, META, PACKET, SYSEX
from midicodec.song import Song
from midicodec.tracks import Columns, Track, split
from midicodec.vlq import MAX_VALUE, write_vlq

_MAX_TRACKS = 0xFFFF
_END = bytes([META, END_OF_TRACK, 0])


class _Events(NamedTuple):
    """A track's events, written."""

    data: bytes
    ended: bool
    """Whether the last is an end of track."""


def build(song: Song, *, canonical: bool = False) -> bytes:
    """Return the bytes of ``song``'s file: those it was loaded from, unless ``canonical``.

    The plain form has one track at least, and an end in every track. Raises
    :class:`EncodeError` for what a file cannot hold: a delta time of 2**28 ticks or more, or more
    than 65535 tracks.
    """
    count = int(song.track.max(initial=-1)) + 1
    if count > _MAX_TRACKS:  # known before they are made: there could be 2**31
        raise EncodeError(0, f"a file has up to {_MAX_TRACKS} tracks, not {count}")
    framing = None if canonical else song.framing
    if framing is not None:
        tracks = _tracks(song, max(count, len(framing.codes)), framing.codes)
        prefixes, suffix = framing.prefixes, framing.suffix
    else:
        tracks = [_ended(track) for track in _tracks(song, max(count, 1))]
        prefixes, suffix = (None,) * len(tracks), b""
    parts = []
    for number, (prefix, track) in enumerate(zip(prefixes, tracks, strict=True)):
        if prefix is None:
            if not number:
                parts.append(plain_header(song.smf_type, len(tracks), song.division))
            prefix = plain_chunk(TRACK, len(track.data))
        parts += [prefix, track.data]
    return b"".join([*parts, suffix])


def _tracks(song: Song, count: int, codes: Sequence[bytes] | None = None) -> list[_Events]:
    """Return the events of each of ``count`` tracks, written as ``codes`` say."""
    merged = song.smf_type != 2
    columns = Columns(song.records, song.delta_ticks, song.track, song.starts)
    if native.smf is not None:
        written = native.smf.write_tracks(*columns, merged, count, codes)
        if written is not None:
            return [_Events(*each) for each in written]
    tracks = split(columns, merged=merged, count=count)
    return [
        _write_track(track, own) for track, own in zip(tracks, codes or [b""] * count, strict=True)
    ]


def _ended(events: _Events) -> _Events:
    """Return them with an end of track as the last, at once after the one before if added."""
    return events if events.ended else _Events(events.data + b"\0" + _END, True)


def _write_track(track: Track, codes: bytes) -> _Events:
    policy, specials = read_codes(codes)
    messages = rejoin(track.records, track.starts)
    written = bytearray()
    now = running = joined_padding = 0
    interrupted = joining = ended = False
    for index, (message, tick) in enumerate(
        zip(messages, track.ticks[track.starts].tolist(), strict=True)
    ):
        if tick - now > MAX_VALUE:
            reason = f"a delta time in a file is at most {MAX_VALUE} ticks, not {tick - now}"
            raise EncodeError(index, reason)
        status, special = message[0], specials.get(index, {})
        if joining:  # the packet's length and bytes go where the sysex has its own
            written += _padding(joined_padding) + message[1:]
            joining = False
            continue
        written += _padding(special.get(DELTA, 0)) + write_vlq(tick - now)
        now = tick
        ended = message[:2] == _END[:2]
        padding = _padding(special.get(LENGTH, 0))
        if status < SYSEX:
            left_out = status == running and (
                bool(policy & ACROSS_RUNNING) if interrupted else not policy & SAME_EXPLICIT
            ) != (FLIP in special)
            written += message[left_out:]
            running, interrupted = status, False
            continue
        if SYSEX < status < PACKET:  # system common messages end running status
            running = 0
        else:
            interrupted = True
        if status == SYSEX:
            written += message[:1]
            joining = JOINED in special
            joined_padding = special.get(LENGTH, 0)
            if not joining:
                written += padding + write_vlq(len(message) - 1) + message[1:]
        elif message == bytes([META]):  # FF is a meta event's beginning in a file
            written += bytes([PACKET, 1, META])
        elif status in (META, PACKET):
            length_at = 2 if status == META else 1
            written += message[:length_at] + padding + message[length_at:]
        else:
            written += message
    return _Events(bytes(written), ended)


def _padding(count: int) -> bytes:
    """Return bytes that add nothing to the quantity behind them."""
    return b"\x80" * count
