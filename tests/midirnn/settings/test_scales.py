"""Scales and instruments by name."""

import pytest

from midirnn.errors import ConfigError
from midirnn.settings.instruments import NAMES, program_of
from midirnn.settings.resolve import resolve
from midirnn.settings.scales import STEPS, pitch_classes


@pytest.mark.parametrize(
    ("name", "notes"),
    [
        ("C major", "C D E F G A B"),
        ("a minor", "A B C D E F G"),
        ("D  Harmonic Minor", "D E F G A Bb C#"),
        ("Bb major pentatonic", "Bb C D F G"),
        ("F# blues", "F# A B C C# E"),
        ("Cb whole tone", "B Db Eb F G A"),
        ("E♭ lydian", "Eb F G A Bb C D"),
    ],
)
def test_a_scale_has_its_notes(name: str, notes: str) -> None:
    by_name = {
        letter + sign: pitch + step
        for letter, pitch in zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True)
        for sign, step in (("", 0), ("#", 1), ("b", -1))
    }
    assert pitch_classes(name) == {by_name[note] % 12 for note in notes.split()}


@pytest.mark.parametrize("name", ["", "D", "minor", "H minor", "D minr", "Dbb major", "D-minor"])
def test_a_scale_there_is_not_is_an_error_that_lists_them(name: str) -> None:
    with pytest.raises(ValueError, match="mixolydian"):
        pitch_classes(name)
    with pytest.raises(ConfigError, match=r"generation\.scale .*mixolydian"):
        resolve(None, {"generation": {"scale": name}})


def test_every_scale_begins_on_its_tonic_and_rises() -> None:
    for steps in STEPS.values():
        assert steps[0] == 0
        assert list(steps) == sorted(set(steps))
        assert steps[-1] < 12


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("0", 0), ("127", 127), ("piano", 0), ("Violin", 40), ("church organ", 19),
        ("choir", 52), ("flute", 73), (" french  HORN ", 60), ("gunshot", 127), ("trumpet", 56),
        ("128", None), ("-1", None), ("", None), ("1000", None), ("theremin", None),
    ],
)  # fmt: skip
def test_an_instrument_is_a_number_or_part_of_a_name(text: str, program: int | None) -> None:
    if program is not None:
        assert program_of(text) == program
        assert resolve(None, {"generation": {"programs": {"3": text}}}).generation.programs == {
            3: program
        }
        return
    with pytest.raises(ValueError, match="program from 0 to 127"):
        program_of(text)
    with pytest.raises(ConfigError, match="General MIDI"):
        resolve(None, {"generation": {"programs": {"3": text}}})


def test_there_are_128_instruments_each_by_its_own_name() -> None:
    assert len(NAMES) == 128
    assert [program_of(name) for name in NAMES] == list(range(128))
