"""A song in figures: what people who compare symbolic music count.

The definitions are those of mgeval (Yang & Lerch 2018, "On the evaluation of generative models in
music") and MusPy (Dong et al. 2020), which take scale consistency from Mogren 2016 ("C-RNN-GAN")
and groove consistency from Wu & Yang 2020 ("The Jazz Transformer on the front line"); where we
differ, it is said. Drums have no pitch: they count in density, onsets and bars only.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from midirnn.music.bars import Placed, distinct, place
from midirnn.music.notes import Notes, Times

Values = npt.NDArray[np.float64]


class Figure(NamedTuple):
    """One figure of a song: a number, or a histogram of so many shares that add up to 1."""

    name: str
    title: str
    unit: str = ""
    width: int = 1


_EDGES = 2.0 ** np.arange(-5.75, 3.5, 0.5)
"""Between the classes of a time in seconds: half octaves, whose middles are 1, 1/2, 1/4 … second
and what lies halfway between these; what is beyond is in the first or the last."""
_CLASSES = len(_EDGES) + 1

FIGURES = (
    Figure("pitch_classes", "pitch classes", width=12),
    Figure("pitch_class_entropy", "pitch class entropy", "bit"),
    Figure("pitch_range", "pitch range", "semitones"),
    Figure("scale_consistency", "scale consistency"),
    Figure("polyphony", "polyphony", "notes at once"),
    Figure("note_density", "note density", "notes/s"),
    Figure("note_length", "note length", "s"),
    Figure("note_lengths", "note lengths", width=_CLASSES),
    Figure("inter_onset", "time between onsets", "s"),
    Figure("inter_onsets", "times between onsets", width=_CLASSES),
    Figure("groove_consistency", "groove consistency"),
    Figure("repeated_bars", "repeated bars"),
)
COLUMNS = {
    figure.name: slice(*ends)
    for figure, ends in zip(
        FIGURES, pairwise(np.cumsum([0, *(figure.width for figure in FIGURES)])), strict=True
    )
}
"""Where each figure is in a song's row."""
WIDTH = max(columns.stop for columns in COLUMNS.values())

FEWEST_BARS = 4
"""A song of fewer has no figures of bars: neither a beat nor a repetition is sure."""
_MAJOR = np.isin(np.arange(12), (0, 2, 4, 5, 7, 9, 11))
_SCALES = np.stack([np.roll(_MAJOR, tonic) for tonic in range(12)], axis=1).astype(np.int64)
"""``(12, 12)``: whether a pitch class is in a scale. A natural minor has its major's notes."""


def measure(notes: Notes) -> Values:
    """Return a song's figures as a row, ``(WIDTH,)`` float64, columns as in :data:`COLUMNS`.

    A figure that a song does not have is NaN: those of pitch if it is all drums, those of bars if
    it has less than :data:`FEWEST_BARS`, those of times if it has one chord.
    """
    row = np.full(WIDTH, np.nan)

    def put(name: str, value: npt.ArrayLike) -> None:
        row[COLUMNS[name]] = value

    pitched = ~notes.drums
    pitch, onset, length = notes.pitch[pitched], notes.onset[pitched], notes.length[pitched]
    if len(pitch):
        counts = np.bincount(pitch % 12, minlength=12)
        classes = counts / len(pitch)
        put("pitch_classes", classes)
        put("pitch_class_entropy", _entropy(classes))
        put("pitch_range", pitch.max() - pitch.min())
        put("scale_consistency", (counts @ _SCALES).max() / len(pitch))
        put("note_length", length.mean())
        put("note_lengths", _shares(length))
        put("polyphony", _polyphony(onset, length))
    gaps = np.diff(notes.chord_onset)
    if len(gaps):
        put("note_density", len(notes) / ((notes.onset + notes.length).max() - notes.onset.min()))
        put("inter_onset", gaps.mean())
        put("inter_onsets", _shares(gaps))
    placed = place(notes)
    if placed is not None and placed.bar[-1] + 1 >= FEWEST_BARS:
        put("groove_consistency", groove_consistency(placed))
        put("repeated_bars", repeated_bars(notes, placed))
    return row


def groove_consistency(placed: Placed) -> float:
    """Return 1 − the mean share of a bar's steps in which it and the next have not both an onset.

    Or both none: the mean Hamming distance of neighbours' binary onset vectors (MusPy). Wu & Yang
    compare all pairs of bars.
    """
    bars = int(placed.bar[-1]) + 1
    onsets = distinct(placed.bar * placed.steps + placed.step)
    # A step differs where exactly one of two neighbours has an onset.
    both = np.isin(onsets + placed.steps, onsets, assume_unique=True).sum()
    bar = onsets // placed.steps
    differing = (bar < bars - 1).sum() + (bar > 0).sum() - 2 * both
    return float(1 - differing / (placed.steps * (bars - 1)))


def repeated_bars(notes: Notes, placed: Placed) -> float:
    """Return the share of bars with notes that are the same as an earlier one.

    The same: the same pitches, and drums, begin at the same steps. Lengths, strokes and channels
    do not matter.
    """
    here = distinct(placed.bar << 16 | placed.step << 8 | notes.drums << 7 | notes.pitch)
    bars = np.split(here & 0xFFFF, np.flatnonzero(np.diff(here >> 16)) + 1)
    return (len(bars) - len({bar.tobytes() for bar in bars})) / len(bars)


def _polyphony(onset: Times, length: Times) -> float:
    """Return how many notes sound at once on average, while any does (MusPy)."""
    order = np.argsort(onset, kind="stable")
    begin, end = onset[order], (onset + length)[order]
    silent_from = np.maximum.accumulate(end)
    silence = np.maximum(begin[1:] - silent_from[:-1], 0).sum()
    sounding = silent_from[-1] - begin[0] - silence
    return float(length.sum() / sounding) if sounding > 0 else np.nan


def _entropy(shares: Values) -> float:
    """Return the Shannon entropy in bits: 0 of one pitch class alone, log2(12) = 3.58 of all."""
    some = shares[shares > 0]
    return float(-(some * np.log2(some)).sum())


def _shares(seconds: Times) -> Values:
    """Return which share of times is in each class."""
    return np.bincount(np.searchsorted(_EDGES, seconds), minlength=_CLASSES) / len(seconds)
