"""The native core and Python give the same: columns, framing, bytes, records, messages, errors."""

import os
import random
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import mido
import numpy as np
import pytest

import midicodec
from midicodec import MidiCodecError, Song, native
from midicodec.smf_read import parse
from midicodec.smf_write import build

CORE, MESSAGES = native.smf, native.messages
pytestmark = pytest.mark.skipif(not native.NATIVE, reason="the native core is not built here")


def both(function: Callable, *arguments: object, **options: object) -> tuple[object, object]:
    """What it returns, or raises, with the native core and without it."""
    results = []
    for smf, messages in ((CORE, MESSAGES), (None, None)):
        native.smf, native.messages = smf, messages
        try:
            results.append(function(*arguments, **options))
        except MidiCodecError as error:
            results.append((type(error), error.args))
        finally:
            native.smf, native.messages = CORE, MESSAGES
    return results[0], results[1]


def everything(song: Song) -> tuple[object, ...]:
    columns = (song.records, song.delta_ticks, song.track, song.starts)
    kinds = [(each.dtype, each.shape, each.flags.writeable) for each in columns]
    return ([each.tobytes() for each in columns], kinds, song.division, song.smf_type,
            song.framing, tuple(map(str, song.defects)))  # fmt: skip


def same_of(data: bytes) -> bool:
    """Whether it can be read; by both in the same way."""
    mine, other = both(lambda: everything(parse(data)))
    assert mine == other
    mine, other = both(lambda: everything(parse(data, salvage=True)))
    assert mine == other
    try:
        song = parse(data)
    except midicodec.SmfError:
        return False
    for canonical in (False, True):
        mine, other = both(build, song, canonical=canonical)
        assert mine == other
    assert build(song) == data
    return True


@pytest.mark.parametrize("folder", ["e_midi", "groove", "odd", "openhymnal"])
def test_real_files(folder: str, corpus: Path) -> None:
    paths = [path for path in (corpus / folder).iterdir() if path.stat().st_size < 20_000]
    assert len(paths) >= 5
    assert sum(same_of(path.read_bytes()) for path in paths) >= len(paths) - 5


@pytest.mark.parametrize("folder", ["freedoom", "giantmidi", "simutrans"])
def test_large_real_files(folder: str, corpus: Path) -> None:
    assert same_of(min((corpus / folder).iterdir(), key=lambda path: path.stat().st_size)
                   .read_bytes())  # fmt: skip


def test_mutated_files(corpus: Path) -> None:
    dice = random.Random(1)
    small = sorted(path for path in corpus.rglob("*.mid") if 0 < path.stat().st_size < 600)
    assert len(small) > 20
    outcomes = []
    for path in small * 25:
        data = bytearray(path.read_bytes())
        for _ in range(dice.randint(1, 3)):
            at = dice.randrange(len(data))
            piece = dice.choice([b"", bytes([dice.randrange(256)]), b"\0\xff\x2f\0", b"MTrk",
                                 b"\x80", b"Abcd\0\0\0\0", b"\xf0\x02\x90\xf7"])  # fmt: skip
            data[at : at + dice.randint(0, 2)] = piece
        outcomes.append(same_of(bytes(data)))
    assert outcomes.count(True) > 100
    assert outcomes.count(False) > 100


ONE = bytes.fromhex("4d546864 00000006 0001 0001 0060")
# Where the core must not take another chunk for events behind an end of track
TRACKS = {
    "a chunk in a chunk": "00 90 3c 40 00 ff 2f 00 4d 54 72 6b 00 00 00 04 00 ff 2f 00",
    "letters that are events": "00 90 3c 40 00 ff 2f 00 20 3c 40 20 3c 00",
    "an end that has the next letters": "00 ff 2f 04 4d 54 72 6b",
    "text that is letters": "00 90 3c 40 00 ff 01 0c 4d 54 72 6b 00 00 00 04 00 ff 2f 00",
    "too large a delta time": "90 80 80 80 00 f6",
    "the largest": "ff ff ff 7f f6 80 80 ff ff ff 7f f6",
    "too large a length": "00 ff 01 90 80 80 80 00",
    "a sysex that ends with two": "00 f0 03 01 f7 f7",
    "one of a packet's end alone": "00 f0 01 f7 00 f0 00",
    "padding before a joined one": "00 f0 80 80 03 80 90 f7 00 ff 2f 00",
}


