"""Pieces by rule: the same for the same seed, in key, in every key, and nothing left sounding."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import mido
import numpy as np
import pytest

import midicodec
from midirnn.composer import TICKS_PER_BEAT, compose, compose_corpus

# The white keys from C, and from A: what a mode is, said in another way than the composer does.
STEPS = {"major": {0, 2, 4, 5, 7, 9, 11}, "minor": {0, 2, 3, 5, 7, 8, 10}}
MELODY, CHORDS, BASS, DRUMS = 0, 1, 2, 9
PIECES = [(mode, tonic) for mode in STEPS for tonic in range(12)]
Note = tuple[int, int, int]  # start, end, pitch


def piece(mode: str, tonic: int, seed: int = 0) -> midicodec.Song:
    return compose(tonic, mode, np.random.default_rng((seed, tonic, mode == "minor")))


def notes(song: midicodec.Song) -> dict[int, list[Note]]:
    """Each channel's notes; none may begin while it sounds, end when it does not, or stay."""
    found: dict[int, list[Note]] = {}
    sounding: dict[tuple[int, int], int] = {}
    now = 0
    for message in song.to_messages():
        now += message.time
        if message.type not in ("note_on", "note_off"):
            continue
        key = (message.channel, message.note)
        if message.type == "note_on":
            assert message.velocity > 0
            assert key not in sounding
            sounding[key] = now
        else:
            start = sounding.pop(key)
            found.setdefault(message.channel, []).append((start, now, message.note))
    assert sounding == {}
    return {channel: sorted(each) for channel, each in found.items()}


@pytest.mark.parametrize(("mode", "tonic"), PIECES)
def test_every_note_is_in_key_and_ends(mode: str, tonic: int) -> None:
    for seed in range(3):
        parts = notes(piece(mode, tonic, seed))
        assert set(parts) == {MELODY, CHORDS, BASS, DRUMS}
        pitches = {pitch for part in (MELODY, CHORDS, BASS) for *_, pitch in parts[part]}
        assert {(pitch - tonic) % 12 for pitch in pitches} <= STEPS[mode]
        assert all(21 <= pitch <= 108 for pitch in pitches)  # a piano's
        # The melody's: from the third above the tonic to the seventh an octave higher.
        assert all(63 <= pitch - tonic <= 83 for *_, pitch in parts[MELODY])
        assert all(end > start for part in parts.values() for start, end, _ in part)


@pytest.mark.parametrize(("mode", "tonic"), PIECES)
def test_the_melody_is_one_voice_with_chord_tones_on_the_beats(mode: str, tonic: int) -> None:
    for seed in range(3):
        parts = notes(piece(mode, tonic, seed))
        melody = parts[MELODY]
        for (_, end, _), (start, _, _) in pairwise(melody):
            assert end == start
        for start, _, pitch in melody:
            if start % TICKS_PER_BEAT == 0:
                chord = {p % 12 for on, off, p in parts[CHORDS] if on <= start < off}
                assert len(chord) == 3
                assert pitch % 12 in chord


def test_it_has_the_form_aaba_and_ends_on_the_tonic() -> None:
    for mode, tonic in PIECES:
        parts = notes(piece(mode, tonic))
        end = max(off for _, off, _ in parts[MELODY])
        bar = parts[CHORDS][0][1] - parts[CHORDS][0][0]
        assert end == 17 * bar  # four sections of four bars, and the close

        def section(number: int, part: list[Note], bar: int = bar) -> list[Note]:
            first = 4 * number * bar
            return [
                (on - first, off - first, p) for on, off, p in part if 0 <= on - first < 4 * bar
            ]

        for part in parts.values():
            assert section(0, part) == section(1, part) == section(3, part)
            assert section(0, part)
        assert section(0, parts[MELODY]) != section(2, parts[MELODY])
        last = {pitch for part in (MELODY, CHORDS, BASS) for on, _, pitch in parts[part]
                if on == 16 * bar}  # fmt: skip
        third = 4 if mode == "major" else 3
        assert {(pitch - tonic) % 12 for pitch in last} == {0, third, 7}
        assert {(pitch - tonic) % 12 for *_, pitch in parts[MELODY][-1:] + parts[BASS][-1:]} == {0}


def test_the_same_seed_gives_the_same_files_and_another_others(tmp_path: Path) -> None:
    def written(name: str, seed: int) -> dict[str, bytes]:
        assert compose_corpus(tmp_path / name, seed, pieces_per_key=1) == 24
        return {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}

    once, again, other = written("a", 1), written("b", 1), written("c", 2)
    assert once == again
    assert set(once) == set(other)
    assert not set(once.values()) & set(other.values())


def test_all_keys_are_there_as_often_as_asked(tmp_path: Path) -> None:
    assert compose_corpus(tmp_path / "new" / "folder", 5, pieces_per_key=2) == 48
    keys: Counter[tuple[str, int]] = Counter()
    contents = set()
    for path in (tmp_path / "new" / "folder").iterdir():
        file = mido.MidiFile(path)  # another reader than our own
        assert (file.type, file.ticks_per_beat) == (1, TICKS_PER_BEAT)
        assert 15 < file.length < 90
        key = next(message.key for message in file.tracks[0] if message.type == "key_signature")
        assert path.name.startswith(key.replace("#", "-sharp"))
        bass = [m.note for m in file if m.type == "note_on" and m.channel == BASS and m.velocity]
        keys["minor" if key.endswith("m") else "major", bass[-1] % 12] += 1
        contents.add(path.read_bytes())
    assert keys == dict.fromkeys(PIECES, 2)
    assert len(contents) == 48
