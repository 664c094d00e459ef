"""The file sink: what is wrong is told when it is opened, and a file is whole or not there."""

import os
from pathlib import Path

import mido
import pytest

import midicodec
from midirnn.builtin.sinks import FileSink
from midirnn.errors import SinkError
from midirnn.plugin import Event, StreamInfo

INFO = StreamInfo(ticks_per_beat=96, microseconds_per_beat=400_000)


def opened(path: Path) -> FileSink:
    sink = FileSink(FileSink.Config(path=path))
    sink.open(INFO)
    return sink


def fill(sink: FileSink) -> None:
    sink.send(Event(mido.Message("note_on", note=60), 96, 0.4))
    sink.send(Event(mido.Message("note_off", note=60), 240, 1.0))


@pytest.mark.parametrize("older", [False, True])
def test_a_song_that_ends_is_written_whole(older: bool, tmp_path: Path) -> None:
    path = tmp_path / "x.mid"
    if older:
        path.write_bytes(b"old")
    sink = opened(path)
    fill(sink)
    assert path.exists() == older  # nothing is written before the end
    sink.finish()
    sink.close()
    sink.close()
    file = mido.MidiFile(path)
    assert (file.type, file.ticks_per_beat, file.length) == (0, 96, pytest.approx(1.0))
    assert [message.time for message in file.tracks[0]] == [0, 96, 144, 0]


def test_a_song_that_does_not_end_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x.mid"
    path.write_bytes(b"old")
    sink = opened(path)
    fill(sink)
    sink.close()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_is_told_when_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SinkError, match=r"^file: there is no folder .*none to write .*x\.mid in"):
        opened(tmp_path / "none" / "x.mid")
    with pytest.raises(SinkError, match="is a folder; give a file's name"):
        opened(tmp_path)
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write anywhere
    with pytest.raises(SinkError, match=f"no permission to write in {tmp_path}"):
        opened(tmp_path / "x.mid")


def test_where_a_link_leads_to_is_asked_and_a_pipe_needs_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, locked = tmp_path / "there", tmp_path / "locked"
    there.mkdir()
    locked.mkdir()
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) == there)  # root may anywhere
    (locked / "song.mid").symlink_to(there / "song.mid")
    (there / "other.mid").symlink_to(locked / "other.mid")
    sink = opened(locked / "song.mid")
    fill(sink)
    sink.finish()
    assert (there / "song.mid").is_file()
    assert (locked / "song.mid").is_symlink()
    with pytest.raises(SinkError, match=f"no permission to write in {locked}"):
        opened(there / "other.mid")
    (locked / "lost.mid").symlink_to(tmp_path / "none" / "lost.mid")
    with pytest.raises(SinkError, match=f"there is no folder {tmp_path / 'none'} to write"):
        opened(locked / "lost.mid")
    os.mkfifo(locked / "pipe")
    opened(locked / "pipe")
    opened(Path(os.devnull))


def test_a_disk_that_is_full_at_the_end_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(song: midicodec.Song, path: Path) -> None:
        raise OSError(28, "No space left on device", str(path))

    sink = opened(tmp_path / "x.mid")
    monkeypatch.setattr(midicodec, "save", full)
    with pytest.raises(SinkError, match=r"file: cannot write .*x\.mid: No space left"):
        sink.finish()