@pytest.mark.parametrize("events", TRACKS.values(), ids=TRACKS)
def test_tracks_at_the_limits(events: str) -> None:
    body = bytes.fromhex(events)
    same_of(ONE + b"MTrk" + len(body).to_bytes(4, "big") + body)
    same_of(ONE + b"MTrk" + (len(body) + 30).to_bytes(4, "big") + body)


@pytest.mark.parametrize("tracks", [2, 3, 7, 16, 33, 300])
def test_tracks_are_merged_alike(tracks: int) -> None:
    """Many at the same tick, some empty, messages of several records among them."""
    dice = random.Random(tracks)
    events = [b"\x90\x3c\x40", b"\xf0\x05\x01\x02\x03\x04\xf7", b"\xff\x01\x02hi"]
    chunks = []
    for _ in range(tracks):
        body = b"".join(
            bytes([dice.choice([0, 0, 1, 5, 100])]) + dice.choice(events)
            for _ in range(dice.choice([0, 3, 20]))
        )
        chunks.append(b"MTrk" + len(body).to_bytes(4, "big") + body)
    for smf_type in (1, 2):
        header = ONE[:8] + bytes([0, smf_type, *tracks.to_bytes(2, "big")]) + ONE[12:]
        assert same_of(header + b"".join(chunks))


def test_ticks_too_large_for_the_core_are_read_in_python() -> None:
    """A tick and a track's number make one number of the core's, while they fit."""
    events = b"\xff\xff\xff\x7f\xc0\x05" * (2**18 + 1)
    data = ONE + b"MTrk" + len(events).to_bytes(4, "big") + events
    assert CORE.read_many([(data, [(len(ONE) + 8, len(data))], True)]) == [None]
    song = parse(data)
    assert len(song) == 2**18 + 1
    assert song.ticks[-1] == len(song) * (2**28 - 1) > 2**46
    assert build(song) == data


WRITTEN = {
    "the longest wait": Song([[0, 0xF6, 0, 0, 1]], [2**28 - 1]),
    "one too long": Song([[0, 0xF6, 0, 0, 1]], [2**28]),
    "one much too long": Song([[0, 0xF6, 0, 0, 1]] * 2, [1, 2**62]),
    "a reset": Song([[0, 0xFF, 0, 0, 1], [0, 0x90, 1, 2, 3]], [0, 5]),
    "an empty sysex": Song([[0, 0xF0, 0, 0, 1], [0, 0xF7, 0, 0, 2]], [0, 0]),
    "tracks apart": Song([[0, 0xF6, 0, 0, 1]] * 3, [3, 4, 5], [1, 1, 4], smf_type=2),
    "nothing": Song([], []),
}


@pytest.mark.parametrize("song", WRITTEN.values(), ids=WRITTEN)
def test_songs_are_written_alike(song: Song) -> None:
    mine, other = both(build, song)
    assert mine == other


CHANNEL = [
    bytes([high | channel, one, two][: 2 if high in (0xC0, 0xD0) else 3])
    for high in range(0x80, 0xF0, 0x10)
    for channel in (0, 1, 15)
    for one in (0, 1, 64, 127)
    for two in (0, 127)
]


def test_every_channel_message_is_mido_s_own() -> None:
    theirs = [mido.Message.from_bytes(data, time=index) for index, data in enumerate(CHANNEL)]
    mine, other = both(midicodec.encode, theirs)
    for records, delta in (mine, other):
        assert [bytes(row[1 : 1 + row[4]]) for row in records] == CHANNEL
        assert delta.tolist() == list(range(len(CHANNEL)))
    assert mine[0].tobytes() == other[0].tobytes()
    for messages in both(midicodec.decode, *mine):
        assert messages == theirs
        assert [vars(each) for each in messages] == [vars(each) for each in theirs]
        assert [[type(v) for v in vars(m).values()] for m in messages] == [
            [type(v) for v in vars(m).values()] for m in theirs
        ]
        assert [bytes(each.bytes()) for each in messages] == CHANNEL


TIMES = [
    0, 1, 0.0, -0.0, 0.5, 1.0, True, False, -1, -0.5, 2**63 - 1, 2**63, 2**64, 10**400, 10**5000,
    -(10**400), float("nan"), float("inf"), -float("inf"), 1e308, np.int64(7), np.uint8(7),
    np.uint64(2**63), np.float32(0.5), np.float64(2.0), np.float64("nan"), np.bool_(True),
    Fraction(1, 2), Fraction(10**400), None, "1", [], 1j,
]  # fmt: skip


