"""Salvage: all before a defect and all after it, each defect said, and never an error."""

import tracemalloc
from collections.abc import Callable

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

import midicodec
from midicodec import MidiCodecError, SmfError, Song, native
from midicodec.pieces import rejoin
from midicodec.smf_read import parse
from midicodec.smf_salvage import MOST_DEFECTS

END = "00 ff 2f 00"


def header(tracks: int = 1, smf_type: int = 1) -> bytes:
    numbers = b"".join(n.to_bytes(2, "big") for n in (smf_type, tracks, 96))
    return b"MThd" + (6).to_bytes(4, "big") + numbers


def chunk(events: str | bytes, name: bytes = b"MTrk", length: int | None = None) -> bytes:
    body = bytes.fromhex(events) if isinstance(events, str) else events
    return name + (len(body) if length is None else length).to_bytes(4, "big") + body


def salvaged(data: bytes) -> tuple[list[str], list[tuple[int, str, str]]]:
    """Each message after its track and tick, and the defects."""
    song = midicodec.load(data, errors="salvage")
    messages = rejoin(song.records, song.starts)
    at = zip(song.track[song.starts], song.ticks[song.starts], messages, strict=True)
    return (
        [f"{track} {tick}: {message.hex(' ')}" for track, tick, message in at],
        [(each.offset, each.expected, each.found) for each in song.defects],
    )


NOTE, OFF = "00 90 3c 40", "60 80 3c 00"
WHOLE_END = "ff 2f 00"
EVENT, CUT = "a whole event", "the end of the track's chunk"
# A file, its messages, and its defects. A track's first byte is at 22.
DEFECTS = {
    "an undefined status": (
        header() + chunk(f"{NOTE} 10 f4 05 10 {OFF[3:]} {END}"),
        ["0 0: 90 3c 40", "0 16: 80 3c 00", f"0 16: {WHOLE_END}"],
        [(27, "a status that is defined", "f4")],
    ),
    "data that are a status": (
        header() + chunk(f"{NOTE} 00 91 90 10 {OFF} {END}"),
        ["0 0: 90 3c 40", "0 96: 80 3c 00", f"0 96: {WHOLE_END}"],
        [(28, "data bytes below 80", "90 10 after 91")],
    ),
    "no status": (
        header() + chunk(f"00 3c 40 {NOTE} {END}"),
        ["0 0: 90 3c 40", f"0 0: {WHOLE_END}"],
        [(23, "a status byte, from 80 on", "3c")],
    ),
    "a length past the end": (
        header() + chunk(f"{NOTE} 00 ff 01 7f 41 {OFF} {END}"),
        ["0 0: 90 3c 40", "0 96: 80 3c 00", f"0 96: {WHOLE_END}"],
        [(30, "127 bytes in the event ff 01", "9 up to the end of the chunk")],
    ),
    "a track cut off": (
        header() + chunk(f"{NOTE} {OFF} {END}")[:-1],
        ["0 0: 90 3c 40", "0 96: 80 3c 00"],
        [(22, "12 bytes in the chunk b'MTrk'", "11 up to the end"), (30, EVENT, CUT)],
    ),
    "the first of two tracks": (
        header(2) + chunk(f"{NOTE} 00 f5") + chunk(f"{OFF} {END}"),
        ["0 0: 90 3c 40", "1 96: 80 3c 00", f"1 96: {WHOLE_END}"],
        [(27, "a status that is defined", "f5")],
    ),
    "a length that takes the next track in, and a fault": (
        header(2) + chunk(f"00 f4 {NOTE} {END}", length=26) + chunk(f"{OFF} {END}"),
        ["0 0: 90 3c 40", f"0 0: {WHOLE_END}", "1 96: 80 3c 00", f"1 96: {WHOLE_END}"],
        [(23, "a status that is defined", "f4")],
    ),
    "between two tracks": (
        header(2) + chunk(f"{NOTE} {END}") + b"\xff\0\0\0\0\0\0\0\0" + chunk(f"{OFF} {END}"),
        ["0 0: 90 3c 40", f"0 0: {WHOLE_END}", "1 96: 80 3c 00", f"1 96: {WHOLE_END}"],
        [(30, "a chunk", r"b'\xff\x00\x00\x00'")],
    ),
    "an alien chunk longer than the file": (
        header() + chunk("", b"XFIH", length=999) + chunk(f"{NOTE} {END}"),
        ["0 0: 90 3c 40", f"0 0: {WHOLE_END}"],
        [(22, "999 bytes in the chunk b'XFIH'", "16 up to the end")],
    ),
    "half a chunk": (
        header(2) + chunk(f"{NOTE} {END}") + b"MTrk\0",
        ["0 0: 90 3c 40", f"0 0: {WHOLE_END}"],
        [(30, "a chunk, from 8 bytes on", "5 bytes up to the end")],
    ),
    "a header's letters": (
        b"MT0d" + header()[4:] + chunk(f"{NOTE} {END}"),
        ["0 0: 90 3c 40", f"0 0: {WHOLE_END}"],
        [(0, "a MIDI file's header, MThd", "b'MT0d'")],
    ),
    "something before the header": (
        b"\r\n" + header() + chunk(f"{NOTE} {END}"),
        ["0 0: 90 3c 40", f"0 0: {WHOLE_END}"],
        [(0, "a MIDI file's header, MThd", r"b'\r\nMT'")],
    ),
    "nothing": (b"", [], [(0, "a MIDI file's header, MThd", "the end of the file")]),
    "text": (b"not MIDI", [], [(0, "a MIDI file's header, MThd", "b'not '")]),
}  # fmt: skip


