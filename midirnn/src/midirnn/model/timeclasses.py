"""Classes of the time before a message: "at once", eight an octave, and 16 parts inside each.

A model of time gives each class a probability, and each part of it one given the class; the
measure counts the classes only. Class 0 is below 0.1 ms, class 1 up to an eighth of an octave
above 1 ms, and the last one all from 32.768 s on.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

AT_ONCE_SECONDS = 1e-4
FIRST_SECONDS = 1e-3
PER_OCTAVE = 8
_OCTAVES = 15
CLASSES = 1 + _OCTAVES * PER_OCTAVE + 1
PARTS = 16
"""In how many a class is cut, evenly on a logarithmic scale: 0.5 % of the time each."""
TOLERANCE = 1e-3
"""So much of a class below its border belongs to it: what float32 makes of 2 ms is 2 ms."""

Seconds = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]


def classes_of(seconds: npt.ArrayLike) -> Classes:
    """Return the class, 0 to ``CLASSES`` - 1, of each of ``seconds`` (any shape, ≥ 0)."""
    seconds = np.asarray(seconds, np.float64)
    classes = np.minimum(1 + np.floor(_steps(seconds)), CLASSES - 1)
    return np.where(seconds < AT_ONCE_SECONDS, 0, classes).astype(np.int64)


def seconds_of(classes: npt.ArrayLike, parts: npt.ArrayLike | None = None) -> Seconds:
    """Return the middle of each class, or of a part of it; 0 for class 0."""
    classes = np.asarray(classes, np.float64)
    inside = 0.5 if parts is None else (np.asarray(parts, np.float64) + 0.5) / PARTS
    seconds = FIRST_SECONDS * np.exp2((classes - 1 + inside) / PER_OCTAVE)
    return np.where(classes == 0, 0.0, seconds)


def _steps(seconds: Seconds) -> Seconds:
    """How many classes' widths lie between 1 ms and each of ``seconds``; 0 for what is less."""
    steps: Seconds = PER_OCTAVE * np.log2(np.maximum(seconds, FIRST_SECONDS) / FIRST_SECONDS)
    return steps + TOLERANCE
