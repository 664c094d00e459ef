"""Where bars are, found from the notes alone.

What a network generates is in seconds: it says no tempo and no meter, and where a file writes one
it is the default. So that both sides of a comparison are measured alike, a corpus's songs are not
asked for theirs either: beat and bar are found for all songs in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from midirnn.music.notes import Notes, Times, Whole

STEPS = 12
"""Steps of a beat that onsets are rounded to: they hold sixteenths and triplets."""
_COARSE = np.array([0, 3, 4, 6, 8, 9, STEPS])
_HALFWAY = (_COARSE[1:] + _COARSE[:-1]) / 2
_BIN_SECONDS = 0.01
_MOST_BINS = 2**15
"""Five minutes tell the beat of a song of any length."""
_BLUR_BINS = 2.0
_BEATS = np.geomspace(0.25, 1.2, 320)
"""The beats looked at, in seconds: 240 to 50 a minute, half a percent apart."""
_USUAL_SECONDS, _OCTAVES = 0.5, 0.9
"""Of several beats that fit, the nearer to 120 a minute is heard, on a log scale."""
_BARS = {4: 1.05, 3: 1.0}
"""Lengths of bars in beats, and how likely each is beforehand: most music has bars of four. Two
beats are half a bar here, and six are two bars."""
_LAGS = (1, 2, 4)
"""After how many bars notes are looked for again."""


@dataclass(frozen=True, eq=False)
class Placed:
    """Where a song's notes are in its bars: ``(n,)`` each, counted from 0."""

    beats: int
    """Of a bar."""
    bar: Whole
    step: Whole
    """Within the bar, twelfths of a beat."""

    @property
    def steps(self) -> int:
        """How many steps a bar has."""
        return self.beats * STEPS


def place(notes: Notes) -> Placed | None:
    """Return a song's notes in bars; None for one too short to have a beat.

    The time from each chord to the next is rounded to steps by itself, so that a network's
    unsteady time, and a beat that was found a little wrong, do not add up to wrong bars. The first
    bar begins with the first note: in a song with an upbeat all bars begin early alike.
    """
    beat = beat_of(notes)
    if beat is None:
        return None
    gaps = np.diff(notes.chord_onset, prepend=notes.chord_onset[0])
    at = np.cumsum(_in_steps(gaps * (STEPS / beat)))[notes.chord]
    there = (distinct(at << 8), distinct(at << 8 | notes.drums << 7 | notes.pitch))
    beats = max(_BARS, key=lambda count: _BARS[count] * _repetition(there, count * STEPS))
    bar, step = np.divmod(at, beats * STEPS)
    return Placed(beats, bar, step)


def _in_steps(gaps: Times) -> Whole:
    """Round times between chords, in steps; from a beat on to sixteenths and triplets alone.

    A longer time is less exactly kept, and hardly ever ends between those.
    """
    beats, rest = np.divmod(gaps, STEPS)
    coarse = STEPS * beats.astype(np.int64) + _COARSE[np.searchsorted(_HALFWAY, rest)]
    return np.where(gaps < STEPS, np.rint(gaps).astype(np.int64), coarse)


def beat_of(notes: Notes) -> float | None:
    """Return a song's beat in seconds, one for the whole of it; None if nothing repeats.

    The beat is the time after which, and after twice and four times which, onsets follow onsets
    best, weighted towards 120 a minute (the global tempo of Ellis 2007, "Beat tracking by dynamic
    programming", with onsets that are known instead of heard).
    """
    onsets = notes.chord_onset
    if len(onsets) < 2:
        return None
    at = np.rint((onsets - onsets[0]) / _BIN_SECONDS)
    inside = at < _MOST_BINS
    loudness = np.sqrt(np.bincount(notes.chord))[inside]
    wave = np.convolve(np.bincount(at[inside].astype(np.int64), loudness), _blur())
    wave -= wave.mean()
    longest = round(4 * _BEATS[-1] / _BIN_SECONDS) + 1
    size = 2 ** int(np.ceil(np.log2(len(wave) + longest)))  # no end meets a beginning
    again = np.fft.irfft(np.abs(np.fft.rfft(wave, size)) ** 2)[:longest]
    if not again[0] > 0:
        return None
    lags = np.arange(len(again)) * _BIN_SECONDS
    fit = sum(np.interp(_BEATS * many, lags, again, right=0.0) for many in (1, 2, 4))
    octaves = np.log2(_BEATS / _USUAL_SECONDS)
    score = np.maximum(fit, 0) * np.exp(-0.5 * (octaves / _OCTAVES) ** 2)
    best = int(np.argmax(score))
    return float(_BEATS[best]) if score[best] > 0 else None


def _blur() -> Times:
    x = np.arange(-6, 7)
    return np.exp(-0.5 * (x / _BLUR_BINS) ** 2)


def _repetition(there: tuple[Whole, Whole], steps: int) -> float:
    """Return how much comes again a bar of ``steps`` later, and two and four bars later.

    ``there`` are a song's onsets and its notes, as step × 256 + what it is, ascending and each
    once. That an onset comes again counts as much as that the note does.
    """
    total = 0.0
    for what in there:
        for lag in (bars * steps << 8 for bars in _LAGS):
            later = what[: np.searchsorted(what, what[-1] - lag)] + lag
            if len(later):
                total += float((what[np.searchsorted(what, later)] == later).mean())
    return total


def distinct(values: Whole) -> Whole:
    """Return the values there are, from 0 on, ascending and each once.

    Those given are nearly in order, of which a stable sort makes use.
    """
    ordered = np.sort(values, kind="stable")
    each: Whole = ordered[np.diff(ordered, prepend=-1) != 0]
    return each
