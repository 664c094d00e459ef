"""The midiport sink over TCP, which works on any machine, and what it says of wrong options."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import mido
import mido.sockets
import pytest
from mido.sockets import SocketPort

import midirnn.testing
import midirnn_midiport
from midirnn.plugin import Event, SinkError, SourceError, StreamInfo
from midirnn_midiport import MidiPortSink
from midirnn_midiport.ports import INPUT, find_port
from midirnn_midiport.source import MidiPortSource

Command = Callable[..., subprocess.CompletedProcess[str]]
MakeSong = Callable[..., Path]
Refused = Callable[..., None]

BAD_INPUT = 2
HOST = "127.0.0.1"


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A socket that is listened at, on a port that the system chooses."""
    with socket.create_server((HOST, 0)) as server:
        server.settimeout(60)
        yield server


def address(server: socket.socket) -> str:
    return f"{HOST}:{server.getsockname()[1]}"


def receive(server: socket.socket, count: int | None = None) -> list[mido.Message]:
    """Take ``count`` messages of a connection, or all until it ends."""
    connection, (host, port) = server.accept()
    with SocketPort(host, port, conn=connection) as receiver:
        return list(islice(messages_of(receiver), count))


def messages_of(receiver: SocketPort) -> Iterator[mido.Message]:
    try:
        yield from receiver
    except ValueError:  # mido's, where the end is read together with the last message
        assert receiver.closed


