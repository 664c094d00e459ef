"""The loop of a jam, with threads and a clock that runs; and the command, between files."""

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import mido
import numpy as np
import numpy.typing as npt
import pytest
from networks import save_run

from midirnn.corpus.filters import channels_of
from midirnn.errors import PluginError
from midirnn.jam import live as module
from midirnn.jam.live import Inbox, JamSettings, make_session, session_events
from midirnn.jam.session import message_of, record_of
from midirnn.playback.clock import Clock
from midirnn.playback.play import PlaybackReport, play
from midirnn.plugin import Event, Sink, Source, SourceError, StreamInfo
from midirnn.settings.config import CorpusConfig

Command = Callable[..., subprocess.CompletedProcess[str]]
INTERRUPTED = 130


def on(note: int) -> mido.Message:
    return mido.Message("note_on", note=note, velocity=64)


def off(note: int) -> mido.Message:
    return mido.Message("note_off", note=note, velocity=0)


class Trill:
    """Answers with one note after the other, a hundredth of a second apart."""

    def __init__(self) -> None:
        self.heard: list[mido.Message] = []
        self._next = on(70)

    def hear(self, record: npt.NDArray[np.uint8], seconds: float, own: bool = False) -> None:
        message = message_of(record)
        if not own:
            self.heard.append(message)
        else:
            self._next = off(message.note) if message.type == "note_on" else on(70)

    def next(self) -> tuple[float, npt.NDArray[np.uint8]]:
        return 0.01, record_of(self._next)


class Keys(Source):
    """A player in a thread."""

    name = "keys"
    receive: Callable[[mido.Message], None]

    def __init__(self, fails: str = "") -> None:
        super().__init__()
        self.calls: list[str] = []
        self._fails = fails

    def _called(self, what: str) -> None:
        self.calls.append(what)
        if what == self._fails:
            raise SourceError("keys: the plug was pulled")

    def open(self, receive: Callable[[mido.Message], None]) -> None:
        self.receive = receive
        self._called("open")

    def check(self) -> None:
        self._called("check")

    def close(self) -> None:
        self._called("close")


class Ears(Sink):
    name = "ears"
    realtime = True

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[mido.Message] = []
        self.calls: list[str] = []

    def send(self, event: Event) -> None:
        self.heard.append(event.message)

    def finish(self) -> None:
        self.calls.append("finish")

    def close(self) -> None:
        self.calls.append("close")


class Jamming(threading.Thread):
    """A jam in a thread, for the test to play with."""

    def __init__(self, source: Keys, *sinks: Sink, **settings: object) -> None:
        super().__init__()
        self.source, self._sinks = source, sinks
        self.partner, self.asked = Trill(), threading.Event()
        self.settings = JamSettings(**settings)  # type: ignore[arg-type]
        self.report: PlaybackReport | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        session = make_session(self.partner, self.settings, CorpusConfig())
        clock = Clock()
        inbox = Inbox()
        lost: list[PluginError] = []
        events = session_events(
            session, self.source, inbox, clock, self.asked, lost, self.settings.seconds
        )
        try:
            self.report = play(
                events, self._sinks, StreamInfo(), self.asked, clock, ends_itself=True
            )
            self.error = next(iter(lost), None)
        except BaseException as error:  # noqa: BLE001 — for the test to look at
            self.error = error


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


def test_it_answers_is_interrupted_and_answers_again_until_it_is_asked_to_end() -> None:
    keys, ears = Keys(), Ears()
    jamming = Jamming(keys, ears, pause_seconds=0.05)
    jamming.start()
    wait_for(lambda: keys.calls)
    for answer in (1, 2):
        keys.receive(on(50))
        keys.receive(off(50))
        before = len(ears.heard)
        wait_for(lambda before=before: len(ears.heard) > before + 4)
        assert jamming.partner.heard == [on(50), off(50)] * answer
    jamming.asked.set()
    jamming.join()
    assert jamming.error is None
    assert keys.calls[-1] == "close"
    assert ears.calls == ["finish", "close"]  # a jam that is ended has ended well
    assert ears.heard.count(on(70)) == ears.heard.count(off(70))
    assert jamming.report is not None
    assert jamming.report.sinks[0].lateness is not None


def test_a_jam_of_some_seconds_ends_by_itself() -> None:
    keys = Keys()
    jamming = Jamming(keys, Ears(), seconds=0.2)
    jamming.start()
    jamming.join(20)
    assert not jamming.is_alive()
    assert keys.calls == ["open", "close"]


