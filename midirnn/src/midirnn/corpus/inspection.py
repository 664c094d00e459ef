"""What is in a prepared corpus: counts, splits, what was left out, and how songs are spread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from midicodec.records import CHANNELS
from midirnn.corpus.split import SPLITS
from midirnn.corpus.store import Store

_QUANTILES = {"shortest": 0.0, "median": 0.5, "longest": 1.0}
_BINS = 24


@dataclass(frozen=True, slots=True)
class Amount:
    """How much there is of something."""

    songs: int
    records: int
    notes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many songs fall into each bar; a bar's label is what it counts, or where it begins."""

    title: str
    is_scale: bool
    labels: tuple[str, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Inspection:
    """A prepared corpus at a glance."""

    folder: str
    files: int
    total: Amount
    splits: dict[str, Amount]
    left_out: int
    reasons: dict[str, int]
    """How many files were left out for each reason, the commonest first."""
    records_of_songs: dict[str, float]
    seconds_of_songs: dict[str, float]
    """The shortest, median and longest song."""
    settings: dict[str, Any]
    histograms: tuple[Histogram, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        return asdict(self)

    def text(self) -> str:
        """Return some lines to read."""
        lines = [
            f"{'files':<12}{self.files:>10}",
            f"{'':<12}{'songs':>10}{'records':>14}{'notes':>14}{'time':>14}",
            *(_line(name, amount) for name, amount in self.splits.items()),
            _line("all", self.total),
            f"{'left out':<12}{self.left_out:>10}",
            *(f"{count:>22}  {reason}" for reason, count in self.reasons.items()),
        ]
        for name, values in (
            ("records", self.records_of_songs),
            ("seconds", self.seconds_of_songs),
        ):
            spread = ", ".join(f"{what} {value:,.6g}" for what, value in values.items())
            lines.append(f"{name} of a song: {spread}")
        for histogram in self.histograms:
            if histogram.is_scale:
                continue
            pairs = zip(histogram.labels, histogram.counts, strict=True)
            told = ", ".join(f"{label} ({count})" for label, count in pairs if count)
            lines.append(f"{histogram.title}: {told}")
        return "\n".join(lines)


def inspect(folder: Path) -> Inspection:
    """Look at a prepared corpus; its small columns alone are read, never the music."""
    store = Store(folder)
    splits, records, notes, seconds, slowest = store.columns(
        "split", "record_count", "note_count", "seconds", "slowest_bpm"
    )

    def amount(rows: npt.NDArray[np.bool_]) -> Amount:
        return Amount(
            int(np.count_nonzero(rows)),
            int(records[rows].sum()),
            int(notes[rows].sum()),
            float(seconds[rows].sum()),
        )

    channels, signatures = Counter[int](), Counter[str]()
    for batch in store.batches():
        channels.update(batch.column("channels").flatten().to_pylist())
        signatures.update(batch.column("time_signatures").flatten().to_pylist())
    reasons = Counter(
        reason for batch in store.left_out() for reason in batch.column("reason").to_pylist()
    )
    density = np.divide(notes, seconds, out=np.full(len(store), np.nan), where=seconds > 0)
    common = signatures.most_common(8)
    return Inspection(
        folder=str(folder),
        files=store.manifest.input_count,
        total=amount(np.ones(len(store), np.bool_)),
        splits={split: amount(splits == split) for split in SPLITS},
        left_out=reasons.total(),
        reasons=dict(reasons.most_common()),
        records_of_songs=_quantiles(records),
        seconds_of_songs=_quantiles(seconds),
        settings=store.manifest.settings.model_dump(mode="json"),
        histograms=(
            _logarithmic("seconds of a song", seconds),
            _logarithmic("records of a song", records),
            _logarithmic("notes a second", density),
            _linear("slowest tempo of a song, beats a minute", slowest, 20, 260),
            _bars("songs with a channel, from 0", {n: channels[n] for n in range(CHANNELS)}),
            _bars("songs with a time signature", dict(common)),
        ),
    )


def _line(name: str, amount: Amount) -> str:
    minutes, seconds = divmod(round(amount.seconds), 60)
    hours, minutes = divmod(minutes, 60)
    time = f"{hours}:{minutes:02}:{seconds:02}"
    return f"{name:<12}{amount.songs:>10}{amount.records:>14,}{amount.notes:>14,}{time:>14}"


def _quantiles(values: npt.NDArray[Any]) -> dict[str, float]:
    if not len(values):
        return {}
    return {name: float(np.quantile(values, share)) for name, share in _QUANTILES.items()}


def _logarithmic(title: str, values: npt.NDArray[Any]) -> Histogram:
    """Count values into bars each as many times as long as the one before."""
    above = values[values > 0]
    low, high = (above.min(), above.max()) if len(above) else (1, 10)
    edges = np.geomspace(low, max(high, low * 1.01), _BINS + 1)
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    return Histogram(title, True, _numbers(edges[:-1]), tuple(counts.tolist()))


def _linear(title: str, values: npt.NDArray[Any], low: float, high: float) -> Histogram:
    """Count values into bars of one width; what is beyond stands in the first and the last."""
    edges = np.linspace(low, high, _BINS + 1)
    known = values[~np.isnan(values.astype(np.float64))]
    counts, _ = np.histogram(np.clip(known, low, high), edges)
    return Histogram(title, True, _numbers(edges[:-1]), tuple(counts.tolist()))


def _bars(title: str, counts: dict[Any, int]) -> Histogram:
    return Histogram(title, False, tuple(map(str, counts)), tuple(counts.values()))


def _numbers(values: Sequence[float] | npt.NDArray[np.float64]) -> tuple[str, ...]:
    return tuple(f"{value:.2g}" if value < 10 else f"{value:.0f}" for value in values)
