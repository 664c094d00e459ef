"""Generated songs compared with a corpus: in figures, and copied or new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from midirnn.music.copied import Kind, Place, Search
from midirnn.music.figures import COLUMNS, FIGURES, measure
from midirnn.music.notes import Notes
from midirnn.music.overlap import inter_distances, intra_distances, overlapping_area
from midirnn.music.songs import open_both

Values = npt.NDArray[np.float64]

KINDS: tuple[Kind, ...] = get_args(Kind)

_ASKED = 200
"""For so many of the songs held out, spread evenly, the longest run is looked for."""


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over a set of songs, and how it compares with the training songs."""

    songs: int
    """How many have this figure."""
    mean: list[float]
    """One number, or of a histogram its shares."""
    deviation: list[float]
    distance: float | None
    """The mean distance between two songs of the set."""
    overlap: float | None
    """Of the distances among training songs, with those from them to this set."""
    own_overlap: float | None
    """Of the distances within this set, with those same."""


@dataclass(frozen=True, slots=True)
class Shared:
    """The longest run of a song's notes that stands in a training song."""

    song: str
    song_notes: int
    notes: int
    """0 where the song shares nothing; the rest is empty then."""
    seconds: float | None = None
    training_song: str | None = None
    training_seconds: float | None = None


@dataclass(frozen=True)
class Comparison:
    """Generated songs beside a corpus: sets ``training``, ``held_out`` and ``generated``."""

    songs: dict[str, int]
    figures: dict[str, dict[str, Spread]]
    """By figure, then set; a set without songs is left out."""
    copied: dict[Kind, dict[str, list[Shared]]]
    """By kind, then set: the longest run of each song."""

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        return asdict(self)


def compare_music(
    generated: Path,
    paths: Sequence[Path],
    *,
    songs: int = 16,
    length: str = "2500",
    checkpoint: str = "best",
) -> Comparison:
    """Compare the songs of ``generated`` with a corpus; arguments as :func:`open_both` says.

    Its songs that are held out are compared with its training songs in the same way, so that there
    is something to compare the generated songs' figures with. Each is read once, one after
    another; of the corpus, only the notes of :data:`_ASKED` songs held out are kept.
    """
    made, corpus = open_both(generated, paths, songs=songs, length=length, checkpoint=checkpoint)
    rows: dict[str, list[Values]] = {
        "training": [],
        "held_out": [],
        "generated": [measure(notes) for notes in made.notes],
    }
    asked, names = list(made.notes), list(made.names)
    count = len(corpus.validation) + len(corpus.test)
    some = set(np.linspace(0, count - 1, min(count, _ASKED)).astype(np.int64).tolist())
    for number, events in enumerate(chain(corpus.validation, corpus.test)):
        notes = Notes.of(events)
        rows["held_out"].append(measure(notes))
        if number in some:
            asked.append(notes)
            names.append(f"held out {number}")
    searches = {kind: Search(kind, asked) for kind in KINDS}
    for number, events in enumerate(corpus.songs):
        notes = Notes.of(events)
        rows["training"].append(measure(notes))
        for search in searches.values():
            search.add(notes, number)
    copied: dict[Kind, dict[str, list[Shared]]] = {}
    for kind, search in searches.items():
        shared = [
            _shared(name, notes, place, corpus.paths)
            for name, notes, place in zip(names, asked, search.places(), strict=True)
        ]
        own = len(made.notes)
        copied[kind] = {"generated": shared[:own], "held_out": shared[own:]}
    return Comparison(
        songs={name: len(found) for name, found in rows.items()},
        figures=_spreads({name: np.stack(found) for name, found in rows.items() if found}),
        copied=copied,
    )


def _spreads(sets: dict[str, Values]) -> dict[str, dict[str, Spread]]:
    spreads: dict[str, dict[str, Spread]] = {}
    for figure in FIGURES:
        found = {name: rows[:, COLUMNS[figure.name]] for name, rows in sets.items()}
        known = {name: values[~np.isnan(values[:, 0])] for name, values in found.items()}
        training = known["training"]
        within = intra_distances(training)
        spreads[figure.name] = {}
        for name, values in known.items():
            own, between = intra_distances(values), inter_distances(training, values)
            other = name != "training"
            spreads[figure.name][name] = Spread(
                songs=len(values),
                mean=values.mean(axis=0).tolist() if len(values) else [],
                deviation=values.std(axis=0).round(9).tolist() if len(values) else [],
                distance=float(own.mean()) if len(own) else None,
                overlap=overlapping_area(within, between) if other else None,
                own_overlap=overlapping_area(own, between) if other else None,
            )
    return spreads


def _shared(name: str, notes: Notes, place: Place | None, paths: Sequence[Path]) -> Shared:
    if place is None:
        return Shared(name, len(notes), 0)
    return Shared(
        name,
        len(notes),
        place.notes,
        place.seconds,
        str(paths[place.other]),
        place.other_seconds,
    )
