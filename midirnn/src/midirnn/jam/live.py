"""``midirnn jam``: a session between ports, with a clock that runs and threads that wait."""

from __future__ import annotations

import threading
from collections.abc import Generator as Yielding
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING, Literal

from midirnn.console.say import say
from midirnn.console.signals import stop_on_signals
from midirnn.corpus.filters import channels_of
from midirnn.errors import MidiRnnError, PluginError
from midirnn.generation.generator import Generator
from midirnn.jam.hearing import Hearing, PanicKey
from midirnn.jam.pulses import USUAL_BPM, Follower, Sender, Steady
from midirnn.jam.session import Partner, Session
from midirnn.jam.turns import NEVER, Along, Answering, Mode
from midirnn.playback.clock import Clock
from midirnn.playback.perform import finished, make_sinks
from midirnn.playback.play import play
from midirnn.plugin.border import blamed_on
from midirnn.plugin.choice import PluginChoice
from midirnn.plugin.interfaces import Event, Source, StreamInfo
from midirnn.plugin.manager import plugin_manager
from midirnn.run.folder import Run
from midirnn.settings.config import CorpusConfig

if TYPE_CHECKING:
    import mido

ClockChoice = Literal["none", "follow", "send"]
# Not SimpleQueue: a wait of its that a signal interrupts at its very end never ends (in CPython
# 3.11 what is left of it is then negative, and taken for "for ever").
Inbox = Queue["tuple[float, mido.Message]"]

_POLL_SECONDS = 0.05
"""How often it is looked whether to end."""
_CHECK_SECONDS = 1.0
"""How often the source is asked whether anything can still come."""


@dataclass(frozen=True)
class JamSettings:
    """How the network plays with somebody."""

    mode: Mode = "answer"
    pause_seconds: float = 1.0
    """A silence of so long is a pause, in which the network answers."""
    longest_seconds: float = 20.0
    """How long an answer is at most; in the mode ``along``, how long it plays alone."""
    clock: ClockChoice = "none"
    bpm: float | None = None
    """The tempo, of the clock that is sent too; None: the usual one, or the followed clock's."""
    panic: PanicKey | None = None
    seconds: float | None = None
    """After so long it is over; None: when the user ends it."""

    @property
    def tempo(self) -> float:
        """Beats a minute; of a clock that is followed nobody knows them before."""
        return USUAL_BPM if self.bpm is None else self.bpm

    @property
    def info(self) -> StreamInfo:
        """What the session's events are counted in, and sinks are told."""
        return StreamInfo(microseconds_per_beat=round(60e6 / self.tempo), title="midirnn jam")


def jam(
    folder: Path,
    source: PluginChoice,
    sinks: Sequence[PluginChoice],
    settings: JamSettings,
    *,
    temperature: float | None = None,
    seed: int = 0,
    checkpoint: str = "best",
) -> bool:
    """Play with whoever plays into ``source`` until the user or the time ends it.

    Returns False if it was the user. Raises what is wrong with the run, the source or the sinks.
    """
    if settings.clock == "follow" and settings.bpm is not None:
        raise MidiRnnError("a clock that is followed has the tempo: give no --tempo")
    listening: Source = plugin_manager().create("source", source)
    into = make_sinks(sinks)
    generator = Generator.of_run(Run(folder), checkpoint)
    # Whatever the run's own settings: what is played live has to be MIDI.
    generator = generator.with_settings(rules=True, temperature=temperature)
    partner = generator.performance(seed, start=False, channel_only=True)
    session = make_session(partner, settings, generator.config.corpus)
    session.choose(generator.config.generation.programs)
    clock = Clock()
    inbox = Inbox()
    with stop_on_signals() as asked:
        lost: list[PluginError] = []
        events = session_events(session, listening, inbox, clock, asked, lost, settings.seconds)
        with closing(events):
            # A jam that the user ends has ended well, and its sinks may finish.
            report = play(events, into, settings.info, asked, clock, ends_itself=True)
        interrupted = asked.is_set()
    say(f"heard {session.hearing.shown} messages, played {session.played}")
    if session.hearing.missed:
        say(f"  {session.hearing.missed} came faster than the network can hear")
    finished(report)
    if lost:
        raise lost[0]
    return not interrupted


def make_session(partner: Partner, settings: JamSettings, corpus: CorpusConfig) -> Session:
    """Return a session of a network that was trained on such a ``corpus``."""
    if settings.mode == "along":
        turns: Along | Answering = Along(settings.longest_seconds)
    else:
        turns = Answering(settings.pause_seconds, settings.longest_seconds)
    return Session(
        partner,
        turns,
        Follower() if settings.clock == "follow" else Steady(settings.tempo),
        Hearing(channels_of(corpus)),
        panic=settings.panic,
        sender=Sender(settings.tempo) if settings.clock == "send" else None,
        info=settings.info,
    )


def session_events(
    session: Session,
    source: Source,
    inbox: Inbox,
    clock: Clock,
    asked: threading.Event,
    lost: list[PluginError],
    seconds: float | None = None,
) -> Yielding[Event, None, None]:
    """Yield what the network plays, each message when it is due, until ``asked`` or the time is up.

    ``source`` is opened and closed here. What comes in from it wakes this up. If it goes away, its
    error is put into ``lost`` and the jam ends as ever: what was played is not lost with it.
    """
    end, check_at = NEVER if seconds is None else seconds, _CHECK_SECONDS
    try:
        with blamed_on(source):
            source.open(lambda message: inbox.put((clock.now(), message)))
        clock.begin()  # opening a port or a file takes its time, which is not the music's
        say("listening; Ctrl-C ends it")
        while not asked.is_set() and (now := clock.now()) < end:
            if now >= check_at:
                check_at = now + _CHECK_SECONDS
                try:
                    with blamed_on(source):
                        source.check()
                except PluginError as error:
                    lost.append(error)
                    break
            yield from session.advance(now)
            now = clock.now()
            wait = min(session.deadline(now) - now, _POLL_SECONDS, end - now)
            for came, message in _come_in(inbox, wait):
                session.receive(message, came)
        yield from session.end(clock.now())
    finally:
        with blamed_on(source):
            source.close()


def _come_in(inbox: Inbox, wait_seconds: float) -> Iterator[tuple[float, mido.Message]]:
    """Yield what has come in; if there is nothing, wait for it for a moment."""
    try:
        yield inbox.get(timeout=wait_seconds) if wait_seconds > 0 else inbox.get_nowait()
        for _ in range(inbox.qsize()):
            yield inbox.get_nowait()
    except Empty:
        pass
