"""Standard MIDI Files: load and save. Reading and writing bytes is next door."""

from __future__ import annotations

import errno
import os
from typing import BinaryIO, Literal

from midicodec.errors import MidiCodecError
from midicodec.files import replacing
from midicodec.smf_read import parse
from midicodec.smf_write import build
from midicodec.song import Song

_READ_BYTES = 1 << 20


def load(
    source: str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO,
    *,
    errors: Literal["strict", "salvage"] = "strict",
) -> Song:
    """Return the song in a Standard MIDI File: a path, a binary file open for reading, or bytes.

    Raises :class:`SmfError`, with the byte offset, where events cannot be told apart; with
    ``"salvage"`` the song has all that can, before the fault and after it, and lists the
    ``defects``. OSError is raised for what cannot be opened or read.
    """
    if errors not in ("strict", "salvage"):
        raise MidiCodecError(f'expected errors to be "strict" or "salvage", found {errors!r}')
    name = None
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
    elif isinstance(source, (str, os.PathLike)):
        name = os.fspath(source)
        data = read_file(name)
    else:
        data = source.read()
        if not isinstance(data, bytes):
            raise MidiCodecError(f"expected a file open in binary mode, found one of {type(data)}")
        name = getattr(source, "name", None)
    return parse(data, name if isinstance(name, str) else None, salvage=errors == "salvage")


def read_file(name: str) -> bytes:
    """Return a file's bytes; OSError also for a name that no file can have.

    Python's file objects ask the system three times as much, which shows in small files.
    """
    try:
        descriptor = os.open(name, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            size = os.fstat(descriptor).st_size
            data = os.read(descriptor, size + 1)
            if len(data) != size:  # a pipe, or it changes meanwhile
                parts = [data]
                while parts[-1]:
                    parts.append(os.read(descriptor, _READ_BYTES))
                data = b"".join(parts)
        finally:
            os.close(descriptor)
    except ValueError as error:  # a NUL byte in it
        raise OSError(errno.EINVAL, str(error), name) from error
    except OSError as error:
        error.filename = name  # which reading does not know
        raise
    return data


def save(song: Song, target: str | os.PathLike[str] | BinaryIO, *, canonical: bool = False) -> None:
    """Write ``song`` as a Standard MIDI File to a path or a binary file open for writing.

    A song as it was loaded gives the bytes it was loaded from; any other, or with ``canonical``,
    the plain modern form, in which a track without an end of track gets one, and a system reset,
    which a file cannot hold, is written as the escape F7 01 FF. A path is written whole or not at
    all. Raises :class:`EncodeError` for times and tracks that do not fit a file, before anything
    is written, and OSError.
    """
    data = build(song, canonical=canonical)
    if isinstance(target, (str, os.PathLike)):
        with replacing(target) as file:
            file.write(data)
    else:
        target.write(data)