@pytest.mark.parametrize("unit", ["ticks", "seconds"])
@pytest.mark.parametrize("number", range(len(TIMES)))
def test_times_of_any_type(number: int, unit: str) -> None:
    message = mido.Message("note_on", note=1)
    vars(message)["time"] = TIMES[number]

    def encoded() -> tuple[object, ...]:
        records, delta = midicodec.encode([message, message], unit=unit)
        return records.tolist(), delta.tolist(), delta.dtype

    mine, other = both(encoded)
    assert mine == other


VALUES = [-1, 16, 127, 128, 8191, 8192, -8192, -8193, 2**31, 2**64, True, 1.0, 1.5, np.int64(3),
          np.uint8(3), None, "1", [], {}, b"a", float("nan")]  # fmt: skip


@pytest.mark.parametrize("name", ["note", "velocity", "channel", "pitch", "program", "type"])
def test_values_of_any_type(name: str) -> None:
    for kind in ("note_on", "pitchwheel", "program_change"):
        for value in VALUES:
            message = mido.Message(kind)
            vars(message)[name] = value
            mine, other = both(lambda m=message: midicodec.encode([m])[0].tolist())
            assert mine == other, (kind, value)
        message = mido.Message(kind)
        vars(message).pop(name, None)
        mine, other = both(lambda m=message: midicodec.encode([m])[0].tolist())
        assert mine == other, kind


def test_messages_that_are_mido_s_only_by_inheritance() -> None:
    class Own(mido.Message):
        def bytes(self) -> list[int]:
            return [0xF6]

    mine, other = both(lambda: midicodec.encode([Own("note_on")])[0].tolist())
    assert mine == other == [[0, 0xF6, 0, 0, 1]]


def test_the_core_checks_what_it_is_given() -> None:
    with pytest.raises(ValueError, match="bounds outside the data"):
        CORE.read_many([(b"\0\xf6", [(0, 3)], True)])
    with pytest.raises(ValueError, match="bounds outside the data"):
        CORE.read_many([(b"\0\xf6", [(2, 1)], True)])
    with pytest.raises(ValueError, match="more tracks than a header can say: 65536"):
        CORE.read_many([(b"", [(0, 0)] * 65536, True)])
    song = Song([[0, 0xF6, 0, 0, 1]], [0])
    columns = (song.records, song.delta_ticks, song.track, song.starts)
    with pytest.raises(ValueError, match="different lengths"):
        CORE.write_tracks(song.records, np.zeros(2, np.int64), *columns[2:], True, 1, None)
    assert CORE.write_tracks(*columns, True, 0, None) is None
    ticks, none = np.zeros(1, np.int64), (np.empty(0, np.int64), np.empty(0))
    made = MESSAGES.make_messages(mido.Message, song.records, True, ticks, none[1])
    assert made == ([None], 0)
    for in_ticks in (True, False):
        with pytest.raises(ValueError, match="different lengths"):
            MESSAGES.make_messages(mido.Message, song.records, in_ticks, *none)


def test_codes_of_any_bytes_are_written_alike_or_refused() -> None:
    """What a framing holds may come from an archive, which anybody can have written."""
    dice = random.Random(2)
    song = parse(ONE + b"MTrk\0\0\0\x12" + bytes.fromhex("00 90 3c 40 00 3e 40 00 f0 00 "
                                                       "00 f7 01 01 00 ff 2f 00"))  # fmt: skip
    columns = (song.records, song.delta_ticks, song.track, song.starts)
    written = 0
    for _ in range(2000):
        codes = bytes(
            dice.choice([0, 1, 2, 3, 4, 5, 6, 7, 9, 16]) for _ in range(dice.randint(0, 5))
        )
        try:
            found = CORE.write_tracks(*columns, True, 1, [codes])
        except MidiCodecError:
            continue
        if found is not None:
            native.smf = None
            try:
                framing = midicodec.framing.Framing((None,), (codes,))
                framed = Song.of_columns(
                    midicodec.tracks.Columns(*columns), division=96, smf_type=1, framing=framing
                )
                assert build(framed)[22:] == found[0][0]
            finally:
                native.smf = CORE
            written += 1
    assert written > 100


@pytest.mark.parametrize(("value", "expected"), [("1", "False"), ("0", "True"), ("", "True")])
def test_an_environment_leaves_it_unused(value: str, expected: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import midicodec; print(midicodec.NATIVE)"],
        env=os.environ | {"MIDICODEC_PURE": value},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == expected
