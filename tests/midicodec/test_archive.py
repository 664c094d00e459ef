"""A song's columns as an .npz: for numpy alone, there and back."""

import contextlib
import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import midicodec
from midicodec import MidiCodecError, Song
from midicodec.archive import read_npz, write_npz
from midicodec.framing import Framing
from midicodec.smf_write import build
from midicodec.tracks import Columns
from midicodec.vlq import write_vlq

F6 = [0, 0xF6, 0, 0, 1]
SYSEX = [[1, 0xF0, 1, 2, 3], [1, 3, 0xF7, 0, 2]]
SONG = Song([F6, *SYSEX, F6], [1, 2**40, 2**40, 3], [0, 1, 1, 0], division=0xE728, smf_type=1)
COLUMNS = {
    "records": SONG.records,
    "delta_ticks": SONG.delta_ticks,
    "track": SONG.track,
    "division": SONG.division,
    "smf_type": SONG.smf_type,
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "song.npz"


@pytest.mark.parametrize(
    "song",
    [SONG, Song([], []), Song([], [], smf_type=2), Song([F6] * 2, [0, 5], [3, 9], smf_type=2)],
)
def test_a_song_makes_the_round_trip(song, path):
    write_npz(song, path)
    assert read_npz(path) == song
    assert read_npz(str(path)) == song


def test_numpy_alone_reads_it(path):
    write_npz(SONG, path)
    with np.load(path, allow_pickle=False) as arrays:
        assert sorted(arrays) == sorted(COLUMNS)
        for name, column in COLUMNS.items():
            assert np.array_equal(arrays[name], column)
        assert arrays["division"].shape == ()


def test_numpy_alone_writes_it(path):
    np.savez(path, **COLUMNS, other=np.zeros(3))
    assert read_npz(path) == SONG


def test_the_name_is_the_one_given(path):
    """numpy's own savez appends .npz to a name."""
    write_npz(SONG, path.with_suffix(".song"))
    assert [each.name for each in path.parent.iterdir()] == ["song.song"]


CHANGED = {
    "a column missing": ({"track": None}, "'track"),
    "a number missing": ({"division": None}, "'division"),
    "records of another shape": ({"records": np.zeros((3, 4))}, r"found \(3, 4\)"),
    "half a message": ({"records": SONG.records[1:]}, "record 0 .* is cut short|delta_ticks"),
    "times that are floats": ({"delta_ticks": np.zeros(4)}, "integers"),
    "pickles": ({"delta_ticks": np.array([None] * 4)}, "allow_pickle"),
    "a division that is a float": ({"division": 480.0}, "float"),
    "two of them": ({"division": [480, 480]}, "integer"),
    "one that is text": ({"division": "480"}, "integer"),
    "one over 16 bits": ({"division": 2**16}, "found 65536"),
    "type 3": ({"smf_type": 3}, "type 0, 1 or 2"),
}


@pytest.mark.parametrize(("changes", "expected"), CHANGED.values(), ids=CHANGED)
def test_columns_that_make_no_song_are_said_with_the_file(changes, expected, path):
    np.savez(path, **{k: v for k, v in (COLUMNS | changes).items() if v is not None})
    with pytest.raises(MidiCodecError, match=expected) as caught:
        read_npz(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def single_array():
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


def zip_of(header, method=zipfile.ZIP_STORED):
    """An archive whose records have this as the header of an array."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        size = len(header).to_bytes(2, "little")
        archive.writestr("records.npy", b"\x93NUMPY\x01\x00" + size + header)
    return file.getvalue()


def spoilt(method):
    """The same, with what is compressed spoilt."""
    data = bytearray(zip_of(bytes(range(50)), method))
    begin = data.index(b"records.npy") + len(b"records.npy")
    data[begin + 9 : begin + 19] = b"\x55" * 10
    return bytes(data)


NONE = {
    "nothing": b"",
    "text": b"This is no archive.",
    "a MIDI file": b"MThd\0\0\0\6\0\0\0\0\0\1",
    "one array": single_array(),
    "a pickle": b"\x80\x04N.",
    "a zip of nothing": b"PK\5\6" + bytes(18),
    "a header that is no dict": zip_of(b"1"),
    "that never ends": zip_of(b"{'descr': '|u1', 'shape': (13, 5"),
    "of no known type": zip_of(b"{'descr': 'zz', 'fortran_order': False, 'shape': (5,), }"),
    "of more than there is": zip_of(
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (%d, 5), }" % 2**50
    ),
    "of more than can be": zip_of(
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (%d, 5), }" % 2**70
    ),
    "spoilt deflate": spoilt(zipfile.ZIP_DEFLATED),
    "spoilt bzip2": spoilt(zipfile.ZIP_BZIP2),
    "spoilt lzma": spoilt(zipfile.ZIP_LZMA),
}


@pytest.mark.parametrize("data", NONE.values(), ids=NONE)
def test_what_is_no_archive_is_said_with_the_file(data, path):
    path.write_bytes(data)
    with pytest.raises(MidiCodecError, match=r"expected an \.npz with a song's columns: .") as it:
        read_npz(path)
    assert str(it.value).startswith(f"{path}: ")
    assert "\n" not in str(it.value)
    assert "unsafely" not in str(it.value)  # numpy's advice for what it takes for a pickle


def stored():
    file = io.BytesIO()
    np.savez(file, **COLUMNS)
    return file.getvalue()


WHOLE = stored()


@pytest.fixture(scope="module")
def spoilt_path(tmp_path_factory):
    """One file for all that hypothesis tries."""
    return tmp_path_factory.mktemp("spoilt") / "song.npz"


@given(
    end=st.integers(0, len(WHOLE)),
    edits=st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=5),
)
def test_a_spoilt_archive_is_a_song_or_an_error(end, edits, spoilt_path):
    data = bytearray(WHOLE)
    for at, byte in edits:
        data[at] = byte
    spoilt_path.write_bytes(data[: end if not edits else None])
    try:
        song = read_npz(spoilt_path)
    except MidiCodecError:
        return
    assert isinstance(song, Song)


def test_what_cannot_be_opened_is_an_os_error(path):
    for each in (path, path.parent):
        with pytest.raises(OSError, match=str(each)):
            read_npz(each)


def test_what_cannot_be_written_leaves_nothing(path, device):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        write_npz(SONG, path.parent / "nowhere" / "song.npz")
    full = device("full")
    with pytest.raises(OSError, match=f"No space left on device: '{full}'"):
        write_npz(SONG, full)
    assert list(path.parent.iterdir()) == []


def loaded(tracks, smf_type=1):
    bodies = [bytes.fromhex(each) for each in tracks]
    header = b"MThd\0\0\0\6" + bytes([0, smf_type, 0, len(bodies), 0, 96])
    chunks = [b"MTrk" + len(body).to_bytes(4, "big") + body for body in bodies]
    return midicodec.load(header + b"".join(chunks) + b"junk")


FRAMED = loaded(["00 90 3c 40 81 00 90 3c 00 80 00 ff 2f 00", "00 f0 02 90 f7 00 ff 2f 00"])


def test_a_file_s_form_is_kept_too(path):
    write_npz(FRAMED, path)
    again = read_npz(path)
    assert again == FRAMED
    assert again.framing == FRAMED.framing
    assert build(again) == build(FRAMED)
    assert build(again) != build(FRAMED, canonical=True)


FORMS = {
    "of another song": (loaded(["00 90 3c 40 80 00 ff 2f 00"]).framing.to_bytes(), "framing"),
    "of more messages": (Framing((None,) * 2, (b"\0\x40", b"")).to_bytes(), "not this song's"),
    "of no running status": (Framing((None,) * 2, (b"\2", b"")).to_bytes(), "not this song's"),
    "with half a chunk before": (Framing((None, b"MTr"), (b"", b"")).to_bytes(), "expected"),
    "cut off": (FRAMED.framing.to_bytes()[:3], "framing, byte"),
    "of nothing": (b"", "framing, byte 0: expected a number"),
    "of tracks there are not": (b"\xff\xff\xff\x7f", "framing, byte 4"),
    "of more than there is": (b"\2\xff\x7f", "framing, byte 3: expected 16382 bytes, found 0"),
    "of any bytes": (bytes(range(99)), "framing"),
}  # fmt: skip


@pytest.mark.parametrize(("form", "expected"), FORMS.values(), ids=FORMS)
def test_a_form_that_is_not_the_song_s_is_said(form, expected, path):
    write_npz(FRAMED, path)
    with np.load(path) as arrays:
        columns = dict(arrays)
    np.savez(path, **columns | {"framing": np.frombuffer(form, np.uint8)})
    with pytest.raises(MidiCodecError, match=expected) as caught:
        read_npz(path)
    assert str(caught.value).startswith(f"{path}: ")


@given(st.binary(max_size=30))
def test_any_form_is_read_or_refused(tmp_path_factory, form):
    path = tmp_path_factory.getbasetemp() / "any.npz"
    columns = {"records": FRAMED.records, "delta_ticks": FRAMED.delta_ticks,
               "track": FRAMED.track, "division": 96, "smf_type": 1}  # fmt: skip
    np.savez(path, **columns, framing=np.frombuffer(form, np.uint8))
    with contextlib.suppress(MidiCodecError):
        assert read_npz(path) == FRAMED


@pytest.mark.parametrize("form", [np.zeros(3), np.array("text"), np.array([300]), np.array(7)])
def test_a_form_of_another_kind_is_said(form, path):
    write_npz(FRAMED, path)
    with np.load(path) as arrays:
        columns = dict(arrays)
    np.savez(path, **columns | {"framing": form})
    with pytest.raises(MidiCodecError, match=str(path)):
        read_npz(path)


def test_framing_that_pads_for_ever_is_refused(tmp_path):
    """Nine bytes would be 256 MB."""
    path = tmp_path / "x.npz"
    song = midicodec.Song([[0, 0x90, 60, 64, 3]], [0])
    codes = b"\0" + write_vlq(1) + write_vlq(2**28 - 1)
    framing = Framing((None,), (codes,))
    write_npz(Song.of_columns(
        Columns(song.records, song.delta_ticks, song.track, song.starts),
        division=480, smf_type=0, framing=framing,
    ), path)  # fmt: skip
    with pytest.raises(MidiCodecError, match="pads the song with more than 1048576 bytes"):
        read_npz(path)
