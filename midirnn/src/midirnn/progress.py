"""How far training is: a bar on a terminal, a line now and then in a log file."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol

import tqdm

from midirnn.say import say

_LINE_SECONDS = 30.0


class Progress(Protocol):
    """What is told after each step."""

    @property
    def step(self) -> int:
        """How many steps there were."""

    @property
    def loss(self) -> float:
        """Of this step."""

    @property
    def events_per_second(self) -> float:
        """In this step."""

    @property
    def score(self) -> float | None:
        """The last validation's bits per message, if there was one."""


class ProgressBar:
    """Shows loss, validation score, events a second and the time left; a context manager."""

    def __init__(self, steps: int, done: int) -> None:
        self._steps, self._first = steps, done
        self._began = self._said = time.monotonic()
        self._score: float | None = None
        self._bar = None
        if sys.stderr is not None and sys.stderr.isatty():
            self._bar = tqdm.tqdm(total=steps, initial=done, unit="step", dynamic_ncols=True)

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
        if self._bar is not None:
            self._bar.set_postfix_str(figures, refresh=False)
            self._bar.update()
            return
        now = time.monotonic()
        if now - self._said >= _LINE_SECONDS or progress.score != self._score:
            self._said, self._score = now, progress.score
            per_step = (now - self._began) / (progress.step - self._first)
            left = tqdm.tqdm.format_interval(per_step * (self._steps - progress.step))
            say(f"step {progress.step}/{self._steps}: {figures}, {left} left")
