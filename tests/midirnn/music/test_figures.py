"""A song's figures and bars, against what can be computed on paper."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from midirnn.composer import TICKS_PER_BEAT, compose
from midirnn.music.bars import beat_of, place
from midirnn.music.figures import COLUMNS, FIGURES, WIDTH, measure
from midirnn.music.notes import Notes
from midirnn.plugin.interfaces import Events

Write = Callable[..., Events]
A, B = [(0, 60), (1, 62), (2, 64), (3, 65)], [(0, 67), (2, 72)]
"""Bars as (beat, pitch)."""
FORM = [A, A, B, A, A, A, B, A]


def figures(events: Events) -> dict[str, Any]:
    row = measure(Notes.of(events))
    assert row.shape == (WIDTH,)
    values = {each.name: row[COLUMNS[each.name]] for each in FIGURES}
    return {name: float(v[0]) if len(v) == 1 else v for name, v in values.items()}


def tune(form: list[list[tuple[int, int]]], beat: float = 0.5, beats: int = 4) -> list[Any]:
    return [
        ((bar * beats + at) * beat, beat, pitch)
        for bar, content in enumerate(form)
        for at, pitch in content
    ]


def test_pitches_and_times_are_those_on_paper(written: Write) -> None:
    # Two thirds of C–E with a D in between, then a hole of two seconds, an F sharp, and a drum.
    song = written(
        [(0, 1, 60), (0, 1, 64), (1, 1, 62), (4, 0.5, 66), (4.5, 0.5, 60), (4.5, 0.1, 36, 9)]
    )
    found = figures(song)
    assert found["pitch_classes"].tolist() == [0.4, 0, 0.2, 0, 0.2, 0, 0.2, 0, 0, 0, 0, 0]
    entropy = -(0.4 * np.log2(0.4) + 3 * 0.2 * np.log2(0.2))
    assert found["pitch_class_entropy"] == pytest.approx(entropy)
    assert found["pitch_range"] == 6
    assert found["scale_consistency"] == 1  # G major has all of them
    assert found["polyphony"] == pytest.approx(4 / 3)  # four seconds of notes in three of sound
    assert found["note_density"] == pytest.approx(6 / 5)
    assert found["note_length"] == pytest.approx(4 / 5)
    assert found["inter_onset"] == pytest.approx(4.5 / 3)
    assert sorted(found["note_lengths"].tolist())[-2:] == pytest.approx([0.4, 0.6])
    assert sorted(found["inter_onsets"].tolist())[-3:] == pytest.approx([1 / 3] * 3)
    assert np.isnan(found["groove_consistency"])
    assert np.isnan(found["repeated_bars"])


def test_half_of_a_chromatic_scale_fits_a_scale_and_drums_have_no_pitch(written: Write) -> None:
    chromatic = figures(written((n / 4, 0.25, 60 + n) for n in range(12)))
    assert chromatic["scale_consistency"] == pytest.approx(7 / 12)
    assert chromatic["pitch_class_entropy"] == pytest.approx(np.log2(12))
    drums = figures(written((n / 4, 0.1, 36, 9) for n in range(40)))
    assert np.isnan(drums["pitch_classes"]).all()
    assert np.isnan([drums[name] for name in ("pitch_range", "note_length", "polyphony")]).all()
    assert drums["groove_consistency"] == 1


def test_bars_that_come_again_are_counted_and_neighbours_compared(written: Write) -> None:
    found = figures(written(tune(FORM)))
    assert found["repeated_bars"] == 6 / 8  # all but the first of either kind
    # Four of the seven pairs of neighbours differ, in two of 48 steps each.
    assert found["groove_consistency"] == pytest.approx(1 - 4 * 2 / (48 * 7))
    # An empty bar counts among neighbours, and not among bars that are the same.
    gap = figures(written(tune([A, A, A, A, [], A, A, A])))
    assert gap["repeated_bars"] == 6 / 7
    assert gap["groove_consistency"] == pytest.approx(1 - 2 * 4 / (48 * 7))


@pytest.mark.parametrize("beat", [0.4, 0.5, 0.65])
@pytest.mark.parametrize("beats", [3, 4])
def test_beat_and_bar_are_found(beat: float, beats: int, written: Write) -> None:
    form = [[each for each in bar if each[0] < beats] for bar in FORM]
    notes = Notes.of(written(tune(form, beat, beats)))
    placed = place(notes)
    assert placed is not None
    assert beat_of(notes) == pytest.approx(beat, rel=0.01)
    assert placed.beats == beats
    assert placed.bar.tolist() == [n for n, bar in enumerate(form) for _ in bar]
    assert placed.step.tolist() == [12 * at for bar in form for at, _ in bar]


def test_an_unsteady_player_keeps_his_bars(written: Write) -> None:
    """Errors add up over a minute to a beat and more; each bar is still the same as others."""
    rng = np.random.default_rng(1)
    steady = tune(FORM * 4)
    errors = np.cumsum(rng.normal(0.01, 0.005, len(steady)))
    unsteady = [(at + e, *rest) for (at, *rest), e in zip(steady, errors, strict=True)]
    assert errors[-1] > 0.5
    found = figures(written(unsteady))
    assert found["repeated_bars"] == 30 / 32


@pytest.mark.parametrize(("mode", "tonic"), [("major", 0), ("minor", 4), ("major", 7)])
def test_a_composed_piece_is_found_to_be_what_it_is(mode: str, tonic: int) -> None:
    song = compose(tonic, mode, np.random.default_rng((3, tonic)))
    events = Events(song.records, song.delta_seconds)
    notes = Notes.of(events)
    placed = place(notes)
    assert placed is not None
    beat = song.tempo_map.to_seconds(TICKS_PER_BEAT)
    assert beat_of(notes) == pytest.approx(float(beat), rel=0.01)
    last_bar = song.ticks[song.channel >= 0][-1] / TICKS_PER_BEAT / placed.beats
    assert (placed.bar[-1], last_bar) == (16, 17)
    found = figures(events)
    assert found["repeated_bars"] == 8 / 17  # AABA in bars of four, and a close
    assert found["scale_consistency"] == 1


def test_a_song_without_notes_or_without_a_beat_has_no_figures(written: Write) -> None:
    assert np.isnan(measure(Notes.of(written([])))).all()
    assert place(Notes.of(written([(0, 1, 60), (0, 1, 64)]))) is None
    far = figures(written([(0, 1, 60), (1e6, 1, 60)]))
    assert far["inter_onset"] == pytest.approx(1e6)
