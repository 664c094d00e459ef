"""One stream into many sinks: in order, on time, and each closed whatever happens."""

import threading
import time
from collections.abc import Callable, Iterator

import mido
import pytest

from midirnn.errors import SinkError
from midirnn.playback import play as playback
from midirnn.playback.play import PlaybackReport, play
from midirnn.plugin import Event, Sink, StreamInfo

INFO = StreamInfo(title="a song")


class Fake(Sink):
    """Notes every call, and when events came; ``fails`` in one of them."""

    name = "fake"

    def __init__(self, name: str = "fake", fails: str = "", error: BaseException | None = None):
        super().__init__()
        self.name = name  # type: ignore[misc]  # a class's for plugins, here one for each
        self.calls: list[str] = []
        self.events: list[Event] = []
        self.came: list[float] = []
        self.threads: set[threading.Thread] = set()
        self._fails, self._error = fails, error or ValueError("no luck")

    def _called(self, what: str) -> None:
        self.calls.append(what)
        self.threads.add(threading.current_thread())
        if what == self._fails:
            raise self._error

    def open(self, info: StreamInfo) -> None:
        assert info is INFO
        self._called("open")

    def send(self, event: Event) -> None:
        self.came.append(time.perf_counter())
        self.events.append(event)
        self._called("send")

    def finish(self) -> None:
        self._called("finish")

    def close(self) -> None:
        self._called("close")


class Realtime(Fake):
    realtime = True


def events(count: int, apart: float = 0.0) -> list[Event]:
    note = mido.Message("note_on", note=60, velocity=1)
    return [Event(note.copy(velocity=n % 127 + 1), n, n * apart) for n in range(count)]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.001)


def nothing_is_made() -> Iterator[Event]:
    pytest.fail("an event was made")
    yield


def play_all(song: list[Event] | Iterator[Event], *sinks: Sink) -> PlaybackReport:
    return play(song, sinks, INFO, threading.Event())


def test_every_sink_gets_every_event_in_order_in_a_thread_of_its_own() -> None:
    song, sinks = events(300), [Fake("a"), Fake("b"), Realtime("c")]
    report = play_all(song, *sinks)
    for sink in sinks:
        assert sink.events == song
        assert sink.calls == ["open", *["send"] * 300, "finish", "close"]
        assert len(sink.threads) == 1
    assert len({*sinks[0].threads, *sinks[1].threads, threading.current_thread()}) == 3
    assert not report.interrupted
    assert [(each.name, each.sent, each.error) for each in report.sinks] == [
        ("a", 300, None), ("b", 300, None), ("c", 300, None),
    ]  # fmt: skip
    assert [each.lateness is None for each in report.sinks] == [True, True, False]


def test_a_stream_of_nothing_still_finishes() -> None:
    sink = Realtime()
    assert play_all([], sink).sinks[0].lateness is None
    assert sink.calls == ["open", "finish", "close"]


def test_realtime_events_are_not_sent_before_they_are_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(playback, "_LEAD_SECONDS", 0.0)  # due from when the first is there
    song, sink, made = events(25, apart=0.01), Realtime(), []

    def stream() -> Iterator[Event]:
        for event in song:
            made.append(time.perf_counter())
            yield event

    report = play_all(stream(), sink)
    for event, came in zip(song, sink.came, strict=True):
        assert came - made[0] >= event.start_seconds
    lateness = report.sinks[0].lateness
    assert lateness is not None
    assert 0 <= lateness.p50_ms <= lateness.p99_ms <= lateness.max_ms < 2000


def test_the_time_that_a_sink_takes_for_a_message_is_late_too() -> None:
    class Slow(Realtime):
        def send(self, event: Event) -> None:
            super().send(event)
            time.sleep(0.05)

    lateness = play_all(events(1), Slow()).sinks[0].lateness
    assert lateness is not None
    assert lateness.p50_ms >= 50


def test_a_wait_that_ends_early_is_taken_up_again() -> None:
    class Impatient(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            return super().wait(None if timeout is None else timeout / 2)

    sink = Realtime()
    before = time.perf_counter()
    play(events(3, apart=0.08), [sink], INFO, Impatient())
    assert sink.came[2] - before >= 0.16


def test_events_are_made_only_a_little_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playback, "LOOKAHEAD_SECONDS", 0.05)
    sink, sent_when_made = Realtime(), []

    def stream() -> Iterator[Event]:
        for event in events(8, apart=0.05):
            sent_when_made.append(len(sink.events))
            yield event

    play_all(stream(), sink)
    # Event n is due 50 ms after the one before and made no sooner than that one was due.
    assert all(sent >= n - 3 for n, sent in enumerate(sent_when_made))


