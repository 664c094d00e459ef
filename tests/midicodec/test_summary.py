"""What people read about a song."""

import mido
import pytest

from midicodec import Song
from midicodec.encode import encode
from midicodec.records import KINDS
from midicodec.summary import META_NAMES, kind_of, summarize


def test_a_summary():
    song = Song.from_tracks(
        [
            [mido.MetaMessage("set_tempo", tempo=400_000)],
            [
                mido.Message("note_on", note=60),
                mido.Message("note_on", note=64),
                mido.Message("sysex", data=range(9), time=96_000),
            ],
        ],
        division=480,
    )
    assert summarize(song).splitlines() == [
        "type 1, 2 tracks, 480 ticks per beat",
        "4 messages in 8 records",
        "1:20.000 minutes, 150.0 beats per minute",
        "       2  note on",
        "       1  set tempo",
        "       1  sysex",
    ]


def test_one_of_each_and_none():
    assert summarize(Song([[0, 0xF6, 0, 0, 1]], [0])).splitlines()[:2] == [
        "type 0, 1 track, 480 ticks per beat",
        "1 message in 1 record",
    ]
    assert summarize(Song([], [], smf_type=2)).splitlines() == [
        "type 2, 0 tracks, 480 ticks per beat",
        "0 messages in 0 records",
        "0:00.000 minutes, 120.0 beats per minute",
    ]


@pytest.mark.parametrize(
    ("division", "expected"),
    [
        (96, "96 ticks per beat"),
        (0xE728, "SMPTE: 25 frames, 40 ticks per frame"),
        (0xE250, "SMPTE: 30 frames, 80 ticks per frame"),
    ],
)
def test_divisions(division, expected):
    assert summarize(Song([], [], division=division)).splitlines()[0].endswith(expected)


@pytest.mark.parametrize(
    ("ticks", "exact", "short"),
    [
        (1_199_980, "0:59.999", "1:00.0"),
        (1_199_991, "1:00.000", "1:00.0"),
        (1_200_000, "1:00.000", "1:00.0"),
        (2_399_999, "2:00.000", "2:00.0"),
        (1_202_500, "1:00.125", "1:00.1"),
    ],
)
def test_seconds_are_never_sixty(ticks, exact, short):
    song = Song([[0, 0xF6, 0, 0, 1]], [ticks], division=10_000)
    assert f"\n{exact} minutes" in summarize(song)
    assert f", {short} minutes>" in repr(song)


def test_a_song_without_a_duration():
    song = Song([[0, 0xF6, 0, 0, 1]], [5], division=0)
    assert "no duration (a division of 0 ticks per beat" in summarize(song)


@pytest.mark.parametrize(
    ("tempos", "expected"),
    [
        ([], "120.0"),
        ([500_000, 500_000], "120.0"),
        ([1_000_000], "60.0"),
        ([400_000, 1_000_000, 500_000], "60.0 to 150.0"),
        ([0, 500_000], "120.0 to infinitely many"),
    ],
)
def test_tempos_from_the_slowest_to_the_fastest(tempos, expected):
    song = Song.from_messages([mido.MetaMessage("set_tempo", tempo=each) for each in tempos])
    assert f", {expected} beats per minute\n" in summarize(song) + "\n"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("8f 01 02", "note off"),
        ("b0 07 64", "control change"),
        ("f8", "timing clock"),
        ("ff", "system reset"),
        ("ff 2f 00", "end of track"),
        ("ff 51 03 07 a1 20", "set tempo"),
        ("ff 7e 00", "meta 7e"),
        ("f0 f7", "sysex"),
        ("f7 01 f8", "packet or escape"),
    ],
)
def test_what_messages_are_called(data, expected):
    assert kind_of(bytes.fromhex(data)) == expected


def test_every_message_has_a_name():
    for status, kind in KINDS.items():
        message = bytes([status]) + bytes(kind.length - 1)
        encode([message])  # it is one
        assert kind_of(message) == kind.name


META_MESSAGES = {
    "sequence_number": "sequence number",
    "text": "text",
    "copyright": "copyright",
    "track_name": "track name",
    "instrument_name": "instrument name",
    "lyrics": "lyric",
    "marker": "marker",
    "cue_marker": "cue point",
    "device_name": "device name",
    "channel_prefix": "channel prefix",
    "midi_port": "port",
    "end_of_track": "end of track",
    "set_tempo": "set tempo",
    "smpte_offset": "SMPTE offset",
    "time_signature": "time signature",
    "key_signature": "key signature",
    "sequencer_specific": "sequencer-specific",
}


@pytest.mark.parametrize(("theirs", "ours"), META_MESSAGES.items())
def test_meta_events_are_called_as_mido_calls_them(theirs, ours):
    assert kind_of(bytes(mido.MetaMessage(theirs).bytes())) == ours


def test_no_name_is_left_out():
    assert set(META_NAMES.values()) == {*META_MESSAGES.values(), "program name"}
    assert META_NAMES[8] == "program name"  # MIDI's recommended practice RP-019, not in mido
