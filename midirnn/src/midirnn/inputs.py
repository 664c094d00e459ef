"""Which files a corpus is made from, and what each of them is by itself."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import midicodec
from midicodec.find import SUFFIXES, find_files
from midirnn.config import CorpusConfig
from midirnn.errors import CorpusError, UnusableError
from midirnn.filters import Piece, check, read_piece, unopened


class Input(NamedTuple):
    """A file that is to be prepared: which folder it was found below, and where there."""

    folder: str
    name: str
    path: Path
    error: OSError | None


def find_inputs(paths: Sequence[Path]) -> list[Input]:
    """Return the MIDI files among ``paths`` and below them; :class:`CorpusError` if none is."""
    roots = {path for path in paths if path.is_dir()}
    inputs = []
    try:
        for path, error in find_files(paths):
            folder = next((each for each in path.parents if each in roots), path.parent)
            name = printable(str(path.relative_to(folder)))
            inputs.append(Input(printable(str(folder)), name, path, error))
    except midicodec.MidiCodecError as problem:
        raise CorpusError(str(problem)) from problem
    if not inputs:
        raise CorpusError(
            f"there is no MIDI file in {', '.join(map(str, paths))} "
            f"(looked for names ending in {', '.join(sorted(SUFFIXES))})"
        )
    return inputs


def fingerprint(inputs: Iterable[Input]) -> str:
    """Return a hash of the inputs' paths, sizes and times of change."""
    digest = hashlib.sha256()
    for each in inputs:
        path = os.fsencode(each.path.absolute())
        try:
            there = each.path.stat()
            digest.update(b"%b\0%d %d\0" % (path, there.st_size, there.st_mtime_ns))
        except OSError:
            digest.update(path + b"\0cannot be opened\0")
    return digest.hexdigest()


def read_pieces(
    inputs: Sequence[Input], config: CorpusConfig, shortest: int = 1
) -> Iterator[tuple[Input, Piece | UnusableError]]:
    """Yield what becomes of each file by itself, in order: a song, or why it is left out.

    Songs are read ahead on all cores, so many at most as :func:`midicodec.load_many` says.
    """
    loaded = midicodec.load_many(each.path for each in inputs if each.error is None)
    for each in inputs:
        try:
            if each.error is not None:
                raise unopened(each.error)
            piece = read_piece(next(loaded), config)
            check(piece, config, shortest)
        except UnusableError as error:
            yield each, error
        else:
            yield each, piece


def printable(text: str) -> str:
    """Return a text that is valid UTF-8; a file name's undecodable byte is written as a code."""
    return text.encode("utf-8", "backslashreplace").decode()
