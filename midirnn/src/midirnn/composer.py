"""Small pieces of music made by rule, in all keys: a corpus for who has none at hand.

Every piece has a melody, chords, a bass and drums over a common chord progression, in the form
AABA. The rules are a textbook's: chord tones on the beats and steps between them, a bass on root
and fifth, a cadence at the end. All chance comes from one seed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import mido
import numpy as np

import midicodec
from midicodec.records import DRUM_CHANNEL

TICKS_PER_BEAT = 480
_EIGHTH = TICKS_PER_BEAT // 2

_SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
# Degrees of the scale, 0 is the tonic; a bar each.
_PROGRESSIONS = {
    "major": ((0, 4, 5, 3), (0, 3, 4, 0), (0, 5, 1, 4), (0, 5, 3, 4)),
    "minor": ((0, 5, 2, 6), (0, 3, 4, 0), (0, 6, 5, 4), (0, 3, 6, 2)),
}
# Note lengths in eighths that fill a bar, by beats in a bar.
_RHYTHMS = {
    4: ((2, 2, 2, 2), (4, 2, 2), (2, 2, 4), (2, 1, 1, 4), (3, 1, 2, 2), (2, 1, 1, 2, 2)),
    3: ((2, 2, 2), (4, 2), (3, 1, 2), (2, 1, 1, 2)),
}
_KEYS = {
    "major": ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"),
    "minor": ("Cm", "C#m", "Dm", "Ebm", "Em", "Fm", "F#m", "Gm", "G#m", "Am", "Bbm", "Bm"),
}
_MELODY_PROGRAMS, _CHORD_PROGRAMS, _BASS_PROGRAM = (0, 11, 73, 40), (0, 24, 48), 32
_LOWEST, _HIGHEST = 2, 13  # the melody's range, in degrees
_KICK, _SNARE, _HAT = 36, 38, 42


@dataclass
class _Part:
    """One track in the making: messages at absolute ticks."""

    channel: int
    timed: list[tuple[int, int, mido.Message]] = field(default_factory=list)

    def note(self, start: int, length: int, pitch: int, velocity: int) -> None:
        """Add a note; at one tick, notes end before others begin."""
        on = mido.Message("note_on", channel=self.channel, note=pitch, velocity=velocity)
        off = mido.Message("note_off", channel=self.channel, note=pitch, velocity=0)
        self.timed += [(start, 1, on), (start + length, 0, off)]

    def program(self, program: int) -> None:
        """Choose the instrument, before the first note."""
        message = mido.Message("program_change", channel=self.channel, program=program)
        self.timed.append((0, 0, message))

    def track(self, name: str) -> list[mido.Message | mido.MetaMessage]:
        """Return the messages in order, their times made relative."""
        messages: list[mido.Message | mido.MetaMessage] = [
            mido.MetaMessage("track_name", name=name, time=0)
        ]
        now = 0
        for tick, _, message in sorted(self.timed, key=lambda each: each[:2]):
            messages.append(message.copy(time=tick - now))
            now = tick
        messages.append(mido.MetaMessage("end_of_track", time=0))
        return messages


@dataclass(frozen=True)
class _Piece:
    """A piece's fixed features."""

    tonic: int
    mode: str
    beats: int
    beats_per_minute: int

    @property
    def bar(self) -> int:
        return self.beats * TICKS_PER_BEAT

    def pitch(self, degree: int, octave: int) -> int:
        """Return the MIDI pitch of a scale degree; degrees run on through the octaves."""
        above, step = divmod(degree, 7)
        return self.tonic + 12 * (octave + above) + _SCALES[self.mode][step]


def compose(tonic: int, mode: str, rng: np.random.Generator) -> midicodec.Song:
    """Return a piece of SMF type 1 in the key given by ``tonic`` (0 is C) and ``mode``."""
    piece = _Piece(tonic, mode, int(rng.choice([4, 4, 3])), int(rng.choice([96, 120, 144])))
    melody, chords, bass, drums = _Part(0), _Part(1), _Part(2), _Part(DRUM_CHANNEL)
    melody.program(int(rng.choice(_MELODY_PROGRAMS)))
    chords.program(int(rng.choice(_CHORD_PROGRAMS)))
    bass.program(_BASS_PROGRAM)
    choices = _PROGRESSIONS[mode]
    first, second = rng.permutation(len(choices))[:2]
    sections = {"A": (choices[first], _tune(piece, choices[first], rng)),
                "B": (choices[second], _tune(piece, choices[second], rng))}  # fmt: skip
    start = 0
    for name in "AABA":
        progression, tune = sections[name]
        for pitch, offset, length in tune:
            velocity = 96 if offset % piece.bar == 0 else 80
            melody.note(start + offset, length, pitch, velocity)
        for bar, degree in enumerate(progression):
            _accompany(piece, start + bar * piece.bar, degree, chords, bass, drums)
        start += len(progression) * piece.bar
    _close(piece, start, melody, chords, bass)
    tracks = [_conductor(piece, mode), melody.track("Melody"), chords.track("Chords"),
              bass.track("Bass"), drums.track("Drums")]  # fmt: skip
    return midicodec.Song.from_tracks(tracks, division=TICKS_PER_BEAT)


