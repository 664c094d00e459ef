"""``midirnn prepare``: files → a corpus in Arrow files, made once, and gone on with if killed.

The inputs are worked through in order, and shards are closed by what they hold; so the files that
come out depend on the inputs and settings alone. All that is kept in memory from one shard to
the next is the inputs' paths and the hashes of the songs that stay, which the shards give back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from midirnn.corpus.duplicates import Duplicates
from midirnn.corpus.filters import Piece
from midirnn.corpus.inputs import Input, fingerprint, printable, read_pieces
from midirnn.corpus.manifest import Manifest, ShardInfo, is_prepared
from midirnn.corpus.split import split_of
from midirnn.corpus.store import (
    joined,
    left_out_path,
    left_out_schema,
    read_table,
    song_schema,
    songs_path,
    write_table,
)
from midirnn.errors import CorpusError, UnusableError
from midirnn.lock import held
from midirnn.settings.config import CorpusConfig, section_differences

SHARD_BYTES = 64_000_000
"""A shard is closed when its songs' records and times fill this."""
_SHARD_INPUTS = 8192
"""Or when this many files have gone into it, were they songs or not."""

Report = Callable[[int], None]
"""Told how many files are done."""


def prepare(
    inputs: Sequence[Input],
    folder: Path,
    config: CorpusConfig,
    *,
    shard_bytes: int = SHARD_BYTES,
    report: Report | None = None,
) -> Manifest:
    """Make a prepared corpus in ``folder``, or go on with the one that was begun there.

    A finished corpus of the same inputs and settings stays as it is. Raises
    :class:`CorpusError` where the folder holds something else.
    """
    with _locked(folder):
        wanted = Manifest(config, len(inputs), fingerprint(inputs), shard_bytes)
        manifest = _begun(folder, wanted)
        if manifest.complete:
            return manifest
        _sweep(folder)
        seen = _seen(folder, manifest)
        shard = _Shard()
        first = manifest.inputs_done
        for done, (each, outcome) in enumerate(read_pieces(inputs[first:], config), first + 1):
            shard.add(each, _unless_duplicate(each, outcome, seen))
            if report is not None:
                report(done)
            if shard.bytes >= shard_bytes or shard.inputs >= _SHARD_INPUTS or done == len(inputs):
                info = shard.write(folder, len(manifest.shards), done, config)
                complete = done == len(inputs)
                manifest = replace(manifest, shards=[*manifest.shards, info], complete=complete)
                manifest.save(folder)
                shard = _Shard()
        return manifest


def _unless_duplicate(
    each: Input, outcome: Piece | UnusableError, seen: Duplicates
) -> Piece | UnusableError:
    """Return the outcome, unless a song like it stays already; a song that stays is remembered."""
    if isinstance(outcome, UnusableError):
        return outcome
    hashes = outcome.content_sha256, outcome.notes_sha256
    try:
        seen.check(*hashes)
    except UnusableError as error:
        return error
    seen.add(*hashes, each.name)
    return outcome


