"""Songs for the network, from files or a prepared corpus, with a reason for every file left out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import midicodec
from midirnn.corpus.duplicates import content_of
from midirnn.corpus.filters import read_piece, too_short
from midirnn.corpus.inputs import find_inputs, read_pieces
from midirnn.corpus.manifest import is_prepared
from midirnn.corpus.split import SPLITS, Split
from midirnn.corpus.store import Rows, Store
from midirnn.errors import CorpusError, UnusableError
from midirnn.plugin.interfaces import Events
from midirnn.settings.config import CorpusConfig

FEWEST_TO_SPLIT = 20
"""With fewer songs, a tenth is so few that holding them back would cost more than it tells."""
_REPORTED = 1000
_MOST_STARTS = 256
"""Of so many songs a run knows how they begin."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is not used: a short ``reason`` to count by, and the ``detail`` of this one."""

    path: Path
    reason: str
    detail: str


@dataclass(frozen=True)
class Corpus:
    """Songs to train on, those held back, and the files that did not become songs.

    The songs of a prepared corpus are views of files that are mapped into memory, each read when
    it is asked for: what is kept of them is up to the reader.
    """

    songs: Sequence[Events]
    paths: Sequence[Path]
    """Where each of ``songs`` comes from."""
    left_out: Sequence[LeftOut]
    validation: Sequence[Events] = ()
    """Songs that are kept apart, to see in training how well others are predicted."""
    test: Sequence[Events] = ()
    """Songs that are kept apart until a network is done."""
    hashes: Sequence[bytes] | None = None
    """The content hash of each of ``songs``, where it is known already."""

    def __len__(self) -> int:
        return len(self.songs)

    @cached_property
    def records(self) -> int:
        """How many records ``songs`` have together."""
        return sum(map(len, self.songs))

    @property
    def reasons(self) -> dict[str, int]:
        """How many files were left out for each reason, the commonest first."""
        return dict(Counter(each.reason for each in self.left_out).most_common())

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the content of each of ``songs``, in order: two equal ones train alike."""
        hashes = map(content_of, self.songs) if self.hashes is None else self.hashes
        digest = hashlib.sha256()
        for each in hashes:
            digest.update(each)
        return digest.hexdigest()

    def starts(self) -> Events:
        """Return the first event of each of ``songs``, or of some hundreds spread over them."""
        count = min(len(self), _MOST_STARTS)
        firsts = [self.songs[len(self) * number // count] for number in range(count)]
        return Events(
            np.concatenate([each.records[:1] for each in firsts]),
            np.concatenate([each.delta_seconds[:1] for each in firsts]),
        )

    def report(self) -> dict[str, Any]:
        """Return what is used and what is left out as plain values, for the run folder.

        Of very many files left out, the first are named, and all are counted.
        """
        rows = [
            {"path": str(each.path), "reason": each.reason, "detail": each.detail}
            for each in self.left_out[:_REPORTED]
        ]
        return {
            "songs": len(self),
            "records": self.records,
            "validation_songs": len(self.validation),
            "test_songs": len(self.test),
            "fingerprint": self.fingerprint,
            "reasons": self.reasons,
            "left_out": rows,
        }


def read_corpus(paths: Iterable[Path], config: CorpusConfig, shortest: int = 2) -> Corpus:
    """Read every MIDI file among ``paths`` and below them into memory, as ``songs`` all.

    Nothing is held back and duplicates are used: this is for measuring on the files that are
    given. Songs with fewer than ``shortest`` records are left out. Raises :class:`CorpusError`
    when a path does not exist or when no song remains, and never for what a file holds.
    """
    songs: list[Events] = []
    used: list[Path] = []
    left_out: list[LeftOut] = []
    inputs = find_inputs(list(paths))
    for each, outcome in read_pieces(inputs, config, shortest):
        if isinstance(outcome, UnusableError):
            left_out.append(LeftOut(each.path, outcome.reason, outcome.detail))
        else:
            songs.append(outcome.events)
            used.append(each.path)
    corpus = Corpus(songs, used, left_out)
    _check_songs(corpus, len(songs), paths)
    return corpus


def read_events(path: Path, config: CorpusConfig) -> Events:
    """Read one file as the network is shown it; raises :class:`CorpusError` if it cannot be."""
    (loaded,) = midicodec.load_many([path], workers=1)
    try:
        piece = read_piece(loaded, config)
        if not len(piece.events):
            raise too_short(0, 1)
    except UnusableError as error:
        raise CorpusError(f"{path}: {error}") from error
    return piece.events


def open_corpus(paths: Sequence[Path], config: CorpusConfig, shortest: int = 2) -> Corpus:
    """Open a prepared corpus, or prepare MIDI files on the fly, and open that.

    ``paths`` are one prepared corpus, whose own settings hold (:func:`settings_of`), or files and
    folders, which are prepared as ``config`` says and kept (:mod:`midirnn.corpus.cache`). Songs
    to train on that have fewer than ``shortest`` records are left out. Of fewer than
    :data:`FEWEST_TO_SPLIT` songs that were not prepared none is held back. Raises
    :class:`CorpusError` if there is nothing to train on.
    """
    prepared = prepared_among(paths)
    if prepared is not None:
        return _opened(Store(prepared), paths, shortest, split_few=True)
    from midirnn.corpus.cache import cached

    return _opened(Store(cached(paths, config)), paths, shortest, split_few=False)


def read_split(folder: Path, split: Split, shortest: int = 2) -> Corpus:
    """Open one split of a prepared corpus, as ``songs``; :class:`CorpusError` if it is empty."""
    store = Store(folder)
    splits, lengths = store.columns("split", "record_count")
    corpus = _of_rows(store, np.flatnonzero((splits == split) & (lengths >= shortest)), [])
    if not len(corpus):
        raise CorpusError(
            f"the {split} split of {folder} has no song of {shortest} records or more; "
            f"it has {len(store)} songs altogether"
        )
    return corpus


def prepared_among(paths: Sequence[Path]) -> Path | None:
    """Return the one prepared corpus that ``paths`` are, None if they are files and folders.

    Raises :class:`CorpusError` for one among others.
    """
    prepared = [path for path in paths if is_prepared(path)]
    if prepared and len(paths) > 1:
        raise CorpusError(
            f"{prepared[0]} is a prepared corpus, which is used by itself; to use others "
            "besides, prepare all their files into one"
        )
    return prepared[0] if prepared else None


def settings_of(paths: Sequence[Path]) -> CorpusConfig | None:
    """Return the settings a prepared corpus was made with; None if ``paths`` are none."""
    prepared = prepared_among(paths)
    return None if prepared is None else Store(prepared).manifest.settings


def _opened(store: Store, paths: Sequence[Path], shortest: int, *, split_few: bool) -> Corpus:
    """Return a store as a corpus; what is too short to be trained on is left out besides."""
    left_out = _left_out(store)
    splits, lengths = store.columns("split", "record_count")
    long_enough = lengths >= shortest
    if not split_few and len(splits) < FEWEST_TO_SPLIT:
        splits = np.full(len(splits), "train")
    # Those held back are scored to their last record, however few they have.
    usable = np.where(splits == "train", long_enough, lengths >= 2)
    for row in np.flatnonzero(~usable):
        error = too_short(int(lengths[row]), shortest)
        left_out.append(LeftOut(store.path(int(row)), error.reason, error.detail))
    rows = {split: np.flatnonzero(usable & (splits == split)) for split in SPLITS}
    corpus = _of_rows(store, rows["train"], left_out)
    corpus = replace(
        corpus,
        validation=Rows(store.song, rows["validation"]),
        test=Rows(store.song, rows["test"]),
    )
    _check_songs(corpus, int(np.count_nonzero(usable)), paths)
    return corpus


def _of_rows(store: Store, rows: npt.NDArray[np.int64], left_out: Sequence[LeftOut]) -> Corpus:
    (hashes,) = store.columns("content_sha256")
    contents = [bytes.fromhex(hashes[row]) for row in rows]
    return Corpus(Rows(store.song, rows), Rows(store.path, rows), left_out, hashes=contents)


def _left_out(store: Store) -> list[LeftOut]:
    return [
        LeftOut(Path(row["folder"], row["path"]), row["reason"], row["detail"])
        for batch in store.left_out()
        for row in batch.to_pylist()
    ]


def _check_songs(corpus: Corpus, usable: int, paths: Iterable[Path]) -> None:
    """Raise :class:`CorpusError` if there is no song to train on."""
    if len(corpus):
        return
    where = ", ".join(map(str, paths))
    if usable and not corpus.left_out:
        raise CorpusError(
            f"the {usable} songs of {where} are all held back for validation and test; "
            "give more, or prepare them with validation_share and test_share of 0"
        )
    reasons = [f"{count} {reason}" for reason, count in corpus.reasons.items()]
    if usable:
        reasons.append(f"{usable} held back for validation and test")
    count = len(corpus.left_out) + usable
    raise CorpusError(f"none of the {count} MIDI files in {where} is usable: {', '.join(reasons)}")
