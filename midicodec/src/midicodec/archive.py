"""A song as an ``.npz`` of its columns, for who works with numpy alone."""

from __future__ import annotations

import operator
import os
import struct
import zipfile
import zlib

import numpy as np

from midicodec.errors import MidiCodecError
from midicodec.files import replacing
from midicodec.song import Song

_UNREADABLE = (
    EOFError,
    KeyError,
    MemoryError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What numpy and zipfile raise for bytes that are no such archive."""


def write_npz(song: Song, path: str | os.PathLike[str]) -> None:
    """Write ``records``, ``delta_ticks``, ``track``, ``division`` and ``smf_type``, or nothing."""
    with replacing(path) as file:
        np.savez_compressed(
            file,
            records=song.records,
            delta_ticks=song.delta_ticks,
            track=song.track,
            division=song.division,
            smf_type=song.smf_type,
        )


def read_npz(path: str | os.PathLike[str]) -> Song:
    """Read what :func:`write_npz` wrote; :class:`MidiCodecError` names what is wrong with it."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if not isinstance(arrays, np.lib.npyio.NpzFile):
                raise TypeError("it is a single array")
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