@pytest.fixture(params=["native", "Python"])
def core(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "Python":
        monkeypatch.setattr(native, "smf", None)
    elif native.smf is None:
        pytest.skip("the native core is not built here")


@pytest.mark.usefixtures("core")
@pytest.mark.parametrize(("data", "messages", "defects"), DEFECTS.values(), ids=DEFECTS)
def test_what_is_left_and_what_was_wrong(
    data: bytes, messages: list[str], defects: list[tuple[int, str, str]]
) -> None:
    found, told = salvaged(data)
    assert found == messages
    assert told[: len(defects)] == defects
    with pytest.raises(SmfError):
        midicodec.load(data)


def test_a_defect_is_an_error_like_any_other_and_names_the_file(tmp_path) -> None:
    path = tmp_path / "odd.mid"
    path.write_bytes(DEFECTS["no status"][0])
    song = midicodec.load(path, errors="salvage")
    (defect,) = song.defects
    assert isinstance(defect, SmfError)
    assert defect.path == str(path)
    assert str(defect) == f"{path}: byte 23: expected a status byte, from 80 on, found 3c"
    with pytest.raises(SmfError) as caught:
        midicodec.load(path)
    assert str(caught.value) == str(defect)
    assert song.framing is None
    midicodec.save(song, path)
    assert midicodec.load(path) == song  # in plain form, without a defect


def test_there_is_no_third_way() -> None:
    with pytest.raises(MidiCodecError, match='"strict" or "salvage", found \'skip\''):
        midicodec.load(b"", errors="skip")  # type: ignore[arg-type]


@pytest.mark.usefixtures("core")
@pytest.mark.parametrize(
    "data",
    [header() + chunk(f"{NOTE} {OFF} {END}"), header(3) + chunk("80 00 f6", length=9)],
)
def test_without_a_defect_it_is_the_same_as_strict(data: bytes) -> None:
    strict, song = midicodec.load(data), midicodec.load(data, errors="salvage")
    assert (song, song.framing, song.defects) == (strict, strict.framing, ())


def test_defects_are_counted_up_to_a_limit() -> None:
    data = header() + chunk("00 f4 00 f6 00 f6 " * (MOST_DEFECTS + 5) + END)
    song = midicodec.load(data, errors="salvage")
    assert len(song.defects) == MOST_DEFECTS + 1
    assert "expected at most 1000 defects" in str(song.defects[-1])
    assert len(song) == 2 * (MOST_DEFECTS + 5) + 1


WHOLE = (
    header(2)
    + chunk(f"00 ff 03 03 61 62 63 {NOTE} 10 3e 40 {OFF} 00 f0 03 01 02 f7 {END}")
    + chunk("01 02 03", b"XFIH")
    + chunk(f"10 c0 05 60 e0 00 40 00 f7 01 f8 {END}")
)


@given(st.lists(st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 9), st.binary(max_size=9))))
@example([(8, 6, b"")])
def test_a_changed_file_never_raises(edits: list[tuple[int, int, bytes]]) -> None:
    data = WHOLE
    for at, removed, inserted in edits:
        data = data[:at] + inserted + data[at + removed :]
    never_raises(data)


