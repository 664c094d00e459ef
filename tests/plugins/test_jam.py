"""A jam over real ports, of JACK without hardware, with a player who does what musicians do."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import mido
import pytest
from mido.ports import panic_messages, reset_messages
from networks import save_run

Jack = dict[str, str]
StartPlayer = Callable[[str], "Player"]
StartJam = Callable[..., "Jam"]

INTERRUPTED = 130
BAD_INPUT = 2
BACKEND = "backend=mido.backends.rtmidi/UNIX_JACK"
SILENCE = [*reset_messages(), *panic_messages()]


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


class Player:
    """``player.py`` in a process."""

    def __init__(self, name: str, log: Path, environment: Jack) -> None:
        self.name, self._log = name, log
        with log.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, Path(__file__).with_name("player.py"), name],
                env=environment, stdin=subprocess.PIPE, stdout=output, text=True,
            )  # fmt: skip
        wait_for(lambda: "ready" in log.read_text())

    def play(self, *messages: mido.Message) -> None:
        assert self._process.stdin is not None
        for message in messages:
            self._process.stdin.write(message.hex() + "\n")
        self._process.stdin.flush()

    def phrase(self, *notes: int, seconds: float = 0.02) -> None:
        for note in notes:
            self.play(on(note))
            time.sleep(seconds)
            self.play(off(note))

    def heard(self) -> list[mido.Message]:
        lines = self._log.read_text().split("\n")[1:-1]  # the last is not whole yet
        return [mido.Message.from_hex(each.split()[1]) for each in lines]

    def leave(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)
        if self._process.stdin is not None:
            self._process.stdin.close()


class Jam:
    """``midirnn jam`` in a process, between the player's two ports."""

    def __init__(self, run: Path, player: Player, environment: Jack, *options: str) -> None:
        self._player = player
        command = [sys.executable, "-m", "midirnn", "jam", str(run), *options]
        if "--in" not in options:
            command += ["--in", f"midiport:port={player.name}-plays,{BACKEND}"]
        if "--out" not in options:
            command += ["--out", f"midiport:port={player.name}-hears,{BACKEND}"]
        self._process = subprocess.Popen(
            command, env=environment, stderr=subprocess.PIPE, text=True
        )
        self.errors = ""

    def answers(self, count: int = 1) -> None:
        """Play until it is heard that the network plays: it may still be starting."""
        before, deadline = len(self._player.heard()), time.monotonic() + 60
        while len(self._player.heard()) < before + count:
            assert self._process.poll() is None, self._process.communicate()
            assert time.monotonic() < deadline, "there is no answer"
            self._player.phrase(60, 64, 67)
            silent_until = time.monotonic() + 2
            while time.monotonic() < silent_until and len(self._player.heard()) < before + count:
                time.sleep(0.01)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ended(self) -> int:
        _, self.errors = self._process.communicate(timeout=60)
        return self._process.returncode


@pytest.fixture
def player(jack: Jack, tmp_path: Path) -> Iterator[StartPlayer]:
    started: list[Player] = []

    def start(name: str) -> Player:
        started.append(Player(name, tmp_path / f"player-{len(started)}", jack))
        return started[-1]

    yield start
    for each in started:
        each.leave()


@pytest.fixture
def jam(jack: Jack, tmp_path: Path) -> Iterator[StartJam]:
    started: list[Jam] = []

    def start(player: Player, *options: str) -> Jam:
        run = save_run(tmp_path / f"run-{len(started)}")
        started.append(Jam(run, player, jack, *options))
        return started[-1]

    yield start
    for each in started:
        if each._process.poll() is None:
            each._process.kill()
            each._process.communicate()


def on(note: int, velocity: int = 80) -> mido.Message:
    return mido.Message("note_on", note=note, velocity=velocity)


def off(note: int) -> mido.Message:
    return mido.Message("note_off", note=note, velocity=0)


def hanging(messages: list[mido.Message]) -> set[tuple[int, int]]:
    """The notes that sound after the last of ``messages``, by note-offs alone."""
    sounding: set[tuple[int, int]] = set()
    for each in messages:
        if each.type == "note_on" and each.velocity:
            assert (each.channel, each.note) not in sounding, "a note is begun twice"
            sounding.add((each.channel, each.note))
        elif each.type in ("note_on", "note_off"):
            assert (each.channel, each.note) in sounding, "a note is ended that does not sound"
            sounding.discard((each.channel, each.note))
    return sounding


def assert_ended_well(jam: Jam, player: Player, code: int) -> None:
    """All that was sent has arrived, nothing hangs, every channel was silenced."""
    assert jam.ended() == code, jam.errors
    sent = next(line for line in jam.errors.splitlines() if line.startswith("midiport: "))
    count = int(sent.split()[1])
    wait_for(lambda: len(player.heard()) >= count + len(SILENCE))
    messages = player.heard()
    assert messages[count:] == SILENCE
    assert hanging(messages[:count]) == set()


