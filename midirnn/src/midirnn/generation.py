"""A trained network plays on its own: it is fed what it emitted, record after record.

No TensorFlow here: the weights come from a run's checkpoint and the steps from numpy.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Self

import numpy as np

import midicodec
from midirnn.checkpoint import Arrays
from midirnn.config import Config
from midirnn.errors import GenerationError
from midirnn.messages import EventMaker
from midirnn.plugin.interfaces import Event, Events, StreamInfo
from midirnn.run import Run
from midirnn.sampling import sample
from midirnn.stepper import Stepper

_PATIENCE_RECORDS = 2_000
"""After how many records in a row that take no time a length in seconds is given up."""
_NO_TIME_SECONDS = 0.001
"""What so many records together must take at least."""


@dataclass(frozen=True, slots=True)
class Length:
    """How long a song is to get: so many emitted records, or so many seconds."""

    records: int | None = None
    seconds: float | None = None

    @classmethod
    def parse(cls, text: str) -> Length:
        """Read ``2500`` (records) or ``90s``; raises :class:`GenerationError` for anything else."""
        match = re.fullmatch(r"(\d{1,12})|(\d{1,9}(?:\.\d*)?|\.\d+)\s*s", text.strip())
        if match is None:
            raise GenerationError(
                f"expected a length such as 2500 (records) or 90s (seconds), found {text!r}"
            )
        length = cls(int(match[1])) if match[1] else cls(seconds=float(match[2]))
        if not (length.records or length.seconds):
            raise GenerationError(f"a length must be more than nothing, found {text!r}")
        return length


@dataclass
class Tally:
    """What became of the records that the network emitted; grows while a song is generated."""

    records: int = 0
    messages: int = 0
    seconds: float = 0.0
    """From the last message before them to the last one that they made."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Why records gave no message, and how often."""


class Generator:
    """A checkpoint's network, ready to make songs."""

    def __init__(
        self, config: Config, start: Callable[[], Events], weights: Arrays, step: int = 0
    ) -> None:
        """Keep what a song is made with; ``start`` gives the event that it begins with."""
        self.config, self.step = config, step
        self._channel_only = config.corpus.messages == "channel"
        self._start, self._weights = start, weights

    @classmethod
    def of_run(cls, run: Run, checkpoint: str = "best") -> Self:
        """Read the settings and the weights of a run.

        Raises :class:`midirnn.errors.RunError` where any of them is missing or damaged.
        """
        config, step = run.config(), run.checkpoints.find(checkpoint)
        weights = run.checkpoints.load(step, "weights")
        with run.checkpoints.blamed(step):
            Stepper(weights, 1, config.model.time_scale)  # told now, and not when sinks are open
        return cls(config, run.start, weights, step)

    def events(
        self,
        length: Length,
        seed: int,
        info: StreamInfo,
        *,
        primer: Events | None = None,
        temperature: float | None = None,
        tally: Tally | None = None,
    ) -> Iterator[Event]:
        """Generate a song, one event at a time, and end every note that still sounds.

        The song begins with the ``primer``'s events (the run's first event without one);
        ``length`` counts what the network emits after them, and so does ``tally``. The same
        arguments give the same events. Records that make no message keep their time. Raises
        :class:`GenerationError` where the song cannot be begun or comes to no end.
        """
        tally = Tally() if tally is None else tally
        settings = self.config.generation
        if temperature is None:
            temperature = settings.temperature
        if not 0 <= temperature < math.inf:
            raise GenerationError(f"expected a temperature from 0 on, found {temperature}")
        rng = np.random.default_rng((seed, 0x6D69646972))
        stepper, said = Stepper(self._weights, 1, self.config.model.time_scale), None
        maker, decoder = EventMaker(info), midicodec.Decoder()

        start = self._start() if primer is None else primer
        for record, seconds in zip(start.records, start.delta_seconds.tolist(), strict=True):
            yield from self._decoded(decoder.feed(record, seconds), maker, Tally())
            said = stepper.step(record[None], np.array([seconds]))
        if said is None:
            raise GenerationError("the primer holds no event for the network to go on from")

        began, passed, moved, still = maker.seconds, 0.0, 0.0, 0
        while not _reached(length, tally.records, passed):
            record, seconds = sample(said, temperature, rng)
            seconds = min(seconds, settings.longest_wait_seconds)
            if length.seconds is not None and passed + seconds > length.seconds:
                break
            yield from self._decoded(decoder.feed(record, seconds), maker, tally)
            tally.records += 1
            heard = maker.seconds - began
            # What made no message yet takes time too; the next message will start after it.
            passed = heard if heard > tally.seconds else passed + seconds
            tally.seconds = heard
            moved, still = (moved, still + 1) if passed - moved < _NO_TIME_SECONDS else (passed, 0)
            if length.seconds is not None and still > _PATIENCE_RECORDS:
                raise GenerationError(
                    f"the network emitted {still} records in a row that take no time, after "
                    f"{passed:.1f} s; give the length in records, or train it for longer"
                )
            said = stepper.step(record[None], np.array([seconds]))
        yield from self._decoded(decoder.flush(), maker, tally)
        yield from maker.end()

    def _decoded(
        self, outcomes: list[midicodec.Outcome], maker: EventMaker, tally: Tally
    ) -> Iterator[Event]:
        for outcome in outcomes:
            if isinstance(outcome, midicodec.Skip):
                tally.skipped[outcome.reason] += 1
            elif self._channel_only and (outcome.is_meta or not hasattr(outcome, "channel")):
                tally.skipped["not a channel message, and the network knows only those"] += 1
                maker.wait(outcome.time)
            else:
                tally.messages += 1
                event = maker.add(outcome, outcome.time)
                if event is not None:
                    yield event


def _reached(length: Length, records: int, seconds: float) -> bool:
    if length.records is not None:
        return records >= length.records
    return length.seconds is not None and seconds >= length.seconds
