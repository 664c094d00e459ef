"""Bytes of a Standard MIDI File → Song: its chunks. Files are opened in :mod:`midicodec.smf`.

Standard MIDI Files 1.0, "Chunks". Lenient where only one reading is possible: a RIFF container, a
longer header, alien chunks, junk after the last track, several tracks in type 0. Otherwise
:class:`SmfError` says where it is not one.
"""

from __future__ import annotations

from midicodec.errors import SmfError
from midicodec.smf_events import read_events
from midicodec.song import Song
from midicodec.tracks import Track, join


def parse(data: bytes, path: str | None = None) -> Song:
    """Return the song that ``data`` holds; ``path`` is named in errors. Raises :class:`SmfError`.

    Never takes memory for a length that the bytes only claim.
    """
    try:
        smf_type, division, tracks = _chunks(data)
    except SmfError as error:
        raise SmfError(path, error.offset, error.expected, error.found) from None
    if smf_type == 0 and len(tracks) > 1:
        smf_type = 1  # which is what the file is, whatever its header says
    columns = join(tracks, merged=smf_type != 2)
    return Song(*columns, division=division, smf_type=smf_type)


def _chunks(data: bytes) -> tuple[int, int, list[Track]]:
    """Return the header's type and division, and the tracks."""
    at, end = _unwrapped(data)
    magic = data[at : min(at + 4, end)]
    if magic != b"MThd":
        found = f"{magic!r}" if magic else "the end of the file"
        raise SmfError(None, at, "a MIDI file's header, MThd", found)
    body, at = _chunk(data, at, end)
    if at - body < 6:
        raise SmfError(None, body, "a header of 6 bytes or more", f"one of {at - body}")
    smf_type, count, division = (
        int.from_bytes(data[body + i : body + i + 2], "big") for i in (0, 2, 4)
    )
    if smf_type > 2:
        raise SmfError(None, body, "the type 0, 1 or 2", f"{smf_type}")
    tracks: list[Track] = []
    while len(tracks) < count:
        if at == end:
            found = f"the end of the file after {len(tracks)}"
            raise SmfError(None, at, f"{count} tracks, as the header says", found)
        name = data[at : at + 4]
        body, at = _chunk(data, at, end)
        if name == b"MTrk":
            try:
                tracks.append(read_events(data[body:at]))
            except SmfError as error:
                raise SmfError(None, body + error.offset, error.expected, error.found) from None
    return smf_type, division, tracks


def _unwrapped(data: bytes) -> tuple[int, int]:
    """Return where the MIDI file begins and ends: in a RIFF's data chunk (RMID), or in all."""
    if data[:4] != b"RIFF" or data[8:12] != b"RMID":
        return 0, len(data)
    at = 12
    while at + 8 <= len(data):
        body = at + 8
        end = body + int.from_bytes(data[at + 4 : body], "little")
        if data[at : at + 4] == b"data":
            return body, min(end, len(data))
        at = end + end % 2  # RIFF pads its chunks to even lengths
    raise SmfError(None, len(data), "a data chunk in the RIFF container", "the end of the file")


def _chunk(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return where the body of the chunk at ``at`` begins and ends."""
    body = at + 8
    if body > end:
        raise SmfError(None, at, "a chunk, from 8 bytes on", f"{end - at} bytes up to the end")
    length = int.from_bytes(data[at + 4 : body], "big")
    if length > end - body:
        expected = f"{length} bytes in the chunk {data[at : at + 4]!r}"
        raise SmfError(None, body, expected, f"{end - body} up to the end")
    return body, body + length
