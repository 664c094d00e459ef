"""MIDI files out of an archive that may come from anybody.

Nothing in an archive is trusted: not its names, not the sizes it declares, not what it says its
members are. Only regular files are written, only under names that stay inside the folder on any
system, only MIDI files and the texts that say who made them, and never over another file.
"""

from __future__ import annotations

import contextlib
import enum
import errno
import functools
import gzip
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

from midicodec.find import SUFFIXES
from midirnn.download.safenames import safe_parts, same_name
from midirnn.errors import ArchiveError

_TEXTS = re.compile(
    r"(licen[cs]e|copying|copyright|readme|notice|attribution)([-_. ].*)?", re.IGNORECASE
)
_TEXT_SUFFIXES = frozenset({"", ".txt", ".md", ".rst"})
_CHUNK_BYTES = 1 << 20
_MOST_HEADER_BYTES = 1 << 20
_HEADERS = frozenset(
    {
        tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE,
        tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
    }
)  # fmt: skip
"""A tar's long names and the like, which tarfile reads into memory in one go."""
_UNREADABLE = (
    EOFError,
    OverflowError,
    RuntimeError,  # also for what Python's zipfile lacks, and headers within headers
    ValueError,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What tarfile and zipfile raise for bytes that are no such archive."""


class Limits(NamedTuple):
    """How much an archive may hold before it is taken for a bomb."""

    members: int = 2_000_000
    total_bytes: int = 64 << 30
    ratio: int = 200
    """Bytes unpacked for each byte of the archive (MIDI files: seldom more than 20) …"""
    harmless_bytes: int = 64 << 20
    """… once more than this is unpacked."""


class Unpacked(NamedTuple):
    """What was written, and what was passed over."""

    midi_files: int
    midi_bytes: int
    others: int
    """Members that are neither MIDI files nor texts about them, folders not counted."""


class _Kind(enum.Enum):
    FILE = enum.auto()
    FOLDER = enum.auto()
    OTHER = enum.auto()
    """A link, a device, a pipe or any other thing that is not just bytes."""


class _Member(NamedTuple):
    name: str
    kind: _Kind
    open: Callable[[], _Readable]
    """Returns its bytes to read."""


def unpack(archive: Path, folder: Path, limits: Limits | None = None) -> Unpacked:
    """Write the MIDI files of a zip or tar archive, and texts like its licence, into ``folder``.

    ``folder`` must not exist; what is in it is whole only when this returns, so give it its name
    afterwards. Raises :class:`ArchiveError` for an archive that is broken, hostile or no archive,
    and OSError for what the file system refuses.
    """
    writer = _Writer(folder, archive, limits or Limits())
    with _readable(folder):
        members = _zip_members if _format(archive) == "zip" else _tar_members
        for member in members(archive, writer):
            writer.take(member)
    if not writer.midi_files:
        raise ArchiveError(f"no MIDI file among its {writer.others} members")
    return Unpacked(writer.midi_files, writer.midi_bytes, writer.others)


class _Writer:
    """Puts members into a folder, and counts what may not grow without bounds."""

    def __init__(self, folder: Path, archive: Path, limits: Limits) -> None:
        self.midi_files = self.midi_bytes = self.others = 0
        self._folder = folder
        self._limits = limits
        size = archive.stat().st_size
        self._most = min(limits.total_bytes, max(limits.harmless_bytes, size * limits.ratio))
        self._members = self._bytes = 0
        self._taken: dict[str, int] = {}  # names, however they are written, and their last number
        folder.mkdir()

    def take(self, member: _Member) -> None:
        """Write one member, if it is of those that are wanted."""
        self._members += 1
        if self._members > self._limits.members:
            raise ArchiveError(
                f"more than {self._limits.members} members, taken for a bomb: "
                "unpack it by hand if you trust it"
            )
        parts = safe_parts(member.name)
        if member.kind is _Kind.FOLDER:
            return
        if not _wanted(parts):
            self.others += 1
            return
        if member.kind is _Kind.OTHER:
            raise ArchiveError(f"{member.name!r} is a link, a device or the like, not a file")
        path = self._folder.joinpath(*self._free(parts))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            source = member.open()
            with path.open("xb") as file:
                while chunk := source.read(_CHUNK_BYTES):
                    file.write(chunk)
                size = file.tell()
        except (FileExistsError, NotADirectoryError) as error:
            raise ArchiveError(f"{member.name!r} is a file and a folder at once") from error
        if path.suffix.lower() in SUFFIXES:
            self.midi_files += 1
            self.midi_bytes += size

    def expect(self, count: int) -> None:
        """Refuse so many bytes more if that is too many: what a member says of itself."""
        if not 0 <= count <= self._most - self._bytes:
            raise ArchiveError(
                f"it unpacks to more than {self._most} bytes, taken for a bomb: "
                "unpack it by hand if you trust it"
            )

    def spend(self, count: int) -> None:
        """Account for so many bytes that were unpacked, whatever had been said before."""
        self.expect(count)
        self._bytes += count

    def _free(self, parts: list[str]) -> list[str]:
        """Return the parts, numbered if another member has their name or, somewhere, would."""
        name = Path(parts[-1])
        first = key = same_name(parts)
        number = self._taken.get(first, 1)
        while key in self._taken:
            number += 1
            parts = [*parts[:-1], f"{name.stem} ({number}){name.suffix}"]
            key = same_name(parts)
        self._taken[first] = self._taken[key] = number
        return parts


def _wanted(parts: list[str]) -> bool:
    """Return whether a member is a MIDI file by its name, or says whose they are."""
    if not parts or "__MACOSX" in parts or parts[-1].startswith("._"):  # macOS's own notes
        return False
    name = Path(parts[-1])
    suffix = name.suffix.lower()
    return suffix in SUFFIXES or (suffix in _TEXT_SUFFIXES and bool(_TEXTS.fullmatch(name.stem)))


def _format(archive: Path) -> str:
    """Return "zip", "tar.gz" or "tar", going by the first bytes whatever its name is."""
    with archive.open("rb") as file:
        start = file.read(512)
    if start[:4] in (b"PK\3\4", b"PK\5\6"):
        return "zip"
    if start[:2] == b"\x1f\x8b":
        return "tar.gz"
    if start[257:262] == b"ustar":
        return "tar"
    raise ArchiveError(f"expected a zip, tar or tar.gz archive, found {start[:16]!r} …")


def _zip_members(archive: Path, writer: _Writer) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as zipped:

        def opened(info: zipfile.ZipInfo) -> _Readable:
            if info.flag_bits & 1:
                raise ArchiveError(f"{info.filename!r} is encrypted")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                # zipfile unpacks bzip2 and LZMA without bounds.
                raise ArchiveError(f"{info.filename!r} is neither stored nor deflated")
            writer.expect(info.file_size)
            return _Counted(zipped.open(info), writer)

        for info in zipped.infolist():
            mode = stat.S_IFMT(info.external_attr >> 16)
            kind = _Kind.FILE if mode in (0, stat.S_IFREG) else _Kind.OTHER
            if info.filename.endswith("/") or mode == stat.S_IFDIR:
                kind = _Kind.FOLDER
            # zipfile ends a name at its first NUL; the original is what it says.
            yield _Member(info.orig_filename, kind, functools.partial(opened, info))


def _tar_members(archive: Path, writer: _Writer) -> Iterator[_Member]:
    with contextlib.ExitStack() as open_files:
        plain: _Readable = open_files.enter_context(archive.open("rb"))
        if _format(archive) == "tar.gz":
            plain = open_files.enter_context(gzip.open(archive))
        counted: Any = _Counted(plain, writer)  # nothing but read is asked of it
        # As a stream: it is read once, forwards, and what is passed over counts as well.
        tar = open_files.enter_context(tarfile.open(fileobj=counted, mode="r|", tarinfo=_TarInfo))

        def opened(info: tarfile.TarInfo) -> _Readable:
            source: _Readable | None = tar.extractfile(info)
            assert source is not None  # it is a regular file
            return source

        while (info := tar.next()) is not None:
            tar.members.clear()  # type: ignore[attr-defined]  # it would keep them all
            writer.expect(info.size)  # before tarfile believes it, to pass over that much
            kind = _Kind.FILE if info.isreg() and not info.issparse() else _Kind.OTHER
            yield _Member(
                info.name, _Kind.FOLDER if info.isdir() else kind, functools.partial(opened, info)
            )
        while counted.read(_CHUNK_BYTES):  # a gzip's own checksum stands at its end
            pass


class _TarInfo(tarfile.TarInfo):
    """A tar's header, which may not claim what tarfile would choke on."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Return a header of 512 bytes. Raises :class:`ArchiveError`."""
        info = super().frombuf(buf, encoding, errors)
        if info.size < 0 or (info.type in _HEADERS and info.size > _MOST_HEADER_BYTES):
            raise ArchiveError(f"a header says that it has {info.size} bytes")
        return info


class _Readable(Protocol):
    def read(self, count: int, /) -> bytes: ...


class _Counted:
    """A stream whose bytes the writer accounts for."""

    def __init__(self, source: _Readable, writer: _Writer) -> None:
        self._source = source
        self._writer = writer

    def read(self, count: int, /) -> bytes:
        chunk = self._source.read(count)
        self._writer.spend(len(chunk))
        return chunk


@contextlib.contextmanager
def _readable(folder: Path) -> Iterator[None]:
    """Say of damage that it is; what the file system refuses stays an OSError."""
    try:
        yield
    except OSError as error:
        # zipfile looks for what a damaged archive says to be before its beginning.
        if error.errno is not None and (error.errno, error.filename) != (errno.EINVAL, None):
            where = error.filename or str(folder)  # a full disk does not say where
            raise OSError(error.errno, error.strerror, where) from error
        raise ArchiveError(f"the archive is damaged: {error}") from error
    except _UNREADABLE as error:
        reason = str(error) or type(error).__name__
        raise ArchiveError(f"the archive is damaged: {reason}") from error
