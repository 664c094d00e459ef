"""Songs for the network, from files or a prepared corpus, with a reason for every file left out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

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
_NAMED = 1000
"""Of so many files left out it is kept which they are; of all, how many for each reason."""
_MOST_STARTS = 256
"""Of so many songs a run knows how they begin."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is not used: a short ``reason`` to count by, and the ``detail`` of this one."""

    path: Path
    reason: str
    detail: str


class Known(NamedTuple):
    """What is known of a prepared corpus's songs without reading them."""

    hashes: Sequence[bytes]
    """The content hash of each song to train on, then of each for validation."""
    records: int


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
    """The files that are not used; of very many, the first."""
    validation: Sequence[Events] = ()
    """Songs that are kept apart, to see in training how well others are predicted."""
    test: Sequence[Events] = ()
    """Songs that are kept apart until a network is done."""
    unnamed: Mapping[str, int] = field(default_factory=dict)
    """How many files are not used besides, by reason."""
    known: Known | None = None

    def __len__(self) -> int:
        return len(self.songs)

    @cached_property
    def records(self) -> int:
        """How many records ``songs`` have together."""
        return sum(map(len, self.songs)) if self.known is None else self.known.records

    @property
    def reasons(self) -> dict[str, int]:
        """How many files were left out for each reason, the commonest first."""
        named = Counter(each.reason for each in self.left_out)
        return dict((named + Counter(self.unnamed)).most_common())

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the songs to train on and to validate on, in order: equal ones train alike."""
        songs = chain(self.songs, self.validation)
        digest = hashlib.sha256(str(len(self)).encode())
        for each in map(content_of, songs) if self.known is None else self.known.hashes:
            digest.update(each)
        return digest.hexdigest()

    def __str__(self) -> str:
        """Say in one line what is used and what is left out."""
        text = f"{len(self)} songs, {self.records} records"
        if self.validation or self.test:
            text += f"; held back: {len(self.validation)} for validation, {len(self.test)} for test"
        if self.reasons:
            reasons = ", ".join(f"{count} {reason}" for reason, count in self.reasons.items())
            text += f"; {sum(self.reasons.values())} files left out: {reasons}"
        return text

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
            for each in self.left_out
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
    rows = np.flatnonzero((splits == split) & (lengths >= shortest))
    corpus = _of_rows(store, {"train": rows}, int(lengths[rows].sum()), iter(()))
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
    splits, lengths = store.columns("split", "record_count")
    long_enough = lengths >= shortest
    if not split_few and len(splits) < FEWEST_TO_SPLIT:
        splits = np.full(len(splits), "train")
    # Those held back are scored to their last record, however few they have.
    usable = np.where(splits == "train", long_enough, lengths >= 2)
    rows = {split: np.flatnonzero(usable & (splits == split)) for split in SPLITS}
    errors = ((row, too_short(int(lengths[row]), shortest)) for row in np.flatnonzero(~usable))
    short = (LeftOut(store.path(int(row)), each.reason, each.detail) for row, each in errors)
    records = int(lengths[rows["train"]].sum())
    corpus = _of_rows(store, rows, records, chain(_left_out(store), short))
    _check_songs(corpus, int(np.count_nonzero(usable)), paths)
    return corpus


def _of_rows(
    store: Store,
    rows: Mapping[Split, npt.NDArray[np.int64]],
    records: int,
    left_out: Iterator[LeftOut],
) -> Corpus:
    (hashes,) = store.columns("content_sha256")
    none = np.empty(0, np.int64)
    train, validation, test = (rows.get(split, none) for split in SPLITS)
    contents = [bytes.fromhex(hashes[row]) for row in chain(train, validation)]
    return Corpus(
        Rows(store.song, train),
        Rows(store.path, train),
        list(islice(left_out, _NAMED)),
        Rows(store.song, validation),
        Rows(store.song, test),
        Counter(each.reason for each in left_out),
        Known(contents, records),
    )


def _left_out(store: Store) -> Iterator[LeftOut]:
    for batch in store.left_out():
        for row in batch.to_pylist():
            yield LeftOut(Path(row["folder"], row["path"]), row["reason"], row["detail"])


def _check_songs(corpus: Corpus, usable: int, paths: Iterable[Path]) -> None:
    """Raise :class:`CorpusError` if there is no song to train on."""
    if len(corpus):
        return
    where = ", ".join(map(str, paths))
    if usable and not corpus.reasons:
        raise CorpusError(
            f"the {usable} songs of {where} are all held back for validation and test; "
            "give more, or prepare them with validation_share and test_share of 0"
        )
    reasons = [f"{count} {reason}" for reason, count in corpus.reasons.items()]
    if usable:
        reasons.append(f"{usable} held back for validation and test")
    count = sum(corpus.reasons.values()) + usable
    raise CorpusError(f"none of the {count} MIDI files in {where} is usable: {', '.join(reasons)}")
