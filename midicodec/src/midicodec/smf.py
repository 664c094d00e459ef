"""Standard MIDI Files: load and save. Reading and writing bytes is next door."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from midicodec.errors import MidiCodecError
from midicodec.files import replacing
from midicodec.smf_read import parse
from midicodec.smf_write import build
from midicodec.song import Song


def load(source: str | os.PathLike[str] | bytes | BinaryIO) -> Song:
    """Return the song in a Standard MIDI File: a path, a binary file open for reading, or bytes.

    Raises :class:`SmfError`, with the byte offset, for what is not such a file, and OSError for
    what cannot be opened or read.
    """
    if isinstance(source, bytes):
        return parse(source)
    if isinstance(source, (str, os.PathLike)):
        return parse(Path(source).read_bytes(), os.fspath(source))
    data = source.read()
    if not isinstance(data, bytes):
        raise MidiCodecError(f"expected a file open in binary mode, found one of {type(data)}")
    name = getattr(source, "name", None)
    return parse(data, name if isinstance(name, str) else None)


def save(song: Song, target: str | os.PathLike[str] | BinaryIO) -> None:
    """Write ``song`` as a Standard MIDI File to a path or a binary file open for writing.

    A path is written whole or not at all. A track without an end of track gets one; a system
    reset, which a file cannot hold, is written as the escape F7 01 FF. Raises
    :class:`EncodeError` for times and tracks that do not fit a file, before anything is written,
    and OSError.
    """
    data = build(song)
    if isinstance(target, (str, os.PathLike)):
        with replacing(target) as file:
            file.write(data)
    else:
        target.write(data)
