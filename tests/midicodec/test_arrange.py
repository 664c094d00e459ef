"""Songs as numpy has arrays: in a row, parts of them, one channel, one track."""

import io
import pickle

import hypothesis.strategies as st
import mido
import numpy as np
import pytest
from hypothesis import given

import midicodec
from midicodec import MidiCodecError, Song
from midicodec.smf_write import build

END = mido.MetaMessage("end_of_track")
LOADED = bytes.fromhex(
    "4d546864 00000006 0000 0001 0060 4d54726b 0000000c 00 90 3c 40 00 90 3e 40 00 ff 2f 00"
)


def note(number: int, time: int = 0, channel: int = 0) -> mido.Message:
    return mido.Message("note_on", note=number, time=time, channel=channel)


def tempo(microseconds: int, time: int = 0) -> mido.MetaMessage:
    return mido.MetaMessage("set_tempo", tempo=microseconds, time=time)


def saved(song: Song) -> Song:
    file = io.BytesIO()
    midicodec.save(song, file)
    return midicodec.load(file.getvalue())


def test_songs_in_a_row() -> None:
    one = Song.from_messages([note(1), note(2, 10), END.copy(time=5)])
    two = Song.from_messages([note(3, 7), END])
    assert (one + two).to_messages() == [note(1), note(2, 10), note(3, 12), END]
    assert (one + two).smf_type == 0
    assert Song.concatenate([one, two, one]) == one + two + one == one + (two + one)
    assert Song.concatenate([one]) == one
    assert (one + two).framing is None
    for nothing in (Song([], []), Song([], [], smf_type=1)):
        assert one + nothing == nothing + one == one
    assert len(Song([], []) + Song([], [])) == 0


def test_tracks_of_the_same_number_are_one() -> None:
    one = Song.from_tracks([[note(1), END], [note(2, 4), END]])
    two = Song.from_tracks([[note(3, 1), END], [], [note(4), END.copy(time=9)]])
    both = one + two
    assert both.to_tracks() == [
        [note(1), note(3, 5), END], [note(2, 4)], [note(4, 4), END.copy(time=9)],
    ]  # fmt: skip
    assert both.smf_type == 1
    # At one tick they are in the order of their tracks, as in a file.
    assert [m.note for m in both.to_messages() if m.type == "note_on"] == [1, 2, 4, 3]
    last = Song.from_tracks([[note(1)], [note(2, 4)]]) + Song.from_messages([note(3)])
    assert [m.note for m in last.to_messages()] == [1, 3, 2]


def test_the_tempo_is_set_back_where_a_song_begins() -> None:
    fast = Song.from_messages([tempo(250_000), note(1, 480)])
    plain = Song.from_messages([note(2), note(3, 480)])
    assert (fast + plain).to_messages() == [
        tempo(250_000), note(1, 480), tempo(500_000), note(2), note(3, 480),
    ]  # fmt: skip
    slow = Song.from_messages([tempo(1_000_000), note(2, 480)])
    assert (fast + slow).to_messages() == [
        tempo(250_000), note(1, 480), tempo(1_000_000), note(2, 480),
    ]  # fmt: skip
    assert (plain + plain).to_messages() == [note(2), note(3, 480)] * 2


def test_a_song_of_silence_takes_its_time() -> None:
    fast = Song.from_messages([tempo(250_000), note(1, 480)])
    silence = Song.from_messages([END.copy(time=480)])
    assert (fast + silence + fast).duration_seconds == pytest.approx(0.25 + 0.5 + 0.25)


def test_a_tempo_set_when_a_song_is_over_is_not_the_next_one_s() -> None:
    """In another track it would come behind the next song's own, once in a file."""
    one = Song.from_tracks([[note(1), note(2, 480)], [tempo(250_000, 480)]])
    for first in ([], [tempo(1_000_000)]):
        two = Song.from_tracks([[*first, note(3), note(4, 480)], [note(5, 480)]])
        both = one + two
        wanted = one.duration_seconds + two.duration_seconds
        assert both.duration_seconds == pytest.approx(wanted)
        assert saved(both).duration_seconds == pytest.approx(wanted)


steps = st.tuples(st.integers(0, 300), st.none() | st.integers(1, 2**24 - 1))
songs = st.lists(st.lists(steps, max_size=5), max_size=3).map(
    lambda plan: Song.from_tracks(
        [[note(1, t) if us is None else tempo(us, t) for t, us in each] for each in plan]
    )
)


