"""A song as an ``.npz`` of its columns, for who works with numpy alone."""

from __future__ import annotations

import io
import lzma
import operator
import os
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

from midicodec.errors import MidiCodecError
from midicodec.files import replacing
from midicodec.framing import Framing, read_codes
from midicodec.smf_read import parse
from midicodec.smf_write import build
from midicodec.song import Song
from midicodec.tracks import Columns

_UNREADABLE = (
    EOFError,
    KeyError,
    MemoryError,
    OSError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What numpy and zipfile raise for bytes that are no such archive."""


_MOST_PADDING = 1 << 20
"""Bytes; few bytes of framing can claim billions."""


def write_npz(song: Song, path: str | os.PathLike[str]) -> None:
    """Write ``records``, ``delta_ticks``, ``track``, ``division``, ``smf_type``, or nothing.

    And ``framing``, as bytes, where the song has one.
    """
    arrays: dict[str, np.ndarray] = {
        "records": song.records,
        "delta_ticks": song.delta_ticks,
        "track": song.track,
        "division": np.asarray(song.division),
        "smf_type": np.asarray(song.smf_type),
    }
    if song.framing is not None:
        arrays["framing"] = np.frombuffer(song.framing.to_bytes(), np.uint8)
    archive = io.BytesIO()  # a zip on a full disk would complain once more when collected
    np.savez_compressed(archive, **arrays)  # type: ignore[arg-type]
    with replacing(path) as file:
        file.write(archive.getvalue())


def read_npz(path: str | os.PathLike[str]) -> Song:
    """Read what :func:`write_npz` wrote.

    Raises :class:`MidiCodecError`, which names what is wrong with it, and OSError for what cannot
    be opened or read.
    """
    data = Path(path).read_bytes()
    try:
        # np.load would take what is no zip for a pickle, and say how to load it unsafely.
        with np.lib.npyio.NpzFile(io.BytesIO(data), allow_pickle=False) as arrays:
            song = Song(
                arrays["records"],
                arrays["delta_ticks"],
                arrays["track"],
                division=operator.index(arrays["division"][()]),
                smf_type=operator.index(arrays["smf_type"][()]),
            )
            if "framing" not in arrays:
                return song
            framing = Framing.from_bytes(arrays["framing"].astype(np.uint8).tobytes())
        return _framed(song, framing)
    except MidiCodecError as error:
        raise MidiCodecError(f"{os.fspath(path)}: {error}") from error
    except _UNREADABLE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MidiCodecError(
            f"{os.fspath(path)}: expected an .npz with a song's columns: {reason}"
        ) from error


def _framed(song: Song, framing: Framing) -> Song:
    """Return the song with its framing, if they belong together."""
    if len(framing.codes) <= int(song.track.max(initial=-1)):
        raise MidiCodecError("the framing is of fewer tracks than the song has")
    specials = [each for codes in framing.codes for each in read_codes(codes)[1].values()]
    if sum(sum(each.values()) for each in specials) > _MOST_PADDING:
        raise MidiCodecError(f"the framing pads the song with more than {_MOST_PADDING} bytes")
    columns = Columns(song.records, song.delta_ticks, song.track, song.starts)
    framed = Song.of_columns(
        columns, division=song.division, smf_type=song.smf_type, framing=framing
    )
    again = parse(build(framed))
    if again != song or again.framing != framing:
        raise MidiCodecError("the framing is not this song's")
    return framed
