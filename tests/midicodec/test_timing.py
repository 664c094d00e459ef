"""The two clocks: ticks and tempo to seconds, and seconds back to ticks."""

from fractions import Fraction

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midicodec import DecodeError, MidiCodecError, Song

F6 = [0, 0xF6, 0, 0, 1]
END = mido.MetaMessage("end_of_track")


def clock(time=0):
    return mido.Message("clock", time=time)


def tempo(microseconds, time=0):
    return mido.MetaMessage("set_tempo", tempo=microseconds, time=time)


def start_seconds(song):
    """When each message is."""
    return song.start_seconds[song.starts].tolist()


def test_without_a_tempo_it_is_120_beats_a_minute():
    song = Song.from_messages([clock(96), clock(48), clock(0)], division=96)
    assert song.delta_seconds.tolist() == [0.5, 0.25, 0]
    assert start_seconds(song) == [0.5, 0.75, 0.75]
    assert song.duration_seconds == 0.75
    assert song.delta_seconds.dtype == song.start_seconds.dtype == np.float64


def test_a_tempo_holds_from_its_event_on():
    """Its own delta time, on both of its records, is still in the tempo before."""
    song = Song.from_messages([clock(96), tempo(1_000_000, 96), clock(96)], division=96)
    assert song.delta_seconds.tolist() == [0.5, 0.5, 0.5, 1.0]
    assert start_seconds(song) == [0.5, 1.0, 2.0]


def test_the_last_of_several_tempos_at_a_tick_holds():
    song = Song.from_messages([tempo(1), tempo(2_000_000), clock(96)], division=96)
    assert start_seconds(song) == [0, 0, 2.0]


def test_a_tempo_of_any_track_holds_for_all():
    song = Song.from_tracks([[clock(0), clock(192)], [tempo(250_000, 96)]], division=96)
    assert start_seconds(song) == [0, 0.5, 0.75]


@pytest.mark.parametrize(
    "data",
    [
        "ff 51 02 01 01",
        "ff 51 00",
        "ff 51 04 01 01 01 01",
        "ff 01 03 01 01 01",
        "ff",
        "90 51 03",  # a note
        "ff 01 06 ff 51 03 01 01 01",  # a text
    ],
)
def test_what_is_no_tempo_changes_none(data):
    song = Song.from_messages([bytes.fromhex(data), clock(96)], division=96)
    assert song.duration_seconds == 0.5


def test_a_tempo_of_0_stops_the_clock():
    song = Song.from_messages([tempo(0), clock(96), tempo(500_000), clock(96)], division=96)
    assert start_seconds(song) == [0, 0, 0, 0.5]


def test_in_type_2_each_track_has_a_tempo_of_its_own():
    tracks = [[tempo(1_000_000), clock(96)], [], [clock(96), tempo(250_000)], [clock(96)]]
    song = Song.from_tracks(tracks, division=96, smf_type=2)
    assert song.delta_seconds[song.starts].tolist() == [0, 1.0, 0.5, 0, 0.5]
    assert song.duration_seconds == 2.0


def test_type_2_as_type_0_sounds_the_same():
    tracks = [[tempo(1_000_000), clock(96), END], [clock(96), tempo(500_000)], [clock(96)]]
    song = Song.from_tracks(tracks, division=96, smf_type=2)
    single = song.to_type_0()
    assert single.to_messages() == [
        tempo(1_000_000), clock(96), tempo(500_000), clock(96), tempo(500_000), clock(96), END
    ]  # fmt: skip
    assert start_seconds(single) == [0, 1.0, 1.0, 1.5, 1.5, 2.0, 2.0]


def test_a_tempo_is_set_back_at_a_track_s_beginning_not_at_its_first_event():
    tracks = [[tempo(1_000_000), clock(96)], [clock(96)]]
    song = Song.from_tracks(tracks, division=96, smf_type=2)
    assert song.to_type_0().to_messages() == [
        tempo(1_000_000), clock(96), tempo(500_000), clock(96), END
    ]  # fmt: skip
    assert song.to_type_0().duration_seconds == song.duration_seconds == 1.5


