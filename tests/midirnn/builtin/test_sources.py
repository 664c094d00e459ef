"""The built-in source: a file is played as if somebody did."""

import threading
import time
from pathlib import Path

import mido
import pytest

import midicodec
import midirnn.testing
from midirnn.builtin.sources import FileSource
from midirnn.errors import SourceError
from midirnn.plugin.choice import PluginChoice
from midirnn.plugin.manager import plugin_manager


def write(path: Path, *messages: mido.Message) -> Path:
    midicodec.save(midicodec.Song.from_messages(messages, division=480), path)
    return path


def file_source(path: Path) -> FileSource:
    made = plugin_manager().create("source", PluginChoice(name="file", options={"path": str(path)}))
    assert isinstance(made, FileSource)
    return made


def test_a_file_is_played_in_time(tmp_path: Path) -> None:
    song = write(
        tmp_path / "song.mid",
        mido.MetaMessage("text", text="not for ears"),
        mido.Message("note_on", note=60, velocity=9, time=0),
        mido.Message("note_off", note=60, velocity=0, time=96),
    )
    source, heard, done = file_source(song), [], threading.Event()

    def receive(message: mido.Message) -> None:
        heard.append((message, time.monotonic()))
        if len(heard) == 2:
            done.set()

    source.open(receive)
    assert done.wait(10)
    source.check()
    source.close()
    source.close()
    assert [message.type for message, _ in heard] == ["note_on", "note_off"]
    assert heard[1][1] - heard[0][1] >= 0.09


def test_closing_stops_it(tmp_path: Path) -> None:
    song = write(tmp_path / "song.mid", mido.Message("note_on", note=60, time=480 * 1000))
    source = file_source(song)
    source.open(lambda message: pytest.fail("it was closed"))
    before = time.monotonic()
    source.close()
    assert time.monotonic() - before < 5


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"file: .*none\.mid: No such file"):
        file_source(tmp_path / "none.mid").open(lambda message: None)
    junk = tmp_path / "junk.mid"
    junk.write_bytes(b"no music")
    with pytest.raises(SourceError, match=r"file: .*junk\.mid"):
        file_source(junk).open(lambda message: None)


def test_it_passes_what_authors_test_with(tmp_path: Path) -> None:
    song = write(tmp_path / "song.mid", mido.Message("note_on", note=60, time=10))
    midirnn.testing.check_source(file_source(song))
