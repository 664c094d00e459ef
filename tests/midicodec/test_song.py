"""Song: what its columns must be, and messages, tracks and selections of it."""

import pickle

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midicodec import DecodeError, EncodeError, MidiCodecError, Song

F6 = [0, 0xF6, 0, 0, 1]
SYSEX = [[1, 0xF0, 1, 2, 3], [1, 0xF7, 0, 0, 1]]
END = mido.MetaMessage("end_of_track")


def note(number, time=0):
    return mido.Message("note_on", note=number, time=time)


def tempo(microseconds, time=0):
    return mido.MetaMessage("set_tempo", tempo=microseconds, time=time)


TWO_TRACKS = [[tempo(400_000), note(1, 10), note(2, 10)], [note(11, 10), note(12, 5), END]]


def test_columns_are_what_was_given_of_fixed_types():
    song = Song([F6, *SYSEX], [3, 4, 4], [1, 0, 0], division=96, smf_type=1)
    assert song.records.tolist() == [F6, *SYSEX]
    assert song.delta_ticks.tolist() == [3, 4, 4]
    assert song.track.tolist() == [1, 0, 0]
    assert song.starts.tolist() == [True, True, False]
    assert song.ticks.tolist() == [3, 7, 7]
    assert (song.division, song.smf_type, len(song)) == (96, 1, 3)
    kinds = [song.records.dtype, song.delta_ticks.dtype, song.track.dtype, song.ticks.dtype]
    assert kinds == [np.uint8, np.int64, np.int32, np.int64]


def test_defaults_and_numpy_s_integers():
    song = Song([F6], [0])
    assert (song.track.tolist(), song.division, song.smf_type) == ([0], 480, 0)
    other = Song(
        np.array([F6], np.int32), np.zeros(1, np.uint8), division=np.uint16(480), smf_type=np.int8()
    )
    assert song == other
    assert [type(other.division), type(other.smf_type)] == [int, int]


def test_a_song_keeps_its_own_columns_and_nobody_writes_to_them():
    records, delta, track = np.array([F6], np.uint8), np.array([1]), np.array([0], np.int32)
    song = Song(records, delta, track)
    records[0], delta[0], track[0] = 0, 9, 9
    assert song == Song([F6], [1])
    for name in ("records", "delta_ticks", "track", "starts", "ticks", "delta_seconds",
                 "start_seconds", "channel_messages"):  # fmt: skip
        with pytest.raises(ValueError, match="read-only"):
            getattr(song, name)[0] = 0
        with pytest.raises(AttributeError):
            setattr(song, name, None)


REFUSED = {
    "records of another shape": (([[1, 2]], [0]), {}, r"shape \(…, 5\), found \(1, 2\)"),
    "of other values": (([[0, 300, 0, 0, 1]], [0]), {}, "found 0 to 300"),
    "half a message": ((SYSEX[1:], [0]), {}, "record 0 .*never began"),
    "the other half": (([[1, 0xFF, 1, 9, 3]], [0]), {}, "record 0 .*cut short"),
    "no message": (([F6, [0, 0xF4, 0, 0, 1]], [0, 0]), {}, "record 1 .*f4 is not defined"),
    "too few times": (([F6], []), {}, r"delta_ticks of shape \(1,\), found \(0,\)"),
    "times with axes": (([F6], [[0]]), {}, r"found \(1, 1\)"),
    "times that are floats": (([F6], [1.0]), {}, "integers, found dtype float64"),
    "that are none": (([F6], [None]), {}, "integers, found dtype object"),
    "that are below 0": (([F6], [-1]), {}, "from 0 to 9223372036854775807, found -1 to -1"),
    "that are huge": (([F6], np.array([2**63], np.uint64)), {}, "found 9223372036854775808"),
    "that are huge together": (([F6, F6], [2**62, 2**62]), {}, r"less than 2\*\*63 ticks"),
    "a torn message": ((SYSEX, [1, 0]), {}, "record 1: expected the delta time"),
    "torn over tracks": ((SYSEX, [0, 0], [0, 1]), {"smf_type": 1}, "record 1: expected the delta"),
    "too many tracks": (([F6], [0], [0, 1]), {}, r"track of shape \(1,\), found \(2,\)"),
    "a track below 0": (([F6], [0], [-1]), {"smf_type": 1}, "track from 0 to 2147483647"),
    "a track over all": (([F6], [0], [2**31]), {"smf_type": 1}, "found 2147483648"),
    "a second track in type 0": (([F6], [0], [1]), {}, "one track, 0, in type 0, found track 1"),
    "type 2, mixed": (([F6] * 3, [0] * 3, [0, 1, 0]), {"smf_type": 2}, "one after another"),
    "type 3": (([F6], [0]), {"smf_type": 3}, "type 0, 1 or 2, found 3"),
    "no type": (([F6], [0]), {"smf_type": None}, "found None"),
    "a division below 0": (([F6], [0]), {"division": -1}, "division from 0 to 65535, found -1"),
    "over 16 bits": (([F6], [0]), {"division": 65536}, "found 65536"),
    "that is a float": (([F6], [0]), {"division": 96.0}, r"found 96\.0"),
}


