"""Which files a corpus is made from, and what each of them is by itself."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import midicodec
from midicodec.find import SUFFIXES, find_files
from midicodec.many import AnyPath, cores, side_by_side
from midirnn.corpus.filters import Piece, check, read_piece, unopened
from midirnn.errors import CorpusError, UnusableError
from midirnn.settings.config import CorpusConfig

MANY = 5000
"""From so many files on, processes are worth their start: numpy's short calls share one core."""


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

    However many there are, only so many songs are held as :func:`midicodec.load_many` says. Many
    files are read by a process for each core: a script that calls this needs the usual
    ``if __name__ == "__main__"``.
    """
    paths = (each.path for each in inputs if each.error is None)
    outcomes: Iterator[Piece | UnusableError]
    if len(inputs) >= MANY and cores() > 1:
        outcomes = side_by_side(partial(_batch, config=config, shortest=shortest), paths)
    else:
        outcomes = (_outcome(each, config, shortest) for each in midicodec.load_many(paths))
    for each in inputs:
        yield each, next(outcomes) if each.error is None else unopened(each.error)


def _batch(
    paths: list[AnyPath], config: CorpusConfig, shortest: int
) -> list[Piece | UnusableError]:
    return [_outcome(each, config, shortest) for each in midicodec.load_many(paths, workers=1)]


def _outcome(
    loaded: midicodec.Loaded, config: CorpusConfig, shortest: int
) -> Piece | UnusableError:
    try:
        piece = read_piece(loaded, config)
        check(piece, config, shortest)
    except UnusableError as error:
        return error.with_traceback(None)  # which would keep the song
    return piece


def printable(text: str) -> str:
    """Return a text that is valid UTF-8; a file name's undecodable byte is written as a code."""
    return text.encode("utf-8", "backslashreplace").decode()