@given(st.lists(songs, min_size=1, max_size=4))
def test_seconds_add_up_in_memory_and_in_a_file(parts: list[Song]) -> None:
    row = Song.concatenate(parts)
    wanted = sum(part.duration_seconds for part in parts)
    assert row.ticks.max(initial=0) == sum(int(part.ticks.max(initial=0)) for part in parts)
    assert row.duration_seconds == pytest.approx(wanted, abs=1e-9)
    notes = sum(np.count_nonzero(part.channel_messages) for part in parts)
    assert np.count_nonzero(row.channel_messages) == notes
    again = saved(row)
    assert again.duration_seconds == pytest.approx(wanted, abs=1e-9)
    ours, theirs = (song.start_seconds[song.channel_messages].tolist() for song in (row, again))
    assert ours == pytest.approx(theirs, abs=1e-9)


REFUSED = {
    "none": ([], "found none"),
    "two divisions": (
        [Song([], []), Song([], [], division=96)],
        r"one division, found \[96, 480\]",
    ),
    "type 2": ([Song([], []), Song([], [], smf_type=2)], r"found 2: take song.to_type_0\(\)"),
    "too long": ([Song([[0, 0xF6, 0, 0, 1]], [2**62])] * 3, r"less than 2\*\*63 ticks"),
}


@pytest.mark.parametrize(("parts", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_put_in_a_row(parts: list[Song], reason: str) -> None:
    with pytest.raises(MidiCodecError, match=reason):
        Song.concatenate(parts)


def test_a_song_is_added_to_a_song_only() -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        _ = Song([], []) + 1


SONG = Song.from_tracks(
    [[note(1, 1, 0), note(2, 1, 9)], [], [mido.Message("sysex", data=range(9), time=2)],
     [note(4, 3, 9), note(5, 1, 15)]]
)  # fmt: skip


def numbers(song: Song) -> list[int]:
    return [m.note if m.type == "note_on" else 0 for m in song.to_messages()]


def test_channels_and_tracks() -> None:
    assert numbers(SONG) == [1, 2, 0, 4, 5]
    assert numbers(SONG.select(channel=9)) == [2, 4]
    assert numbers(SONG.select(channel=[0, 15])) == [1, 5]
    assert numbers(SONG.select(channel={15})) == [5]
    assert numbers(SONG.select(channel=range(16))) == [1, 2, 4, 5]
    assert numbers(SONG.select(track=2)) == [0]
    assert numbers(SONG.select(track=(0, 2), channel=9)) == [2]
    assert numbers(SONG.select(SONG.starts & (SONG.ticks > 2), channel=9)) == [4]
    assert numbers(SONG.select(track=7)) == numbers(SONG.select(channel=())) == []
    assert SONG.select() == SONG
    picked = SONG.select(channel=9)
    assert (picked.ticks.tolist(), picked.track.tolist()) == ([2, 3], [0, 3])
    for one in (np.int8(9), np.uint64(9), np.array([9]), iter([9])):
        assert SONG.select(channel=one) == picked
        assert SONG.select(track=np.int64(3)) == SONG.select(track=3)


def test_slices_and_masks() -> None:
    assert SONG[:] == SONG
    assert numbers(SONG[1:3]) == [2, 0]  # a message's first record takes it all
    assert SONG[2:3].records.tolist() == SONG.select(track=2).records.tolist()
    assert numbers(SONG[3:5]) == []
    assert numbers(SONG[-1:]) == numbers(SONG[np.int64(len(SONG) - 1) :]) == [5]
    assert numbers(SONG[::-1]) == numbers(SONG)  # the order is that of time
    assert numbers(SONG[SONG.ticks >= 3]) == [4, 5]
    assert SONG[-1:].ticks.tolist() == [4]
    for rows in (3, np.int64(3), [0, 1], (slice(None), 0)):
        with pytest.raises(MidiCodecError, match="expected a mask"):
            _ = SONG[rows]  # type: ignore[index]


def test_nothing_of_a_file_s_form_is_left_in_a_part() -> None:
    song = midicodec.load(LOADED)
    assert song.framing is not None
    for part in (song[:], song.select(channel=0), song + song, song.to_type_0()):
        assert part.framing is None
        assert build(part) == build(part, canonical=True)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickled_song_has_its_form_and_its_defects(protocol: int) -> None:
    for data in (LOADED, LOADED[:-1]):
        song = midicodec.load(data, errors="salvage")
        again = pickle.loads(pickle.dumps(song, protocol))
        assert again == song
        assert (again.framing, build(again)) == (song.framing, build(song))
        assert list(map(str, again.defects)) == list(map(str, song.defects))
        assert again.starts.tolist() == song.starts.tolist()
        with pytest.raises(ValueError, match="read-only"):
            again.records[0] = 0
