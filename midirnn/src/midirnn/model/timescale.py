"""Seconds ↔ the number that the network is shown as time.

``notebook``: ticks at 120 beats a minute and 480 ticks a beat, the notebook's unit for its
commonest files (it multiplies seconds by twice each file's own ticks per beat, which cannot be
undone without knowing the file; see docs/notebook.md). ``log``: 0 for "at once", 1 for a second,
and about 0.1 for a millisecond, so that a semiquaver and a long rest are both within reach.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from midirnn.settings.config import TimeScale

NOTEBOOK_UNITS_PER_SECOND = 960.0
LOG_UNIT_SECONDS = 0.001
LOG_OF_ONE_SECOND = float(np.log1p(1 / LOG_UNIT_SECONDS))


def from_seconds(seconds: npt.ArrayLike, scale: TimeScale) -> npt.NDArray[np.float32]:
    """Return the network's time for each of ``seconds`` (any shape, ≥ 0), as float32."""
    seconds = np.asarray(seconds, np.float64)
    if scale == "notebook":
        return (seconds * NOTEBOOK_UNITS_PER_SECOND).astype(np.float32)
    return (np.log1p(seconds / LOG_UNIT_SECONDS) / LOG_OF_ONE_SECOND).astype(np.float32)


def to_seconds(time: npt.ArrayLike, scale: TimeScale) -> npt.NDArray[np.float64]:
    """Return the seconds that each network time means; what is below 0 or not a number is 0."""
    time = np.maximum(np.nan_to_num(np.asarray(time, np.float64), nan=0.0), 0.0)
    if scale == "notebook":
        return time / NOTEBOOK_UNITS_PER_SECOND
    with np.errstate(over="ignore"):  # an absurd time is infinite, for the caller to bound
        return np.asarray(np.expm1(time * LOG_OF_ONE_SECOND) * LOG_UNIT_SECONDS)
