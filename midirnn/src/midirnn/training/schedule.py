"""What the scores and losses so far decide: the learning rate, and when to stop.

No part of it is random or looks at a clock, and all of it is in the checkpoint: a resumed run
decides as the undisturbed one.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from midirnn.errors import RunError
from midirnn.settings.config import TrainingConfig

_WINDOW_STEPS = 20
"""Of how many losses the median says something: one song's long rests do not."""
_EXPLOSION = 10.0
"""How many times the best median another one is when a run has exploded."""


class Schedule:
    """Lowers the learning rate on a plateau of validation scores, and stops where it goes on."""

    def __init__(self, config: TrainingConfig) -> None:
        self._config = config
        self.learning_rate = config.learning_rate
        self.best_score = math.inf
        """The lowest validation score, in bits per message and its time."""
        self.waited = 0
        """How many validations there were since the best."""
        self._waited_at_this_rate = 0

    def tell(self, score: float) -> bool:
        """Take the next validation score; return whether the rate was lowered."""
        if score < self.best_score:
            self.best_score = score
            self.waited = self._waited_at_this_rate = 0
            return False
        self.waited += 1
        self._waited_at_this_rate += 1
        if not 0 < self._config.plateau_patience <= self._waited_at_this_rate:
            return False
        self._waited_at_this_rate = 0
        self.learning_rate *= self._config.plateau_factor
        return True

    @property
    def over(self) -> bool:
        """Whether to stop: too many validations have been no better than the best."""
        return 0 < self._config.early_stopping_patience <= self.waited

    def checkpoint(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return all that changes, as named arrays."""
        return {
            "figures": np.array([self.learning_rate, self.best_score]),
            "counts": np.array([self.waited, self._waited_at_this_rate], np.int64),
        }

    def restore(self, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Go on as the schedule that gave ``arrays``; :class:`RunError` for others."""
        figures, counts = arrays.get("figures"), arrays.get("counts")
        if figures is None or figures.shape != (2,) or counts is None or counts.shape != (2,):
            raise RunError("schedule/figures or schedule/counts are not there or of other shapes")
        self.learning_rate, self.best_score = figures.tolist()
        self.waited, self._waited_at_this_rate = counts.tolist()


class Divergence:
    """Notices a loss that is no number, or has exploded."""

    def __init__(self) -> None:
        self._recent: list[float] = []
        self._first = self._least = math.inf

    def tell(self, loss: float) -> str | None:
        """Take a step's loss; return what is wrong with it, or None.

        A run has exploded when the median of its losses is ten times what it was at best, and
        worse than at its beginning.
        """
        if not math.isfinite(loss):
            return f"the loss is {loss}"
        self._recent = [*self._recent[-_WINDOW_STEPS + 1 :], loss]
        if len(self._recent) < _WINDOW_STEPS:
            return None
        median = statistics.median_low(self._recent)
        if math.isinf(self._first):
            self._first = median
        self._least = min(self._least, median)
        # A loss may be negative, so that no multiple of it says much.
        if median > self._first and median > _EXPLOSION * self._least > 0:
            return (
                f"half of the last losses are {median:.4g} or more; once it was {self._least:.4g}"
            )
        return None

    def checkpoint(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return all that changes, as named arrays."""
        return {"recent": np.array(self._recent), "medians": np.array([self._first, self._least])}

    def restore(self, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Go on as the one that gave ``arrays``; :class:`RunError` for others."""
        recent, medians = arrays.get("recent"), arrays.get("medians")
        if recent is None or recent.ndim != 1 or medians is None or medians.shape != (2,):
            raise RunError(
                "divergence/recent or divergence/medians are not there or of other shapes"
            )
        self._recent = recent.tolist()
        self._first, self._least = medians.tolist()
