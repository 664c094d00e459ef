"""A trained network plays songs: what it proposes is what happens, record after record.

No TensorFlow here: the weights come from a run's checkpoint and the steps from numpy.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np

from midirnn.generation.length import Length
from midirnn.generation.opening import Opening, Timed, hear
from midirnn.generation.performance import Ensemble, Performance
from midirnn.generation.primer import Primer
from midirnn.generation.take import Song, Take, Tally
from midirnn.model.stepper import Stepper
from midirnn.plugin.interfaces import Event, Events, StreamInfo
from midirnn.run.checkpoint import Arrays
from midirnn.run.folder import Run
from midirnn.settings.config import Config
from midirnn.settings.resolve import validate


class Generator:
    """A checkpoint's network, ready to make songs."""

    def __init__(
        self, config: Config, starts: Callable[[], Events], weights: Arrays, step: int = 0
    ) -> None:
        """Keep what songs are made with; ``starts`` gives events of which each begins with one."""
        self.config, self.step = config, step
        self._starts, self._weights = starts, weights

    @classmethod
    def of_run(cls, run: Run, checkpoint: str = "best") -> Self:
        """Read the settings and the weights of a run.

        Raises :class:`midirnn.errors.RunError` where any of them is missing or damaged.
        """
        config, step = run.config(), run.checkpoints.find(checkpoint)
        weights = run.checkpoints.load(step, "weights")
        with run.checkpoints.blamed(step):
            Stepper(weights, 1, config.model.time_scale)  # told now, and not when sinks are open
        return cls(config, run.starts, weights, step)

    def with_settings(self, **settings: Any) -> Self:
        """Return a generator with other settings of ``[generation]``; None leaves one as it is.

        Raises :class:`midirnn.errors.ConfigError` for a key there is not or a value that is unfit.
        """
        values = self.config.model_dump(mode="python")
        given = {key: value for key, value in settings.items() if value is not None}
        values["generation"] |= given
        config = validate(values, source="settings")
        return type(self)(config, self._starts, self._weights, self.step)

    def performance(
        self, seed: int, *, start: bool = True, channel_only: bool = False
    ) -> Performance:
        """Return one song that others may play along in; with ``start`` an event was heard.

        ``channel_only``: only channel messages are proposed, whatever the network knows.
        """
        ensemble = Ensemble(self.config, self._weights, seed, channel_only=channel_only)
        if start:
            hear(Opening.of_starts(self._starts(), self.config.generation, seed), ensemble)
        return Performance(ensemble)

    def events(
        self,
        length: Length,
        seed: int,
        info: StreamInfo,
        *,
        primer: Events | Primer | None = None,
        temperature: float | None = None,
        tally: Tally | None = None,
    ) -> Iterator[Event]:
        """Generate a song, one event at a time, and end every note that still sounds.

        The song begins with the ``primer``'s events (without one, with the first event of a
        training song, drawn by the seed); ``length`` counts what the network emits after them,
        and so does ``tally``. The same arguments give the same events. Records that make no
        message keep their time. Raises :class:`GenerationError` where the song cannot be begun or
        comes to no end.
        """
        generator = self.with_settings(temperature=temperature)
        primer = Primer(primer) if isinstance(primer, Events) else primer
        (take,) = generator.songs(length, seed, info=info, primer=primer, tally=tally)
        yield from take.events

    def songs(
        self,
        length: Length,
        seed: int,
        count: int = 1,
        *,
        info: StreamInfo | None = None,
        primer: Primer | None = None,
        only_new: bool = False,
        tally: Tally | None = None,
    ) -> list[Take]:
        """Begin ``count`` songs, which are generated side by side while any of them is asked on.

        Each is as :meth:`events` says, and its own, keyed by ``seed`` and its number: songs 1 to
        4 of eight are the four of four. With ``only_new`` what the primer says is left out.
        Without an ``info`` its beat is that of the settings, or else the primer's file's, or, where
        bars are counted, the one that the music has. ``tally`` is that of the only song.
        """
        settings = self.config.generation
        if primer is None:
            openings = Opening.of_starts(self._starts(), settings, seed, count)
        else:
            openings = [Opening.of_primer(primer, settings, only_new=only_new)] * count
        ensemble = Ensemble(self.config, self._weights, seed, count)
        hear(openings, ensemble)
        rows = _SideBySide(ensemble, openings[0].rest)
        takes = []
        for song, opening in enumerate(openings):
            own = Tally() if tally is None else tally
            maker = Song(self.config, length, opening, rows.row(song), own, info)
            takes.append(Take(maker.info, maker.events(), own, maker.seconds))
        return takes


class _SideBySide:
    """Songs that are generated together, and read one by one."""

    def __init__(self, ensemble: Ensemble, rest: float) -> None:
        self._ensemble = ensemble
        self._rest = np.full(ensemble.songs, rest)  # before which no song of them may go on
        self._waiting: list[deque[Timed] | None] = [deque() for _ in range(ensemble.songs)]
        self._proposed: tuple[Any, Any] | None = None

    def row(self, song: int) -> Iterator[Timed]:
        """Yield a song's records, without end."""
        waiting = self._waiting[song]
        assert waiting is not None
        try:
            while True:
                if not waiting:
                    self._advance()
                yield waiting.popleft()
        finally:
            self._waiting[song] = None  # nobody reads on: nothing more is kept

    def _advance(self) -> None:
        """Let each song go on by a record; it is heard only when the next one is asked for."""
        if self._proposed is not None:
            seconds, records = self._proposed
            self._ensemble.hear(records, seconds)
        self._proposed = self._ensemble.next(self._rest)
        seconds, records = self._proposed
        # The end of what was held for too long may come before it, and is only a part of it.
        self._rest = np.maximum(self._rest - seconds, 0.0)
        for waiting, record, passed in zip(self._waiting, records, seconds.tolist(), strict=True):
            if waiting is not None:
                waiting.append((record.tobytes(), passed))
