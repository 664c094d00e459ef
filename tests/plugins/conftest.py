"""What the plugins' tests share: songs, a soundfont, a JACK server that needs no hardware.

A machine without the last two skips what needs them; CI, where .ci/run installs them, fails.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NoReturn

import mido
import pytest

from midirnn.plugin import SinkError

Command = Callable[..., subprocess.CompletedProcess[str]]
MakeSong = Callable[[Iterable[mido.Message]], Path]
JACK = "mido.backends.rtmidi/UNIX_JACK"


def lacking(what: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"CI must not go without {what}: see .ci/run", pytrace=False)
    pytest.skip(f"needs {what}")


@pytest.fixture
def make_song(tmp_path: Path) -> MakeSong:
    """Write messages as a MIDI file; their times are milliseconds."""

    def make(messages: Iterable[mido.Message]) -> Path:
        # 500 ticks a beat, and a beat is half a second when no tempo is given.
        song = mido.MidiFile(ticks_per_beat=500)
        song.tracks.append(mido.MidiTrack(messages))
        song.save(tmp_path / "song.mid")
        return tmp_path / "song.mid"

    return make


@pytest.fixture
def refused(midirnn: Command) -> Callable[..., None]:
    """Run ``midirnn``, which exits with status 2 after one line on stderr that has ``message``."""

    def run(*arguments: object, message: str, **options: object) -> None:
        done = midirnn(*arguments, **options)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert re.search(message, done.stderr), done.stderr
        assert done.stderr.count("\n") == 1, done.stderr

    return run


@pytest.fixture(scope="session")
def soundfont() -> Path | None:
    """The soundfont that is played with; None where the system has a synthesizer of its own."""
    from midirnn_pygame.soundfont import choose_soundfont

    try:
        return choose_soundfont(None)
    except SinkError:
        lacking("a soundfont (Debian: timgm6mb-soundfont)")


@pytest.fixture(scope="session")
def jack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a JACK server with no hardware, which is there while the tests run."""
    if shutil.which("jackd") is None:
        lacking("a JACK server (Debian: jackd2)")
    try:
        import rtmidi  # noqa: F401 — whether it can be
    except ImportError as error:
        lacking(f"python-rtmidi and libasound2 ({error})")
    name = f"midirnn-{os.getpid()}"
    environment = os.environ | {
        "JACK_DEFAULT_SERVER": name,
        "JACK_NO_AUDIO_RESERVATION": "1",  # it would ask a D-Bus that may not be there
        "JACK_NO_START_SERVER": "1",
    }
    # -S, or messages are lost and change places when the machine is busy.
    command = ["jackd", "--no-realtime", "-S", "-n", name, "-d", "dummy", "-r", "48000"]
    log = tmp_path_factory.mktemp("jack") / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [*command, "-p", "256"], env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    ask = f"import mido; mido.Backend({JACK!r}, load=True).get_output_names()"
    deadline = time.monotonic() + 30
    try:
        while subprocess.run(
            [sys.executable, "-c", ask], env=environment, capture_output=True
        ).returncode:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
        yield environment
    finally:
        server.terminate()
        server.wait(timeout=10)
