"""The midiport sink over a real port, of JACK without hardware: what arrives, and when.

Times are held to loosely: a busy machine is late by a fifth of a second.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path

import mido
import pytest
from mido.ports import panic_messages, reset_messages

Command = Callable[..., subprocess.CompletedProcess[str]]
MakeSong = Callable[..., Path]
Refused = Callable[..., None]
Start = Callable[..., "Receiver"]
Jack = dict[str, str]

INTERRUPTED = 130
BACKEND = "backend=mido.backends.rtmidi/UNIX_JACK"
SILENCE = [*reset_messages(), *panic_messages()]


class Receiver:
    """``receiver.py`` in a process, and what it printed so far."""

    def __init__(self, log: Path, environment: Jack, *arguments: str) -> None:
        self._log = log
        script = Path(__file__).with_name("receiver.py")
        with log.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, script, *arguments],
                env=environment, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def wait(self, count: int, seconds: float = 20) -> list[str]:
        """The lines it printed, as soon as there are ``count``, or after ``seconds``."""
        deadline = time.monotonic() + seconds
        while len(lines := self._log.read_text().splitlines()) < count:
            assert self._process.poll() is None, lines
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        return lines

    def received(self, count: int, after: int = 1) -> tuple[list[mido.Message], list[float]]:
        """The messages, of which ``count`` are expected, and when they came."""
        lines = [each.split() for each in self.wait(after + count)[after:]]
        return [mido.Message.from_hex(text) for _, text in lines], [float(at) for at, _ in lines]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)


@pytest.fixture
def receiver(jack: Jack, tmp_path: Path) -> Iterator[Start]:
    """Start a receiver on JACK and wait until it says that it is there."""
    started: list[Receiver] = []

    def start(*arguments: str) -> Receiver:
        log = tmp_path / f"receiver-{len(started)}"
        started.append(Receiver(log, jack, *arguments))
        assert started[-1].wait(1) in (["ready"], ["waiting"])
        return started[-1]

    yield start
    for each in started:
        each.stop()


def scale(count: int = 20) -> list[mido.Message]:
    """Notes on all channels, one in 100 ms, and every kind of message that a port takes."""
    messages = [
        mido.MetaMessage("track_name", name="not for ports"),
        mido.Message("program_change", channel=3, program=79),
        mido.Message("sysex", data=range(100)),
        mido.Message("pitchwheel", channel=15, pitch=-8192),
    ]
    for index in range(count):
        note = {"note": 50 + index, "channel": index % 16}
        messages += [mido.Message("note_on", velocity=90, **note, time=20),
                     mido.Message("note_off", velocity=1 + index, **note, time=80)]  # fmt: skip
    return messages


def sent_of(messages: list[mido.Message]) -> list[mido.Message]:
    return [each.copy(time=0) for each in messages if not each.is_meta]


def test_a_song_arrives_whole_in_order_and_in_time(
    receiver: Start, jack: Jack, make_song: MakeSong, midirnn: Command
) -> None:
    song, there = scale(), receiver("whole")
    sink = f"midiport:port=WHOLE,{BACKEND}"  # a part of its name, capitals or not
    done = midirnn("play", make_song(song), "--sink", sink, env=jack)
    assert done.returncode == 0, done.stderr
    wanted = sent_of(song)
    messages, arrivals = there.received(len(wanted) + len(SILENCE))
    assert messages == wanted + SILENCE
    assert f"midiport: {len(song)} messages, late by" in done.stderr
    due = [seconds / 1000 for seconds in accumulate(each.time for each in song)][1:]
    late = sorted(came - arrivals[0] - at for came, at in zip(arrivals, due, strict=False))
    assert abs(late[len(late) // 2]) < 0.5  # all at once would be a second
    assert -0.5 < late[0] < late[-1] < 1.5


def test_ctrl_c_ends_every_note_and_silences_every_channel(
    receiver: Start, jack: Jack, make_song: MakeSong
) -> None:
    chord = [(0, 60), (0, 64), (5, 60), (9, 36)]
    on = [mido.Message("note_on", channel=c, note=n, velocity=80) for c, n in chord]
    off = [mido.Message("note_off", channel=c, note=n, velocity=0) for c, n in chord]
    ended = [mido.Message("note_on", note=64, velocity=0), on[1]]  # ended, and begun again
    rest = [each.copy(time=60_000) for each in off]
    song, there = make_song([*on, *ended, *rest]), receiver("held")
    process = subprocess.Popen(
        [sys.executable, "-m", "midirnn", "play", song, "--sink", f"midiport:port=held,{BACKEND}"],
        env=jack, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert there.received(6)[0] == [*on, *ended]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == INTERRUPTED, errors
    messages = there.received(6 + len(off) + len(SILENCE))[0][6:]
    # Each sounding note once, whatever their order; the silence after them.
    assert sorted(messages[: len(off)], key=str) == sorted(off, key=str)
    assert messages[len(off) :] == SILENCE


def test_a_virtual_port_is_there_to_be_connected_to(
    receiver: Start, jack: Jack, make_song: MakeSong, midirnn: Command
) -> None:
    song = [mido.Message("note_on", note=60, velocity=9, time=3000),
            mido.Message("note_off", note=60, velocity=0, time=100)]  # fmt: skip
    there = receiver("made-for-this", "join")
    sink = f"midiport:virtual=true,port=made-for-this,{BACKEND}"
    done = midirnn("play", make_song(song), "--sink", sink, env=jack)
    assert done.returncode == 0, done.stderr
    wanted = sent_of(song) + SILENCE
    assert there.received(len(wanted), after=2)[0] == wanted


def test_a_generated_song_arrives_as_the_file_has_it(
    receiver: Start, jack: Jack, trained: Path, make_song: MakeSong, midirnn: Command,
    tmp_path: Path,
) -> None:  # fmt: skip
    primer, there = make_song(scale(3)), receiver("generated")
    written = tmp_path / "out.mid"
    done = midirnn(
        "generate", trained, "--primer", primer, "--length", "1s",  # into the first port there is
        "--sink", f"midiport:{BACKEND}", "--sink", f"file:path={written}", env=jack,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    wanted = sent_of(list(mido.MidiFile(written)))
    assert sum(each.type == "note_on" for each in wanted) >= 3
    assert there.received(len(wanted) + len(SILENCE))[0] == wanted + SILENCE


def test_the_ports_are_listed(receiver: Start, jack: Jack) -> None:
    receiver("first-of-two")
    receiver("second-of-two")
    command = [sys.executable, "-m", "midirnn_midiport", "--backend", BACKEND.partition("=")[2]]
    done = subprocess.run(command, env=jack, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    assert "first-of-two" in first
    assert "second-of-two" in second


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("port=nosuch", r"there is no output port 'nosuch'; there are: '.*here-1', '.*here-2'"),
        ("port=here", r"'here' is part of several ports' names: '.*here-1', '.*here-2'"),
    ],
)
def test_a_wrong_name_is_one_line_that_lists_the_ports(
    options: str, message: str, receiver: Start, jack: Jack, make_song: MakeSong, refused: Refused
) -> None:
    receiver("here-1")
    receiver("here-2")
    sink = f"midiport:{options},{BACKEND}"
    refused("play", make_song(scale(1)), "--sink", sink, env=jack, message=message)


@pytest.mark.parametrize(
    ("server", "options", "message"),
    [
        ("{there}", "port=any", "there is no MIDI output port; virtual=true makes a port"),
        ("gone", "port=any", "the system's ports cannot be listed .*; tcp=HOST:PORT works without"),
        ("gone", "virtual=true", "cannot open the port 'midirnn'"),
    ],
)
def test_a_system_without_ports_is_one_line(
    server: str, options: str, message: str, jack: Jack, make_song: MakeSong, refused: Refused
) -> None:
    name = server.format(there=jack["JACK_DEFAULT_SERVER"])
    refused(
        "play", make_song(scale(1)), "--sink", f"midiport:{options},{BACKEND}",
        env=jack | {"JACK_DEFAULT_SERVER": name}, message=message,
    )  # fmt: skip
