"""A file comes back as the bytes it was, however it was written; natively and in Python."""

from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import midicodec
from midicodec import native
from midicodec.framing import DELTA, JOINED, LENGTH, Framing, Habits, Special, read_codes
from midicodec.smf_read import parse
from midicodec.smf_write import build
from midicodec.vlq import write_vlq

CORE = native.smf
END = "00 ff 2f 00"


def header(smf_type: int = 1, tracks: int = 1, division: int = 96) -> bytes:
    numbers = b"".join(n.to_bytes(2, "big") for n in (smf_type, tracks, division))
    return b"MThd" + (6).to_bytes(4, "big") + numbers


def chunk(events: str | bytes, name: bytes = b"MTrk", length: int | None = None) -> bytes:
    body = bytes.fromhex(events) if isinstance(events, str) else events
    return name + (len(body) if length is None else length).to_bytes(4, "big") + body


NOTE, OFF = "00 90 3c 40", "60 80 3c 00"
FILES = {
    "explicit status everywhere": header() + chunk(f"{NOTE} 10 90 3e 40 10 90 40 40 {END}"),
    "explicit status once": header() + chunk(f"{NOTE} 10 3e 40 10 90 40 40 10 41 40 {END}"),
    "running status": header() + chunk(f"{NOTE} 10 3e 40 10 40 40 {END}"),
    "running status across a meta event": header()
    + chunk(f"{NOTE} 00 ff 01 01 61 10 3e 40 00 f0 02 01 f7 10 40 40 {END}"),
    "padded delta times": header() + chunk("80 80 00 90 3c 40 80 60 3c 00 80 80 80 80 80 00 "
                                               "ff 2f 00"),
    "padded lengths": header() + chunk("00 ff 01 80 01 61 00 f0 80 80 02 01 f7 00 ff 2f 80 00"),
    "a sysex of any bytes": header() + chunk(f"00 f0 03 80 90 f7 10 f0 80 02 ff 01 {END}"),
    "packets and escapes": header()
    + chunk(f"00 f0 03 43 12 00 60 f7 03 43 12 00 60 f7 02 12 f7 00 f7 01 f8 00 f7 00 {END}"),
    "system messages": header() + chunk(f"{NOTE} 00 f8 00 3e 40 00 f2 01 02 00 90 40 40 {END}"),
    "chunks that are not MIDI's": header(tracks=2)
    + chunk("01 02 03", b"XFIH")
    + chunk(f"{NOTE} {END}")
    + chunk("", b"Junk")
    + chunk(END)
    + chunk("09", b"tail"),
    "a longer header": b"MThd" + (8).to_bytes(4, "big") + header()[8:] + b"\1\2" + chunk(END),
    "a header whose length takes the track in": b"MThd" + (22).to_bytes(4, "big") + header()[8:]
    + chunk(f"{NOTE} {OFF} {END}"),
    "a chunk too long": header() + chunk(f"{NOTE} {END}", length=10_000),
    "a chunk too long, and another": header(tracks=2)
    + chunk(f"{NOTE} {END}", length=20)
    + chunk(f"{OFF} {END}"),
    "a chunk too short, inside an event": header() + chunk(f"{NOTE} {OFF} {END}", length=9),
    "a chunk too short, between events": header() + chunk(f"{NOTE} {OFF} {END}", length=8),
    "no end of track": header() + chunk(f"{NOTE} {OFF}"),
    "no end of track, then junk": header() + chunk(f"{NOTE} {OFF}") + b"\xff\xff\xff\xff\xff",
    "events after the end of track": header() + chunk(f"{NOTE} {END} {OFF} {END}"),
    "an end of track with bytes": header() + chunk(f"{NOTE} 00 ff 2f 01 00"),
    "junk after the last chunk": header() + chunk(END) + b"junk of 17 bytes.",
    "fewer tracks than it says": header(tracks=3) + chunk(f"{NOTE} {END}"),
    "more tracks than it says": header(tracks=1) + chunk(f"{NOTE} {END}") + chunk(END),
    "no tracks": header(tracks=0),
    "an empty track": header(tracks=2) + chunk("") + chunk(END),
    "RMID": b"RIFF" + (42).to_bytes(4, "little") + b"RMIDdata" + (29).to_bytes(4, "little")
    + header(0) + chunk("00 c0 05 " + END) + b"\0",
    "SMPTE division": header(division=0xE728) + chunk(f"{NOTE} {END}"),
    "division 0": header(division=0) + chunk(f"{NOTE} {END}"),
    "type 0 with two tracks": header(0, 2) + chunk(f"{NOTE} {END}") + chunk(f"{OFF} {END}"),
    "type 2": header(2, 2) + chunk(f"10 90 3c 40 {END}") + chunk(f"{NOTE} {OFF} {END}"),
    "a type there is not": header(3, 2) + chunk(f"10 90 3c 40 {END}") + chunk(f"{NOTE} {END}"),
    "text in any encoding": header() + chunk(b"\0\xff\3\5\x83h\x83\x8c\0\0\xff\1\0\0\xff\x2f\0"),
    "a key signature there is not": header() + chunk(f"00 ff 59 02 07 ff {END}"),
}  # fmt: skip


