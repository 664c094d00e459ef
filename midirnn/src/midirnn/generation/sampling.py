"""What the network says → what is drawn of it, for songs side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_BLOCK = 256
"""How many steps' random numbers are drawn at once."""
_CERTAIN = 1e30
"""What infinite logits are taken for, so that differences of two are numbers."""


class Uniforms:
    """Random numbers in [0, 1) for each step of each song, keyed by the seed and the song.

    A song's numbers are its own, however many songs are made beside it.
    """

    def __init__(self, seed: int, songs: int, width: int) -> None:
        """``width`` numbers a song are drawn each time."""
        self._rngs = [np.random.default_rng((seed, 0x6D69646972, song)) for song in range(songs)]
        self._width, self._at = width, _BLOCK

    def next(self) -> Floats:
        """Return ``(songs, width)`` float64."""
        if self._at == _BLOCK:
            blocks = [rng.random((_BLOCK, self._width)) for rng in self._rngs]
            self._block, self._at = np.stack(blocks, axis=1), 0
        self._at += 1
        numbers: Floats = self._block[self._at - 1]
        return numbers


@dataclass(frozen=True, slots=True)
class Sampler:
    """How values are drawn from their log-probabilities.

    ``temperature`` 0 takes the likeliest, 1 draws as the logits say, between is between. Of what
    remains likely then, only the ``top_k`` likeliest values are drawn from (0: all), and of these
    the likeliest that together have the probability ``top_p``.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def draw(
        self, logits: npt.ArrayLike, uniforms: Floats, allowed: npt.NDArray[np.bool_] | None = None
    ) -> npt.NDArray[np.intp]:
        """Return one value for each song: an index below n into ``logits`` ``(songs, n)``.

        Each is drawn with its ``uniforms`` ``(songs,)``. ``allowed`` ``(songs, n)`` says which may
        be drawn, one at least; an allowed value is possible whatever its logit is. A logit that
        is not a number is 0.
        """
        scores = np.asarray(logits, np.float64)
        if not np.isfinite(scores).all():
            scores = np.nan_to_num(scores, nan=0.0, posinf=_CERTAIN, neginf=-_CERTAIN)
        if allowed is not None:
            scores = np.where(allowed, scores, -np.inf)
        if self.temperature == 0:
            likeliest: npt.NDArray[np.intp] = scores.argmax(axis=1)
            return likeliest
        scores = scores - scores.max(axis=1, keepdims=True)  # the caller's may be the same array
        with np.errstate(over="ignore", under="ignore"):  # what is infinitely unlikely is 0
            masses = np.exp(scores / self.temperature)
        if self.top_k or self.top_p < 1:
            masses[masses < self._least(masses)] = 0.0
        sums = masses.cumsum(axis=1)
        # The least value whose sum is beyond the number; rounding must not go beyond the last.
        wanted = np.minimum(uniforms * sums[:, -1], np.nextafter(sums[:, -1], 0.0))
        drawn: npt.NDArray[np.intp] = (sums <= wanted[:, None]).sum(axis=1)
        return drawn

    def _least(self, masses: Floats) -> Floats:
        """Return ``(songs, 1)``: the least mass that is drawn from."""
        falling = -np.sort(-masses, axis=1)
        kept = np.full(len(masses), falling.shape[1])
        if self.top_k:
            kept = np.minimum(kept, self.top_k)
            # What is not among the likeliest has no share in what top_p is a share of.
            falling[:, self.top_k :] = 0.0
        if self.top_p < 1:
            sums = falling.cumsum(axis=1)
            kept = np.minimum(kept, (sums < self.top_p * sums[:, -1:]).sum(axis=1) + 1)
        least: Floats = np.take_along_axis(falling, kept[:, None] - 1, axis=1)
        return least


def bits_drawn(
    bit_logits: npt.ArrayLike, temperature: float, uniforms: Floats
) -> npt.NDArray[np.uint8]:
    """Return records, ``(songs, 5)`` uint8, drawn from 40 independent log-odds each.

    ``temperature`` 0 takes each bit's likelier value, as the notebook does; 1 draws each with its
    own probability; in between, the likelier is favoured. A log-odds that is not a number is 0.
    ``uniforms`` are ``(songs, 40)``.
    """
    logits = np.nan_to_num(np.asarray(bit_logits, np.float64), nan=0.0)
    if temperature == 0:
        bits = logits > 0
    else:
        # logistic noise above -logit/temperature happens with sigmoid(logit/temperature)
        with np.errstate(over="ignore", divide="ignore"):  # infinite log-odds are certain
            noise = np.log(uniforms) - np.log1p(-uniforms)
            bits = noise + logits / temperature > 0
    return np.packbits(bits, axis=1)
