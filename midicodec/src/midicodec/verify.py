"""Whether MIDI files survive the way to records and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from midicodec.errors import MidiCodecError
from midicodec.many import AnyPath, side_by_side
from midicodec.pieces import cut, rejoin
from midicodec.smf_read import parse
from midicodec.smf_write import build
from midicodec.song import Song

Verdict: TypeAlias = Literal["identical", "equal but for framing", "salvaged", "unreadable"]
"""Saved, a file has the same bytes; the same song, in other bytes; only some of it can be read;
nothing can."""
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True, slots=True)
class Verified:
    """What became of one file, and why, if it is not identical."""

    path: str
    verdict: Verdict
    reasons: tuple[str, ...] = ()


def verify_many(paths: Iterable[AnyPath], workers: int | None = None) -> Iterator[Verified]:
    """Verify files over all cores, and yield the verdicts in the order of ``paths``."""
    return side_by_side(_verify_some, paths, workers)


def _verify_some(paths: list[AnyPath]) -> list[Verified]:
    return [verify_file(path) for path in paths]


def verify_file(path: AnyPath) -> Verified:
    """Take a MIDI file to records, messages, records and bytes again; say what is lost."""
    name = str(path)
    try:
        data = Path(path).read_bytes()
        song = parse(data, salvage=True)
        if not song.defects:
            return _verdict(name, song, data)
    except OSError as error:
        return Verified(name, "unreadable", (error.strerror or str(error),))
    except MidiCodecError as error:
        return Verified(name, "unreadable", (str(error),))
    reasons = tuple(map(str, song.defects))
    return Verified(name, "salvaged" if len(song) else "unreadable", reasons)


def _verdict(name: str, song: Song, data: bytes) -> Verified:
    pieces = b"".join(map(cut, rejoin(song.records, song.starts)))
    if pieces != song.records.tobytes():
        return Verified(name, "unreadable", ("its messages do not make its records again",))
    plain = build(song, canonical=True)
    if build(parse(plain)) != plain:
        return Verified(name, "unreadable", ("its plain form does not stay as it is",))
    saved = build(song)
    if saved == data:
        return Verified(name, "identical")
    differs = next((i for i, (a, b) in enumerate(zip(saved, data, strict=False)) if a != b), None)
    at = min(len(saved), len(data)) if differs is None else differs
    if parse(saved) == song:
        return Verified(name, "equal but for framing", (f"byte {at}: the first that differs",))
    return Verified(name, "unreadable", ("saved, it is another song",))