@pytest.mark.parametrize(("columns", "options", "expected"), REFUSED.values(), ids=REFUSED)
def test_columns_that_do_not_fit_are_refused(columns, options, expected):
    with pytest.raises(MidiCodecError, match=expected):
        Song(*columns, **options)


def test_records_that_make_no_message_are_a_decode_error_with_the_record():
    with pytest.raises(DecodeError) as caught:
        Song([F6, [0, 0xF4, 0, 0, 1]], [0, 0])
    assert (caught.value.index, caught.value.record) == (1, b"\0\xf4\0\0\1")


def test_a_long_message_s_time_counts_once():
    most = 2**63 - 1
    song = Song(SYSEX, [most, most])
    assert song.ticks.tolist() == [most, most]


def test_equal_songs_and_others():
    song = Song([F6, F6], [1, 2], [0, 1], smf_type=1)
    assert song == Song([F6, F6], [1, 2], [0, 1], smf_type=1)
    for other in (
        Song([F6, [0, 0xF8, 0, 0, 1]], [1, 2], [0, 1], smf_type=1),
        Song([F6, F6], [1, 3], [0, 1], smf_type=1),
        Song([F6, F6], [1, 2], [1, 0], smf_type=1),
        Song([F6, F6], [1, 2], [0, 1], smf_type=2),
        Song([F6, F6], [1, 2], [0, 1], smf_type=1, division=96),
        Song([F6], [1], [0], smf_type=1),
        "a song",
    ):
        assert song != other
    with pytest.raises(TypeError, match="unhashable"):
        hash(song)
    assert pickle.loads(pickle.dumps(song)) == song


def test_what_a_song_says_of_itself():
    song = Song([F6, *SYSEX], [0, 0, 0], [0, 3, 3], smf_type=1)
    said = "<Song type 1, 2 tracks, 2 messages in 3 records, division 480, 0:00.0 minutes>"
    assert repr(song) == said
    one = Song([F6], [960 * 75])
    said = "<Song type 0, 1 track, 1 message in 1 record, division 480, 1:15.0 minutes>"
    assert repr(one) == said
    timeless = Song([F6], [1], division=0)
    assert repr(timeless) == "<Song type 0, 1 track, 1 message in 1 record, division 0>"


def test_messages_make_the_round_trip():
    messages = [tempo(1), note(60, 5), mido.Message("sysex", data=range(9), time=7), END]
    song = Song.from_messages(messages, division=96)
    assert (song.smf_type, song.division) == (0, 96)
    assert song.to_messages() == messages
    assert song.to_tracks() == [messages]
    assert song == Song.from_tracks([messages], division=96, smf_type=0)
    assert Song.from_messages(iter([b"\xf6"])) == Song([F6], [0])


def test_tracks_are_merged_by_tick_then_track():
    song = Song.from_tracks(TWO_TRACKS)
    assert song.smf_type == 1
    order = [(m.type, getattr(m, "note", None), m.time) for m in song.to_messages()]
    assert order == [
        ("set_tempo", None, 0),
        ("note_on", 1, 10),
        ("note_on", 11, 0),
        ("note_on", 12, 5),
        ("end_of_track", None, 0),
        ("note_on", 2, 5),
    ]
    assert song.track.tolist() == [0, 0, 0, 1, 1, 1, 0]  # set tempo has two records
    assert song.to_tracks() == TWO_TRACKS


def test_tracks_of_type_2_follow_one_another():
    song = Song.from_tracks(TWO_TRACKS, smf_type=2)
    assert song.track.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert song.ticks.tolist() == [0, 0, 10, 20, 30, 35, 35]
    assert song.to_tracks() == TWO_TRACKS
    assert song.to_messages() == TWO_TRACKS[0] + TWO_TRACKS[1]


