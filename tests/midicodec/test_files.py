"""Files are whole or not there, whatever happens while they are written."""

import errno
import io
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from midicodec.files import replacing


def write(path, data=b"new"):
    with replacing(path) as file:
        file.write(data)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "song.mid"


@pytest.mark.parametrize("old", [None, b"something old and longer"])
@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_is_written(kind, old, path):
    if old is not None:
        path.write_bytes(old)
    write(kind(path))
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_a_name_without_a_folder_is_in_the_working_directory(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    write(path.name)
    assert path.read_bytes() == b"new"


def test_the_old_file_stands_until_the_new_one_is_whole(path):
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("old", [None, b"old"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, MemoryError])
def test_an_error_leaves_everything_as_it_was(error, old, path):
    if old is not None:
        path.write_bytes(old)

    def fail():
        with replacing(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        fail()
    assert [each.read_bytes() for each in path.parent.iterdir()] == [old] * (old is not None)


def test_a_killed_process_leaves_the_old_file(path):
    path.write_bytes(b"old")
    script = (
        "import sys; from midicodec.files import replacing\n"
        "with replacing(sys.argv[1]) as file:\n"
        "    file.write(b'half'); file.flush(); print('written', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"written\n"
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    # What it began lies beside, hidden, and is in nobody's way.
    left = {each.name for each in path.parent.iterdir()} - {path.name}
    assert [each.startswith(".song.mid.") and each.endswith(".part") for each in left] == [True]
    write(path)
    assert path.read_bytes() == b"new"


def test_a_link_goes_on_to_point_where_it_did(tmp_path):
    target = tmp_path / "there" / "real.mid"
    target.parent.mkdir()
    link = tmp_path / "song.mid"
    link.symlink_to("there/real.mid")
    for data in (b"through a dangling link", b"once more"):
        write(link, data)
        assert link.is_symlink()
        assert str(link.readlink()) == "there/real.mid"
        assert target.read_bytes() == data
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755, 0o444])
def test_permissions_are_kept(mode, path):
    path.write_bytes(b"old")
    path.chmod(mode)
    write(path)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_new_file_has_the_permissions_of_any_other(path, tmp_path):
    write(path)
    other = tmp_path / "other"
    other.write_bytes(b"")
    assert path.stat().st_mode == other.stat().st_mode


def test_a_device_is_written_to_as_it_is(device):
    null = device("null")
    write(null)
    assert null.is_char_device()


def test_a_pipe_with_a_name_is_written_to_as_it_is(path):
    os.mkfifo(path)
    found = []
    reader = threading.Thread(target=lambda: found.append(path.read_bytes()))
    reader.start()
    write(path)
    reader.join()
    assert found == [b"new"]
    assert path.is_fifo()


def test_a_pipe_without_one_too():
    """/dev/stdout of a pipeline is a link to no path."""
    reading, writing = os.pipe()
    with open(reading, "rb") as end:  # noqa: PTH123 - it is no path
        write(f"/dev/fd/{writing}")
        os.close(writing)
        assert end.read() == b"new"


FAILING = {
    "a folder": (".", IsADirectoryError),
    "in no folder": ("nowhere/song.mid", FileNotFoundError),
    "in a file": ("file/song.mid", NotADirectoryError),
    "a name that is too long": ("x" * 256, OSError),
}


@pytest.mark.parametrize(("name", "kind"), FAILING.values(), ids=FAILING)
def test_what_cannot_be_written_is_named_as_it_was_given(name, kind, tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    path = tmp_path / name
    with pytest.raises(kind) as caught:
        write(path)
    assert caught.value.filename == str(path)
    assert caught.value.errno is not None
    assert ".part" not in str(caught.value)
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"old"]


def test_a_full_device_is_named(device):
    full = device("full")
    with pytest.raises(OSError, match=str(full)) as caught:
        write(full)
    assert caught.value.errno == errno.ENOSPC
    assert full.is_char_device()


def test_an_error_of_the_file_system_while_writing_names_the_file(path):
    with pytest.raises(OSError, match=r"song\.mid") as caught, replacing(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    with pytest.raises(io.UnsupportedOperation) as other, replacing(path):
        raise io.UnsupportedOperation("not the file system's")
    assert str(other.value) == "not the file system's"
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["x" * 255, "\N{MUSICAL KEYBOARD}" * 63, "\N{SNOWMAN}" * 85],
    ids=["of one byte", "of four", "of three"],
)
def test_names_may_be_as_long_as_the_file_system_lets_them(name, tmp_path):
    write(tmp_path / name)
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_two_writers_do_not_meet(path):
    with replacing(path) as one:
        one.write(b"one, ")
        with replacing(path) as two:
            two.write(b"two")
        assert path.read_bytes() == b"two"
        one.write(b"later")
    assert path.read_bytes() == b"one, later"
    assert list(path.parent.iterdir()) == [path]
