"""Many Standard MIDI Files at once, over all cores."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from dataclasses import dataclass
from functools import partial
from itertools import islice
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from typing import Literal, TypeAlias, TypeVar

from midicodec.errors import MidiCodecError, SmfError
from midicodec.native import NATIVE
from midicodec.smf import read_file
from midicodec.smf_read import parse_many
from midicodec.song import Song

_BATCH = 64
"""Files in one task: handing over a task takes as long as reading a small file."""
_AHEAD = 2
"""How many tasks a worker has at most, done or to do, that the caller has not taken."""

AnyPath: TypeAlias = str | os.PathLike[str]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of one file: a song, or the error that there is none."""

    path: AnyPath
    song: Song | None
    error: SmfError | OSError | None


def load_many(
    paths: Iterable[AnyPath],
    *,
    errors: Literal["strict", "salvage"] = "strict",
    workers: int | None = None,
) -> Iterator[Loaded]:
    """Load files side by side, and yield them in the order of ``paths``; see :func:`load`.

    ``workers`` are as many as there are cores if not given: threads with the native core, which
    lets them run at the same time, and processes without. However many paths there are, and
    however slowly the results are taken, only so many songs are held: 128 a worker. Raises
    :class:`MidiCodecError` for arguments that do not fit, and if a worker process is killed.
    """
    if errors not in ("strict", "salvage"):
        raise MidiCodecError(f'expected errors to be "strict" or "salvage", found {errors!r}')
    if workers is not None and workers < 1:
        raise MidiCodecError(f"expected 1 worker or more, found {workers}")
    return side_by_side(partial(_load, errors=errors), paths, workers, in_threads=NATIVE)


def side_by_side(
    function: Callable[[list[AnyPath]], list[Result]],
    paths: Iterable[AnyPath],
    workers: int | None = None,
    *,
    in_threads: bool = False,
) -> Iterator[Result]:
    """Yield what ``function`` makes of paths, some at a time, in their order.

    For processes it must be picklable.
    """
    workers = workers or cores()
    remaining = iter(paths)
    with _executor(workers, in_threads) as executor:
        tasks: deque[Future[list[Result]]] = deque()
        try:
            while True:
                while len(tasks) < workers * _AHEAD and (batch := list(islice(remaining, _BATCH))):
                    tasks.append(executor.submit(function, batch))
                if not tasks:
                    return
                yield from tasks.popleft().result()
        except BrokenExecutor as error:
            raise MidiCodecError(
                "a worker process was killed: was there no memory left?"
            ) from error
        finally:
            for task in tasks:
                task.cancel()


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _executor(workers: int, in_threads: bool) -> Executor:
    if in_threads:
        return ThreadPoolExecutor(workers, thread_name_prefix="midicodec")
    # Not a fork: the caller may have threads, and locks that they hold.
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin_worker)


def _begin_worker() -> None:
    """Leave interrupts to the caller, who ends the workers, and end with the caller if killed.

    Each worker would say for itself that it was interrupted; and, the caller gone, wait for ever.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent_process(),), daemon=True).start()


def _end_with(parent: BaseProcess | None) -> None:
    if parent is not None:
        parent.join()
        os._exit(1)


def _load(paths: list[AnyPath], errors: Literal["strict", "salvage"]) -> list[Loaded]:
    """Load some files, all their bytes first: so threads seldom wait for each other."""
    contents: list[bytes | OSError] = []
    for path in paths:
        try:
            contents.append(read_file(os.fspath(path)))
        except OSError as error:
            contents.append(error)
    files = [
        (data, os.fspath(path))
        for path, data in zip(paths, contents, strict=True)
        if not isinstance(data, OSError)
    ]
    songs = iter(parse_many(files, salvage=errors == "salvage"))
    outcomes = (each if isinstance(each, OSError) else next(songs) for each in contents)
    return [
        Loaded(path, each, None) if isinstance(each, Song) else Loaded(path, None, each)
        for path, each in zip(paths, outcomes, strict=True)
    ]
