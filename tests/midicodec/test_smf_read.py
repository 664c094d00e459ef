"""Reading: what is read in one way only is read, anything else is an SmfError, and nothing else."""

import struct
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import midicodec
from midicodec import SmfError
from midicodec.pieces import rejoin
from midicodec.smf_write import build

END = "00 ff 2f 00"


def chunk(kind, body):
    return kind + struct.pack(">I", len(body)) + body


def smf(*tracks, smf_type=0, count=None, division=96, extra=b""):
    """A file of tracks given in hex."""
    count = len(tracks) if count is None else count
    header = struct.pack(">HHH", smf_type, count, division) + extra
    chunks = [chunk(b"MThd", header), *(chunk(b"MTrk", bytes.fromhex(each)) for each in tracks)]
    return b"".join(chunks)


def riff(data, *, before=b"", claimed=None, kind=b"RMID"):
    body = kind + before + b"data" + struct.pack("<I", claimed or len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def events(song):
    """Track by track, absolute ticks and messages in hex."""
    return [
        [
            (tick, message.hex(" "))
            for tick, message in zip(
                track.ticks[track.starts].tolist(),
                rejoin(track.records, track.starts),
                strict=True,
            )
        ]
        for track in song.split()
    ]


# A track's bytes, and its events
LENIENT = {
    "running status": ("00 90 3c 40 60 3c 00", [(0, "90 3c 40"), (96, "90 3c 00")]),
    "of two bytes": ("00 c0 01 01 02", [(0, "c0 01"), (1, "c0 02")]),
    "across a meta event": (
        "00 90 3c 40 00 ff 01 01 41 01 3c 00",
        [(0, "90 3c 40"), (0, "ff 01 01 41"), (1, "90 3c 00")],
    ),
    "across a sysex and a packet": (
        "00 90 3c 40 00 f0 02 01 f7 00 f7 01 f8 01 3c 00",
        [(0, "90 3c 40"), (0, "f0 01 f7"), (0, "f7 01 f8"), (1, "90 3c 00")],
    ),
    "across a clock": (
        "00 90 3c 40 00 f8 01 3c 00",
        [(0, "90 3c 40"), (0, "f8"), (1, "90 3c 00")],
    ),
    "padded delta times": ("80 80 80 05 f6 80 00 f6", [(5, "f6"), (5, "f6")]),
    "a long delta time": ("ff ff ff 7f f6", [(2**28 - 1, "f6")]),
    "two of them": ("ff ff ff 7f f6 ff ff ff 7f f6", [(2**28 - 1, "f6"), (2**29 - 2, "f6")]),
    "a padded meta length": ("00 ff 01 80 01 41", [(0, "ff 01 01 41")]),
    "a padded sysex length": ("00 f0 80 80 02 01 f7", [(0, "f0 01 f7")]),
    "a padded packet length": ("00 f7 80 01 ff", [(0, "f7 01 ff")]),
    "no end of track": ("00 f6", [(0, "f6")]),
    "events after it": ("00 ff 2f 00 05 f6", [(0, "ff 2f 00"), (5, "f6")]),
    "two of them in a row": (f"{END} {END}", [(0, "ff 2f 00")] * 2),
    "one that has data": ("00 ff 2f 01 00", [(0, "ff 2f 01 00")]),
    "system messages as they are": (
        "00 f1 01 00 f2 01 02 00 f3 01 00 f6 00 fe",
        [(0, "f1 01"), (0, "f2 01 02"), (0, "f3 01"), (0, "f6"), (0, "fe")],
    ),
    "a sysex in packets": (
        "00 f0 03 01 02 03 0a f7 02 04 f7",
        [(0, "f0 01 02 03"), (10, "f7 02 04 f7")],
    ),
    "an empty sysex": ("00 f0 00", [(0, "f0")]),
    "an empty packet": ("00 f7 00", [(0, "f7 00")]),
    "a sysex that holds what none may": ("07 f0 03 f8 01 f7", [(7, "f0"), (7, "f7 03 f8 01 f7")]),
    "a reset, escaped": ("00 f7 01 ff", [(0, "f7 01 ff")]),
    "a meta event of no known type": ("00 ff 7e 01 ff", [(0, "ff 7e 01 ff")]),
    "no events": ("", []),
}  # fmt: skip


@pytest.mark.parametrize(("track", "expected"), LENIENT.values(), ids=LENIENT)
def test_tracks_that_can_be_read(track, expected):
    song = midicodec.load(smf(track))
    # A track without events leaves no trace in a song's columns.
    assert events(song) == ([expected] if expected else [])
    assert (song.smf_type, song.division) == (0, 96)


ONE = "00 f6"
CONTAINERS = {
    "a longer header": smf(ONE, extra=b"\x01\x02\x03"),
    "an alien chunk before": smf(count=1) + chunk(b"XFIH", b"MTrk") + smf(ONE)[14:],
    "an empty one": smf(count=1) + chunk(b"Void", b"") + smf(ONE)[14:],
    "fewer tracks than it says": smf(ONE, count=65535),
    "a type there is not": smf(ONE, smf_type=3),
    "a header that takes the track in": smf(ONE)[:7] + b"\x22" + smf(ONE)[8:],
    "a track longer than the file": smf(ONE + END)[:21] + b"\xff" + smf(ONE + END)[22:],
    "junk after": smf(ONE) + b"MTrk, and what else there is",
    "another track, which the header does not count": smf(ONE) + smf(ONE)[14:],
    "a RIFF container": riff(smf(ONE)),
    "with another chunk, of odd length": riff(smf(ONE), before=b"DISP\x03\0\0\0abc\0"),
    "that claims more than there is": riff(smf(ONE), claimed=2**32 - 1),
    "with junk after": riff(smf(ONE)) + b"\0LIST",
}


@pytest.mark.parametrize("data", CONTAINERS.values(), ids=CONTAINERS)
def test_files_that_can_be_read(data):
    song = midicodec.load(data)
    assert events(song)[0][0] == (0, "f6")
    assert events(song)[0][1:] in ([], [(0, "ff 2f 00")])
    assert (song.division, len(song.split())) == (96, 1)
    assert song.smf_type == (1 if data[8:10] == b"\0\3" or data[10:12] == b"\xff\xff" else 0)
    assert build(song) == data


def test_several_tracks_of_type_0_are_type_1():
    song = midicodec.load(smf("02 f6", "01 f8", smf_type=0))
    assert song == midicodec.load(smf("02 f6", "01 f8", smf_type=1))
    assert song.smf_type == 1
    assert (song.track.tolist(), song.delta_ticks.tolist()) == ([1, 0], [1, 1])


def test_tracks_of_type_1_are_merged_by_tick_then_track_and_of_type_2_are_not():
    tracks = ["00 f6 02 f0 04 01 02 03 f7 00 f6", "00 f8 01 f8 01 f8"]
    merged = midicodec.load(smf(*tracks, smf_type=1))
    assert merged.track.tolist() == [0, 1, 1, 0, 0, 0, 1]
    assert merged.ticks.tolist() == [0, 0, 1, 2, 2, 2, 2]
    assert merged.delta_ticks.tolist() == [0, 0, 1, 1, 1, 0, 0]
    apart = midicodec.load(smf(*tracks, smf_type=2))
    assert apart.track.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert apart.delta_ticks.tolist() == [0, 2, 2, 0, 0, 1, 1]
    assert events(merged) == events(apart)


# Bytes; and of the error offset, expected, found. A track's first byte is the file's 23rd.
ERRORS = {
    "nothing": (b"", 0, "MThd", "the end of the file"),
    "text": (b"not MIDI", 0, "MThd", "b'not '"),
    "a beginning": (b"MTh", 0, "MThd", "b'MTh'"),
    "no header's length": (b"MThd\0\0", 0, "a chunk, from 8 bytes on", "6 bytes"),
    "a header cut off": (smf(ONE)[:12], 8, "a header of 6 bytes or more", "one of 4"),
    "a short header": (chunk(b"MThd", b"\0\1\0\1"), 8, "6 bytes or more", "one of 4"),
    "a header longer than the file": (
        chunk(b"MThd", bytes(9))[:-1], 8, "9 bytes in the chunk b'MThd'", "8 up to the end",
    ),
    "an alien chunk, cut off": (
        smf(count=1) + chunk(b"XFIH", b"12")[:-1], 22, "2 bytes in the chunk b'XFIH'", "1 up to",
    ),
    "half a chunk": (smf(ONE, count=2) + b"MTrk\0", 24, "a chunk, from 8 bytes on", "5 bytes"),
    "a track cut off": (smf(ONE)[:-1], 22, "a whole event", "end of the track's chunk"),
    "a chunk with no name": (smf(count=1) + b"\xff" * 8, 14, "a chunk", r"b'\xff\xff\xff\xff'"),
    "RIFF without data": (riff(b"")[:-8], 12, "a data chunk", "the end of the file"),
    "RIFF of sound": (riff(smf(ONE), kind=b"WAVE"), 0, "MThd", "b'RIFF'"),
    "RIFF, nothing in it": (riff(b""), 20, "MThd", "the end of the file"),
    "RIFF, cut in the name": (riff(smf(ONE), claimed=2), 20, "MThd", "b'MT'"),
    "RIFF, cut in the track": (riff(smf(ONE), claimed=23), 42, "a whole event", "end of the"),
    "no status": (smf("00 3c 40"), 23, "a status byte", "3c"),
    "none after a system common message": (smf("00 90 3c 40 00 f6 00 3c 40"), 29, "status", "3c"),
    "undefined": (smf("00 f6 00 f4"), 25, "a status that is defined", "f4"),
    "undefined, of realtime's": (smf("00 fd"), 23, "a status that is defined", "fd"),
    "a status for data": (smf("00 90 3c 80 00 f6"), 24, "data bytes below 80", "3c 80 after 90"),
    "the same, running": (smf("00 c0 05 00 06 00 c0 c0"), 29, "data bytes", "c0 after c0"),
    "a message cut off": (smf("00 f6 00 90 3c"), 24, "a whole event", "end of the track's chunk"),
    "a delta time alone": (smf("00 f6 05"), 24, "a whole event", "end of the track's chunk"),
    "half of one": (smf("00 f6 85"), 24, "a whole event", "end of the track's chunk"),
    "one too large": (smf("81 80 80 80 00 f6"), 22, "of up to 268435455", "81 80 80 80 00"),
    "padded, and without an end": (smf("80 " * 9), 22, "a whole event", "end of the track's"),
    "a meta event cut off": (smf("00 ff"), 22, "a whole event", "end of the track's chunk"),
    "before its length": (smf("00 ff 01"), 22, "a whole event", "end of the track's chunk"),
    "a meta event's type": (smf("00 ff 80 00"), 24, "type, below 80", "80"),
    "its length": (smf("00 ff 01 03 41"), 26, "3 bytes in the event ff 01", "1 up to the end"),
    "a sysex's": (smf("00 f0 7f f7"), 25, "127 bytes in the event f0", "1 up to the end"),
    "a packet's": (smf("00 f7 01"), 25, "1 bytes in the event f7", "0 up to the end"),
    "its length padded": (smf("00 f7 80 80 80 80 01"), 29, "1 bytes in the event f7", "0 up to"),
    "in the second track": (smf(ONE, "00 f4", smf_type=1), 33, "status that is defined", "f4"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "offset", "expected", "found"), ERRORS.values(), ids=ERRORS)
def test_errors_say_where_and_what(data, offset, expected, found):
    with pytest.raises(SmfError) as caught:
        midicodec.load(data)
    error = caught.value
    assert (error.path, error.offset) == (None, offset)
    assert expected in error.expected
    assert found in error.found
    assert str(error) == f"byte {offset}: expected {error.expected}, found {error.found}"


RICH = smf(
    "00 ff 51 03 07 a1 20 00 ff 58 04 04 02 18 08 " + END,
    "00 ff 03 81 00" + "41" * 128 + "00 c0 05 83 60 90 3c 40 10 3c 00 00 b0 07 64 " + END,
    "05 f0 05 7e 7f 09 01 f7 00 f0 03 01 02 03 01 f7 02 04 f7 00 f7 01 ff 00 f8 00 f2 01 02 " + END,
    smf_type=1,
)


def loads(data):
    """Load it or fail as promised; what loads also survives the way to a file and back."""
    try:
        midicodec.load(data)
    except SmfError as error:
        problem, inside = str(error), 0 <= error.offset <= len(data)
    else:
        assert build(midicodec.load(data)) == data
        return True
    assert inside, problem
    return False


@pytest.mark.parametrize("whole", [RICH, riff(RICH)], ids=["plain", "RIFF"])
def test_a_file_that_ends_anywhere(whole):
    """Between two events all is told apart, within one it is not."""
    song = midicodec.load(RICH)
    found = [end for end in range(len(whole) + 1) if loads(whole[:end])]
    # Behind the header, behind each track's first eight bytes, and behind each event.
    assert len(found) == 1 + 3 + len(rejoin(song.records, song.starts))
    assert found[-1] == len(whole)
    assert found[0] == len(whole) - len(RICH) + 14


def test_a_file_with_any_byte_changed():
    outcomes = set()
    for at in range(len(RICH)):
        for byte in {0x00, 0x7F, 0x80, 0xF0, 0xF7, 0xFF, RICH[at] ^ 1} - {RICH[at]}:
            outcomes.add(loads(RICH[:at] + bytes([byte]) + RICH[at + 1 :]))
    assert outcomes == {False, True}


@given(st.binary(max_size=64))
def test_bytes_of_any_kind(data):
    loads(data)
    loads(smf(data.hex()))


@given(st.lists(st.tuples(st.integers(0, len(RICH)), st.integers(0, 9), st.binary(max_size=9))))
@example([(8, 2, b"\0\2")])
def test_a_file_with_many_changes(edits):
    data = RICH
    for at, removed, inserted in edits:
        data = data[:at] + inserted + data[at + removed :]
    loads(data)


HUGE = {
    "header": b"MThd\xff\xff\xff\xff" + bytes(64),
    "track": smf(count=1) + b"MTrk\xff\xff\xff\xff" + bytes(64),
    "alien chunk": smf(count=1) + b"XXXX\xff\xff\xff\xff" + bytes(64),
    "meta event": smf("00 ff 01 ff ff ff 7f 41"),
    "sysex": smf("00 f0 ff ff ff 7f 41"),
    "packet": smf("00 f7 ff ff ff 7f 41"),
    "RIFF": b"RIFF\xff\xff\xff\xffRMIDLIST\xff\xff\xff\xff" + bytes(64),
    "RIFF data": riff(smf("00 f4", count=65535), claimed=2**32 - 1),
    "padded quantity": smf("80" * 100),
}


@pytest.mark.parametrize("data", HUGE.values(), ids=HUGE)
def test_a_length_that_is_only_claimed_takes_no_memory(data):
    tracemalloc.start()
    try:
        with pytest.raises(SmfError):
            midicodec.load(data)
        midicodec.load(data, errors="salvage")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200_000


def test_tracks_that_are_only_claimed_take_no_memory():
    tracemalloc.start()
    try:
        assert len(midicodec.load(smf(count=65535))) == 0
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200_000