def test_tracks_may_be_empty():
    assert Song.from_tracks([]) == Song([], [], division=480, smf_type=1)
    assert Song.from_tracks([[], [note(1)]]).to_tracks() == [[], [note(1)]]
    with pytest.raises(MidiCodecError, match="one track"):
        Song.from_tracks(TWO_TRACKS, smf_type=0)


def test_errors_count_within_their_track():
    with pytest.raises(EncodeError, match="f4 is not defined") as caught:
        Song.from_tracks([[b"\xf6"] * 5, [b"\xf6", b"\xf4"]])
    assert caught.value.index == 1


def test_messages_that_mido_has_no_object_for():
    song = Song.from_tracks([[b"\xf7\x01\xf8", b"\xf6"]])
    for give in (song.to_messages, song.to_tracks):
        with pytest.raises(DecodeError, match="mido refuses it"):
            give()
    assert song.to_messages(errors="skip") == [mido.Message("tune_request")]
    assert song.to_tracks(errors="skip") == [[mido.Message("tune_request")]]


def test_channel_messages():
    messages = [b"\x80\0\0", b"\xef\0\0", b"\xf0\x01\x02\x03\xf7", b"\xff\x01\x01\x41", b"\xff",
                b"\xf7\x02\x90\x91", b"\xf8", b"\xc0\x05"]  # fmt: skip
    song = Song.from_messages(messages)
    # Of the packet, the second record begins with 91: it is no message's first.
    assert np.flatnonzero(song.channel_messages).tolist() == [0, 1, 10]
    picked = song.select(song.channel_messages)
    assert [bytes(each.bytes()) for each in picked.to_messages()] == [
        b"\x80\0\0",
        b"\xef\0\0",
        b"\xc0\x05",
    ]


def test_what_is_selected_stays_at_its_tick_and_is_whole():
    song = Song.from_messages([note(1, 5), mido.Message("sysex", data=range(9), time=5), END])
    mask = song.starts.copy()
    mask[0] = False
    assert song.select(mask).to_messages() == [song.to_messages()[1].copy(time=10), END]
    # Only a message's first record picks it.
    assert song.select(~song.starts).to_messages() == []
    assert song.select(np.ones(len(song), bool)) == song
    assert len(song.select(np.zeros(len(song), bool))) == 0


def test_in_type_2_each_track_keeps_its_own_ticks():
    song = Song.from_tracks(TWO_TRACKS, division=96, smf_type=2)
    picked = song.select(song.channel_messages & (song.records[:, 2] % 10 == 2))
    assert picked.to_tracks() == [[note(2, 20)], [note(12, 15)]]
    assert (picked.smf_type, picked.division) == (2, 96)


@pytest.mark.parametrize("mask", [[True], [1, 0], [[True, False]], [None, None], [0.5, 1]])
def test_a_mask_is_one_bool_a_record(mask):
    with pytest.raises(MidiCodecError, match="a mask of 2 bools"):
        Song([F6, F6], [0, 0]).select(mask)


def test_to_type_0_has_one_track_and_one_end():
    song = Song.from_tracks([[note(1, 3), END.copy(time=9)], [END, note(2, 5)]], division=96)
    single = song.to_type_0()
    assert single.to_messages() == [note(1, 3), note(2, 2), END.copy(time=7)]
    assert (single.smf_type, single.division, single.track.tolist()) == (0, 96, [0, 0, 0])
    assert single.to_type_0() == single
    assert Song([], [], smf_type=1).to_type_0().to_messages() == [END]


deltas = st.lists(st.integers(0, 500), max_size=9)


@given(st.lists(deltas, max_size=4), st.sampled_from([1, 2]))
def test_columns_and_tracks_hold_the_same(many, smf_type):
    messages = [[note(at % 128, delta) for at, delta in enumerate(each)] for each in many]
    song = Song.from_tracks(messages, smf_type=smf_type)
    while messages and not messages[-1]:
        messages.pop()  # it leaves no trace in the columns
    assert song.to_tracks() == messages
    assert Song.from_tracks(song.to_tracks(), smf_type=smf_type) == song
    single = song.to_type_0()
    assert sorted(m.note for m in single.to_messages()[:-1]) == sorted(
        m.note for m in song.to_messages()
    )
    assert single.ticks[-1] == song.ticks.max(initial=0)
