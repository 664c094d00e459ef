"""Files that are whole or not there."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], *, durable: bool = False) -> Iterator[BinaryIO]:
    """Give a binary file beside ``path`` to write to, which takes its place if all goes well.

    Whatever happens in between (an error, a full disk, a killed process), what stood under that
    name before stays as it was; when it is replaced, its permissions are kept. A device or a pipe
    is written to as it is. An OSError names ``path``, not the file beside it.
    """
    given = Path(path)
    try:
        # Asked before links are followed: /dev/stdout leads to a pipe, but realpath to no file.
        if given.exists() and not given.is_file():
            with given.open("wb") as file:
                yield file
            return
        target = Path(os.path.realpath(given))  # a symbolic link goes on to point there
        beside = target.with_name(f".{target.name[:60]}.{secrets.token_hex(4)}.part")
        with _removed_on_error(beside):
            with beside.open("xb") as file:
                yield file
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, beside)
            beside.replace(target)
    except OSError as error:
        if error.errno is None:  # not one of the file system's
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


@contextlib.contextmanager
def _removed_on_error(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
