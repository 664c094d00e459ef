"""Which files are found, and that none is passed over in silence."""

import os

import pytest

from midicodec import MidiCodecError
from midicodec.find import SUFFIXES, find_files


def names(found):
    return [each.path.name for each in found]


def test_files_below_a_folder_are_found_by_their_ending_and_sorted(tmp_path):
    for name in ("b.mid", "a.MIDI", "sub/c.kar", "sub/deep/d.rmi", "e.smf", "f.txt", "mid"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "folder.mid").mkdir()
    found = list(find_files([tmp_path]))
    assert names(found) == ["a.MIDI", "b.mid", "e.smf", "c.kar", "d.rmi"]
    assert all(each.error is None for each in found)
    assert {each.path.suffix.lower() for each in found} == SUFFIXES


def test_a_file_that_is_named_is_taken_whatever_it_is_called(tmp_path):
    path = tmp_path / "song"
    path.touch()
    assert names(find_files([path])) == ["song"]


def test_each_file_comes_once_and_in_the_order_of_the_paths(tmp_path):
    for name in ("a.mid", "b.mid"):
        (tmp_path / name).touch()
    (tmp_path / "link.mid").symlink_to(tmp_path / "a.mid")
    assert names(find_files([tmp_path / "b.mid", tmp_path])) == ["b.mid", "a.mid"]


def test_a_folder_that_is_not_whole_yet_is_passed_over(tmp_path):
    for name in (".songs.part/a.mid", "songs.part/b.mid", ".songs/c.mid"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    assert sorted(names(find_files([tmp_path]))) == ["b.mid", "c.mid"]
    assert names(find_files([tmp_path / ".songs.part"])) == ["a.mid"]  # it was asked for


def test_what_cannot_be_read_is_found_too_and_why(tmp_path):
    (tmp_path / "gone.mid").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop.mid").symlink_to("loop.mid")
    os.mkfifo(tmp_path / "pipe.mid")
    found = {each.path.name: each.error for each in find_files([tmp_path])}
    assert found["gone.mid"].strerror == "No such file or directory"
    assert found["loop.mid"].strerror == "Too many levels of symbolic links"
    assert found["pipe.mid"].strerror == "not a regular file"


def test_a_folder_that_cannot_be_looked_into_is_found_too(tmp_path, monkeypatch):
    """Permissions do not keep root out, so the system's answer is put in its place."""
    locked = tmp_path / "locked"
    locked.mkdir()
    scan = os.scandir

    def scandir(path):
        if os.fspath(path) == str(locked):
            raise PermissionError(13, "Permission denied", str(locked))
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    (found,) = find_files([tmp_path])
    assert (found.path, found.error.strerror) == (locked, "Permission denied")


def test_a_path_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(MidiCodecError, match=r"there is no file or folder .*none"):
        list(find_files([tmp_path / "none"]))
