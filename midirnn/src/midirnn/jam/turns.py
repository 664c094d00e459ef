"""Whose turn it is: when the network may play, by what the player does.

No thread and no time of its own: it is told what happens and when, in seconds of one clock.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

Mode = Literal["answer", "along"]
NEVER = float("inf")
_SHORTEST_SECONDS = 2.0
"""How long an answer to a single note is."""
_HELD_FACTOR = 8
"""Over held keys a pause is noticed after so many times as long: a fermata ends somewhen, and a
key whose release was lost must not silence the network for good."""


class Turns(ABC):
    """The network may play from ``begins`` on, and should come to an end after ``ends``."""

    def __init__(self) -> None:
        self.begins = self.ends = NEVER

    def playing(self, now: float) -> bool:
        """Return whether it is the network's turn."""
        return self.begins <= now

    @abstractmethod
    def played(self, now: float, is_on: bool, held: int) -> None:
        """A note of the player's begins (``is_on``) or ends at ``now``; ``held`` sound now."""

    def over(self) -> None:
        """The network has ended its turn, or was silenced."""
        self.begins = self.ends = NEVER


class Answering(Turns):
    """Waits for a pause, answers for about as long as the player played, and waits again.

    A note that the player begins meanwhile takes the turn back.
    """

    def __init__(self, pause_seconds: float, longest_seconds: float) -> None:
        super().__init__()
        self._pause, self._longest = pause_seconds, longest_seconds
        self._began: float | None = None  # the player's phrase

    def played(self, now: float, is_on: bool, held: int) -> None:
        """Put the answer off, and make it longer."""
        if self.playing(now):
            if not is_on:
                return  # a key let go while the network answers
            self._began = None
        if self._began is None:
            if not is_on:
                return
            self._began = now
        self.begins = now + self._pause * (_HELD_FACTOR if held else 1)
        self.ends = self.begins + min(max(now - self._began, _SHORTEST_SECONDS), self._longest)

    def over(self) -> None:
        """Wait for the next phrase."""
        super().over()
        self._began = None


class Along(Turns):
    """Plays as soon as the player does, and for some time alone."""

    def __init__(self, longest_seconds: float) -> None:
        super().__init__()
        self._longest = longest_seconds

    def played(self, now: float, is_on: bool, held: int) -> None:
        """Join in, or go on."""
        if is_on:
            self.begins = min(self.begins, now)
            self.ends = now + self._longest
