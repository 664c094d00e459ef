"""How far it is: a bar on a terminal; of training, a line now and then in a log file."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType

import tqdm

from midirnn.console.say import say

_LINE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Progress:
    """What training says after each step."""

    step: int
    loss: float
    events_per_second: float
    score: float | None
    """The last validation's bits per message, if there was one."""


class ProgressBar:
    """Shows loss, validation score, events a second and the time left; a context manager."""

    def __init__(self, steps: int, done: int, minutes: float | None = None) -> None:
        """``done`` of the ``steps`` are trained already; after ``minutes`` it is over anyway."""
        self._steps, self._first = steps, done
        self._seconds = math.inf if minutes is None else 60 * minutes
        self._began = self._said = time.monotonic()
        self._score: float | None = None
        self._bar = None
        if sys.stderr is not None and sys.stderr.isatty():
            self._bar = tqdm.tqdm(
                total=steps, initial=done, unit="step", dynamic_ncols=True,
                bar_format="{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]",
            )  # fmt: skip

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, progress: Progress) -> None:
        """Take what is told after a step."""
        figures = f"loss {progress.loss:.4g}, {progress.events_per_second:.0f} events/s"
        if progress.score is not None:
            figures = f"validation {progress.score:.3f} bits/message, {figures}"
        now = time.monotonic()
        figures = f"{figures}, {self._left(progress.step, now - self._began)} left"
        if self._bar is not None:
            self._bar.set_postfix_str(figures, refresh=False)
            self._bar.update()
            return
        if now - self._said >= _LINE_SECONDS or progress.score != self._score:
            self._said, self._score = now, progress.score
            say(f"step {progress.step}/{self._steps}: {figures}")

    def _left(self, step: int, seconds: float) -> str:
        """Say how long it takes from here: as many steps as are left, or what the clock leaves."""
        by_steps = seconds / (step - self._first) * (self._steps - step)
        left: str = tqdm.tqdm.format_interval(min(by_steps, max(self._seconds - seconds, 0.0)))
        return left


@contextlib.contextmanager
def progress(total: int, unit: str, what: str) -> Iterator[Callable[[int], None]]:
    """Show a bar, if stderr is a terminal and it takes a while, told how many are done."""
    with tqdm.tqdm(
        total=total, unit=unit, desc=what, dynamic_ncols=True, leave=False, delay=1, disable=None
    ) as bar:

        def report(done: int) -> None:
            bar.update(done - bar.n)

        yield report