@dataclass
class _Shard:
    """Rows that are gathered until there are enough to write."""

    songs: list[tuple[Input, Piece]] = field(default_factory=list)
    left_out: list[tuple[Input, UnusableError]] = field(default_factory=list)
    bytes: int = 0

    @property
    def inputs(self) -> int:
        return len(self.songs) + len(self.left_out)

    def add(self, each: Input, outcome: Piece | UnusableError) -> None:
        if isinstance(outcome, UnusableError):
            self.left_out.append((each, outcome))
        else:
            self.songs.append((each, outcome))
            self.bytes += outcome.events.records.nbytes + outcome.events.delta_seconds.nbytes

    def write(self, folder: Path, number: int, inputs_end: int, config: CorpusConfig) -> ShardInfo:
        """Write both files, the manifest's entry of which counts only when it is written too."""
        left_out_bytes = write_table(
            left_out_path(folder, number), self._left_out(), left_out_schema()
        )
        song_bytes = write_table(songs_path(folder, number), self._songs(config), song_schema())
        return ShardInfo(
            inputs_end, len(self.songs), len(self.left_out), song_bytes, left_out_bytes
        )

    def _songs(self, config: CorpusConfig) -> dict[str, Any]:
        schema = song_schema()
        pieces = [piece for _, piece in self.songs]
        return {
            "folder": [each.folder for each, _ in self.songs],
            "path": [each.name for each, _ in self.songs],
            "split": [split_of(piece.notes_sha256, config) for piece in pieces],
            "content_sha256": [piece.content_sha256.hex() for piece in pieces],
            "notes_sha256": [piece.notes_sha256.hex() for piece in pieces],
            "smf_type": [piece.smf_type for piece in pieces],
            "division": [piece.division for piece in pieces],
            "record_count": [len(piece.events) for piece in pieces],
            "message_count": [piece.messages for piece in pieces],
            "note_count": [piece.notes for piece in pieces],
            "seconds": [piece.seconds for piece in pieces],
            "slowest_bpm": [piece.slowest_bpm for piece in pieces],
            "fastest_bpm": [piece.fastest_bpm for piece in pieces],
            "time_signatures": [piece.time_signatures for piece in pieces],
            "channels": [piece.channels for piece in pieces],
            "records": joined(
                [piece.events.records for piece in pieces], schema.field("records").type, width=5
            ),
            "delta_seconds": joined(
                [piece.events.delta_seconds for piece in pieces],
                schema.field("delta_seconds").type,
            ),
        }

    def _left_out(self) -> dict[str, Any]:
        return {
            "folder": [each.folder for each, _ in self.left_out],
            "path": [each.name for each, _ in self.left_out],
            "reason": [error.reason for _, error in self.left_out],
            "detail": [printable(error.detail) for _, error in self.left_out],
            "byte_offset": [error.offset for _, error in self.left_out],
        }


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Make the folder, and hold a lock that lets no second process prepare there."""
    if folder.exists() and not is_prepared(folder):
        names = {"songs", "left_out", ".lock"}
        others = [each.name for each in folder.iterdir() if each.name not in names]
        if any(not name.endswith(".part") for name in others):
            raise CorpusError(f"{folder} exists and is not a prepared corpus; give -o another name")
    for each in ("songs", "left_out"):
        (folder / each).mkdir(parents=True, exist_ok=True)
    taken = CorpusError(f"another process is preparing {folder} now")
    with held(folder / ".lock", taken):
        yield


def _begun(folder: Path, wanted: Manifest) -> Manifest:
    """Return the manifest that is there, if it is of the same corpus, or begin one."""
    if not is_prepared(folder):
        wanted.save(folder)
        return wanted
    found = Manifest.load(folder)
    state = "was prepared" if found.complete else "was begun"
    advice = "give -o another name, or delete the folder to begin again"
    changed = section_differences(found.settings, wanted.settings)
    if found.shard_bytes != wanted.shard_bytes:
        changed.append(f"bytes of a shard: {found.shard_bytes} → {wanted.shard_bytes}")
    if changed:
        raise CorpusError(f"{folder} {state} with other settings ({'; '.join(changed)}); {advice}")
    if found.inputs_sha256 != wanted.inputs_sha256:
        raise CorpusError(
            f"{folder} {state} from other files ({found.input_count}, now {wanted.input_count}, or "
            f"some were changed); {advice}"
        )
    return found


def _sweep(folder: Path) -> None:
    """Remove what a killed process was writing."""
    for part in [*folder.glob(".*.part"), *folder.glob("*/.*.part")]:
        part.unlink()


def _seen(folder: Path, manifest: Manifest) -> Duplicates:
    """Return the songs that stay in the shards that are there already."""
    seen = Duplicates(manifest.settings)
    for number in range(len(manifest.shards)):
        batch = read_table(songs_path(folder, number))
        names = ("content_sha256", "notes_sha256", "path")
        for content, notes, path in zip(*(batch.column(n).to_pylist() for n in names), strict=True):
            seen.add(bytes.fromhex(content), bytes.fromhex(notes), path)
    return seen