@pytest.fixture(params=["native", "Python"])
def core(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test both with the native core and without it."""
    if request.param == "native" and CORE is None:
        pytest.skip("the native core is not built here")
    monkeypatch.setattr(native, "smf", CORE if request.param == "native" else None)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.usefixtures("core")
def test_a_file_is_saved_as_the_bytes_it_was(name: str) -> None:
    song = midicodec.load(FILES[name])
    assert build(song).hex(" ") == FILES[name].hex(" ")
    assert song.defects == ()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.usefixtures("core")
def test_the_plain_form_holds_the_same_song(name: str) -> None:
    song = midicodec.load(FILES[name])
    plain = midicodec.load(build(song, canonical=True))
    assert plain.framing is None
    assert build(plain) == build(song, canonical=True)
    # It may have got an end of track in tracks that had none, but nothing else.
    ends = [0, 0xFF, 0x2F, 0, 3]
    mine, others = song.records.tolist(), plain.records.tolist()
    assert [row for row in mine if row != ends] == [row for row in others if row != ends]
    assert plain.division == song.division
    assert plain.smf_type == song.smf_type


PLAIN = {"running status", "text in any encoding", "a key signature there is not",
         "packets and escapes", "events after the end of track", "an end of track with bytes",
         "SMPTE division", "division 0", "type 2"}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_only_a_file_in_plain_form_has_no_framing(name: str) -> None:
    assert (midicodec.load(FILES[name]).framing is None) == (name in PLAIN)


def test_framing_is_small() -> None:
    """A track that always or never uses running status costs a byte; an exception one or two."""
    song = midicodec.load(FILES["explicit status everywhere"])
    assert song.framing == Framing((None,), (b"\1",))
    song = midicodec.load(FILES["explicit status once"])
    assert song.framing == Framing((None,), (bytes([0, 2 << 2]),))


def test_exceptions_may_be_any_number_of_messages_apart() -> None:
    """A number in the codes has 28 bits, two of which say what it is."""
    far = [Special(3, DELTA, 5), Special(2**26 + 7, LENGTH, 1), Special(2**28 + 9, JOINED)]
    policy, found = read_codes(Habits().codes(far))
    assert policy == 0
    amounts = {(i, kind): n for i, kinds in found.items() for kind, n in kinds.items() if n}
    assert amounts == {(3, DELTA): 5, (2**26 + 7, LENGTH): 1}
    assert [i for i, kinds in found.items() if JOINED in kinds] == [2**28 + 9]


@pytest.mark.parametrize("name", FILES)
def test_framing_survives_as_bytes(name: str) -> None:
    framing = midicodec.load(FILES[name]).framing
    if framing is not None:
        assert Framing.from_bytes(framing.to_bytes()) == framing


def test_a_changed_song_has_no_framing_and_is_written_plainly() -> None:
    song = midicodec.load(FILES["explicit status everywhere"])
    changed = song.select(song.records[:, 2] != 0x3E)
    assert changed.framing is None
    assert build(changed) == header() + chunk(f"{NOTE} 20 40 40 {END}")


def test_columns_are_read_only() -> None:
    song = midicodec.load(FILES["running status"])
    for column in (song.records, song.delta_ticks, song.track, song.starts):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 0


def test_a_value_that_mido_refuses_is_carried_and_only_its_message_raises() -> None:
    song = midicodec.load(FILES["a key signature there is not"])
    assert song.records[:2].tolist() == [[1, 0xFF, 0x59, 2, 3], [1, 7, 0xFF, 0, 2]]
    with pytest.raises(midicodec.DecodeError, match="mido refuses it"):
        song.to_messages()
    assert [message.type for message in song.to_messages(errors="skip")] == ["end_of_track"]


data_bytes = st.integers(0, 127)
events = st.one_of(
    st.tuples(st.sampled_from([0x80, 0x90, 0x91, 0xB0, 0xE3]), data_bytes, data_bytes),
    st.tuples(st.sampled_from([0xC0, 0xD1]), data_bytes),
    st.tuples(st.just(0xF8)), st.tuples(st.just(0xF6)),
    st.builds(lambda kind, data, pad: (0xFF, kind, *b"\x80" * pad, *write_vlq(len(data)), *data),
              st.integers(0, 127), st.binary(max_size=200), st.integers(0, 2)),
    st.builds(lambda status, data, pad: (status, *b"\x80" * pad, *write_vlq(len(data)), *data),
              st.sampled_from([0xF0, 0xF7]), st.binary(max_size=200), st.integers(0, 2)),
)  # fmt: skip


@st.composite
def tracks(draw: st.DrawFn) -> bytes:
    """Events with padded delta times, and statuses left out here and there where they may be."""
    written, running = bytearray(), 0
    for event in draw(st.lists(events, max_size=30)):
        written += b"\x80" * draw(st.integers(0, 2)) + write_vlq(draw(st.integers(0, 300)))
        left_out = event[0] == running and draw(st.booleans())
        written += bytes(event[left_out:])
        if event[0] < 0xF0:
            running = event[0]
        elif event[0] == 0xF6:
            running = 0
    return bytes(written) + draw(st.sampled_from([b"", bytes.fromhex(END)]))


@given(st.lists(tracks(), max_size=4), st.integers(0, 3), st.binary(max_size=3))
def test_any_tracks_come_back_and_both_cores_agree(
    bodies: list[bytes], smf_type: int, junk: bytes
) -> None:
    data = header(smf_type, len(bodies)) + b"".join(map(chunk, bodies)) + junk
    try:
        native.smf = None
        song = parse(data)
        assert build(song) == data
        plain = build(song, canonical=True)
    finally:
        native.smf = CORE
    if CORE is None:
        return
    other = parse(data)
    assert other == song
    assert np.array_equal(other.starts, song.starts)
    assert other.framing == song.framing
    assert build(other) == data
    assert build(other, canonical=True) == plain


def test_the_real_files_come_back(corpus: Path) -> None:
    files = [path for path in corpus.rglob("*") if path.suffix in (".mid", ".rmi")]
    kept = [path for path in files if path.parent.name != "odd"]
    assert len(kept) == 180
    for path in files:
        data = path.read_bytes()
        try:
            song = midicodec.load(data)
        except midicodec.SmfError:
            assert path.parent.name == "odd"
            continue
        assert build(song) == data, path