@pytest.mark.parametrize("mode", ["answer", "along"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_of_what_it_plays_ends_every_note(
    number: signal.Signals, mode: str, player: StartPlayer, jam: StartJam
) -> None:
    there = player(f"{mode}-{number.name}".lower())
    playing = jam(there, "--mode", mode, "--pause", "0.2")
    playing.answers(3)
    there.play(on(50), on(55))  # held for good
    playing.signal(number)
    assert_ended_well(playing, there, INTERRUPTED)


def test_100_interruptions_lose_nothing_and_leave_nothing_hanging(
    player: StartPlayer, jam: StartJam
) -> None:
    """The player breaks in, lets go, panics and floods, at random."""
    there, rng = player("restless"), random.Random(5)
    playing = jam(there, "--pause", "0.05", "--mode", "answer")
    playing.answers()
    panic = mido.Message("control_change", control=123, value=0)
    held: list[int] = []
    for _ in range(100):
        time.sleep(rng.choice([0.0, 0.02, 0.06, 0.1, 0.15]))
        there.play(*(off(note) for note in held))
        held = rng.sample(range(40, 80), rng.randint(1, 4))
        there.play(*(on(note) for note in held))
        if rng.random() < 0.1:
            there.play(panic)
        if rng.random() < 0.7:
            there.play(*(off(note) for note in held))
            held = []
    there.play(*(off(note) for note in held))
    playing.signal(signal.SIGINT)
    assert_ended_well(playing, there, INTERRUPTED)
    assert sum(each.type == "note_on" for each in there.heard()) > 20  # it did answer


def test_a_flood_is_survived_and_afterwards_it_answers(player: StartPlayer, jam: StartJam) -> None:
    there = player("flood")
    playing = jam(there, "--pause", "0.2")
    playing.answers()
    for bend in range(2000):
        there.play(mido.Message("pitchwheel", pitch=bend))
        if bend % 4 == 0:
            there.play(on(bend // 4 % 128), off(bend // 4 % 128))
    there.play(mido.Message("sysex", data=[0] * 3000))
    playing.answers(2)
    playing.signal(signal.SIGTERM)
    assert_ended_well(playing, there, INTERRUPTED)
    assert "faster than the network" not in playing.errors


@pytest.mark.parametrize("goes", ["in", "out"])
def test_when_the_other_side_disappears_that_is_one_line(
    goes: str, player: StartPlayer, jam: StartJam
) -> None:
    stays, leaves = player(f"stays-{goes}"), player(f"leaves-{goes}")
    here, there = (leaves, stays) if goes == "in" else (stays, leaves)
    playing = jam(
        there, "--in", f"midiport:port={here.name}-plays,{BACKEND}", "--mode", "along",
        "--longest", "60",
    )  # fmt: skip
    playing._player.play = here.play  # type: ignore[method-assign]
    playing.answers(2)
    leaves.leave()
    if goes == "out":  # which is noticed when something is to be sent
        wait_for(lambda: here.phrase(60, 64) or playing._process.poll() is not None)
    assert playing.ended() == BAD_INPUT, playing.errors
    word = "input" if goes == "in" else "output"
    complaint = playing.errors.splitlines()[-1]
    assert complaint.startswith(f"midirnn: midiport: the {word} port "), playing.errors
    assert complaint.endswith("has gone")
    if goes == "in":
        messages = stays.heard()
        assert messages[-len(SILENCE) :] == SILENCE
        assert hanging(messages[: -len(SILENCE)]) == set()


def test_our_clock_goes_out_and_a_song_is_recorded_too(
    player: StartPlayer, jam: StartJam, tmp_path: Path
) -> None:
    there, written = player("clocked"), tmp_path / "jam.mid"
    playing = jam(
        there, "--clock", "send", "--tempo", "200", "--length", "3s", "--mode", "along",
        "--out", f"midiport:port={there.name}-hears,{BACKEND}", "--out", f"file:path={written}",
    )  # fmt: skip
    wait_for(lambda: len(there.heard()) > 10)
    there.phrase(60, 62)
    assert playing.ended() == 0, playing.errors
    kinds = [each.type for each in there.heard()]
    assert kinds[:2] == ["start", "clock"]
    assert 230 <= kinds.count("clock") <= 241
    assert kinds.count("stop") == 1
    assert not any(each.is_realtime for each in mido.MidiFile(written))


def test_a_clock_that_comes_in_is_waited_for(player: StartPlayer, jam: StartJam) -> None:
    there = player("conductor")
    playing = jam(there, "--clock", "follow", "--mode", "along")
    time.sleep(3)
    there.phrase(60, 64, 67)
    time.sleep(0.5)
    assert there.heard() == []  # nobody conducts

    def beat() -> bool:
        for _ in range(12):
            there.play(mido.Message("clock"))
            time.sleep(0.02)
        there.play(on(60), off(60))
        return len(there.heard()) >= 3

    wait_for(beat)
    there.play(mido.Message("stop"))
    time.sleep(0.5)
    count = len(there.heard())
    assert hanging(there.heard()) == set()
    for _ in range(20):
        there.play(mido.Message("clock"))
        time.sleep(0.02)
    assert len(there.heard()) == count
    playing.signal(signal.SIGINT)
    assert_ended_well(playing, there, INTERRUPTED)
