"""Transposing moves what sounds by one number of semitones, and nothing else."""

from collections import Counter

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import midicodec
from midirnn.builtin.augmentations import Transpose
from midirnn.plugin import Events

DRUMS = 9
KEYED = ("note_on", "note_off", "polytouch")

any_message = st.one_of(
    st.builds(
        mido.Message,
        st.sampled_from(["note_on", "note_off"]),
        channel=st.integers(0, 15), note=st.integers(0, 127), velocity=st.integers(0, 127),
    ),
    st.builds(
        mido.Message, st.just("polytouch"),
        channel=st.integers(0, 15), note=st.integers(0, 127), value=st.integers(0, 127),
    ),
    st.builds(
        mido.Message, st.just("control_change"),
        channel=st.integers(0, 15), control=st.integers(0, 127), value=st.integers(0, 127),
    ),
    st.builds(mido.Message, st.just("program_change"), program=st.integers(0, 127)),
    st.builds(mido.Message, st.just("pitchwheel"), pitch=st.integers(-8192, 8191)),
    # Long: its pieces hold bytes that look like notes.
    st.builds(mido.Message, st.just("sysex"), data=st.lists(st.integers(0, 127), max_size=12)),
    st.builds(mido.MetaMessage, st.just("text"), text=st.text("\x90<@z", max_size=12)),
)  # fmt: skip


def events_of(messages: list[mido.Message]) -> Events:
    records, _ = midicodec.encode(messages)
    return Events(records, np.linspace(0, 1, len(records)))


def transposed(messages: list[mido.Message], most: int, seed: int = 0) -> list[mido.Message]:
    events = Transpose(Transpose.Config(max_semitones=most)).augment_events(
        events_of(messages), np.random.default_rng(seed)
    )
    return midicodec.decode(events.records)


def moves(message: mido.Message) -> bool:
    return message.type in KEYED and message.channel != DRUMS


@given(st.lists(any_message, max_size=20), st.integers(0, 127), st.integers(0, 2**32))
def test_all_that_sounds_moves_by_one_number_and_nothing_else_changes(
    messages: list[mido.Message], most: int, seed: int
) -> None:
    events = events_of(messages)
    before = events.records.copy()
    augmentation = Transpose(Transpose.Config(max_semitones=most))
    after = augmentation.augment_events(events, np.random.default_rng(seed))
    # A song in the corpus is shared by all passes.
    np.testing.assert_array_equal(events.records, before)
    np.testing.assert_array_equal(after.delta_seconds, events.delta_seconds)
    assert after.records.dtype == np.uint8
    moved = midicodec.decode(after.records)  # which refuses keys outside 0…127
    assert len(moved) == len(messages)
    distances = set()
    for was, now in zip(midicodec.decode(before), moved, strict=True):
        if moves(was):
            distances.add(now.note - was.note)
            assert now.copy(note=was.note) == was
        else:
            assert now == was
    assert len(distances) <= 1
    assert all(-most <= distance <= most for distance in distances)


def test_every_distance_up_to_the_farthest_comes_about_equally_often() -> None:
    song = [mido.Message("note_on", note=60)]
    counts = Counter(transposed(song, 6, seed)[0].note - 60 for seed in range(1300))
    assert sorted(counts) == list(range(-6, 7))
    assert min(counts.values()) > 50  # of about 100


@pytest.mark.parametrize(
    ("notes", "most", "distances"),
    [
        ((0, 60), 3, {0, 1, 2, 3}),
        ((60, 127), 3, {-3, -2, -1, 0}),
        ((1, 126), 5, {-1, 0, 1}),
        ((0, 127), 127, {0}),
        ((60,), 0, {0}),
    ],
)
def test_near_the_ends_it_moves_less_far_rather_than_out(
    notes: tuple[int, ...], most: int, distances: set[int]
) -> None:
    song = [mido.Message("note_on", note=note) for note in notes]
    results = [transposed(song, most, seed) for seed in range(100)]
    assert {result[0].note - notes[0] for result in results} == distances
    assert {result[-1].note - notes[-1] for result in results} == distances


@pytest.mark.parametrize(
    "other",
    [
        mido.Message("note_on", note=127, channel=DRUMS),
        mido.Message("note_on", note=0, channel=DRUMS),
        mido.Message("program_change", program=0),
        mido.Message("control_change", control=127),
    ],
)
def test_what_does_not_move_holds_nothing_back(other: mido.Message) -> None:
    song = [other, mido.Message("note_on", note=60)]
    results = [transposed(song, 2, seed) for seed in range(50)]
    assert {note.note - 60 for _, note in results} == {-2, -1, 0, 1, 2}
    assert all(still == other for still, _ in results)


def test_notes_stay_paired() -> None:
    rng = np.random.default_rng(1)
    keys = [(int(rng.integers(16)), int(rng.integers(30, 100))) for _ in range(50)]
    song = [
        mido.Message(kind, channel=channel, note=note)
        for channel, note in keys
        for kind in ("note_on", "note_off")
    ]
    for seed in range(20):
        moved = transposed(song, 12, seed)
        ons, offs = moved[::2], moved[1::2]
        assert [(m.channel, m.note) for m in ons] == [(m.channel, m.note) for m in offs]


def test_chance_comes_from_the_generator_alone() -> None:
    song = [mido.Message("note_on", note=60)]
    first = [transposed(song, 60, seed) for seed in range(20)]
    assert [transposed(song, 60, seed) for seed in range(20)] == first
    assert len({result[0].note for result in first}) > 5


@pytest.mark.parametrize("wrong", [-1, 128, 0.5, "far"])
def test_a_distance_that_is_none_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        Transpose.Config(max_semitones=wrong)
