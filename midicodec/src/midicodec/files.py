"""Files that are whole or not there."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from typing import BinaryIO


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], *, durable: bool = False) -> Iterator[BinaryIO]:
    """Give a binary file beside ``path`` to write to, which takes its place if all goes well.

    Whatever happens in between (an error, a full disk, a killed process), what stood under that
    name before stays as it was; when it is replaced, its permissions are kept. A device or a pipe
    is written to as it is. An OSError names ``path``, not the file beside it.
    """
    name = os.fspath(path)
    try:
        there = os.stat(name) if os.path.exists(name) else None
        # Asked before links are followed: /dev/stdout leads to a pipe, but realpath to no file.
        if there is not None and not stat.S_ISREG(there.st_mode):
            with open(name, "wb") as file:
                yield file
            return
        # A symbolic link goes on to point there.
        target = os.path.realpath(name) if os.path.islink(name) else name
        folder, own = os.path.split(target)
        beside = os.path.join(folder, f".{own[:60]}.{secrets.token_hex(4)}.part")
        with _removed_on_error(beside):
            with open(beside, "xb") as file:
                yield file
                if there is not None:
                    os.chmod(beside, stat.S_IMODE(there.st_mode))
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(beside, target)
    except OSError as error:
        if error.errno is None:  # not one of the file system's
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


@contextlib.contextmanager
def _removed_on_error(path: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise
