"""The clock, real and simulated: a million events neither drift nor pile up."""

import random
import threading
import time
from collections.abc import Iterator
from fractions import Fraction

import mido
import pytest

from midirnn.messages import EventMaker
from midirnn.playback import play as playback
from midirnn.playback.clock import Clock, LatenessCounter
from midirnn.playback.play import play
from midirnn.plugin import Event, Sink, StreamInfo

EVENTS = 1_000_000


class Simulated(Clock):
    """Stands still until a sink waits, and is then at once where that wants it."""

    def __init__(self) -> None:
        self.time = 0.0

    def begin(self, lead_seconds: float = 0.0) -> None:
        self.time = -lead_seconds

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        self.time += seconds
        return stop.is_set()

    def sleep(self, seconds: float) -> None:
        time.sleep(0.0002)  # of real time, so that the sink moves on


def test_a_million_events_neither_drift_nor_pile_up() -> None:
    info, clock, rng = StreamInfo(), Simulated(), random.Random(7)
    waits = [rng.choice([0.0, 0.0, 1 / 960, 0.0031, 0.0131]) for _ in range(EVENTS)]
    waits[::1000] = [0.9] * (EVENTS // 1000)
    note = mido.Message("note_on", note=60, velocity=1)
    made, furthest = 0, 0

    class Port(Sink):
        name = "port"
        realtime = True
        taken, off_time = 0, 0.0
        last: Event

        def send(self, event: Event) -> None:
            self.taken, self.last = self.taken + 1, event
            self.off_time = max(self.off_time, abs(clock.now() - event.start_seconds))

    port = Port()

    def stream() -> Iterator[Event]:
        nonlocal made, furthest
        maker = EventMaker(info)
        for wait in waits:
            made += 1
            furthest = max(furthest, made - port.taken)
            event = maker.add(note, wait)
            assert event is not None
            yield event

    report = play(stream(), [port], info, threading.Event(), clock)
    assert port.taken == EVENTS
    assert furthest <= playback.MOST_WAITING + 2
    assert port.off_time < 1e-6
    # Against the sum in exact arithmetic, half a tick is what rounding to ticks may do.
    exact = float(sum(map(Fraction, waits)))
    assert exact > 3600
    assert abs(port.last.start_seconds - exact) <= info.seconds_per_tick / 2 + 1e-6
    lateness = report.sinks[0].lateness
    assert lateness is not None
    assert lateness.max_ms < 0.001


def test_a_clock_stands_at_0_until_it_begins_and_begins_once() -> None:
    clock = Clock()
    assert clock.now() == 0.0
    clock.begin(lead_seconds=50.0)
    assert -50 < (first := clock.now()) < 0
    clock.begin()
    assert first <= clock.now() < 0


@pytest.mark.parametrize("seconds", [0.0, 3e-7, 4.2e-5, 0.00123, 0.5, 31.0])
def test_lateness_is_told_to_one_percent(seconds: float) -> None:
    counter = LatenessCounter()
    assert counter.lateness() is None
    for _ in range(200):
        counter.add(seconds)
    counter.add(100.0)
    lateness = counter.lateness()
    assert lateness is not None
    assert lateness.p50_ms == pytest.approx(seconds * 1000, rel=0.01, abs=0.001)
    assert lateness.p99_ms == lateness.p50_ms
    assert lateness.max_ms == 100_000


def test_percentiles_are_what_so_many_stay_below() -> None:
    counter = LatenessCounter()
    for number in random.Random(1).sample(range(1, 1001), 1000):
        counter.add(number / 1000)
    lateness = counter.lateness()
    assert lateness is not None
    assert lateness.p50_ms == pytest.approx(500, rel=0.015)
    assert lateness.p99_ms == pytest.approx(990, rel=0.015)
    assert lateness.max_ms == 1000


def test_counting_takes_no_more_memory_with_every_event() -> None:
    counter = LatenessCounter()
    for number in range(100_000):
        counter.add(number % 997 / 1000)
    assert len(counter._counts) < 1000
