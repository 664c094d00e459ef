"""A trained network plays on its own: it is fed what it emitted, record after record.

No TensorFlow here: the weights come from a run's checkpoint and the steps from numpy.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

import midicodec
from midirnn.config import Config
from midirnn.errors import GenerationError
from midirnn.messages import EventMaker
from midirnn.plugin.interfaces import Event, Events, StreamInfo
from midirnn.run import Run
from midirnn.sampling import sample_record
from midirnn.stepper import Said, Stepper
from midirnn.timescale import from_seconds, to_seconds

_PATIENCE_RECORDS = 20_000
"""How many records in a row may take no time before a length in seconds is given up."""


@dataclass(frozen=True, slots=True)
class Length:
    """How long a song is to get: so many emitted records, or so many seconds."""

    records: int | None = None
    seconds: float | None = None

    @classmethod
    def parse(cls, text: str) -> Length:
        """Read ``2500`` (records) or ``90s``; raises :class:`GenerationError` for anything else."""
        match = re.fullmatch(r"(\d+)|(\d+(?:\.\d*)?|\.\d+)\s*s", text.strip())
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
    """What became of the emitted records; grows while a song is generated."""

    records: int = 0
    messages: int = 0
    seconds: float = 0.0
    skipped: Counter[str] = field(default_factory=Counter)
    """Why records gave no message, and how often."""


class Generator:
    """A checkpoint's network, ready to make songs."""

    def __init__(self, run: Run, checkpoint: str = "last") -> None:
        """Read the settings, the first event and the weights of a run.

        Raises :class:`midirnn.errors.RunError` where any of them is missing or damaged.
        """
        self.config: Config = run.config()
        self._channel_only = self.config.corpus.messages == "channel"
        self._start = run.start()
        self.step = run.checkpoints.find(checkpoint)
        self._weights = run.checkpoints.load(self.step, "weights")

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
        ``length`` counts what the network emits after them. The same arguments give the same
        events. Records that make no message are counted in ``tally`` and keep their time.
        """
        tally = Tally() if tally is None else tally
        maker, decoder = EventMaker(info), midicodec.Decoder()
        for record, delta_seconds in self._records(length, seed, primer, temperature, tally):
            yield from self._decoded(decoder.feed(record, delta_seconds), maker, tally)
        yield from self._decoded(decoder.flush(), maker, tally)
        yield from maker.end()

    def _decoded(
        self, outcomes: list[midicodec.Outcome], maker: EventMaker, tally: Tally
    ) -> Iterator[Event]:
        for outcome in outcomes:
            if isinstance(outcome, midicodec.Skip):
                tally.skipped[outcome.reason] += 1
                continue
            if self._channel_only and not hasattr(outcome, "channel"):
                tally.skipped["not a channel message, and the network knows only those"] += 1
                continue
            event = maker.add(outcome, outcome.time)
            tally.messages += 1
            tally.seconds = maker.seconds
            if event is not None:
                yield event

    def _records(
        self,
        length: Length,
        seed: int,
        primer: Events | None,
        temperature: float | None,
        tally: Tally,
    ) -> Iterator[tuple[npt.NDArray[np.uint8], float]]:
        """Yield the primer's records, then what the network makes of them: (record, seconds)."""
        scale = self.config.model.time_scale
        longest = self.config.generation.longest_wait_seconds
        if temperature is None:
            temperature = self.config.generation.temperature
        rng = np.random.default_rng((seed, 0x6D69646972))
        stepper = Stepper(self._weights)
        start = self._start if primer is None else primer
        said: Said | None = None
        for record, seconds in zip(start.records, start.delta_seconds, strict=True):
            yield record, float(seconds)
            said = stepper.step(np.unpackbits(record), from_seconds(seconds, scale))
        if said is None:
            raise GenerationError("the primer holds no event for the network to go on from")
        began, last, still = tally.seconds, tally.seconds, 0
        while not _reached(length, tally.records, tally.seconds - began):
            record = sample_record(said.bit_logits, temperature, rng)
            seconds = min(float(to_seconds(said.time, scale)), longest)
            if length.seconds is not None and tally.seconds - began + seconds > length.seconds:
                return
            yield record, seconds
            tally.records += 1
            still = 0 if tally.seconds > last else still + 1
            last = tally.seconds
            if length.seconds is not None and still > _PATIENCE_RECORDS:
                raise GenerationError(
                    f"the network emitted {still} records in a row that take no time, after "
                    f"{last - began:.1f} s; give the length in records, or train it for longer"
                )
            said = stepper.step(np.unpackbits(record), from_seconds(seconds, scale))


def _reached(length: Length, records: int, seconds: float) -> bool:
    if length.records is not None:
        return records >= length.records
    return length.seconds is not None and seconds >= length.seconds
