"""How long a song is to get: so many records, seconds or bars."""

from __future__ import annotations

import re
from dataclasses import dataclass

from midirnn.errors import GenerationError

_LATE_BARS = 0.25
"""What begins no later in a bar has the bar."""
_TEXT = re.compile(r"(\d{1,12})|(\d{1,9}(?:\.\d*)?|\.\d+)\s*s|(\d{1,9})\s*bars?")


@dataclass(frozen=True, slots=True)
class Meter:
    """How bars are counted: ``beats`` notes a bar, each of them a ``unit``-th of a whole one."""

    beats: int = 4
    unit: int = 4

    @classmethod
    def parse(cls, text: str | None) -> Meter:
        """Read ``3/4``, as settings hold it; None is 4/4."""
        return cls() if text is None else cls(*map(int, text.split("/")))

    @property
    def quarters(self) -> float:
        """How many quarter notes a bar has."""
        return self.beats * 4 / self.unit


@dataclass(frozen=True, slots=True)
class Length:
    """So many emitted records, seconds, or bars."""

    records: int | None = None
    seconds: float | None = None
    bars: int | None = None

    @classmethod
    def parse(cls, text: str) -> Length:
        """Read ``2500`` (records), ``90s`` or ``32bars``.

        Raises :class:`GenerationError` for anything else.
        """
        match = _TEXT.fullmatch(text.strip())
        if match is None:
            raise GenerationError(
                f"expected a length such as 2500 (records), 90s (seconds) or 32bars, found {text!r}"
            )
        records, seconds, bars = match.groups()
        length = cls(
            int(records) if records else None,
            float(seconds) if seconds else None,
            int(bars) if bars else None,
        )
        if not (length.records or length.seconds or length.bars):
            raise GenerationError(f"a length must be more than nothing, found {text!r}")
        return length

    def end(self, begin: float, bar_seconds: float, upbeat: float = 0.0) -> float | None:
        """Return the second at which a song ends whose new part begins at ``begin``.

        ``upbeat`` is how many seconds it was put off for its beats to fall on the bars' own.
        A part that begins after a bar's first quarter begins with the next bar, and counts from
        there. None where records are counted.
        """
        if self.seconds is not None:
            return begin + self.seconds
        if self.bars is None:
            return None
        begun = -(-((begin - upbeat) / bar_seconds - _LATE_BARS) // 1)
        return (max(begun, 0.0) + self.bars) * bar_seconds
