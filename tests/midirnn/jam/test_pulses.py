"""MIDI's clock, followed through jitter, tempo changes and stops, and sent without drift."""

import random
from itertools import accumulate, pairwise

import pytest

from midirnn.jam.pulses import Follower, Sender, Steady

BEAT_AT_120 = 0.5


def pulses(*tempi: tuple[float, float], jitter: float = 0.0, seed: int = 1) -> list[float]:
    """When each pulse comes: ``beats`` at so many ``bpm``, one tempo after the other."""
    rng = random.Random(seed)
    gaps = [60 / bpm / 24 for beats, bpm in tempi for _ in range(round(beats * 24))]
    return sorted(at + rng.uniform(0, jitter) for at in accumulate(gaps, initial=0.0))


def follow(times: list[float], follower: Follower | None = None) -> Follower:
    follower = Follower() if follower is None else follower
    for at in times:
        follower.receive("clock", at)
    return follower


def bpm_of(follower: Follower) -> float:
    """The tempo that it takes the clock to be at."""
    return 60 / 24 / (follower.when(BEAT_AT_120 / 24) - follower.when(0.0))


@pytest.mark.parametrize("bpm", [30, 60, 97.3, 120, 180, 300])
def test_a_beat_is_half_a_second_of_the_networks_at_any_tempo(bpm: float) -> None:
    times = pulses((8, bpm))
    follower = follow(times)
    assert bpm_of(follower) == pytest.approx(bpm, rel=1e-6)
    assert follower.seconds(times[-1]) == pytest.approx(8 * BEAT_AT_120)
    half_a_pulse = 30 / bpm / 24
    soon = follower.seconds(times[-1] + half_a_pulse)
    assert soon == pytest.approx((8 + 1 / 48) * BEAT_AT_120)
    assert follower.when(soon) == pytest.approx(times[-1] + half_a_pulse)


def test_jitter_is_smoothed() -> None:
    times = pulses((16, 120), jitter=0.006)
    worst = raw = 0.0
    follower = Follower()
    for number, at in enumerate(times):
        follower.receive("clock", at)
        if number > 48:
            worst = max(worst, abs(bpm_of(follower) - 120))
            raw = max(raw, abs(60 / (at - times[number - 1]) / 24 - 120))
    assert raw > 20  # what one would have without
    assert worst < 2.5


def test_a_new_tempo_is_followed_within_a_beat() -> None:
    times = pulses((8, 120), (1, 60))
    follower = follow(times)
    assert bpm_of(follower) == pytest.approx(60, rel=0.01)
    gently = pulses((8, 120), (2, 126))
    assert bpm_of(follow(gently)) == pytest.approx(126, rel=0.02)


def test_time_never_goes_back_nor_beyond_the_next_pulse() -> None:
    times = pulses((4, 90), (4, 140), (2, 70), jitter=0.004)
    follower, before = Follower(), 0.0
    for number, (at, then) in enumerate(pairwise(times)):
        follower.receive("clock", at)
        for now in (at, (at + then) / 2, then - 1e-6):
            seconds = follower.seconds(now)
            assert before <= seconds <= (number + 1) * BEAT_AT_120 / 24 + 1e-9
            before = seconds


def test_when_is_known_up_to_the_next_pulse() -> None:
    follower = Follower()
    assert follower.when(0.1) == float("inf")
    follow(pulses((2, 120)), follower)
    here = 2 * BEAT_AT_120
    assert follower.when(here + BEAT_AT_120 / 24) < float("inf")
    assert follower.when(here + BEAT_AT_120 / 12) == float("inf")


def test_it_runs_while_there_are_pulses_and_nobody_has_pressed_stop() -> None:
    follower = Follower()
    assert not follower.running(0.0)
    assert follower.seconds(5.0) == 0.0
    times = pulses((2, 120))
    follow(times, follower)
    assert follower.running(times[-1])
    assert follower.running(times[-1] + 0.9)
    assert not follower.running(times[-1] + 1.1)  # the clock was lost
    follower.receive("stop", times[-1])
    assert not follower.running(times[-1])
    follow([times[-1] + 0.02], follower)
    assert not follower.running(times[-1] + 0.02)  # pulses go on after a stop
    for again in ("continue", "start"):
        follower.receive("stop", 2.0)
        follower.receive(again, 2.0)
        follow([2.0, 2.02], follower)
        assert follower.running(2.03)


def test_time_stands_while_it_is_stopped_and_the_tempo_is_followed() -> None:
    follower, times = Follower(), pulses((2, 120), (10, 60))
    follower.receive("start", 0.0)
    follow(times[:49], follower)
    stopped_at = times[48] + 0.01  # half a pulse later
    follower.receive("stop", stopped_at)
    stood = follower.seconds(stopped_at)
    assert stood == pytest.approx(48.48 * BEAT_AT_120 / 24)
    for at in times[49:]:
        follower.receive("clock", at)
        assert follower.seconds(at) == follower.seconds(at + 0.02) == stood
    assert follower.when(stood) == float("inf")
    follower.receive("continue", times[-1])
    follower.receive("clock", times[-1] + 1 / 24)
    assert follower.seconds(times[-1] + 1 / 24) == pytest.approx(49 * BEAT_AT_120 / 24)
    assert bpm_of(follower) == pytest.approx(60, rel=0.01)


def test_after_a_gap_the_tempo_is_what_it_was() -> None:
    times = pulses((4, 120))
    later = [at + times[-1] + 30 for at in pulses((1, 120))]
    assert bpm_of(follow([*times, *later])) == pytest.approx(120, rel=0.01)


def test_a_steady_tempo_makes_the_networks_time_faster_or_slower() -> None:
    steady = Steady(60)
    assert steady.seconds(3.0) == 1.5
    assert steady.when(1.5) == 3.0
    steady.receive("stop", 3.0)
    assert steady.running(1e9)
    assert Steady().seconds(3.0) == 3.0


def test_a_sent_clock_does_not_drift() -> None:
    sender = Sender(97.0)
    for _ in range(97 * 24 * 60):  # an hour
        sender.next()
    assert sender.due == pytest.approx(3600, abs=1e-9)
