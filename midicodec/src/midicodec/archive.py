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
from midicodec.song import Song

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


def write_npz(song: Song, path: str | os.PathLike[str]) -> None:
    """Write ``records``, ``delta_ticks``, ``track``, ``division`` and ``smf_type``, or nothing."""
    archive = io.BytesIO()  # a zip on a full disk would complain once more when collected
    np.savez_compressed(
        archive,
        records=song.records,
        delta_ticks=song.delta_ticks,
        track=song.track,
        division=song.division,
        smf_type=song.smf_type,
    )
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
            return Song(
                arrays["records"],
                arrays["delta_ticks"],
                arrays["track"],
                division=operator.index(arrays["division"][()]),
                smf_type=operator.index(arrays["smf_type"][()]),
            )
    except MidiCodecError as error:
        raise MidiCodecError(f"{os.fspath(path)}: {error}") from error
    except _UNREADABLE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MidiCodecError(
            f"{os.fspath(path)}: expected an .npz with a song's columns: {reason}"
        ) from error
