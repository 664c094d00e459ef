"""Events go to each sink when they are due, whatever the others do.

Each sink has a thread and a queue of its own; all calls to it come from there, so that a slow or
failing sink delays nobody. Deadlines are absolute, so that lateness never adds up. If any sink is
realtime, events are made only a little ahead of their time. Queues are bounded: making events waits
for the slowest sink, and a realtime stream goes on without a sink that is hopelessly behind.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from midirnn.errors import MidiRnnError, SinkError
from midirnn.playback.clock import Clock, Lateness, LatenessCounter, quick_switching
from midirnn.plugin.interfaces import Event, Sink, StreamInfo

LOOKAHEAD_SECONDS = 1.0
"""How far ahead of a realtime sink events are made."""
MOST_WAITING = 1000
"""How many events may wait in a sink's queue."""
_LEAD_SECONDS = 0.05
"""Between the first event's being there and its being due, so that it is not late."""
_CLOSING_SECONDS = 15.0
"""How long a sink may take to end that failed, that was told to, or whose time is up."""
_POLL_SECONDS = 0.05
"""How often it is looked whether sinks are done or the stream is to stop."""
_FULL_SECONDS = 0.002
"""How often it is looked whether a full queue has room again."""
_PATIENCE_SECONDS = 0.5
"""How late a realtime stream may become for the sake of a sink whose queue is full."""


@dataclass(frozen=True)
class SinkReport:
    """What became of one sink: its name, events sent, why it failed, how late it was."""

    name: str
    sent: int
    error: str | None
    lateness: Lateness | None


@dataclass(frozen=True)
class PlaybackReport:
    """How a stream ended: told to stop or not, and each sink's report."""

    interrupted: bool
    sinks: tuple[SinkReport, ...]

    @property
    def failures(self) -> list[SinkReport]:
        """The sinks that failed."""
        return [each for each in self.sinks if each.error is not None]


class _Player:
    """A sink, its thread and its queue."""

    def __init__(self, sink: Sink, info: StreamInfo, clock: Clock, stop: threading.Event) -> None:
        self.sink = sink
        self._info, self._clock, self._stop = info, clock, stop
        self._queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._late = LatenessCounter()
        self._finishes = self._breaks_off = False
        self.sent = 0
        self.error: BaseException | None = None
        self.opened, self.done = threading.Event(), threading.Event()
        # A daemon: a sink that was left, as it hangs, must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=f"sink {sink.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def full(self) -> bool:
        return self._queue.qsize() >= MOST_WAITING

    @property
    def has_time(self) -> bool:
        """Whether it may take as long as it likes: to play the song out, or to take it in.

        A realtime sink that still has events when all were due takes them in no more.
        """
        return self.error is None and not (self.sink.realtime and self._queue.qsize())

    def send(self, event: Event) -> None:
        self._queue.put(event)

    def give_up(self) -> None:
        """Leave the sink behind: it is closed as soon as it returns from what it is doing."""
        behind = f"{self.sink.name}: it is {MOST_WAITING} events behind"
        self.error = self.error or SinkError(behind)
        self.end(finish=False)

    def end(self, finish: bool) -> None:
        """Say that no event follows; with ``finish`` the song is whole, else it breaks off."""
        finish = finish and self.error is None
        self._finishes, self._breaks_off = finish, not finish
        self._queue.put(None)

    def interrupt(self) -> None:
        """Wake the sink from whatever it waits for."""
        self._queue.put(None)
        if not self.done.is_set():
            try:
                self.sink.interrupt()
            except (Exception, SystemExit) as error:  # noqa: BLE001 — the plugin border
                self.error = self.error or error

    def _run(self) -> None:
        try:
            self.sink.open(self._info)
            self.opened.set()
            self._send_all()
            if self._finishes and not self._stop.is_set():
                self.sink.finish()
        except (Exception, SystemExit) as error:  # noqa: BLE001 — the plugin border
            self.error = self.error or error
        finally:
            try:
                self.sink.close()
            except (Exception, SystemExit) as error:  # noqa: BLE001 — the plugin border
                self.error = self.error or error
            self.done.set()
            self.opened.set()

    def _send_all(self) -> None:
        while (event := self._queue.get()) is not None and not self._stop.is_set():
            if self._breaks_off:
                return
            realtime = self.sink.realtime
            if realtime and self._clock.wait_until(event.start_seconds, self._stop):
                return
            self.sink.send(event)
            self.sent += 1
            if realtime:  # when it has left: what a port takes for it is late too
                self._late.add(self._clock.now() - event.start_seconds)

    def report(self) -> SinkReport:
        error = None if self.error is None else describe(self.error, self.sink.name)
        return SinkReport(self.sink.name, self.sent, error, self._late.lateness())