def _tune(
    piece: _Piece, progression: tuple[int, ...], rng: np.random.Generator
) -> list[tuple[int, int, int]]:
    """Return a section's melody as (pitch, offset, length): chord tones on beats, else steps."""
    rhythms = _RHYTHMS[piece.beats]
    two = rng.permutation(len(rhythms))[:2]  # two alternating rhythms hold a tune together
    notes, degree = [], 7
    for bar, root in enumerate(progression):
        offset = bar * piece.bar
        for eighths in rhythms[two[bar % 2]]:
            if offset % TICKS_PER_BEAT == 0:
                tones = [root + third + octave for third in (0, 2, 4) for octave in (-7, 0, 7, 14)]
                near = sorted(
                    (tone for tone in tones if _LOWEST <= tone <= _HIGHEST),
                    key=lambda tone: (abs(tone - degree), tone),
                )
                degree = int(rng.choice(near[:3]))
            else:
                degree += int(rng.choice([-1, 1]))
                degree = min(max(degree, _LOWEST), _HIGHEST)
            notes.append((piece.pitch(degree, 5), offset, eighths * _EIGHTH))
            offset += eighths * _EIGHTH
    return notes


def _accompany(
    piece: _Piece, start: int, root: int, chords: _Part, bass: _Part, drums: _Part
) -> None:
    """Write one bar of chords, bass and drums."""
    # Above the tonic's third the chord is taken an octave lower, so that voices move little.
    low = root - 7 if root > 2 else root
    for third in (0, 2, 4):
        chords.note(start, piece.bar, piece.pitch(low + third, 5), 60)
    for beat in range(piece.beats):
        now = start + beat * TICKS_PER_BEAT
        if beat in (0, 2):
            degree = root if beat == 0 else root + 4
            bass.note(now, TICKS_PER_BEAT, piece.pitch(degree, 3), 84)
        strong = beat == 0 or (piece.beats == 4 and beat == 2)
        drums.note(now, _EIGHTH, _KICK if strong else _SNARE, 90 if strong else 70)
        for half in (0, 1):
            drums.note(now + half * _EIGHTH, _EIGHTH, _HAT, 50)


def _close(piece: _Piece, start: int, melody: _Part, chords: _Part, bass: _Part) -> None:
    """End on the tonic for a whole bar."""
    melody.note(start, piece.bar, piece.pitch(7, 5), 96)
    bass.note(start, piece.bar, piece.pitch(0, 3), 84)
    for third in (0, 2, 4):
        chords.note(start, piece.bar, piece.pitch(third, 5), 60)


def _conductor(piece: _Piece, mode: str) -> list[mido.Message | mido.MetaMessage]:
    tempo = mido.bpm2tempo(piece.beats_per_minute)
    return [
        mido.MetaMessage("key_signature", key=_KEYS[mode][piece.tonic], time=0),
        mido.MetaMessage("time_signature", numerator=piece.beats, denominator=4, time=0),
        mido.MetaMessage("set_tempo", tempo=tempo, time=0),
        mido.MetaMessage("end_of_track", time=0),
    ]


def compose_corpus(folder: Path, seed: int, pieces_per_key: int = 2) -> int:
    """Write ``pieces_per_key`` pieces for each of the 24 keys; return how many that is."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for mode, keys in _KEYS.items():
        for tonic, key in enumerate(keys):
            for number in range(pieces_per_key):
                rng = np.random.default_rng((seed, tonic, mode == "minor", number))
                name = f"{key.replace('#', '-sharp')}-{number + 1}.mid"
                midicodec.save(compose(tonic, mode, rng), folder / name)
                count += 1
    return count
