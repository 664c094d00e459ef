"""How alike two sets of songs are in one figure (Yang & Lerch 2018).

A set is described by the distances between its songs (intra-set), two sets by the distances from
each song of one to each of the other (inter-set). If the sets are of one kind, the two
distributions of distances are the same: their overlapping area is 1. If they are not, songs are
further from the others than from their own kind, and the area is less.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

MOST_SONGS = 1000
"""Of a larger set, so many songs spread evenly over it are compared: a million distances."""
_GRID = 2048
_DECIMALS = 9
"""What distances are rounded to: songs that differ by a float's last digit are the same."""


def intra_distances(songs: Values) -> Values:
    """Return the Euclidean distance of each pair within ``songs``, ``(n, width)``; ``(pairs,)``."""
    some = _some(songs)
    return _distances(some, some)[np.triu_indices(len(some), 1)]


def inter_distances(songs: Values, others: Values) -> Values:
    """Return the distance from each of ``songs`` to each of ``others``; ``(pairs,)``."""
    return _distances(_some(songs), _some(others)).ravel()


def overlapping_area(one: Values, other: Values) -> float | None:
    """Return the area, 0 to 1, under the lower of two distributions of distances.

    Each is a sum of Gaussians, a kernel density estimate, as wide as Scott's rule says: the
    deviation × n^(−1/5). Unlike mgeval, which cuts the densities off at the least and the greatest
    distance, the whole of both is taken: two equal distributions overlap by 1. None where there
    are no distances.
    """
    if not len(one) or not len(other):
        return None
    widths = [float(each.std()) * len(each) ** -0.2 for each in (one, other)]
    low, high = min(one.min(), other.min()), max(one.max(), other.max())
    margin = 4 * max(*widths, (high - low) / 100)
    if not margin:
        return 1.0  # all distances are the same, in both
    step = (high - low + 2 * margin) / _GRID
    densities = [
        _density(each, low - margin, step, max(width, step))  # one distance alone has no width
        for each, width in zip((one, other), widths, strict=True)
    ]
    return float(np.minimum(*densities).sum())


def _density(values: Values, low: float, step: float, width: float) -> Values:
    """Return the shares of a kernel density estimate on a grid from ``low`` on."""
    counts = np.bincount(((values - low) / step).astype(np.int64), minlength=_GRID)[:_GRID]
    size = 2 * _GRID
    frequency = np.fft.rfftfreq(size, step)
    gauss = np.exp(-2 * (np.pi * frequency * width) ** 2)  # a Gaussian's own transform
    density = np.fft.irfft(np.fft.rfft(counts, size) * gauss, size)[:_GRID]
    density = np.maximum(density, 0)
    shares: Values = density / density.sum()
    return shares


def _distances(ones: Values, others: Values) -> Values:
    squares = np.zeros((len(ones), len(others)))
    for column in range(ones.shape[1]):
        squares += np.subtract.outer(ones[:, column], others[:, column]) ** 2
    return np.sqrt(squares).round(_DECIMALS)


def _some(songs: Values) -> Values:
    if len(songs) <= MOST_SONGS:
        return songs
    return songs[np.linspace(0, len(songs) - 1, MOST_SONGS).astype(np.int64)]
