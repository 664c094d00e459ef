"""Files that are whole or not there."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from typing import BinaryIO

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], *, durable: bool = False) -> Iterator[BinaryIO]:
    """Give a binary file beside ``path`` to write to, which takes its place if all goes well.

    Whatever happens in between (an error, a full disk, a killed process), what stood under that
    name before stays as it was; when it is replaced, its permissions are kept. A device or a pipe
    is written to as it is. An OSError names ``path``, not the file beside it.
    """
    try:
        target, there = _destination(os.fspath(path))
        if there is not None and not stat.S_ISREG(there.st_mode):
            with open(path, "wb") as file:
                yield file
            return
        folder, own = os.path.split(target)
        beside = os.path.join(folder, f".{own[:60]}.{secrets.token_hex(4)}.part")
        mode = 0o666 if there is None else stat.S_IMODE(there.st_mode)
        with open(os.open(beside, _NEW, mode), "wb") as file:
            try:
                yield file
                # What the process's mask took away: setting it always costs as much as the rest.
                if there is not None and stat.S_IMODE(os.fstat(file.fileno()).st_mode) != mode:
                    os.chmod(beside, mode)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
                file.close()
                os.replace(beside, target)
            except BaseException:
                with contextlib.suppress(OSError):
                    file.close()  # on some systems an open file cannot be removed
                with contextlib.suppress(OSError):
                    os.unlink(beside)
                raise
    except OSError as error:
        if error.errno is None:  # not one of the file system's
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def _destination(name: str) -> tuple[str, os.stat_result | None]:
    """Return the file that is to be replaced, and what is there; a link goes on to point to it.

    What is there is asked of the link itself: /dev/stdout leads to a pipe, its real path to no
    file.
    """
    try:
        there = os.lstat(name)
        if not stat.S_ISLNK(there.st_mode):
            return name, there
        return os.path.realpath(name), os.stat(name)
    except FileNotFoundError:
        return (os.path.realpath(name) if os.path.islink(name) else name), None
