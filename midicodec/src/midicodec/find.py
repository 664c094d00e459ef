"""MIDI files among paths, and below those that are folders."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from midicodec.errors import MidiCodecError

SUFFIXES = frozenset({".mid", ".midi", ".smf", ".kar", ".rmi"})
"""What the names of MIDI files end in, whatever the case."""


class Found(NamedTuple):
    """A file, or a folder that cannot be looked into."""

    path: Path
    error: OSError | None = None
    """Why it cannot be read, as far as that is known without trying."""


def find_files(paths: Iterable[str | os.PathLike[str]]) -> Iterator[Found]:
    """Yield the files that are named, and those below folders that are named like MIDI files.

    In the order given, sorted within a folder, each file once however it is reached. Hidden
    folders that end in ``.part`` are passed over: what is in them is not whole yet. Raises
    :class:`MidiCodecError` for a path that is not there, before anything of it is yielded.
    """
    seen: set[str] = set()
    for path in map(Path, paths):
        if not path.exists():
            raise MidiCodecError(f"there is no file or folder {path}")
        for found in sorted(_below(path)) if path.is_dir() else [Found(path)]:
            real = os.path.realpath(found.path)  # not `resolve`: a link that loops is one to it
            if real not in seen:
                seen.add(real)
                yield found


def _below(folder: Path) -> Iterator[Found]:
    unreadable: list[OSError] = []
    for where, folders, names in os.walk(folder, onerror=unreadable.append):
        folders[:] = [each for each in folders if not _is_unfinished(each)]
        for name in names:
            path = Path(where, name)
            if path.suffix.lower() in SUFFIXES:
                yield Found(path, _problem_with(path))
    yield from (Found(Path(error.filename), error) for error in unreadable)


def _is_unfinished(folder: str) -> bool:
    """Return whether a folder's name says that it is not whole yet, as ``files`` names files."""
    return folder.startswith(".") and folder.endswith(".part")


def _problem_with(path: Path) -> OSError | None:
    try:
        mode = path.stat().st_mode
    except OSError as error:  # a link to nothing, for one
        return error
    return None if stat.S_ISREG(mode) else OSError(0, "not a regular file", str(path))
