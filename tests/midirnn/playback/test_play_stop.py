"""Told to stop: every sink is silenced and closed, and what hangs holds nobody up."""

import threading
import time
from collections.abc import Callable, Iterator

import mido
import pytest

from midirnn.playback import play as playback
from midirnn.playback.play import play
from midirnn.plugin import Event, Sink, StreamInfo

INFO = StreamInfo()


class Fake(Sink):
    """Notes every call; ``fails`` in one of them."""

    name = "fake"

    def __init__(self, name: str = "fake", fails: str = ""):
        super().__init__()
        self.name = name  # type: ignore[misc]  # a class's for plugins, here one for each
        self.calls: list[str] = []
        self._fails = fails

    def _called(self, what: str) -> None:
        self.calls.append(what)
        if what == self._fails:
            raise ValueError("no luck")

    def open(self, info: StreamInfo) -> None:
        self._called("open")

    def send(self, event: Event) -> None:
        self._called("send")

    def finish(self) -> None:
        self._called("finish")

    def interrupt(self) -> None:
        self._called("interrupt")

    def close(self) -> None:
        self._called("close")


class Realtime(Fake):
    realtime = True


def events(count: int, apart: float = 0.0) -> list[Event]:
    return [Event(mido.Message("note_on", note=n), n, n * apart) for n in range(count)]


def nothing_is_made() -> Iterator[Event]:
    pytest.fail("an event was made")
    yield


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.001)


@pytest.mark.parametrize("apart", [0.0, 0.9, 60.0])
def test_stop_interrupts_and_closes_without_finishing(apart: float) -> None:
    """Also while a sink waits for its next event, or the stream for the time to make one."""
    stop, sinks = threading.Event(), [Fake(), Realtime()]

    def stream() -> Iterator[Event]:
        yield from events(3, apart=apart)
        stop.set()
        yield from events(100)
        raise AssertionError("it was told to stop")

    if apart:
        threading.Timer(0.1, stop.set).start()
    report = play(stream(), sinks, INFO, stop)
    assert report.interrupted
    assert report.failures == []
    for sink in sinks:
        assert sink.calls[-1] == "close"
        assert sink.calls.count("close") == 1
        assert "finish" not in sink.calls


def test_stop_upon_the_last_event_finishes_nothing() -> None:
    stop, exhausted = threading.Event(), threading.Event()

    def stream() -> Iterator[Event]:
        yield from events(3)
        exhausted.set()

    class Last(Fake):
        def send(self, event: Event) -> None:
            super().send(event)
            if event == events(3)[-1]:
                assert exhausted.wait(10)
                time.sleep(0.05)  # and the sink is told that the song is whole
                stop.set()

    sink = Last()
    assert play(stream(), [sink], INFO, stop).interrupted
    assert [call for call in sink.calls if call != "interrupt"] == ["open", *["send"] * 3, "close"]


def test_stop_ends_a_finish_that_takes_long() -> None:
    stop, silence = threading.Event(), threading.Event()

    class Long(Fake):
        def finish(self) -> None:
            super().finish()
            stop.set()
            assert silence.wait(10)

        def interrupt(self) -> None:
            super().interrupt()
            silence.set()

    sink = Long()
    assert play(events(2), [sink], INFO, stop).interrupted
    assert sink.calls == ["open", "send", "send", "finish", "interrupt", "close"]


def test_stop_ends_the_wait_for_a_sink_that_does_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playback, "_CLOSING_SECONDS", 0.1)
    stop, never, good = threading.Event(), threading.Event(), Fake("good")

    class Stuck(Fake):
        def open(self, info: StreamInfo) -> None:
            stop.set()
            never.wait(10)

    report = play(nothing_is_made(), [good, Stuck("stuck")], INFO, stop)
    never.set()
    assert report.interrupted
    assert report.sinks[0].error is None
    assert report.sinks[1].error == "stuck: did not close within 0.1 seconds"
    assert good.calls[-1] == "close"
    assert "send" not in good.calls


@pytest.mark.parametrize("fails", ["", "send"])
def test_a_sink_that_hangs_in_close_is_named_and_left(
    fails: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playback, "_CLOSING_SECONDS", 0.1)
    stop, never = threading.Event(), threading.Event()

    class Hangs(Fake):
        def close(self) -> None:
            stop.set()
            never.wait(10)

    good = Fake("good")
    report = play(events(2), [Hangs("stuck", fails=fails), good], INFO, stop)
    never.set()
    expected = "ValueError: no luck" if fails else "did not close within 0.1 seconds"
    assert report.sinks[0].error == f"stuck: {expected}"
    assert report.sinks[1].error is None
    assert good.calls[-1] == "close"


