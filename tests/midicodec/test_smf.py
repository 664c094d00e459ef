"""load and save: from where, to where, in which form, and that nothing is lost between them."""

import io
import os

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import midicodec
from midicodec import EncodeError, MidiCodecError, SmfError, Song
from midicodec.pieces import rejoin

END = bytes.fromhex("ff 2f 00")
SONG = Song.from_messages(
    [mido.Message("note_on", note=60, time=0), mido.Message("note_off", note=60, time=480)]
)
FILE = bytes.fromhex(
    "4d546864 00000006 0000 0001 01e0 4d54726b 0000000d 00 90 3c 40 83 60 80 3c 40 00 ff 2f 00"
)


def song_of(*tracks, smf_type=1, division=480):
    """A song of tracks that are lists of (delta ticks, message's bytes)."""
    parts = [[Carrier(data, time) for time, data in track] for track in tracks]
    return Song.from_tracks(parts, division=division, smf_type=smf_type)


class Carrier:
    """Bytes and a time, as encode takes them from mido's messages; mido has no object for all."""

    def __init__(self, data, time):
        self.data = data
        self.time = time

    def bytes(self):
        return self.data


def tracks_of(song):
    """Track by track, absolute ticks and messages."""
    return [
        list(zip(each.ticks[each.starts].tolist(), rejoin(each.records, each.starts), strict=True))
        for each in song.split()
    ]


def saved(song):
    file = io.BytesIO()
    midicodec.save(song, file)
    return file.getvalue()


def test_every_way_in_and_out(tmp_path):
    path = tmp_path / "song.mid"
    for target in (path, str(path)):
        midicodec.save(SONG, target)
        assert path.read_bytes() == FILE == saved(SONG)
        path.write_bytes(b"old")
    path.write_bytes(FILE)
    with path.open("rb") as file:
        songs = [midicodec.load(each) for each in (path, str(path), FILE, file, io.BytesIO(FILE))]
    for song in songs:
        assert tracks_of(song) == [[(0, b"\x90\x3c\x40"), (480, b"\x80\x3c\x40"), (480, END)]]
        assert (song.smf_type, song.division) == (0, 480)


def test_errors_name_the_file_where_it_has_a_name(tmp_path):
    path = tmp_path / "no.mid"
    path.write_bytes(b"nonsense")
    with path.open("rb") as file, os.fdopen(os.dup(file.fileno()), "rb") as nameless:
        for source, name in [
            (path, str(path)),
            (str(path), str(path)),
            (file, str(path)),
            (nameless, None),
            (b"nonsense", None),
            (io.BytesIO(b"nonsense"), None),
        ]:
            nameless.seek(0)
            with pytest.raises(SmfError, match="byte 0: expected a MIDI file's header") as caught:
                midicodec.load(source)
            assert caught.value.path == name
            assert str(caught.value).startswith(f"{name}: byte 0" if name else "byte 0")


