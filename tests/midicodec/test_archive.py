"""A song's columns as an .npz: for numpy alone, there and back."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midicodec import MidiCodecError, Song
from midicodec.archive import read_npz, write_npz

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
