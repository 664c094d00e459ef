"""MIDI's clock, 24 pulses a beat: followed, sent, or done without.

The network knows seconds and no beats. While a clock is followed, its seconds are a beat's share:
music is shown to it, and taken from it, as if all of it were at 120 beats a minute. So its time
runs as fast as the clock does, and stands where that stands.

No thread and no time of its own: everything is told when it happens, in seconds of one clock.
"""

from __future__ import annotations

from typing import Protocol

PULSES_PER_BEAT = 24
USUAL_BPM = 120.0
"""The tempo that the network's seconds are taken to be at: that of a file which says none."""
_SECONDS_PER_PULSE = 60 / USUAL_BPM / PULSES_PER_BEAT
_MEMORY_PULSES = 24
"""Over how many pulses tempo and phase are smoothed: jitter of 3 ms makes half a beat a minute."""
_LOST_SECONDS = 1.0
"""A clock without a pulse for so long has stopped."""


class Timekeeper(Protocol):
    """How real time becomes the network's, and back."""

    def seconds(self, now: float) -> float:
        """Return the network's time at ``now``; it never goes back."""

    def when(self, seconds: float) -> float:
        """Return when the network's time is ``seconds``; infinity if that is not yet known."""

    def running(self, now: float) -> bool:
        """Return whether the music is to go on."""

    def receive(self, kind: str, now: float) -> None:
        """Take a message of a clock's that came at ``now``: clock, start, continue or stop."""


class Steady:
    """A tempo that stays."""

    def __init__(self, bpm: float = USUAL_BPM) -> None:
        self._rate = bpm / USUAL_BPM

    def seconds(self, now: float) -> float:
        """Return the network's time at ``now``."""
        return now * self._rate

    def when(self, seconds: float) -> float:
        """Return when the network's time is ``seconds``."""
        return seconds / self._rate

    def running(self, now: float) -> bool:
        """Return True: it goes on for ever."""
        return True

    def receive(self, kind: str, now: float) -> None:
        """Take no notice."""


class Follower:
    """Follows somebody else's clock through its jitter, its tempo changes and its stops.

    Between two pulses time goes on at the tempo there was, but not beyond the next pulse before
    that has come: a clock that slows down or falls silent takes the music with it.
    """

    def __init__(self) -> None:
        self._count = 0
        self._came = self._at = 0.0  # the last pulse: as it came, and smoothed
        self._period: float | None = None
        self._known = 0  # pulses that tempo and phase are known from, at most _MEMORY_PULSES
        self._stopped = False
        self._furthest = 0.0

    def receive(self, kind: str, now: float) -> None:
        """Take a message of the clock's that came at ``now``.

        Pulses may go on after a stop: they say the tempo to start again in, and no time passes.
        """
        if kind == "clock":
            self._pulse(now)
        else:
            self.seconds(now)  # as far as it came
            self._stopped = kind == "stop"

    def _pulse(self, now: float) -> None:
        since, self._came = now - self._came, now
        self._known += 1
        if self._known == 1:
            self._at = now
            return
        self._count += not self._stopped
        if self._period is None:
            self._period, self._at = max(since, 1e-4), now
            return
        expected = self._at + self._period
        error = now - expected
        if abs(error) > self._period / 2:  # another tempo, or a gap: what was known is worth little
            self._at, self._known = now, 2
            self._period = max(since, 1e-4) if since < _LOST_SECONDS else self._period
            return
        # The straight line through the last pulses, as least squares would draw it; as they grow
        # in number, the newest weighs less, down to what a memory of so many gives it.
        n = min(self._known, _MEMORY_PULSES)
        self._at = expected + error * 2 * (2 * n - 1) / (n * (n + 1))
        self._period = max(self._period + error * 6 / (n * (n + 1)), 1e-4)

    def seconds(self, now: float) -> float:
        """Return the network's time at ``now``; it never goes back."""
        if self._stopped:
            return self._furthest
        within = 0.0
        if self._period is not None:
            within = min(max((now - self._at) / self._period, 0.0), 1.0)
        self._furthest = max(self._furthest, (self._count + within) * _SECONDS_PER_PULSE)
        return self._furthest

    def when(self, seconds: float) -> float:
        """Return when the network's time is ``seconds``; infinity beyond the next pulse.

        While it is stopped, nobody knows when it goes on.
        """
        ahead = seconds / _SECONDS_PER_PULSE - self._count
        if self._stopped or self._period is None or ahead > 1:
            return float("inf")
        return self._at + ahead * self._period

    def running(self, now: float) -> bool:
        """Return whether there are pulses, and nobody has pressed stop."""
        return not self._stopped and self._known > 0 and now - self._came < _LOST_SECONDS


class Sender:
    """Says when each pulse of our own clock is due: counted from the first, so without drift."""

    def __init__(self, bpm: float) -> None:
        self._seconds_per_pulse = 60 / bpm / PULSES_PER_BEAT
        self._sent = 0

    @property
    def due(self) -> float:
        """When the next pulse is due, in seconds since the first."""
        return self._sent * self._seconds_per_pulse

    def next(self) -> None:
        """The pulse has been sent."""
        self._sent += 1