@given(st.binary(max_size=100))
def test_nor_do_any_bytes(data: bytes) -> None:
    for each in (data, header() + data, header() + chunk(data)):
        never_raises(each)


def never_raises(data: bytes) -> None:
    song = parse(data, salvage=True)
    if song.defects:
        assert song.framing is None
        with pytest.raises(SmfError) as caught:
            parse(data)
        assert song.defects[0].offset <= caught.value.offset
    else:
        strict = parse(data)
        assert (song, song.framing) == (strict, strict.framing)
    for defect in song.defects:
        assert 0 <= defect.offset <= len(data)
    again = Song(song.records, song.delta_ticks, song.track, division=song.division,
                 smf_type=song.smf_type)  # fmt: skip
    assert again.starts.tolist() == song.starts.tolist()


def chain(events: str, length: Callable[[int], int], between: bytes = b"") -> Callable:
    """Tracks of the same events, whose lengths depend on how many bytes the file still has."""

    def make(count: int) -> bytes:
        size = 8 + len(bytes.fromhex(events)) + len(between)
        tracks = [
            chunk(events, length=length((count - n) * size - 8)) + between for n in range(count)
        ]
        return header(0xFFFF) + b"".join(tracks) + b"\xff"

    return make


# Each of them could be read anew for every track or byte, if one went about it wrongly.
MANY = {
    "statuses there are not": lambda n: header() + chunk(b"\0\xf4" * n),
    "padding without an end": lambda n: header() + chunk(b"\x80" * n),
    "delta times without an event": lambda n: header() + chunk(b"\0\x90\1\1" + b"\x80" * 7 * n),
    "sysex past the end": lambda n: header() + chunk(b"\0\xf0\x81\x00" * n),
    "long ones in one another": lambda n: header() + chunk(b"\0\xff\1\x83\x00\0\xf4" * n),
    "tracks that all go on to the end": chain("00 90 01 01 00 ff 2f 00", lambda left: left),
    "with a chunk in between": chain("00 90 01 01 00 ff 2f 00", lambda left: left,
                                     b"Abcd\0\1\2\3"),
    "tracks longer than the file": chain("00 90 01 01 00 ff 2f 00", lambda left: left + 99),
    "tracks that end inside an event": chain("00 90 01 01 00", lambda _: 5),
    "tracks of no length": chain("00 90 01 01", lambda _: 0),
    "alien chunks": lambda n: header() + b"Abcd\0\0\0\0" * n + b"\xff",
    "letters of tracks": lambda n: header(0xFFFF) + b"MTrk" * n,
}  # fmt: skip


@pytest.mark.parametrize("make", MANY.values(), ids=MANY)
def test_memory_is_a_small_multiple_of_the_size(make: Callable[[int], bytes]) -> None:
    data = make(5000)
    tracemalloc.start()
    try:
        midicodec.load(data, errors="salvage")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 120 * len(data) + 4_000_000, peak / len(data)
