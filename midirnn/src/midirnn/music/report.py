"""What ``evaluate --music`` prints: a table of figures, and what was copied from where."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from itertools import chain

from midirnn.music.compare import Comparison, Shared, Spread
from midirnn.music.copied import Kind
from midirnn.music.figures import FIGURES

_NAMED = 3
"""So many of the generated songs' longest runs are told in full."""
_TITLES: dict[Kind, str] = {
    "exact": "notes of all channels, same pitches and rhythm",
    "line": "notes of one channel, in any key and rhythm",
}


def text_of(found: Comparison) -> str:
    """Return some lines to read."""
    others = [name for name in ("held_out", "generated") if found.songs[name]]
    counts = ", ".join(
        f"{count} {name.replace('_', ' ')}" for name, count in found.songs.items() if count
    )
    head = f"{'':<24}{'training':>20}"
    for name in others:
        head += f"{name.replace('_', ' '):>20}{'overlap':>9}"
    lines = [f"songs: {counts}", "", head]
    for figure in FIGURES:
        spreads = found.figures[figure.name]
        if not any(spread.songs for spread in spreads.values()):
            continue  # of drums alone there are no figures of pitch
        line = f"{figure.title:<24}{_value(spreads['training']):>20}"
        for name in others:
            line += f"{_value(spreads[name]):>20}{_share(spreads[name].overlap):>9}"
        lines.append(f"{line}  {figure.unit}".rstrip())
    for kind, sets in found.copied.items():
        if not any(shared.notes for shared in chain(*sets.values())):
            continue
        lines += ["", *_copied(kind, sets)]
    return "\n".join(lines)


def _copied(kind: Kind, sets: dict[str, list[Shared]]) -> Iterator[str]:
    yield f"longest run that stands in a training song, in {_TITLES[kind]}:"
    for name, runs in sets.items():
        lengths = [run.notes for run in runs]
        if lengths:
            yield (
                f"  {name.replace('_', ' '):<12}median {statistics.median(lengths):g}, "
                f"longest {max(lengths)}"
            )
    longest = sorted(sets["generated"], key=lambda run: -run.notes)
    for run in longest[:_NAMED]:
        if run.training_song is not None:
            yield (
                f"  {run.song} at {run.seconds:.1f} s: {run.notes} of {run.song_notes} notes, "
                f"as in {run.training_song} at {run.training_seconds:.1f} s"
            )


def _value(spread: Spread) -> str:
    if not spread.songs:
        return "–"
    if len(spread.mean) > 1:
        return "histogram"
    return f"{spread.mean[0]:.3g} ± {spread.deviation[0]:.2g}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
