"""The chunks of a Standard MIDI File (1.0, "Chunks"): where the tracks' events are.

Lenient where only one reading is possible: a RIFF container, a longer header, alien chunks, a type
there is not, fewer tracks than the header says.
"""

from __future__ import annotations

from typing import NamedTuple

from midicodec.errors import SmfError

TRACK, HEADER = b"MTrk", b"MThd"
CHUNK_BYTES = 8
"""A chunk begins with four letters and four bytes of length."""
_HEADER_BYTES = 6


class Header(NamedTuple):
    """What a file says of itself, and which of its bytes are chunks."""

    smf_type: int
    tracks: int
    """How many there are, or so it says."""
    division: int
    at: int
    """Where the first chunk behind the header begins."""
    end: int
    """Where the last chunk ends at the latest."""


class Chunk(NamedTuple):
    """A chunk as its first eight bytes have it."""

    name: bytes
    body: int
    end: int
    """By its length; this may be more bytes than there are."""


def plain_header(smf_type: int, count: int, division: int) -> bytes:
    """Return the header chunk of a file, in the plain form."""
    values = b"".join(value.to_bytes(2, "big") for value in (smf_type, count, division))
    return plain_chunk(HEADER, len(values)) + values


def plain_chunk(name: bytes, length: int) -> bytes:
    """Return what stands before a chunk's body."""
    return name + length.to_bytes(4, "big")


def read_header(data: bytes, at: int = 0) -> Header:
    """Read the header chunk at ``at``, or in a container; raises :class:`SmfError` if none is."""
    at, end = (at, len(data)) if at else _unwrapped(data)
    magic = data[at : min(at + 4, end)]
    if magic != HEADER:
        found = f"{magic!r}" if magic else "the end of the file"
        raise SmfError(None, at, "a MIDI file's header, MThd", found)
    _, body, after = _chunk(data, at, end)
    if after - body < _HEADER_BYTES or end - body < _HEADER_BYTES:
        found = f"one of {min(after, end) - body}"
        raise SmfError(None, body, f"a header of {_HEADER_BYTES} bytes or more", found)
    # A length that is wrong would take the first track into the header.
    least = body + _HEADER_BYTES
    if not chunk_or_end(data, after, end) and data[least : least + 4] == TRACK:
        after = least
    if after > end:
        expected = f"{after - body} bytes in the chunk {HEADER!r}"
        raise SmfError(None, body, expected, f"{end - body} up to the end")
    smf_type, count, division = (
        int.from_bytes(data[body + i : body + i + 2], "big") for i in (0, 2, 4)
    )
    if smf_type > 2 or (smf_type == 0 and count > 1):
        smf_type = 1  # what a file of several tracks is, whatever its header says
    return Header(smf_type, count, division, after, end)


def read_chunk(data: bytes, at: int, end: int) -> Chunk:
    """Read the beginning of the chunk at ``at``; raises :class:`SmfError` if there is none."""
    chunk = _chunk(data, at, end)
    if not chunk_or_end(data, at, end):
        raise SmfError(None, at, "a chunk", f"{chunk.name!r}")
    return chunk


def chunk_or_end(data: bytes, at: int, end: int) -> bool:
    """Whether a chunk can begin at ``at``, or all chunks end there."""
    name = data[at : at + 4]
    return at == end or (at + CHUNK_BYTES <= end and name.isascii() and name.decode().isprintable())


def declared_tracks(data: bytes, header: Header) -> list[tuple[int, int]] | None:
    """Return where each track's events begin and end, if all lengths of chunks can be true."""
    at = header.at
    tracks: list[tuple[int, int]] = []
    while len(tracks) < header.tracks and at < header.end:
        name = data[at : at + 4]
        body = at + CHUNK_BYTES
        at = body + int.from_bytes(data[at + 4 : body], "big")
        if at > header.end:
            return None
        if name == TRACK:
            tracks.append((body, at))
        elif not chunk_or_end(data, body - CHUNK_BYTES, header.end):
            return None
    return tracks if at == header.end or len(tracks) == header.tracks else None


def _chunk(data: bytes, at: int, end: int) -> Chunk:
    body = at + CHUNK_BYTES
    if body > end:
        raise SmfError(None, at, "a chunk, from 8 bytes on", f"{end - at} bytes up to the end")
    return Chunk(data[at : at + 4], body, body + int.from_bytes(data[at + 4 : body], "big"))


def _unwrapped(data: bytes) -> tuple[int, int]:
    """Return where the MIDI file begins and ends: in a RIFF's data chunk (RMID), or in all."""
    if data[:4] != b"RIFF" or data[8:12] != b"RMID":
        return 0, len(data)
    at = 12
    while at + CHUNK_BYTES <= len(data):
        body = at + CHUNK_BYTES
        end = body + int.from_bytes(data[at + 4 : body], "little")
        if data[at : at + 4] == b"data":
            return body, min(end, len(data))
        at = end + end % 2  # RIFF pads its chunks to even lengths
    raise SmfError(None, len(data), "a data chunk in the RIFF container", "the end of the file")
