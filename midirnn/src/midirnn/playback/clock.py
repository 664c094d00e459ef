"""The clock that a stream is played by, and how late what is sent by it comes."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import log

_SWITCH_SECONDS = 0.0005
"""How long another Python thread may hold up one whose event is due (CPython's default: 5 ms)."""
_FIRST_SECONDS = 1e-6
_STEP = log(1.01)
"""Lateness is counted in classes, each 1 % wider than the one below, the first up to a µs."""


class Clock:
    """Seconds since a stream began; all that wait for its time wait by this.

    It stands at 0 until it is told to begin, and goes on from there whatever happens.
    """

    def __init__(self) -> None:
        self._origin: float | None = None

    def begin(self, lead_seconds: float = 0.0) -> None:
        """Let time run, if it does not yet; 0 is ``lead_seconds`` from now."""
        if self._origin is None:
            self._origin = time.perf_counter() + lead_seconds

    def now(self) -> float:
        """Return the seconds since the beginning; negative before it."""
        return 0.0 if self._origin is None else time.perf_counter() - self._origin

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """Let ``seconds`` pass, or less if ``stop`` is set; return whether it is."""
        return stop.wait(seconds)

    def wait_until(self, seconds: float, stop: threading.Event) -> bool:
        """Wait until it is ``seconds``, or ``stop`` is set; return whether it is."""
        # A wait may end a little early where the two clocks are not the same.
        while (early := seconds - self.now()) > 0:
            if self.wait(early, stop):
                return True
        return False

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass, in a thread that must not wait for an event: see ``signals.py``."""
        time.sleep(seconds)


@contextlib.contextmanager
def quick_switching(wanted: bool) -> Iterator[None]:
    """Let threads change over quickly while music plays."""
    before = sys.getswitchinterval()
    if wanted:
        sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@dataclass(frozen=True)
class Lateness:
    """How long after their time a realtime sink had sent its events, in milliseconds."""

    p50_ms: float
    p99_ms: float
    max_ms: float


class LatenessCounter:
    """Counts how late events were: to within 1 %, in as little memory for hours as for one."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._most = 0.0

    def add(self, seconds: float) -> None:
        """Count one event."""
        late = int(log(seconds / _FIRST_SECONDS) / _STEP) + 1 if seconds > _FIRST_SECONDS else 0
        self._counts[late] = self._counts.get(late, 0) + 1
        self._most = max(self._most, seconds)

    def lateness(self) -> Lateness | None:
        """Return the percentiles; None if nothing was counted."""
        if not self._counts:
            return None
        return Lateness(self._percentile(0.50), self._percentile(0.99), self._most * 1000)

    def _percentile(self, share: float) -> float:
        wanted = share * sum(self._counts.values())
        for late, count in sorted(self._counts.items()):
            wanted -= count
            if wanted <= 0:
                upper = _FIRST_SECONDS * 1.01**late
                return min(upper, self._most) * 1000
        return self._most * 1000