def scale(count: int, milliseconds: int) -> list[mido.Message]:
    return [
        mido.Message(kind, note=40 + index, velocity=64, time=milliseconds // 2)
        for index in range(count)
        for kind in ("note_on", "note_off")
    ]


def channel_messages(path: Path) -> list[mido.Message]:
    return [each.copy(time=0) for each in mido.MidiFile(path) if not each.is_meta]


def test_a_song_arrives_over_tcp(
    listening: socket.socket, make_song: MakeSong, midirnn: Command
) -> None:
    song = [mido.Message("sysex", data=[1, 2, 3]), *scale(10, 50)]
    with ThreadPoolExecutor() as pool:
        received: Future[list[mido.Message]] = pool.submit(receive, listening)
        done = midirnn("play", make_song(song), "--sink", f"midiport:tcp={address(listening)}")
        assert done.returncode == 0, done.stderr
        messages = received.result(timeout=30)
    assert messages[: len(song)] == [each.copy(time=0) for each in song]
    assert [(each.channel, each.control) for each in messages[len(song) :]] == [
        (channel, control)
        for controls in ((123, 121), (120,))  # notes off, controllers back; then no sound at all
        for channel in range(16)
        for control in controls
    ]


@pytest.mark.parametrize("reset", [False, True])
def test_a_receiver_that_goes_is_named_and_the_file_gets_the_whole_song(
    reset: bool, listening: socket.socket, make_song: MakeSong, tmp_path: Path
) -> None:
    song, written = make_song(scale(20, 100)), tmp_path / "whole.mid"
    process = subprocess.Popen(
        [sys.executable, "-m", "midirnn", "play", song,
         "--sink", f"midiport:tcp={address(listening)}", "--sink", f"file:path={written}"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    if reset:  # as when its process was killed with messages unread
        connection, _ = listening.accept()
        connection.recv(1)
        connection.close()
    else:
        assert receive(listening, count=4) == channel_messages(song)[:4]
    _, errors = process.communicate(timeout=60)
    assert process.returncode == BAD_INPUT
    wrote, sent, complaint = errors.splitlines()
    assert wrote.startswith("wrote ")
    assert sent.startswith("midiport: ")
    assert "midirnn: midiport: the receiver has gone (" in complaint
    assert channel_messages(written) == channel_messages(song)


@pytest.mark.parametrize(
    ("sink", "message"),
    [
        (
            "midiport:tcp={nobody}",
            r"nothing listens at {nobody} \(Connection refused\); mido-serve",
        ),
        ("midiport:tcp=localhost", "tcp is HOST:PORT, such as localhost:9080, not 'localhost'"),
        ("midiport:tcp=localhost:loud", "tcp is HOST:PORT"),
        ("midiport:tcp={nobody},port=a", "tcp stands alone: .* beside it .options: port, virtual"),
        ("midiport:tcp={nobody},virtual=true", "tcp stands alone"),
        ("midiport:tcp={nobody},backend=mido.backends.rtmidi", "tcp stands alone"),
        ("midiport:backend=mido.backends.nosuch", "cannot load mido.backends.nosuch"),
    ],
)
def test_what_is_wrong_is_one_line(
    sink: str, message: str, make_song: MakeSong, refused: Refused
) -> None:
    with socket.create_server((HOST, 0)) as server:
        nobody = address(server)  # a moment later
    song = make_song(scale(1, 100))
    sink, message = sink.format(nobody=nobody), message.format(nobody=nobody)
    refused("play", song, "--sink", sink, message=message)


@pytest.mark.parametrize(
    ("wanted", "names", "found"),
    [
        (None, ["a", "b"], "a"),
        (None, ["Midi Through Port-0", "Synth"], "Synth"),  # nobody hears the first
        (None, ["Midi Through Port-0"], "Midi Through Port-0"),
        ("synth", ["a", "FLUID Synth"], "FLUID Synth"),
        ("a", ["ab", "a"], "a"),
        ("a", ["ab", "ac"], "'a' is part of several ports' names: 'ab', 'ac'"),
        ("c", ["ab"], "there is no output port 'c'; there are: 'ab'"),
        (None, [], "there is no MIDI output port"),
    ],
)
def test_the_port_that_is_found(wanted: str | None, names: list[str], found: str) -> None:
    if found in names:
        assert find_port(wanted, names) == found
    else:
        with pytest.raises(SinkError, match=found):
            find_port(wanted, names)
        with pytest.raises(SourceError, match=found.replace("output", "input")):
            find_port(wanted, names, INPUT)


def test_the_source_listens_to_one_sender_after_the_other() -> None:
    heard: list[mido.Message] = []
    with socket.create_server((HOST, 0)) as server:
        where = address(server)  # a moment later
    source = MidiPortSource(MidiPortSource.Config(tcp=where))
    source.open(heard.append)
    song = [mido.Message("sysex", data=[1, 2, 3]), *scale(5, 0), mido.Message("clock")]
    for times in (1, 2):
        with mido.sockets.connect(*mido.sockets.parse_address(where)) as port:
            for message in song:
                port.send(message)
        deadline = time.monotonic() + 20
        while len(heard) < times * len(song):
            assert time.monotonic() < deadline, heard
            time.sleep(0.01)
        source.check()
    assert heard == song * 2
    with pytest.raises(SourceError, match=r"cannot listen at .* \(Address already in use"):
        MidiPortSource(MidiPortSource.Config(tcp=where)).open(heard.append)
    source.close()
    source.close()
    midirnn.testing.check_source(MidiPortSource(MidiPortSource.Config(tcp=where)))


def test_what_a_sender_held_when_it_hung_up_is_let_go() -> None:
    heard: list[mido.Message] = []
    with socket.create_server((HOST, 0)) as server:
        where = address(server)  # a moment later
    source = MidiPortSource(MidiPortSource.Config(tcp=where))
    source.open(heard.append)
    pedal = mido.Message("control_change", channel=2, control=64, value=127)
    sent = [
        mido.Message("note_on", note=60), mido.Message("note_on", note=62, channel=1), pedal,
        mido.Message("note_on", note=64), mido.Message("note_off", note=64), pedal.copy(channel=3),
        mido.Message("note_on", note=65), mido.Message("note_on", note=65, velocity=0),
        pedal.copy(channel=3, value=0), pedal.copy(control=1),
    ]  # fmt: skip
    with mido.sockets.connect(*mido.sockets.parse_address(where)) as port:
        for message in sent:
            port.send(message)
    deadline = time.monotonic() + 20
    while len(heard) < len(sent) + 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    source.close()
    assert heard == [
        *sent,
        mido.Message("note_on", note=60, velocity=0),
        mido.Message("note_on", note=62, channel=1, velocity=0),
        pedal.copy(value=0),
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tcp": "here"}, "tcp is HOST:PORT"),
        ({"backend": "mido.backends.nosuch"}, "cannot load mido.backends.nosuch"),
    ],
)
def test_what_is_wrong_with_a_source_is_told(options: dict[str, str], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        MidiPortSource(MidiPortSource.Config(**options)).open(lambda message: None)


def test_what_was_sent_last_has_time_to_arrive_before_the_port_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A port may drop what is still under way; JACK's and TCP's, in the other tests, do not."""
    calls: list[tuple[str, float]] = []

    class Port(mido.ports.BaseOutput):  # type: ignore[misc]
        def _send(self, message: mido.Message) -> None:
            calls.append(("send", time.monotonic()))

        def _close(self) -> None:
            calls.append(("close", time.monotonic()))

    monkeypatch.setattr(midirnn_midiport, "open_output", lambda name, **options: Port())
    sink = MidiPortSink()
    sink.open(StreamInfo())
    sink.close()
    (*_, (before, sent), (last, closed)) = calls
    assert (before, last) == ("send", "close")
    assert closed - sent > 0.1


def test_a_receiver_that_has_gone_is_noticed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """After what was to be sent; and nothing that anybody says meanwhile is hidden."""

    class Gone(mido.ports.BaseOutput):  # type: ignore[misc]
        class _rt:  # noqa: N801 — rtmidi's
            @staticmethod
            def get_ports() -> list[str]:
                os.write(2, b"; somebody says something")
                return ["another"]

        def _send(self, message: mido.Message) -> None:
            os.write(2, message.type.encode())

    monkeypatch.setattr(midirnn_midiport, "_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(midirnn_midiport, "open_output", lambda name, **options: Gone("synth"))
    sink = MidiPortSink()
    sink.open(StreamInfo())
    with pytest.raises(SinkError, match="midiport: the output port 'synth' has gone"):
        sink.send(Event(mido.Message("clock"), 0, 0.0))
    assert capfd.readouterr().err == "clock; somebody says something"
    sink.close()


def test_closing_what_was_not_opened_does_nothing() -> None:
    sink = MidiPortSink()
    sink.close()
    sink.close()
