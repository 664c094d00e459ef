"""A file or a run into sinks: what is told meanwhile, and what goes wrong where."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mido
import pytest
from networks import save_run

import midicodec
from midirnn.errors import GenerationError, MidiRnnError, SinkError
from midirnn.generation.length import Length
from midirnn.generation.take import Take, Tally
from midirnn.playback import perform
from midirnn.playback.clock import Lateness
from midirnn.playback.perform import generate_song, play_file
from midirnn.playback.play import PlaybackReport, SinkReport
from midirnn.plugin import Event, Sink, StreamInfo
from midirnn.plugin.choice import PluginChoice
from midirnn.settings.config import PRESETS


def write(path: Path, *messages: mido.Message, division: int = 480) -> Path:
    midicodec.save(midicodec.Song.from_messages(messages, division=division), path)
    return path


def to_file(path: Path) -> PluginChoice:
    return PluginChoice(name="file", options={"path": str(path)})


def test_a_file_is_played_into_every_sink(tmp_path: Path) -> None:
    song = write(tmp_path / "song.mid", mido.Message("note_on", note=60, time=480))
    one, two = tmp_path / "one.mid", tmp_path / "two.mid"
    assert play_file(song, [to_file(one), to_file(two)])
    assert one.read_bytes() == two.read_bytes()
    kinds = [message.type for message in mido.MidiFile(one).tracks[0]]
    assert kinds == ["set_tempo", "note_on", "note_off", "end_of_track"]


def test_a_file_without_time_is_named_before_any_sink_is_opened(tmp_path: Path) -> None:
    song = write(tmp_path / "timeless.mid", mido.Message("note_on"), division=0)
    with pytest.raises(MidiRnnError, match=r"timeless\.mid: .*division"):
        play_file(song, [PluginChoice(name="none such")])


class Loud(Sink):
    """Has the user press Ctrl-C."""

    name = "loud"
    realtime = True

    def send(self, event: Event) -> None:
        signal.raise_signal(signal.SIGINT)


def test_ctrl_c_ends_the_song_and_the_sinks_are_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = threading.Event()
    monkeypatch.setattr(Loud, "close", lambda _: closed.set())
    out = tmp_path / "out.mid"
    make_sinks = perform.make_sinks
    monkeypatch.setattr(perform, "make_sinks", lambda choices: [Loud(), *make_sinks(choices)])
    notes = [mido.Message("note_on", note=n, time=480 * 60) for n in range(9)]
    song = write(tmp_path / "song.mid", notes[0].copy(time=0), *notes)
    before = time.monotonic()
    assert play_file(song, [to_file(out)]) is False
    assert time.monotonic() - before < 10
    assert closed.is_set()
    assert not out.exists()  # a song that was interrupted is not written


def test_what_became_of_each_sink_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    port = SinkReport("port", 9, None, Lateness(0.25, 1.5, 3.0))
    gone = SinkReport("gone", 2, "gone: it has gone", None)
    lost = SinkReport("lost", 3, "lost: so is this", None)
    assert perform.finished(PlaybackReport(False, (port,))) is True
    assert (
        capsys.readouterr().err == "port: 9 messages, late by 0.2 ms (p50), 1.5 (p99), 3.0 (max)\n"
    )
    assert perform.finished(PlaybackReport(True, (port,))) is False
    with pytest.raises(SinkError, match=r"^gone: it has gone; lost: so is this$"):
        perform.finished(PlaybackReport(True, (gone, port, lost)))


@pytest.mark.parametrize(
    ("length", "seconds", "total", "unit", "shown"),
    [
        (Length(records=4), None, 4, "record", [1, 3, 4]),
        (Length(seconds=2.0), 2.0, 2.0, "s", [0.5, 1.5, 2.0]),
        (Length(bars=1), 2.0, 2.0, "s", [0.5, 1.5, 2.0]),
    ],
)
def test_progress_is_in_what_the_length_was_given_in(
    length: Length,
    seconds: float | None,
    total: float,
    unit: str,
    shown: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tally, seen = Tally(), []

    class Bar:
        n = 0.0

        def update(self, by: float) -> None:
            self.n += by
            seen.append(self.n)

    @contextlib.contextmanager
    def bar(**options: object) -> Iterator[Bar]:
        assert (options["total"], options["unit"]) == (total, unit)
        yield Bar()

    def events() -> Iterator[Event]:
        for tally.records, tally.seconds in ((1, 0.5), (3, 1.5), (4, 2.0)):
            yield Event(mido.Message("note_on"), 0, 0.0)

    monkeypatch.setattr(perform.tqdm, "tqdm", bar)
    take = Take(StreamInfo(), events(), tally, seconds)
    assert len(list(perform._with_progress(take, length))) == 3
    assert seen == pytest.approx(shown)


NOTEBOOK = PRESETS["notebook"]["generation"]
"""Its own settings; ``most_repeats`` and ``top_p`` ask for nothing."""


@pytest.mark.parametrize("head", ["bytes", "bits"])
@pytest.mark.parametrize(
    ("settings", "flag"),
    [
        ({}, None),
        ({"temperature": 1.0, "program_changes": None, "programs": {0: 40}}, None),
        ({"most_repeats": 0, "top_k": 0, "top_p": 1.0}, None),
        ({"scale": "D minor"}, "--scale"),
        ({"channels": (0, 1)}, "--channels"),
        ({"most_notes": 32}, "--most-notes"),  # the default, but asked for
        ({"longest_note_seconds": 3.0}, "--longest-note"),
        ({"program_changes": False}, "--keep-programs"),
        ({"most_repeats": 4}, "--most-repeats"),
        ({"top_p": 0.9}, "--top-p"),
        ({"top_k": 3}, "--top-k"),
    ],
)
def test_what_only_rules_keep_is_not_asked_for_without_them(
    tmp_path: Path, head: str, settings: dict[str, Any], flag: str | None
) -> None:
    run, out = save_run(tmp_path / "run", 1, head, "all", **NOTEBOOK), tmp_path / "out.mid"
    if flag is None or (head == "bytes" and flag in ("--top-p", "--top-k")):
        assert generate_song(run, "30", 0, [to_file(out)], settings=settings)
        assert out.exists()
        return
    with pytest.raises(GenerationError, match=rf"^{flag} is not kept .*rules = true in .*toml$"):
        generate_song(run, "30", 0, [to_file(out)], settings=settings)
    assert not out.exists()
    assert generate_song(run, "30", 0, [to_file(out)], settings={**settings, "rules": True})


def test_what_a_runs_settings_ask_for_is_kept_too_or_told(tmp_path: Path) -> None:
    run = save_run(tmp_path / "run", 1, rules=False, scale="D minor")
    with pytest.raises(GenerationError, match=r"^generation\.scale is not kept"):
        generate_song(run, "30", 0, [to_file(tmp_path / "out.mid")])