@pytest.mark.parametrize("when", ["open", "check"])
def test_a_source_that_fails_ends_it_and_every_note(
    when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CHECK_SECONDS", 0.01)
    keys, ears = Keys(fails=when), Ears()
    jamming = Jamming(keys, ears)
    jamming.start()
    jamming.join(20)
    assert isinstance(jamming.error, PluginError)
    assert str(jamming.error) == "keys: the plug was pulled"
    assert keys.calls[-1] == "close"
    # What was played until then is kept.
    assert ears.calls == (["finish", "close"] if when == "check" else ["close"])


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs Unix signals")
def test_a_signal_at_the_end_of_a_wait_does_not_make_it_endless() -> None:
    inbox = Inbox()
    last = threading.Timer(10, inbox.put, [(0.0, on(60))])
    last.start()
    before = signal.signal(signal.SIGALRM, lambda *_: time.sleep(0.1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.03)
        assert list(module._come_in(inbox, 0.05)) == []
    finally:
        last.cancel()
        signal.signal(signal.SIGALRM, before)


def test_all_that_comes_in_at_once_is_heard() -> None:
    keys = Keys()
    jamming = Jamming(keys, Ears(), pause_seconds=5.0)
    jamming.start()
    wait_for(lambda: keys.calls)
    players = [
        threading.Thread(target=lambda n=n: [keys.receive(each) for each in (on(n), off(n)) * 50])
        for n in range(8)
    ]
    for each in players:
        each.start()
    for each in players:
        each.join()
    wait_for(lambda: len(jamming.partner.heard) == 800)
    jamming.asked.set()
    jamming.join()


@pytest.mark.parametrize(
    ("corpus", "channels"),
    [
        (CorpusConfig(), set(range(16))),
        (CorpusConfig(channels=(0, 9)), {0, 9}),
        (CorpusConfig(drums="drop"), set(range(16)) - {9}),
        (CorpusConfig(drums="only"), {9}),
    ],
)
def test_the_channels_that_the_network_knows(corpus: CorpusConfig, channels: set[int]) -> None:
    assert channels_of(corpus) == channels


def test_the_command_plays_with_a_file_and_writes_what_it_played(
    composed: Path, midirnn: Command, tmp_path: Path
) -> None:
    out, run = tmp_path / "out.mid", save_run(tmp_path / "run")
    done = midirnn(
        "jam", run, "--in", f"file:path={composed / 'C-1.mid'}", "--out", f"file:path={out}",
        "--mode", "along", "--length", "4s",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    heard, played = (int(each) for each in done.stderr.split("heard ")[1].split()[::3][:2])
    assert heard > 4
    assert played > 0
    assert sum(not each.is_meta for each in mido.MidiFile(out)) >= played


def test_a_file_has_the_tempo_of_the_jam(composed: Path, midirnn: Command, tmp_path: Path) -> None:
    out, run = tmp_path / "out.mid", save_run(tmp_path / "run")
    done = midirnn(
        "jam", run, "--in", f"file:path={composed / 'C-1.mid'}", "--out", f"file:path={out}",
        "--mode", "along", "--length", "3s", "--tempo", "100", "--clock", "send",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (track,) = mido.MidiFile(out).tracks
    assert [each.tempo for each in track if each.type == "set_tempo"] == [600_000]


def test_events_are_counted_in_the_jams_tempo() -> None:
    settings = JamSettings(clock="send", bpm=96.0)
    session = make_session(Trill(), settings, CorpusConfig())
    events = [event for now in (0.0, 5.0) for event in session.advance(now)]
    pulses = [each.start_ticks for each in events if each.message.type == "clock"]
    assert pulses == [20 * number for number in range(8 * 24 + 1)]  # 480 ticks a beat


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_what_was_played_is_kept(
    number: signal.Signals, composed: Path, tmp_path: Path
) -> None:
    out, run = tmp_path / "out.mid", save_run(tmp_path / "run")
    process = subprocess.Popen(
        [sys.executable, "-c",
         "import sys\nfrom midirnn.cli import main\ntry:\n    main()\nfinally:\n"
         "    print(sorted({'tensorflow', 'keras', 'tensorboard'} & set(sys.modules)))",
         "jam", run, "--in", f"file:path={composed / 'C-1.mid'}", "--mode", "along",
         "--out", f"file:path={out}", "--clock", "send"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    assert process.stderr.readline() == "listening; Ctrl-C ends it\n"
    time.sleep(0.5)
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED, errors
    assert "wrote" in errors
    assert out.exists()
    assert output.strip() == "[]"  # it needs no TensorFlow


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--clock", "follow", "--tempo", "90"], "a clock that is followed has the tempo"),
        (["--in", "file"], "the option 'path' is needed"),
        (["--in", "file:path=none.mid"], r"file: none\.mid: No such file"),
        (["--out", "file:pth=x"], "unknown option 'pth'"),
        (["--panic", "129"], "expected a note such as 21"),
        (["--length", "3bars"], "expected seconds such as 90s, found '3bars'"),
        (["--pause", "0"], "expected seconds such as 90s, found '0'"),
    ],
)
def test_what_is_wrong_is_one_line(
    options: list[str], message: str, composed: Path, midirnn: Command,
    tmp_path: Path,
) -> None:  # fmt: skip
    rest = [] if "--in" in options else ["--in", f"file:path={composed / 'C-1.mid'}"]
    rest += [] if "--out" in options else ["--out", "file"]
    done = midirnn("jam", save_run(tmp_path / "run"), *options, *rest, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert re.search(message, done.stderr), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
