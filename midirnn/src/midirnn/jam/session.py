"""Playing with somebody: the network hears what they play, and plays when it is its turn.

No thread and no time of its own: what comes in is told with its time, and what is to go out is
asked for. One message ahead is made at most: what the network would play next is thrown away when
the player is first, and asked for anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

import midicodec
from midirnn.jam.hearing import Echo, Hearing, PanicKey, begins_note
from midirnn.jam.pulses import Sender, Timekeeper
from midirnn.jam.turns import NEVER, Turns
from midirnn.messages import EventMaker
from midirnn.plugin.interfaces import Event, StreamInfo

if TYPE_CHECKING:
    import mido

Record = npt.NDArray[np.uint8]

_LATE_SECONDS = 0.25
"""Music that is later than this is not caught up with: it goes on from now."""
_LINGER_SECONDS = 2.0
"""For so long the last notes of a turn may sound on."""
_SILENCE_SECONDS = 4.0
"""A longer silence is shown to the network as this: songs to learn from have none."""
_PANIC_SECONDS = 0.2
"""A keyboard's panic is a burst of messages, and one panic."""


class Partner(Protocol):
    """What is played with: :class:`midirnn.generation.performance.Performance`."""

    def hear(self, record: Record, seconds: float, own: bool = False) -> None:
        """Take what happened ``seconds`` after what was heard before."""

    def next(self) -> tuple[float, Record]:
        """Return what it would play next, and how long after; nothing has happened yet."""


