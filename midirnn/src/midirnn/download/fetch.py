"""A public corpus into a folder: told about, fetched, checked, unpacked, and only then there."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from midicodec.files import replacing
from midicodec.find import find_files
from midirnn.console.say import say
from midirnn.download.archives import unpack
from midirnn.download.corpora import CORPORA, Corpus
from midirnn.errors import ArchiveError, DownloadError
from midirnn.lock import held

RECORD = "download.json"
"""The file, among a corpus's own, that says where it is from; it is there once all is."""
_SUFFIXES = re.compile(r"(\.(zip|tar|tgz|gz))+$", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-fA-F]{64}")


class Wanted(NamedTuple):
    """What is to be downloaded; the checksum is None if nobody knows it."""

    name: str
    url: str
    sha256: str | None
    corpus: Corpus | None

    @classmethod
    def parse(cls, name_or_url: str, sha256: str | None = None) -> Wanted:
        """Return the corpus of a name, or what stands at an http or https address.

        Raises :class:`DownloadError` for an unknown name, another kind of address or a checksum
        that is none.
        """
        corpus = CORPORA.get(name_or_url)
        if corpus is not None:
            if sha256 is not None:
                raise DownloadError(f"--sha256 is for addresses; that of {corpus.name} is known")
            return cls(corpus.name, corpus.url, corpus.sha256, corpus)
        try:
            address = urlsplit(name_or_url)
        except ValueError as error:
            raise DownloadError(f"{name_or_url} is no address: {error}") from error
        if address.scheme not in ("http", "https") or not address.hostname:
            raise DownloadError(
                f"{name_or_url}: expected an http or https address, or one of {', '.join(CORPORA)}"
            )
        if sha256 is not None and not _HEX.fullmatch(sha256):
            raise DownloadError(f"--sha256 {sha256}: expected 64 hexadecimal digits")
        last = _SUFFIXES.sub("", PurePosixPath(unquote(address.path)).name)
        name = re.sub(r"[^\w.-]+", "_", last).strip("._") or "corpus"
        return cls(name, name_or_url, sha256.lower() if sha256 else None, None)

    def about(self) -> str:
        """Return the lines that are shown before anything is fetched."""
        if self.corpus is None:
            return (
                f"source   {self.url}\nlicence  unknown to midirnn: make sure that you may use it"
            )
        return (
            f"{self.corpus.what}\n"
            f"source   {self.corpus.page}\n"
            f"archive  {self.url} ({self.corpus.megabytes} MB)\n"
            f"licence  {self.corpus.licence}"
        )


def download(wanted: Wanted, folder: Path, agreed: Callable[[], bool]) -> Path:
    """Download and unpack into ``folder/NAME``, and return that; it is there whole or not at all.

    ``agreed`` is asked once the licence is shown. What is not finished is kept, for the next
    time, in a hidden folder beside, whose name :func:`midicodec.find.find_files` passes over.
    Does nothing if all is there. Raises :class:`DownloadError`, :class:`ArchiveError` and OSError.
    """
    target = folder / wanted.name
    which = hashlib.sha256(wanted.url.encode()).hexdigest()[:8]  # another may have this name too
    work = folder / f".{wanted.name}.{which}.part"
    if _is_there(wanted, target):
        say(f"{target} is there already")
        shutil.rmtree(work, ignore_errors=True)  # of a process killed at the very end
        return target
    say(wanted.about())
    if not agreed():
        raise DownloadError("nothing is downloaded: its licence was not agreed to")
    work.mkdir(parents=True, exist_ok=True)
    taken = DownloadError(f"another process is downloading into {work} now")
    with held(work / "lock", taken):
        if not _is_there(wanted, target):  # another process may have been faster
            archive = _fetch(wanted, work)
            _unpack(wanted, archive, target)
    shutil.rmtree(work)
    return target


def _is_there(wanted: Wanted, target: Path) -> bool:
    """Return whether all of it is there. Raises for anything else under its name."""
    if not target.exists():
        return False
    try:
        record = json.loads((target / RECORD).read_bytes())
        url, sha256, files = record["url"], record["sha256"], record["midi_files"]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DownloadError(
            f"{target} is there, but not by midirnn download: choose another folder"
        ) from error
    if url != wanted.url or wanted.sha256 not in (None, sha256):
        raise DownloadError(f"{target} was downloaded from {url} (SHA-256 {sha256}): "
                            "remove it, or choose another folder")  # fmt: skip
    found = sum(1 for _ in find_files([target]))
    if found != files:
        raise DownloadError(
            f"{target} has {found} MIDI files, {files} were unpacked: "
            "remove it to download it again"
        )
    return True


def _fetch(wanted: Wanted, work: Path) -> Path:
    """Return the whole archive in the work folder, its checksum compared if there is one."""
    import pooch  # here, as requests takes its time to import

    from midirnn.download.resuming import ResumingDownloader

    pooch.get_logger().setLevel(logging.WARNING)
    try:
        return Path(
            pooch.retrieve(
                wanted.url,
                known_hash=wanted.sha256 and f"sha256:{wanted.sha256}",
                fname="archive",
                path=work,
                downloader=ResumingDownloader(work / "archive.part"),
            )
        )
    except KeyboardInterrupt:
        say("what is there is kept: the same command goes on from there")
        raise
    except ValueError as error:  # says what was expected and what came
        raise DownloadError(f"{wanted.url}: {error}") from error


def _unpack(wanted: Wanted, archive: Path, target: Path) -> None:
    """Unpack beside, and give it its name when all is there."""
    import pooch

    sha256 = wanted.sha256 or pooch.file_hash(str(archive))
    if wanted.sha256 is None:
        say(f"not checked, as no --sha256 was given; that of what came is {sha256}")
    say(f"unpacking into {target}")
    files = archive.with_name("files")
    if files.exists():  # of a process that was killed
        shutil.rmtree(files)
    try:
        unpacked = unpack(archive, files)
    except ArchiveError as error:
        archive.unlink()  # so that the next try asks the server again
        raise ArchiveError(f"{wanted.url}: {error}") from error
    record = {
        "name": wanted.name,
        "url": wanted.url,
        "sha256": sha256,
        "checked": wanted.sha256 is not None,
        "licence": wanted.corpus and wanted.corpus.licence,
        "source": wanted.corpus and wanted.corpus.page,
        **unpacked._asdict(),
    }
    with replacing(files / RECORD) as file:
        file.write(json.dumps(record, indent=1).encode() + b"\n")
    files.rename(target)
    passed = f"; other files, passed over: {unpacked.others}" if unpacked.others else ""
    say(
        f"{unpacked.midi_files} MIDI files ({unpacked.midi_bytes / 1e6:.1f} MB) in {target}{passed}"
    )