@pytest.mark.parametrize(
    ("division", "ticks_per_second"),
    [(0xE728, 25 * 40), (0xE804, 24 * 4), (0xE250, 30 * 80), (0xE3FF, 30_000 / 1001 * 255)],
)
def test_smpte_s_ticks_are_parts_of_frames_whatever_the_tempo(division, ticks_per_second):
    song = Song.from_messages([clock(7), tempo(1), clock(1000)], division=division)
    assert start_seconds(song) == pytest.approx(
        [7 / ticks_per_second] * 2 + [1007 / ticks_per_second], rel=1e-14
    )
    with pytest.raises(MidiCodecError, match=f"{division:#06x} is SMPTE's: it has no beats"):
        _ = song.ticks_per_beat


@pytest.mark.parametrize(
    ("division", "expected"),
    [
        (0, "division of 0 ticks per beat"),
        (0xE700, r"found 25 and 0 \(0xe700\)"),
        (0xE628, r"found 26 and 40 \(0xe628\)"),
        (0xFFFF, "found 1 and 255"),
        (0x8000, "found 128 and 0"),
    ],
)
def test_a_division_that_gives_ticks_no_time(division, expected):
    song = Song([F6], [1], division=division)
    for name in ("delta_seconds", "start_seconds", "duration_seconds"):
        with pytest.raises(MidiCodecError, match=expected):
            getattr(song, name)
    assert Song([], [], division=division).duration_seconds == 0


def test_ticks_per_beat_are_the_division():
    assert [Song([], [], division=each).ticks_per_beat for each in (0, 1, 0x7FFF)] == [0, 1, 0x7FFF]


def test_from_seconds_sets_one_tempo_and_one_end():
    source = Song.from_messages(
        [clock(96), tempo(1_000_000, 96), END, mido.Message("sysex", data=range(9), time=96), END],
        division=96,
    )
    song = Song.from_seconds(
        source.records, source.delta_seconds, ticks_per_beat=100, microseconds_per_beat=250_000
    )
    assert song.to_messages() == [
        tempo(250_000),
        clock(200),
        mido.Message("sysex", data=range(9), time=600),
        END,
    ]
    assert (song.smf_type, song.division) == (0, 100)
    assert song.duration_seconds == source.duration_seconds == 2.0


def test_time_after_the_last_message_kept_is_kept():
    records = np.concatenate([[F6], Song.from_messages([tempo(1)]).records])
    song = Song.from_seconds(records, [0.5, 0.5, 99])  # a message's time stands at its first record
    assert song.to_messages() == [tempo(500_000), mido.Message("tune_request", time=480),
                                  END.copy(time=480)]  # fmt: skip


def test_nothing_becomes_a_tempo_and_an_end():
    assert Song.from_seconds([], []).to_messages() == [tempo(500_000), END]


@given(
    st.lists(st.floats(0, 10), max_size=30),
    st.integers(1, 0x7FFF),
    st.integers(1000, 0xFFFFFF),
)
def test_no_event_is_off_by_more_than_half_a_tick(seconds, ticks_per_beat, microseconds):
    song = Song.from_seconds(
        [F6] * len(seconds),
        seconds,
        ticks_per_beat=ticks_per_beat,
        microseconds_per_beat=microseconds,
    )
    second = Fraction(1_000_000 * ticks_per_beat, microseconds)  # in ticks
    now = Fraction(0)
    for tick, delta in zip(song.ticks[2:].tolist(), seconds, strict=False):
        now += Fraction(delta)
        assert abs(tick - now * second) <= Fraction(501, 1000)
    # And the ticks mean what was asked for.
    tick_seconds = microseconds * 1e-6 / ticks_per_beat
    assert song.duration_seconds == pytest.approx(sum(seconds), abs=0.501 * tick_seconds)