class Session:
    """The state of a jam. ``now`` and the like are seconds of one clock, and never decrease."""

    def __init__(
        self,
        partner: Partner,
        turns: Turns,
        time: Timekeeper,
        hearing: Hearing,
        *,
        panic: PanicKey | None = None,
        sender: Sender | None = None,
        info: StreamInfo | None = None,
    ) -> None:
        self.hearing = hearing
        self.played = 0
        """How many of the network's messages were sent."""
        self._partner, self._turns, self._time = partner, turns, time
        self._panic, self._sender = PanicKey() if panic is None else panic, sender
        self._info = StreamInfo() if info is None else info
        self._maker, self._echo = EventMaker(self._info), Echo()
        self._proposal: tuple[float, Record] | None = None  # when, in the network's time; what
        self._happened = 0.0  # when the network last heard or played something, in its time
        self._began: float | None = None  # when its turn began, in its time
        self._outgoing: list[Event] = []
        # What the network is to hear once that is sent: what, when in its time, whether its own.
        self._untold: deque[tuple[Record, float, bool]] = deque()
        self._panicked = -NEVER

    def choose(self, programs: Mapping[int, int]) -> None:
        """Begin with these instruments, by channel."""
        import mido

        for channel, program in sorted(programs.items()):
            message = mido.Message("program_change", channel=channel, program=program)
            self._send(message, 0.0)
            self._untold.append((record_of(message), 0.0, True))

    def receive(self, message: mido.Message, now: float) -> None:
        """Take a message that came in at ``now``."""
        if message.type in ("clock", "start", "continue", "stop"):
            self._time.receive(message.type, now)
        elif not hasattr(message, "channel"):
            return
        elif self._panic.matches(message):
            if self._panic.pressed(message) and not self._echo.heard(message, now):
                self._silence_all(now)
        elif self._counts(message, now) and self.hearing.take(message, self._time.seconds(now)):
            self._turns.played(now, begins_note(message), len(self.hearing.held))
            # Not whether it was our turn at `now`: we may have played since this message came.
            if self._began is not None and not self._turns.playing(now):
                self._release(now)
            self._begin(now)

    def advance(self, now: float) -> Iterator[Event]:
        """Yield what is to be sent by ``now``, after one step of the network at most.

        If there is more to do, :meth:`deadline` is not later than ``now``.
        """
        self._pulse(now)
        self._begin(now)
        if not (self._untold or self.hearing) and self._turns.playing(now):
            if self._time.running(now):
                self._play(now)
            else:
                self._end_turn(now)
        # What is to be sent is sent before the network hears it: its step takes longer than all.
        yield from self._sent(now)
        if self._untold:
            self._happen(*self._untold.popleft())
        elif self.hearing:
            heard = self.hearing.next()
            self._happen(record_of(heard.message), heard.seconds)

    def deadline(self, now: float) -> float:
        """Return when :meth:`advance` has something to do, if nothing comes in before."""
        if self.hearing or self._outgoing or self._untold:
            return now
        pulse = NEVER if self._sender is None else self._sender.due
        if not self._turns.playing(now):
            return min(pulse, self._turns.begins)
        if self._proposal is None:
            return now
        due = self._time.when(self._proposal[0])
        return min(pulse, due, self._turns.ends + _LINGER_SECONDS)

    def end(self, now: float) -> Iterator[Event]:
        """Yield what ends every note of ours that sounds, and our clock."""
        import mido

        self._release(now)
        if self._sender is not None:
            self._send(mido.Message("stop"), now)
        yield from self._sent(now)

    def _counts(self, message: mido.Message, now: float) -> bool:
        """Return whether the player's message is one: no echo, and not while the clock stands."""
        if (message.channel, getattr(message, "note", None)) in self.hearing.held:
            return True  # the end of what they began, in any case
        return self._time.running(now) and not self._echo.heard(message, now)

    def _begin(self, now: float) -> None:
        """Keep when the network's turn begins, if it has begun.

        Once in a turn: of what has passed, a clock that is followed can say only that it has.
        """
        if self._began is None and self._turns.playing(now):
            self._began = self._time.seconds(self._turns.begins)

    def _happen(self, record: Record, seconds: float, own: bool = False) -> None:
        """Tell the network what happened, at ``seconds`` of its time."""
        self._proposal = None
        since = max(seconds - self._happened, 0.0)
        self._happened += since
        self._partner.hear(record, min(since, _SILENCE_SECONDS), own=own)

    def _play(self, now: float) -> None:
        """Let the network play its next message, if that is due, or come to the turn's end."""
        if self._proposal is None:
            self._proposal = self._proposed()
        at, record = self._proposal
        message, due = message_of(record), self._time.when(at)
        lingered = now >= self._turns.ends + _LINGER_SECONDS
        if lingered or (due <= now and now >= self._turns.ends and begins_note(message)):
            self._end_turn(now)
        elif due <= now:
            if now - due > _LATE_SECONDS:
                at, due = self._time.seconds(now), now
            self._send(message, due)
            self._proposal = None
            self._untold.append((record, at, True))
            self.played += 1

    def _proposed(self) -> tuple[float, Record]:
        """Return when, in its own time, the network would play what."""
        assert self._began is not None
        wait, record = self._partner.next()
        # An answer has waited for a pause already.
        return (self._began if self._happened < self._began else self._happened + wait), record

    def _end_turn(self, now: float) -> None:
        self._turns.over()
        self._release(now)

    def _silence_all(self, now: float) -> None:
        from mido.ports import panic_messages, reset_messages

        since, self._panicked = now - self._panicked, now
        if since < _PANIC_SECONDS:
            return
        self._end_turn(now)
        for message in (*reset_messages(), *panic_messages()):
            self._send(message, now)
        for end in self.hearing.release():
            self._untold.append((record_of(end), self._time.seconds(now), False))

    def _release(self, now: float) -> None:
        """End every note of ours, and lift our pedals: the turn is over."""
        self._began = None
        self._pass(now)
        for event in self._maker.end():
            self._put(event.message)
            self._untold.append((record_of(event.message), self._time.seconds(now), True))

    def _pulse(self, now: float) -> None:
        import mido

        while self._sender is not None and self._sender.due <= now:
            if self._sender.due == 0:
                self._send(mido.Message("start"), 0.0)
            self._send(mido.Message("clock"), self._sender.due)
            self._sender.next()

    def _send(self, message: mido.Message, at: float) -> None:
        self._pass(at)
        self._maker.add(message, 0.0)  # which keeps account of what sounds
        self._put(message)

    def _pass(self, until: float) -> None:
        """Let time pass; starts never decrease, so that it may be later already."""
        self._maker.wait(max(until - self._maker.seconds, 0.0))

    def _put(self, message: mido.Message) -> None:
        at = self._maker.seconds
        self._outgoing.append(Event(message, round(at / self._info.seconds_per_tick), at))

    def _sent(self, now: float) -> Iterator[Event]:
        """Yield what is to be sent."""
        outgoing, self._outgoing = self._outgoing, []
        for event in outgoing:
            self._echo.sent(event.message, max(event.start_seconds, now))
        yield from outgoing


def record_of(message: mido.Message) -> Record:
    """Return a channel message's record, (5,) uint8."""
    records, _ = midicodec.encode([message])
    record: Record = records[0]
    return record


def message_of(record: Record) -> mido.Message:
    """Return the whole message that a record holds."""
    return midicodec.decode(record[None])[0]
