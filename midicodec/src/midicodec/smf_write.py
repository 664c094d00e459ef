"""Song → bytes of a Standard MIDI File, in its plain modern form.

A header of six bytes, one MTrk chunk a track, running status, lengths in as few bytes as it
takes, an end of track in every track.
"""

from __future__ import annotations

import numpy as np

from midicodec.errors import EncodeError
from midicodec.pieces import rejoin
from midicodec.records import END_OF_TRACK, META, PACKET, SYSEX
from midicodec.song import END_RECORDS, Song
from midicodec.timing import is_meta
from midicodec.tracks import Track, join
from midicodec.vlq import MAX_VALUE, write_vlq

_MAX_TRACKS = 0xFFFF
_RESET = bytes([META])


def build(song: Song) -> bytes:
    """Return the bytes of ``song``'s file; it has one track at least.

    Raises :class:`EncodeError` for what a file cannot hold: a delta time of 2**28 ticks or more,
    or more than 65535 tracks.
    """
    count = int(song.track.max(initial=-1)) + 1
    if count > _MAX_TRACKS:  # known before they are made: there could be 2**31
        raise EncodeError(0, f"a file has up to {_MAX_TRACKS} tracks, not {count}")
    tracks = _ended_tracks(song)
    header = b"".join(n.to_bytes(2, "big") for n in (song.smf_type, len(tracks), song.division))
    return _chunk(b"MThd", header) + b"".join(_chunk(b"MTrk", _events(track)) for track in tracks)


def with_track_ends(song: Song) -> Song:
    """Return what a file can hold of ``song``: a track at least, and each with an end of track."""
    columns = join(_ended_tracks(song), merged=song.smf_type != 2)
    return Song(*columns, division=song.division, smf_type=song.smf_type)


def _ended_tracks(song: Song) -> list[Track]:
    nothing = Track(song.records[:0], song.ticks[:0], song.starts[:0])
    return [_ended(track) for track in song.split() or [nothing]]


def _ended(track: Track) -> Track:
    """Return the track with an end of track as its last message, at its last tick if added."""
    records, ticks, starts = track
    last = np.flatnonzero(starts)[-1:]
    if is_meta(records[last], starts[last], END_OF_TRACK).any():
        return track
    return Track(
        np.concatenate([records, END_RECORDS]),
        np.append(ticks, ticks.max(initial=0)),
        np.append(starts, True),
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "big") + body


def _events(track: Track) -> bytes:
    """Return the body of a track's chunk."""
    messages = rejoin(track.records, track.starts)
    written = bytearray()
    now = running = 0
    for index, (message, tick) in enumerate(
        zip(messages, track.ticks[track.starts].tolist(), strict=True)
    ):
        if tick - now > MAX_VALUE:
            reason = f"a delta time in a file is at most {MAX_VALUE} ticks, not {tick - now}"
            raise EncodeError(index, reason)
        written += write_vlq(tick - now)
        now = tick
        status = message[0]
        if status < SYSEX:
            written += message[status == running :]
            running = status
            continue
        running = 0
        if status == SYSEX:
            written += message[:1] + write_vlq(len(message) - 1) + message[1:]
        elif message == _RESET:  # FF is a meta event's beginning in a file
            written += bytes([PACKET, 1, *_RESET])
        else:
            written += message
    return bytes(written)
