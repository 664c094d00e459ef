"""Ctrl-C and SIGTERM as an event to look at, so that what is under way can end well."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Yield an event that SIGINT or SIGTERM sets; a second one raises ``KeyboardInterrupt``.

    The handlers from before come back at the end. Call it from the main thread, and there only
    look at the event: the handler runs between any two instructions of that thread, so that a
    wait on the event could keep it from being set.
    """
    stop, signalled = threading.Event(), False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal signalled
        # Not the event's own word: a second signal may come while the first one sets it, and
        # setting it again would wait for a lock that this very thread holds.
        if signalled:
            raise KeyboardInterrupt
        signalled = True
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
