"""Songs as tables of notes: what begins and ends what, and what is a chord."""

from collections.abc import Callable

import numpy as np

import midicodec
from midirnn.music.notes import Notes
from midirnn.plugin.interfaces import Events

Write = Callable[..., Events]


def test_a_note_ends_with_the_next_message_of_its_key_or_with_the_song() -> None:
    song = midicodec.Song.from_messages(
        [
            bytes([0x90, 60, 100]),  # ends with its note-off
            bytes([0x91, 60, 90]),  # another channel: ended by being struck again
            bytes([0x92, 64, 80]),  # never ended: with the song
            bytes([0x80, 61, 0]),  # ends nothing
            bytes([0xF0, 1, 2, 3, 4, 5, 6, 7, 0xF7]),  # long: its time counts once
            bytes([0x80, 60, 0]),
            bytes([0x91, 60, 70]),
            bytes([0x91, 60, 0]),  # an off by its velocity
            bytes([0xB0, 7, 100]),
        ]
    )
    seconds = np.where(song.records[:, 0] == 1, 0.5, 0.25)  # the long message's pieces: 0.5 each
    notes = Notes.of(Events(song.records, seconds))
    assert notes.onset.tolist() == [0.25, 0.5, 0.75, 2.0]
    assert notes.length.tolist() == [1.5, 1.5, 1.75, 0.25]
    assert notes.pitch.tolist() == [60, 60, 64, 60]
    assert notes.velocity.tolist() == [100, 90, 80, 70]
    assert notes.channel.tolist() == [0, 1, 2, 1]


def test_what_follows_at_once_is_a_chord_from_the_lowest_up(written: Write) -> None:
    song = written(
        [(1.0, 1, 67), (1.025, 1, 60), (1.05, 1, 64), (1.2, 1, 72), (1.21, 1, 40, 9), (3, 1, 60)]
    )
    notes = Notes.of(song)
    assert notes.pitch.tolist() == [60, 64, 67, 40, 72, 60]
    assert notes.chord.tolist() == [0, 0, 0, 1, 1, 2]
    assert np.allclose(notes.chord_onset, [1.0, 1.2, 3.0])
    assert notes.drums.tolist() == [False, False, False, True, False, False]


def test_there_may_be_no_notes() -> None:
    empty = Events(np.empty((0, 5), np.uint8), np.empty(0))
    only_off = Events(np.array([[0, 0x80, 60, 0, 3]], np.uint8), np.array([1.0]))
    for events in (empty, only_off):
        notes = Notes.of(events)
        assert len(notes) == len(notes.chord_onset) == 0
