"""A folder of MIDI files as songs for the network, with a reason for every file left out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import midicodec
from midicodec.find import SUFFIXES, Found, find_files
from midirnn.config import CorpusConfig
from midirnn.errors import CorpusError
from midirnn.plugin.interfaces import Events


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is not used: a short ``reason`` to count by, and the ``detail`` of this one."""

    path: Path
    reason: str
    detail: str


@dataclass(frozen=True)
class Corpus:
    """Songs in the order of their paths, and the files that did not become songs."""

    songs: Sequence[Events]
    paths: Sequence[Path]
    left_out: Sequence[LeftOut]
    validation: Sequence[Events] = ()
    """Songs that are kept apart, to see in training how well others are predicted."""
    test: Sequence[Events] = ()
    """Songs that are kept apart until a network is done."""

    def __len__(self) -> int:
        return len(self.songs)

    @property
    def records(self) -> int:
        """How many records the songs have together."""
        return sum(len(song) for song in self.songs)

    @property
    def reasons(self) -> dict[str, int]:
        """How many files were left out for each reason, the commonest first."""
        return dict(Counter(each.reason for each in self.left_out).most_common())

    @property
    def fingerprint(self) -> str:
        """A hash of every song's content, in order: two equal ones train alike."""
        digest = hashlib.sha256()
        for song in self.songs:
            digest.update(np.int64(len(song)).tobytes())
            digest.update(song.records.tobytes())
            digest.update(song.delta_seconds.tobytes())
        return digest.hexdigest()

    def report(self) -> dict[str, Any]:
        """Return what is used and what is left out as plain values, for the run folder."""
        rows = [
            {"path": str(each.path), "reason": each.reason, "detail": each.detail}
            for each in self.left_out
        ]
        return {
            "songs": len(self),
            "records": self.records,
            "fingerprint": self.fingerprint,
            "reasons": self.reasons,
            "left_out": rows,
        }


class _UnusableError(Exception):
    """Why one file is left out: reason, detail."""


def read_corpus(paths: Iterable[Path], config: CorpusConfig, shortest: int = 2) -> Corpus:
    """Read every MIDI file among ``paths`` and below them.

    Songs with fewer than ``shortest`` records are left out. Raises :class:`CorpusError` when a
    path does not exist or when no song remains, and never for what a file holds.
    """
    songs: list[Events] = []
    used: list[Path] = []
    left_out: list[LeftOut] = []
    paths = list(paths)
    found = _found(paths)
    loaded = midicodec.load_many(path for path, error in found if error is None)
    for path, error in found:
        try:
            if error is not None:
                raise _unopened(error)
            songs.append(_usable(next(loaded), config, shortest))
            used.append(path)
        except _UnusableError as unusable:
            left_out.append(LeftOut(path, *unusable.args))
    corpus = Corpus(songs, used, left_out)
    if not songs:
        where = ", ".join(str(path) for path in paths)
        if not left_out:
            raise CorpusError(
                f"there is no MIDI file in {where} "
                f"(looked for names ending in {', '.join(sorted(SUFFIXES))})"
            )
        reasons = ", ".join(f"{count} {reason}" for reason, count in corpus.reasons.items())
        raise CorpusError(f"none of the {len(left_out)} MIDI files in {where} is usable: {reasons}")
    return corpus


def _found(paths: Iterable[Path]) -> list[Found]:
    try:
        return list(find_files(paths))
    except midicodec.MidiCodecError as error:
        raise CorpusError(str(error)) from error


def _unopened(error: OSError) -> _UnusableError:
    return _UnusableError("cannot be opened", error.strerror or str(error))


def read_events(path: Path, config: CorpusConfig) -> Events:
    """Read one file as the network is shown it; raises :class:`CorpusError` if it cannot be."""
    (loaded,) = midicodec.load_many([path], workers=1)
    try:
        return _usable(loaded, config, shortest=1)
    except _UnusableError as error:
        raise CorpusError(f"{path}: {error.args[0]}: {error.args[1]}") from error


def _usable(loaded: midicodec.Loaded, config: CorpusConfig, shortest: int) -> Events:
    """Return one file's events in real time, or say why it cannot be used."""
    song, error = loaded.song, loaded.error
    if isinstance(error, OSError):
        raise _unopened(error) from error
    if song is None:
        raise _UnusableError("not readable as a MIDI file", str(error)) from error
    if song.smf_type not in config.types:
        wanted = ", ".join(map(str, config.types))
        raise _UnusableError(f"type {song.smf_type}", f"the types used are {wanted}")
    song = song.to_type_0()
    try:
        events = Events(song.records, song.delta_seconds)
    except midicodec.MidiCodecError as error:
        raise _UnusableError("has no real time", str(error)) from error
    if config.messages == "channel":
        events = keep(events, song.channel_messages, song.starts)
    if len(events) < shortest:
        raise _UnusableError("too short", f"{len(events)} records, {shortest} are needed")
    return events


def keep(
    events: Events, mask: np.ndarray[tuple[int], np.dtype[np.bool_]], starts: np.ndarray
) -> Events:
    """Return the records where ``mask`` is true, each still starting when it did.

    ``starts`` marks each message's first piece: what follows it adds no time.
    """
    absolute = np.cumsum(np.where(starts, events.delta_seconds, 0.0))[mask]
    return Events(events.records[mask], np.diff(absolute, prepend=0.0))