def test_a_slow_sink_delays_nobody() -> None:
    go_on = threading.Event()

    class Slow(Fake):
        def send(self, event: Event) -> None:
            assert go_on.wait(10)
            super().send(event)

    class Quick(Realtime):
        def finish(self) -> None:
            super().finish()
            go_on.set()  # the slow one has taken nothing until this one had everything

    slow, quick = Slow(), Quick()
    play_all(events(50, apart=0.001), slow, quick)
    assert slow.events == quick.events == events(50, apart=0.001)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("no luck"), "bad: ValueError: no luck"),
        (SinkError("bad: no such port"), "bad: no such port"),
        (SinkError("no such port"), "bad: no such port"),
        (SystemExit(3), "bad: SystemExit: 3"),
    ],
)
@pytest.mark.parametrize("when", ["open", "send", "finish", "close"])
def test_a_sink_that_fails_is_closed_and_named_and_the_others_go_on(
    when: str, error: BaseException, message: str
) -> None:
    bad, good = Fake("bad", fails=when, error=error), Fake("good")
    if when == "open":
        with pytest.raises(SinkError) as caught:
            play_all(events(20), good, bad)
        assert str(caught.value) == message
        assert bad.calls == ["open", "close"]
        assert good.calls == ["open", "close"]
        return
    report = play_all(events(20), good, bad)
    assert bad.calls.count("close") == 1
    assert bad.calls.index(when) >= len(bad.calls) - 2  # after it, only close
    assert good.events == events(20)
    assert good.calls[-2:] == ["finish", "close"]
    assert [each.error for each in report.sinks] == [None, message]
    assert [each.name for each in report.failures] == ["bad"]


def test_no_event_is_made_before_all_sinks_are_open() -> None:
    with pytest.raises(SinkError):
        play_all(nothing_is_made(), Fake(), Fake(fails="open"))

    class Late(Fake):
        def open(self, info: StreamInfo) -> None:
            time.sleep(0.05)
            super().open(info)

    late = Late()

    def stream() -> Iterator[Event]:
        assert late.calls == ["open"]
        yield from events(1)

    play_all(stream(), Fake(), late)


def test_the_stream_is_left_when_no_sink_is() -> None:
    sinks = [Fake(fails="send"), Realtime(fails="send")]

    def endless() -> Iterator[Event]:
        yield from events(1)
        wait_for(lambda: all(sink.calls[-1] == "close" for sink in sinks))
        yield from (Event(each.message, 0, 3600.0) for each in events(100))
        raise AssertionError("somebody still listens")

    assert len(play_all(endless(), *sinks).failures) == 2


def test_what_the_stream_raises_is_raised_after_all_are_closed_unfinished() -> None:
    def breaks() -> Iterator[Event]:
        yield from events(3)
        raise OSError("the disk is gone")

    sinks = [Fake(), Realtime()]
    with pytest.raises(OSError, match="the disk is gone"):
        play_all(breaks(), *sinks)
    for sink in sinks:
        assert sink.calls[0] == "open"
        assert sink.calls[-1] == "close"
        assert "finish" not in sink.calls


def test_the_first_event_sounds_before_the_second_is_made() -> None:
    sink = Realtime()

    def stream() -> Iterator[Event]:
        first, *rest = events(4, apart=0.01)
        yield first
        wait_for(lambda: sink.events == [first])
        yield from rest

    play_all(stream(), sink)
    assert len(sink.events) == 4


@pytest.mark.parametrize("kind", [Fake, Realtime])
def test_making_events_waits_for_a_queue_that_is_full(
    kind: type[Fake], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playback, "MOST_WAITING", 10)
    sink, ahead = kind(), []

    def stream() -> Iterator[Event]:
        for number, event in enumerate(events(200)):
            ahead.append(number - len(sink.events))
            yield event

    play_all(stream(), sink)
    assert sink.events == events(200)
    assert max(ahead) <= 12  # one is being sent, and one waits for room


def test_a_stream_goes_on_in_time_without_a_sink_that_is_hopelessly_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(playback, "MOST_WAITING", 10)
    monkeypatch.setattr(playback, "_PATIENCE_SECONDS", 0.3)
    song, go_on = events(40, apart=0.02), threading.Event()

    class Stuck(Fake):
        def send(self, event: Event) -> None:
            super().send(event)
            assert go_on.wait(20)

    class Quick(Realtime):
        def send(self, event: Event) -> None:
            super().send(event)
            if event == song[-1]:
                go_on.set()

    stuck, quick = Stuck("stuck"), Quick("quick")
    report = play_all(iter(song), stuck, quick)
    assert quick.events == song
    assert [each.error for each in report.sinks] == ["stuck: it is 10 events behind", None]
    assert stuck.calls == ["open", "send", "close"]