def test_rounding_does_not_add_up():
    """Each delta time is 0.4 ticks: rounded by themselves they would all be lost."""
    song = Song.from_seconds([F6] * 10_000, [0.4 / 960] * 10_000)
    assert song.ticks[-1] == 4000


@pytest.mark.parametrize("number", [np.int64, np.uint32, int])
def test_integers_of_any_kind_set_the_tempo(number):
    song = Song.from_seconds(
        [F6], [1], ticks_per_beat=number(96), microseconds_per_beat=number(400_000)
    )
    assert song.to_messages()[0] == tempo(400_000)
    assert song.duration_seconds == 1.0


def test_what_looks_like_an_end_of_track_or_a_tempo_is_kept():
    messages = [b"\x90\x2f\x00", b"\x90\x51\x03", b"\xff\x01\x06\xff\x51\x03\xff\x2f\x00"]
    source = Song.from_messages(messages)
    song = Song.from_seconds(source.records, source.delta_seconds)
    found = [bytes(each.bytes()) for each in song.to_messages()[1:-1]]
    assert found == messages


@pytest.mark.parametrize(("ticks_per_beat", "microseconds"), [(1, 2**24 - 1), (0x7FFF, 1)])
def test_the_limits_of_a_file_s_tempo_can_be_reached(ticks_per_beat, microseconds):
    song = Song.from_seconds(
        [F6], [50], ticks_per_beat=ticks_per_beat, microseconds_per_beat=microseconds
    )
    assert (song.division, song.to_messages()[0].tempo) == (ticks_per_beat, microseconds)


REFUSED = {
    "below 0": ([0, -1e-9], {}, "finite delta times ≥ 0"),
    "infinite": ([np.inf, 0], {}, "finite delta times ≥ 0"),
    "no number": ([np.nan, 0], {}, "finite delta times ≥ 0"),
    "None": ([None, 0], {}, "integers or floats, found object"),
    "text": (["0", "1"], {}, "integers or floats, found <U1"),
    "complex": ([0, 1j], {}, "integers or floats, found complex128"),
    "too few": ([0], {}, r"2 delta times, found shape \(1,\)"),
    "another shape": ([[0], [0]], {}, r"found shape \(2, 1\)"),
    "too late": ([1e300, 0], {}, r"less than 2\*\*53 ticks"),
    "too late together": ([1e308, 1e308], {}, r"less than 2\*\*53 ticks, found inf"),
    "no ticks": ([0, 0], {"ticks_per_beat": 0}, "1 to 32767 ticks per beat, found 0"),
    "too many ticks": ([2**53 / 960, 0], {}, r"less than 2\*\*53 ticks, found 9\.0072"),
    "what would be SMPTE": ([0, 0], {"ticks_per_beat": 0x8000}, "found 32768"),
    "SMPTE": ([0, 0], {"ticks_per_beat": 0xE728}, "found 59176"),
    "half a tick": ([0, 0], {"ticks_per_beat": 480.5}, r"found 480\.5"),
    "no tempo": ([0, 0], {"microseconds_per_beat": 0}, "1 to 16777215 microseconds.* found 0"),
    "over 24 bits": ([0, 0], {"microseconds_per_beat": 2**24}, "found 16777216"),
    "a float": ([0, 0], {"microseconds_per_beat": 5e5}, r"found 500000\.0"),
}


@pytest.mark.parametrize(("seconds", "options", "expected"), REFUSED.values(), ids=REFUSED)
def test_times_that_are_none_are_refused(seconds, options, expected):
    with pytest.raises(MidiCodecError, match=expected):
        Song.from_seconds([F6, F6], seconds, **options)


def test_records_that_make_no_message_are_refused():
    with pytest.raises(DecodeError, match="record 1"):
        Song.from_seconds([F6, [1, 0xF0, 1, 2, 3]], [0, 0])