def test_a_realtime_sink_that_takes_nothing_more_in_is_left_though_nobody_said_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(playback, "_CLOSING_SECONDS", 0.3)
    never, good = threading.Event(), Realtime("good")

    class Hangs(Realtime):
        def send(self, event: Event) -> None:
            super().send(event)
            never.wait(20)

    hanging = Hangs("stuck")
    report = play(events(2), [hanging, good], INFO, threading.Event())
    assert hanging.calls == ["open", "send"]
    never.set()
    assert report.sinks[0].error == "stuck: did not close within 0.3 seconds"
    assert report.sinks[1].error is None
    assert good.calls == ["open", "send", "send", "finish", "close"]


def test_a_sink_that_was_given_up_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playback, "_CLOSING_SECONDS", 0.1)
    monkeypatch.setattr(playback, "_PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(playback, "MOST_WAITING", 5)
    never = threading.Event()

    class Hangs(Fake):
        def send(self, event: Event) -> None:
            never.wait(20)

    hanging = Hangs("stuck")
    report = play(events(10), [hanging, Realtime()], INFO, threading.Event())
    assert hanging.calls == ["open"]
    never.set()
    assert [each.error for each in report.sinks] == ["stuck: it is 5 events behind", None]


@pytest.mark.parametrize("where", ["send", "finish"])
def test_a_sink_that_needs_its_time_has_it(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playback, "_CLOSING_SECONDS", 0.05)

    class Slow(Fake):
        def _called(self, what: str) -> None:
            super()._called(what)
            time.sleep(0.3 if what == where else 0)

    slow = Slow()
    report = play(events(2), [slow], INFO, threading.Event())
    assert report.failures == []
    assert slow.calls == ["open", "send", "send", "finish", "close"]


def test_a_stream_that_ends_itself_is_whole_and_nothing_is_played_out() -> None:
    stop, silence = threading.Event(), threading.Event()

    def stream() -> Iterator[Event]:
        first, *rest = events(3)
        yield first
        stop.set()
        yield from rest  # what ends the notes, say

    class Long(Fake):
        def finish(self) -> None:
            super().finish()
            assert silence.wait(10)

        def interrupt(self) -> None:
            silence.set()

    sinks = [Long(), Realtime()]
    report = play(stream(), sinks, INFO, stop, ends_itself=True)
    assert not report.interrupted
    assert report.failures == []
    for sink in sinks:
        calls = [call for call in sink.calls if call != "interrupt"]
        assert calls == ["open", *["send"] * 3, "finish", "close"]


@pytest.mark.parametrize("where", ["open", "send", "finish", "close"])
def test_a_stream_that_ends_itself_ends_whatever_hangs(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playback, "_CLOSING_SECONDS", 0.2)
    monkeypatch.setattr(playback, "MOST_WAITING", 5)
    stop, never, good = threading.Event(), threading.Event(), Fake("good")

    class Hangs(Fake):
        def _called(self, what: str) -> None:
            super()._called(what)
            if what == where:
                stop.set()
                never.wait(20)

    report = play(events(20), [Hangs("stuck"), good], INFO, stop, ends_itself=True)
    never.set()
    assert report.sinks[1].error is None
    assert [each.name for each in report.failures] == ["stuck"]
    if where != "open":
        calls = [call for call in good.calls if call != "interrupt"]
        assert calls == ["open", *["send"] * 20, "finish", "close"]


def test_an_interrupt_that_fails_is_reported() -> None:
    stop = threading.Event()

    class Sulks(Fake):
        def finish(self) -> None:
            stop.set()
            wait_for(lambda: "interrupt" in self.calls)

    sink = Sulks("sulks", fails="interrupt")
    report = play(events(1), [sink], INFO, stop)
    assert report.sinks[0].error == "sulks: ValueError: no luck"
    assert sink.calls[-1] == "close"


def test_the_thread_that_signals_run_in_never_waits_on_the_stop_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its handler sets the event, and would wait for the lock that the wait under it holds."""
    waiting: set[threading.Thread] = set()

    class Watched(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waiting.add(threading.current_thread())
            return super().wait(timeout)

    monkeypatch.setattr(playback, "LOOKAHEAD_SECONDS", 0.03)  # both threads have to wait
    play(events(3, apart=0.1), [Realtime()], INFO, Watched())
    assert {thread.name for thread in waiting} == {"sink fake"}
