"""Standard MIDI Files ↔ :class:`midicodec.Song`: files and their chunks.

Standard MIDI Files 1.0, section "Chunks". What a careful reader can make sense of is read: a
longer header, alien chunks, junk behind the last chunk, a RIFF wrapper. The events of a track are
:mod:`midicodec.track_reader`'s and :mod:`midicodec.track_writer`'s.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

from midicodec.errors import SmfError
from midicodec.files import replacing
from midicodec.song import Song
from midicodec.track_reader import read_track
from midicodec.track_writer import write_track

_HEADER_BYTES = 6


def load(source: str | os.PathLike[str] | BinaryIO) -> Song:
    """Read a Standard MIDI File, of type 0, 1 or 2, from a path or a binary file object.

    Raises :class:`SmfError` with the byte offset where its events cannot be told apart, and
    ``OSError`` where the file cannot be read; nothing else, whatever the bytes.
    """
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        return loads(path.read_bytes(), path)
    return loads(source.read(), getattr(source, "name", None))


def loads(data: bytes, source: str | Path | None = None) -> Song:
    """Read a Standard MIDI File from its bytes; ``source`` is named in errors."""
    try:
        start, end = _unwrapped(data)
        smf_type, division, at = _header(data, start, end)
        records, deltas = [], []
        while at + 8 <= end:
            name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "big")
            body = at + 8
            if name == b"MTrk":
                if body + length > end:
                    raise SmfError(
                        None, at + 4, f"a track of at most {end - body} bytes", f"{length}"
                    )
                columns = read_track(data, body, body + length)
                records.append(columns[0])
                deltas.append(columns[1])
            elif body + length > end or not name.isascii() or not name.decode().isprintable():
                break  # junk behind the last chunk
            at = body + length
        if smf_type == 0 and len(records) > 1:
            smf_type = 1  # so it is, and can be written again
        return Song.from_columns(records, deltas, division=division, smf_type=smf_type)
    except SmfError as error:
        if source is None:
            raise
        raise SmfError(source, error.offset, error.expected, error.found) from None


def _unwrapped(data: bytes) -> tuple[int, int]:
    """Return where the file lies in ``data``: in a RIFF's ``data`` chunk, or all of it."""
    if data[:4] != b"RIFF" or data[8:12] != b"RMID":
        return 0, len(data)
    at = 12
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"data":
            return at + 8, min(at + 8 + length, len(data))
        at += 8 + length + length % 2
    raise SmfError(None, at, "a RIFF data chunk with the MIDI file in it", "the end of the file")


def _header(data: bytes, start: int, end: int) -> tuple[int, int, int]:
    """Return the type, the division and where the chunk after the header begins."""
    at = start
    # Alien chunks may come first; a header is looked for as long as chunks are well formed.
    while data[at : at + 4] != b"MThd":
        length = int.from_bytes(data[at + 4 : at + 8], "big")
        name = data[at : at + 4]
        if not (name.isalnum() and at + 8 + length < end):
            found = repr(bytes(name)) if name else "nothing"
            raise SmfError(None, at, "the header chunk 'MThd'", found)
        at += 8 + length
    if at + 8 + _HEADER_BYTES > end:
        raise SmfError(None, at, "a header of 14 bytes", f"{end - at}")
    length, smf_type, _, division = struct.unpack_from(">IHHH", data, at + 4)
    if length < _HEADER_BYTES or at + 8 + length > end:
        raise SmfError(None, at + 4, "a header length of 6 or a little more", f"{length}")
    if smf_type > 2:
        raise SmfError(None, at + 8, "type 0, 1 or 2", f"type {smf_type}")
    return smf_type, division, at + 8 + length


def save(song: Song, target: str | os.PathLike[str] | BinaryIO) -> None:
    """Write a song as a Standard MIDI File, to a path or a binary file object.

    In the plain modern form: running status, shortest lengths, one end of track a track. A path
    is written beside and renamed, so that it holds the whole song or what it held before.
    Raises :class:`DecodeError` where records make no message, before anything is written.
    """
    data = dumps(song)
    if not isinstance(target, str | os.PathLike):
        target.write(data)
        return
    path = Path(target)
    with replacing(path) as file:
        file.write(data)


def dumps(song: Song) -> bytes:
    """Return a song as the bytes of a Standard MIDI File."""
    tracks = [write_track(records, delta) for records, delta in song.track_columns()]
    header = struct.pack(">4sIHHH", b"MThd", 6, song.smf_type, len(tracks), song.division)
    return header + b"".join(struct.pack(">4sI", b"MTrk", len(each)) + each for each in tracks)
