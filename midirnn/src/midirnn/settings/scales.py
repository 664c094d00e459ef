"""Scales by name: which of the twelve pitch classes a song may use."""

from __future__ import annotations

STEPS: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "melodic minor": (0, 2, 3, 5, 7, 9, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "whole tone": (0, 2, 4, 6, 8, 10),
    "octatonic": (0, 1, 3, 4, 6, 7, 9, 10),
    "chromatic": tuple(range(12)),
}
"""Semitones above the tonic; ``melodic minor`` as it rises, ``octatonic`` half tone first."""
_NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}


def pitch_classes(text: str) -> frozenset[int]:
    """Return the pitch classes, 0 (C) to 11, of a scale such as ``"D minor"``.

    Raises ValueError, which lists what there is, for a scale there is not.

    >>> sorted(pitch_classes("Bb major pentatonic"))
    [0, 2, 5, 7, 10]
    """
    tonic, _, name = " ".join(text.split()).partition(" ")
    natural = _NATURALS.get(tonic[:1].upper())
    accidental = _ACCIDENTALS.get(tonic[1:])
    steps = STEPS.get(name.lower())
    if natural is None or accidental is None or steps is None:
        raise ValueError(
            f'expected a scale such as "D minor" or "Bb major pentatonic", found {text!r}; '
            f"there are: {', '.join(STEPS)}"
        )
    return frozenset((natural + accidental + step) % 12 for step in steps)