def test_what_cannot_be_opened_is_an_os_error(tmp_path):
    for path in (tmp_path / "nothing.mid", tmp_path):
        with pytest.raises(OSError, match=str(path)):
            midicodec.load(path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        midicodec.save(SONG, tmp_path / "nowhere" / "song.mid")


def test_text_mode_is_refused(tmp_path):
    path = tmp_path / "song.mid"
    path.write_text("text")
    with path.open() as file, pytest.raises(MidiCodecError, match="binary mode"):
        midicodec.load(file)


# Messages with delta ticks, and the track's chunk that they become
WRITTEN = {
    "running status": ([(0, "90 3c 40"), (1, "90 3c 00")], "00 90 3c 40 01 3c 00 00 ff 2f 00"),
    "not of another channel": ([(0, "c0 01"), (0, "c1 01")], "00 c0 01 00 c1 01 00 ff 2f 00"),
    "nor across a clock": ([(0, "c0 01"), (0, "f8"), (0, "c0 01")],
                           "00 c0 01 00 f8 00 c0 01 00 ff 2f 00"),
    "nor a meta event": ([(0, "c0 01"), (0, "ff 01 00"), (0, "c0 01")],
                         "00 c0 01 00 ff 01 00 00 c0 01 00 ff 2f 00"),
    "nor a sysex": ([(0, "c0 01"), (0, "f0 f7"), (0, "c0 01")],
                    "00 c0 01 00 f0 01 f7 00 c0 01 00 ff 2f 00"),
    "long delta times": ([(2**28 - 1, "f6"), (128, "f6")], "ff ff ff 7f f6 81 00 f6 00 ff 2f 00"),
    "an end of track of its own": ([(0, "f6"), (9, "ff 2f 00")], "00 f6 09 ff 2f 00"),
    "one that is not the last": ([(0, "ff 2f 00"), (9, "f6")], "00 ff 2f 00 09 f6 00 ff 2f 00"),
    "one with data": ([(1, "ff 2f 01 00")], "01 ff 2f 01 00"),
    "an open sysex and a packet": ([(0, "f0 01 02 03"), (5, "f7 02 04 f7")],
                                   "00 f0 03 01 02 03 05 f7 02 04 f7 00 ff 2f 00"),
    "a sysex of three bytes": ([(0, "f0 01 f7")], "00 f0 02 01 f7 00 ff 2f 00"),
    "an empty one": ([(0, "f0")], "00 f0 00 00 ff 2f 00"),
    "a system reset": ([(3, "ff")], "03 f7 01 ff 00 ff 2f 00"),
    "nothing": ([], "00 ff 2f 00"),
}  # fmt: skip


@pytest.mark.parametrize(("messages", "expected"), WRITTEN.values(), ids=WRITTEN)
def test_the_form_that_is_written(messages, expected):
    song = song_of([(time, bytes.fromhex(data)) for time, data in messages])
    body = bytes.fromhex(expected)
    header = bytes.fromhex("4d546864 00000006 0001 0001 01e0")
    assert saved(song) == header + b"MTrk" + len(body).to_bytes(4, "big") + body


def test_a_system_reset_comes_back_as_the_escape_it_was_written_as():
    again = midicodec.load(saved(song_of([(3, b"\xff")])))
    assert tracks_of(again) == [[(3, b"\xf7\x01\xff"), (3, END)]]
    assert midicodec.load(saved(again)) == again


def test_tracks_without_messages_are_written_where_others_follow():
    song = Song([[0, 0xF6, 0, 0, 1]], [7], [2], smf_type=1)
    again = midicodec.load(saved(song))
    assert tracks_of(again) == [[(0, END)], [(0, END)], [(7, b"\xf6"), (7, END)]]


@pytest.mark.parametrize("smf_type", [0, 1, 2])
def test_a_file_has_one_track_at_least(smf_type):
    empty = Song([], [], smf_type=smf_type, division=7)
    again = midicodec.load(saved(empty))
    assert tracks_of(again) == [[(0, END)]]
    assert (again.smf_type, again.division) == (smf_type, 7)


@pytest.mark.parametrize(
    ("song", "expected"),
    [
        (Song([[0, 0xF6, 0, 0, 1]], [2**28]), "message 0: .* at most 268435455 ticks.* 268435456"),
        (
            song_of([(0, b"\xf6")], [(9, b"\xf6"), (2**28, b"\xf6")]),
            "message 1: a delta .* 268435456",
        ),
        (Song([[0, 0xF6, 0, 0, 1]], [0], [65535], smf_type=1), "up to 65535 tracks, not 65536"),
        (Song([[0, 0xF6, 0, 0, 1]], [0], [2**31 - 1], smf_type=1), "not 2147483648"),
    ],
)
def test_what_a_file_cannot_hold_leaves_the_old_one(song, expected, tmp_path):
    path = tmp_path / "song.mid"
    path.write_bytes(b"old")
    file = io.BytesIO()
    for target in (path, file):
        with pytest.raises(EncodeError, match=expected):
            midicodec.save(song, target)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    assert file.getvalue() == b""


def test_a_file_may_have_65535_tracks():
    song = Song([[0, 0xF6, 0, 0, 1]], [0], [65534], smf_type=1)
    assert saved(song)[8:14].hex(" ") == "00 01 ff ff 01 e0"


def test_a_delta_time_fits_when_another_track_plays_in_between():
    half = 2**27
    song = song_of([(half, b"\xf6")], [(0, b"\xf8"), (2**28 - 1, b"\xf8")])
    assert tracks_of(midicodec.load(saved(song)))[1][1] == (2**28 - 1, b"\xf8")


data_bytes = st.binary(max_size=9).map(lambda data: bytes(each & 0x7F for each in data))
simple = st.one_of(
    st.tuples(st.integers(0x80, 0xBF), st.integers(0, 127), st.integers(0, 127)).map(bytes),
    st.tuples(st.integers(0xC0, 0xDF), st.integers(0, 127)).map(bytes),
    st.sampled_from([b"\xf6", b"\xf8", b"\xfe", b"\xf1\x01", b"\xf2\x01\x02", END]),
    data_bytes.map(lambda data: b"\xf0" + data + b"\xf7"),
)
any_kind = st.one_of(
    simple,
    data_bytes.map(lambda data: b"\xf0" + data),
    st.binary(max_size=9).map(lambda data: bytes([0xF7, len(data)]) + data),
    st.tuples(st.integers(0, 127), st.binary(max_size=9)).map(
        lambda meta: bytes([0xFF, meta[0], len(meta[1])]) + meta[1]
    ),
)


@st.composite
def songs(draw, messages):
    smf_type = draw(st.integers(0, 2))
    track = st.lists(st.tuples(st.sampled_from([0, 0, 1, 127, 128, 99_999]), messages), max_size=8)
    tracks = draw(st.lists(track, min_size=smf_type == 0, max_size=4 if smf_type else 1))
    return song_of(*tracks, smf_type=smf_type, division=draw(st.integers(0, 0xFFFF)))


def with_end(track):
    """The track as a file has it."""
    if track and track[-1][1][:2] == END[:2]:  # whatever its length says
        return track
    return [*track, (track[-1][0] if track else 0, END)]


@given(songs(any_kind))
def test_what_is_saved_is_loaded(song):
    again = midicodec.load(saved(song))
    assert tracks_of(again) == [with_end(track) for track in tracks_of(song) or [[]]]
    assert (again.smf_type, again.division) == (song.smf_type, song.division)
    # What has its ends, in the order that loading gives, is loaded as it was.
    assert midicodec.load(saved(again)) == again
    assert saved(again) == saved(song)


@given(songs(simple))
def test_mido_reads_what_is_saved(song):
    """An independent reader of what we write; it has objects for these messages."""
    file = mido.MidiFile(file=io.BytesIO(saved(song)))
    theirs = []
    for track in file.tracks:
        ticks = np.cumsum([each.time for each in track]).tolist()
        theirs.append([(at, bytes(each.bytes())) for at, each in zip(ticks, track, strict=True)])
    assert theirs == [with_end(track) for track in tracks_of(song) or [[]]]
    assert (file.type, file.ticks_per_beat & 0xFFFF) == (song.smf_type, song.division)
