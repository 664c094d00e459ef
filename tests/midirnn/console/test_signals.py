"""Ctrl-C once is a wish, twice is an order, and afterwards it is what it was before."""

import signal
import threading

import pytest

from midirnn.console.signals import stop_on_signals

BOTH = [signal.SIGINT, signal.SIGTERM]


@pytest.mark.parametrize("number", BOTH)
def test_a_signal_sets_the_event_and_a_second_one_raises(number: signal.Signals) -> None:
    with stop_on_signals() as stop:
        assert not stop.is_set()
        signal.raise_signal(number)
        assert stop.is_set()
        for again in BOTH:
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(again)


def test_a_second_signal_while_the_first_is_handled_waits_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first handler then holds the event's lock, in the same thread."""
    plain = threading.Event.set

    def interrupted(stop: threading.Event) -> None:
        monkeypatch.setattr(threading.Event, "set", plain)
        with stop._cond:  # type: ignore[attr-defined]  # where the second signal arrives
            signal.raise_signal(signal.SIGTERM)

    with stop_on_signals():
        monkeypatch.setattr(threading.Event, "set", interrupted)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("error", [None, ValueError])
def test_the_handlers_from_before_come_back(error: type[Exception] | None) -> None:
    seen: list[int] = []
    before = [signal.signal(number, lambda n, _: seen.append(n)) for number in BOTH]
    try:
        if error is None:
            with stop_on_signals():
                pass
        else:
            with pytest.raises(error), stop_on_signals():
                raise error
        for number in BOTH:
            signal.raise_signal(number)
        assert seen == BOTH
    finally:
        for number, handler in zip(BOTH, before, strict=True):
            signal.signal(number, handler)