def play(
    events: Iterable[Event],
    sinks: Sequence[Sink],
    info: StreamInfo,
    stop: threading.Event,
    clock: Clock | None = None,
    *,
    ends_itself: bool = False,
) -> PlaybackReport:
    """Send ``events`` to every sink, and return when all have finished or ``stop`` is set.

    With ``ends_itself`` the events see to it that they end when ``stop`` is set, and the song is
    whole then: every sink gets all of it and finishes, but plays nothing out any more.

    All sinks are opened before the first event is made; if one cannot be, the others are closed
    and :class:`SinkError` is raised. A sink that fails later is closed and named in the report,
    the others go on. What ``events`` raises is raised, after every sink is closed unfinished.
    A sink that hangs is left and named: when it failed or ``stop`` is set, and a realtime one
    after the last event. Any other may need its time, and is waited for.

    Time is ``clock``'s, which begins with the first event if it has not begun before.

    A signal's handler may set ``stop``: the thread that calls this only looks at it, for the
    handler would wait for ever for the lock that a wait on it holds for a moment.
    """
    clock = Clock() if clock is None else clock
    asked, stop = stop, threading.Event() if ends_itself else stop
    players = [_Player(sink, info, clock, stop) for sink in sinks]
    realtime = any(sink.realtime for sink in sinks)
    finish = False
    with quick_switching(realtime):
        for player in players:
            player.start()
        try:
            opened = _opened(players, asked)
            broken = next((each for each in players if each.error is not None), None)
            if broken is not None:
                raise SinkError(describe(broken.error, broken.sink.name)) from broken.error
            finish = opened and _send(events, players, clock, stop, asked, realtime)
        finally:
            for player in players:
                player.end(finish)
            _wait(players, asked)
    return PlaybackReport(stop.is_set(), tuple(player.report() for player in players))


def _opened(players: Sequence[_Player], asked: threading.Event) -> bool:
    """Wait until each sink is open or has failed; return False if ``asked`` is set before."""
    while not all(player.opened.wait(_POLL_SECONDS) for player in players):
        if asked.is_set():
            return False
    return True


def _send(
    events: Iterable[Event],
    players: Sequence[_Player],
    clock: Clock,
    stop: threading.Event,
    asked: threading.Event,
    realtime: bool,
) -> bool:
    """Deal events out, at most a little ahead of time; return whether the song came to its end."""
    stream = iter(events)
    first = list(islice(stream, 1))
    clock.begin(_LEAD_SECONDS)
    for event in chain(first, stream):
        if realtime:
            _sleep_until(event.start_seconds - LOOKAHEAD_SECONDS, players, clock, stop)
        _make_room(event, players, clock, stop, asked, realtime)
        alive = _alive(players)
        if stop.is_set() or not alive:
            return False
        for player in alive:
            player.send(event)
    return True


def _alive(players: Sequence[_Player]) -> list[_Player]:
    return [player for player in players if player.error is None and not player.done.is_set()]


def _sleep_until(
    seconds: float, players: Sequence[_Player], clock: Clock, stop: threading.Event
) -> None:
    while (ahead := seconds - clock.now()) > 0 and _alive(players) and not stop.is_set():
        clock.sleep(min(ahead, _POLL_SECONDS))


def _make_room(
    event: Event,
    players: Sequence[_Player],
    clock: Clock,
    stop: threading.Event,
    asked: threading.Event,
    realtime: bool,
) -> None:
    """Wait until no queue is full; a realtime stream does not wait for ever, nor one that ends.

    It gives up the sink that is furthest behind, and then has patience again: those that only
    waited for their next event have room once that comes.
    """
    limit = event.start_seconds + _PATIENCE_SECONDS if realtime else float("inf")
    while (full := [each for each in _alive(players) if each.full]) and not stop.is_set():
        if clock.now() > limit:
            min(full, key=lambda player: player.sent).give_up()
            limit = clock.now() + _PATIENCE_SECONDS
        if asked.is_set():
            limit = min(limit, clock.now() + _CLOSING_SECONDS)
        clock.sleep(_FULL_SECONDS)


def _wait(players: Sequence[_Player], asked: threading.Event) -> None:
    """Wait until every sink is closed or hangs; once ``asked`` is set, see to it that it soon is.

    Waiting on events rather than joining threads: on Python 3.11 a Ctrl-C inside a join marks a
    live thread as stopped.
    """
    told = False
    sent: dict[_Player, int] = {}
    deadlines: dict[_Player, float] = {}
    while left := [player for player in players if not player.done.is_set()]:
        if asked.is_set() and not told:
            told = True
            for player in left:
                player.interrupt()
        now = time.monotonic()
        for player in left:
            if sent.get(player) != player.sent or (player.has_time and not told):
                sent[player], deadlines[player] = player.sent, now + _CLOSING_SECONDS
        if all(now > deadlines[player] for player in left):
            for player in left:
                player.error = player.error or SinkError(
                    f"{player.sink.name}: did not close within {_CLOSING_SECONDS:g} seconds"
                )
            return
        left[0].done.wait(_POLL_SECONDS)


def describe(error: BaseException | None, name: str) -> str:
    """Say in one line what went wrong with the sink ``name``."""
    text = str(error) if isinstance(error, MidiRnnError) else f"{type(error).__name__}: {error}"
    return text if text.startswith(f"{name}:") else f"{name}: {text}"
