"""Playing with somebody: from their note to ours, from their pause to our answer; the first sound.

The default network. What it would wait musically is taken out: it replies to each message at
once. The player is another process, on the ports of a JACK server without hardware, whose two
periods of 5.3 ms are part of what is measured; beside it stands the same without ports.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import mido
import numpy as np
import numpy.typing as npt
import pytest
from mido.ports import panic_messages, reset_messages

from midirnn.generation.generator import Generator
from midirnn.generation.length import Length
from midirnn.jam.live import Inbox, JamSettings, make_session, session_events
from midirnn.jam.session import Partner
from midirnn.playback.clock import Clock
from midirnn.playback.play import play
from midirnn.plugin import Event, Sink, Source, StreamInfo
from midirnn.plugin.choice import PluginChoice
from midirnn.plugin.manager import plugin_manager
from midirnn.run.folder import Run
from midirnn.settings.config import CorpusConfig

Report = Callable[[str], None]
BACKEND = "mido.backends.rtmidi/UNIX_JACK"
PLAYER = Path(__file__).parents[1] / "tests" / "plugins" / "player.py"
NOTES = 200
KINDS = (("note_on",), ("note_off",))
SILENCE = [*reset_messages(), *panic_messages()]
JAMS = int(os.environ.get("JAMS", "10"))
"""How many processes are ended in the middle of what they play."""


MAKE_RUN = """
import sys
from pathlib import Path
import numpy as np
from midirnn.settings.config import Config
from midirnn.model.network import Network
from midirnn.plugin import Events
from midirnn.run.folder import Run
run, config = Run(Path(sys.argv[1])), Config()
weights = {name: each.numpy() for name, each in Network(config.model).named_weights().items()}
run.folder.mkdir()
run.save_config(config)
run.save_starts(Events(np.array([[0, 0x90, 60, 64, 3]], np.uint8), np.zeros(1)))
run.checkpoints.save(1, 0.5, {"weights": weights})
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of the usual size that was never trained; TensorFlow stays in another process."""
    folder = tmp_path_factory.mktemp("live") / "run"
    subprocess.run([sys.executable, "-c", MAKE_RUN, folder], check=True)
    return folder


@pytest.fixture(scope="module")
def jack() -> Iterator[None]:
    """A JACK server without hardware, for this process and those that it starts."""
    name = f"midirnn-bench-{os.getpid()}"
    server = ["jackd", "--no-realtime", "-S", "-n", name, "-d", "dummy", "-r", "48000"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JACK_DEFAULT_SERVER", name)
        patch.setenv("JACK_NO_AUDIO_RESERVATION", "1")
        patch.setenv("JACK_NO_START_SERVER", "1")
        process = subprocess.Popen([*server, "-p", "256"], stdout=subprocess.DEVNULL)
        time.sleep(2)
        try:
            yield
        finally:
            process.terminate()
            process.wait()


class Eager:
    """A network that replies to everything at once, and plays nothing else."""

    def __init__(self, performance: Partner) -> None:
        self._performance, self._replies = performance, False

    def hear(self, record: npt.NDArray[np.uint8], seconds: float, own: bool = False) -> None:
        self._performance.hear(record, seconds, own=own)
        self._replies = not own

    def next(self) -> tuple[float, npt.NDArray[np.uint8]]:
        return 0.0 if self._replies else 3600.0, self._performance.next()[1]


class Hands(Source):
    """A player in this process."""

    name = "hands"

    def open(self, receive: Callable[[mido.Message], None]) -> None:
        self.receive = receive


class Ears(Sink):
    """Notes when each message came."""

    name = "ears"
    realtime = True

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.came: list[float] = []
        self._then = then

    def send(self, event: Event) -> None:
        self.came.append(time.monotonic())
        self._then()


class Player:
    """``player.py`` in a process of its own."""

    def __init__(self, folder: Path, name: str) -> None:
        self._log = folder / name
        with self._log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, PLAYER, name], stdin=subprocess.PIPE, stdout=output, text=True
            )
        while "ready" not in self._log.read_text():
            time.sleep(0.05)

    def receive(self, message: mido.Message) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(message.hex() + "\n")
        self.process.stdin.flush()

    def heard(self) -> list[tuple[float, str]]:
        lines = [each.split() for each in self._log.read_text().split("\n")[1:-1]]
        return [(float(at), text) for at, text in lines]

    @property
    def came(self) -> list[float]:
        return [at for at, _ in self.heard()]


def jam(
    run: Path, settings: JamSettings, source: Source, sink: Sink, play_it: Callable[[], None]
) -> None:
    """Run a jam in another thread while ``play_it`` plays."""
    generator = Generator.of_run(Run(run)).with_settings(rules=True)
    partner = Eager(generator.performance(0, start=False, channel_only=True))
    session = make_session(partner, settings, CorpusConfig())
    clock, asked = Clock(), threading.Event()
    events = session_events(session, source, Inbox(), clock, asked, [])
    thread = threading.Thread(
        target=play, args=(events, [sink], StreamInfo(), threading.Event(), clock)
    )
    thread.start()
    time.sleep(1)
    try:
        play_it()
    finally:
        asked.set()
        thread.join()


@pytest.mark.parametrize("mode", ["along", "answer"])
@pytest.mark.parametrize("way", ["without ports", "over JACK"])
def test_reply(way: str, mode: str, run: Path, jack: None, tmp_path: Path, report: Report) -> None:
    pause = 0.2
    settings = JamSettings(mode=mode, pause_seconds=pause)  # type: ignore[arg-type]
    late: list[float] = []
    hands, ears = Hands(), Ears()
    player: Player | None = None
    source: Source = hands
    sink: Sink = ears
    if way == "over JACK":
        player = Player(tmp_path, mode)
        options = [{"port": f"{mode}-{what}", "backend": BACKEND} for what in ("plays", "hears")]
        source, sink = (
            plugin_manager().create(kind, PluginChoice(name="midiport", options=each))  # type: ignore[arg-type]
            for kind, each in zip(("source", "sink"), options, strict=True)
        )

    def notes() -> None:
        gives = hands.receive if player is None else player.receive
        hears = ears if player is None else player
        for note in range(NOTES):
            before = len(hears.came)
            for kind in ("note_on", "note_off") if mode == "answer" else KINDS[note % 2]:
                gives(mido.Message(kind, note=60, velocity=64))
            at = time.monotonic()
            if mode == "answer":  # it first ends what it was playing
                time.sleep(pause / 2)
                before = len(hears.came)
            while len(hears.came) == before:
                assert time.monotonic() < at + 5, "there was no reply"
                time.sleep(0.0005 if player is None else 0.005)
            late.append(hears.came[before] - at - (pause if mode == "answer" else 0))
            time.sleep(random.uniform(0.02, 0.06))

    try:
        jam(run, settings, source, sink, notes)
    finally:
        if player is not None:
            player.process.terminate()
            player.process.wait()
    p50, p99, most = np.percentile(np.array(late), [50, 99, 100]) * 1000
    report(
        f"{mode}, {way}: replies to {NOTES} notes after p50 {p50:.1f}, p99 {p99:.1f}, "
        f"max {most:.1f} ms"
    )


def test_first_sound(run: Path, report: Report) -> None:
    seconds = []
    for seed in range(20):
        generator = Generator.of_run(Run(run))
        stop, info, began = threading.Event(), StreamInfo(), time.monotonic()
        ears = Ears(then=stop.set)
        play(generator.events(Length.parse("1000"), seed, info), [ears], info, stop)
        seconds.append(ears.came[0] - began)
    report(
        f"the first message of a song is sent {max(seconds) * 1000:.0f} ms after loading at most"
    )


def test_ended_in_the_middle(run: Path, jack: None, tmp_path: Path, report: Report) -> None:
    """Processes that a signal ends at a random moment: all arrives, nothing hangs."""
    lost = hang = 0
    rng = random.Random(3)
    for number in range(JAMS):
        player = Player(tmp_path, f"ended-{number}")
        where = [f"midiport:port=ended-{number}-{what},backend={BACKEND}"
                 for what in ("plays", "hears")]  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-m", "midirnn", "jam", run, "--in", where[0], "--out", where[1],
             "--mode", rng.choice(["answer", "along"]), "--pause", "0.05"],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        until = time.monotonic() + 3 + rng.uniform(0, 2)
        while time.monotonic() < until:
            note = rng.randrange(40, 90)
            player.receive(mido.Message("note_on", note=note))
            if rng.random() < 0.8:
                player.receive(mido.Message("note_off", note=note))
            time.sleep(rng.uniform(0, 0.2))
        process.send_signal(rng.choice([signal.SIGINT, signal.SIGTERM]))
        _, errors = process.communicate(timeout=60)
        sent = re.search(r"midiport: (\d+) messages", errors)
        time.sleep(0.2)
        messages = [mido.Message.from_hex(text) for _, text in player.heard()]
        lost += (int(sent[1]) if sent else 0) + len(SILENCE) - len(messages)
        sounding: set[tuple[int, int]] = set()
        for each in messages:
            if each.type == "note_on" and each.velocity:
                sounding.add((each.channel, each.note))
            elif each.type in ("note_on", "note_off"):
                sounding.discard((each.channel, each.note))
        hang += len(sounding)
        player.process.terminate()
        player.process.wait()
    report(f"{JAMS} jams ended by a signal: {lost} messages lost, {hang} notes hanging")
    assert (lost, hang) == (0, 0)
