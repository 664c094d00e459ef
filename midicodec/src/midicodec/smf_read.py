"""Bytes of a Standard MIDI File → Song. Files are opened in :mod:`midicodec.smf`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from midicodec import native
from midicodec.chunks import (
    TRACK,
    Header,
    chunk_or_end,
    declared_tracks,
    plain_chunk,
    plain_header,
    read_chunk,
    read_header,
)
from midicodec.errors import SmfError
from midicodec.framing import Framing
from midicodec.smf_events import TrackReader, read_track
from midicodec.smf_salvage import Salvage
from midicodec.song import Song
from midicodec.tracks import Columns, join


class _Tracks(NamedTuple):
    """All tracks of a file together."""

    bounds: Sequence[tuple[int, int]]
    """Where each one's events begin and end."""
    columns: Columns
    codes: Sequence[bytes]
    ended: Sequence[bool]
    """Whether each one's last event is an end of track."""


def parse(data: bytes, path: str | None = None, *, salvage: bool = False) -> Song:
    """Return the song that ``data`` holds; ``path`` is named in errors.

    Raises :class:`SmfError` where events cannot be told apart, unless ``salvage``: then the song
    has what can, and its ``defects``. Never takes memory for a length that the bytes only claim.
    """
    (song,) = parse_many([(data, path)], salvage=salvage)
    if isinstance(song, SmfError):
        raise song
    return song


def parse_many(
    files: Sequence[tuple[bytes, str | None]], *, salvage: bool = False
) -> list[Song | SmfError]:
    """Return for each of some files, its bytes and its path, what :func:`parse` makes of it."""
    headers = [_header(data) for data, _ in files]
    plain = _read_plain([data for data, _ in files], headers)
    return [
        _finished(data, path, header, tracks, salvage)
        for (data, path), header, tracks in zip(files, headers, plain, strict=True)
    ]


def _header(data: bytes) -> Header | SmfError:
    try:
        return read_header(data)
    except SmfError as error:
        return error


def _finished(
    data: bytes, path: str | None, header: Header | SmfError, tracks: _Tracks | None, salvage: bool
) -> Song | SmfError:
    try:
        if isinstance(header, SmfError):
            raise header
        tracks = tracks or _read_carefully(data, header)
    except SmfError as error:
        return _salvaged(data, path) if salvage else _named(error, path)
    framing = _framing(data, header, tracks)
    return Song.of_columns(
        tracks.columns, division=header.division, smf_type=header.smf_type, framing=framing
    )


def _salvaged(data: bytes, path: str | None) -> Song:
    rest = Salvage(data)
    columns = join([reader.track() for reader in rest.readers], merged=rest.header.smf_type != 2)
    return Song.of_columns(
        columns,
        division=rest.header.division,
        smf_type=rest.header.smf_type,
        defects=tuple(_named(defect, path) for defect in rest.defects),
    )


def _named(error: SmfError, path: str | None) -> SmfError:
    return SmfError(path, error.offset, error.expected, error.found)


def _read_plain(
    datas: Sequence[bytes], headers: Sequence[Header | SmfError]
) -> list[_Tracks | None]:
    """Read files without a fault natively; None where one has one, or there is no native core."""
    plain: list[_Tracks | None] = [None] * len(datas)
    if native.smf is None:
        return plain
    jobs, ends = {}, {}
    for number, (data, header) in enumerate(zip(datas, headers, strict=True)):
        if not isinstance(header, SmfError):
            bounds = declared_tracks(data, header)
            if bounds is not None:
                jobs[number] = (data, bounds, header.smf_type != 2)
                ends[number] = header.end
    results = native.smf.read_many(list(jobs.values()))
    for (number, (data, bounds, _)), found in zip(jobs.items(), results, strict=True):
        if found is not None:
            *columns, codes, ended = found
            # If the last track has no end, it perhaps only seems to be over.
            if all(ended) or chunk_or_end(data, bounds[-1][1], ends[number]):
                plain[number] = _Tracks(bounds, Columns(*columns), codes, ended)
    return plain


def _read_carefully(data: bytes, header: Header) -> _Tracks:
    readers: list[TrackReader] = []
    bounds: list[tuple[int, int]] = []
    at = header.at
    while len(readers) < header.tracks and at < header.end:
        chunk = read_chunk(data, at, header.end)
        if chunk.name == TRACK:
            reader = read_track(data, chunk.body, chunk.end, header.end)
            readers.append(reader)
            bounds.append((chunk.body, reader.at))
            at = reader.at
        elif chunk.end > header.end:
            found = f"{header.end - chunk.body} up to the end"
            expected = f"{chunk.end - chunk.body} bytes in the chunk {chunk.name!r}"
            raise SmfError(None, chunk.body, expected, found)
        else:
            at = chunk.end
    columns = join([reader.track() for reader in readers], merged=header.smf_type != 2)
    return _Tracks(bounds, columns, [r.codes() for r in readers], [r.ended for r in readers])


def _framing(data: bytes, header: Header, tracks: _Tracks) -> Framing | None:
    """Return what the columns do not say of the file; None if it is as it would be written."""
    prefixes: list[bytes | None] = []
    at = 0
    for number, (begin, end) in enumerate(tracks.bounds):
        plain = plain_chunk(TRACK, end - begin)
        if not number:
            plain = plain_header(header.smf_type, len(tracks.bounds), header.division) + plain
        prefixes.append(None if begin - at == len(plain) and data.startswith(plain, at)
                        else data[at:begin])  # fmt: skip
        at = end
    plainly = not any(tracks.codes) and all(tracks.ended) and tracks.bounds
    if plainly and at == len(data) and all(prefix is None for prefix in prefixes):
        return None
    return Framing(tuple(prefixes), tuple(tracks.codes), data[at:])
