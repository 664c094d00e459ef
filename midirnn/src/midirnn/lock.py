"""One process at a time in a folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import filelock

from midirnn.errors import MidiRnnError


@contextlib.contextmanager
def held(path: Path, taken: MidiRnnError) -> Iterator[None]:
    """Hold the lock file ``path``; raise ``taken`` at once if another process does."""
    lock = filelock.FileLock(path)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout as error:
        raise taken from error
    try:
        yield
    finally:
        lock.release()
