"""Many songs side by side: what each lane reads at each step, and which states go with it.

A lane owns a share of the pool: a few slots, each with a song, a position and LSTM states of its
own. At each step a lane picks one of its slots by (seed, lane, step) and reads the next
``sequence_length`` records of it. A song that has too few left makes room for another (with
``replace_probability``, always by default) or starts again with fresh states; the lane then picks
anew. One lane with 500 slots is the notebook's scheme.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from midirnn.errors import PluginError, RunError
from midirnn.plugin.interfaces import Events
from midirnn.settings.config import TrainingConfig

EventsAugmentation = Callable[[Events, np.random.Generator], Events]

# What a random number is for; part of its key, so that no two uses share one.
_PICK, _AUGMENT, _DEAL = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's windows, ``lanes`` × (``sequence_length`` + 1): inputs, and targets one later.

    ``records`` (lanes, length + 1, 5) uint8; ``delta_seconds`` (lanes, length + 1) float64;
    ``states`` (lanes, 4, hidden_size) float32: c and h of the first LSTM, then of the second.
    """

    records: npt.NDArray[np.uint8]
    delta_seconds: npt.NDArray[np.float64]
    states: npt.NDArray[np.float32]


class Lanes:
    """The pool of songs, dealt out to lanes; :meth:`next` and :meth:`keep` make one step."""

    def __init__(
        self,
        songs: Sequence[Events],
        config: TrainingConfig,
        hidden_size: int,
        augment: EventsAugmentation | None = None,
        mine: range | None = None,
    ) -> None:
        """Deal the corpus out in an order given by the seed.

        With ``mine``, this is only that range of the lanes, each as it is among all of them.

        Every lane has the same number of slots, at least one; in a small corpus a song stands in
        several. Each song must have more than ``sequence_length`` records.
        """
        self._songs = songs
        self._seed = config.seed
        self._length = config.sequence_length
        self._replace = config.replace_probability
        self._augment = augment
        self._of = lanes = config.lanes
        self._mine = range(lanes) if mine is None else mine
        slots = max(1, -(-min(config.pool_size, len(songs)) // lanes))
        order = self._random(_DEAL).permutation(len(songs))
        # Slot by slot across the lanes, so that lanes differ as much as the corpus allows.
        dealt = order[np.arange(slots * lanes) % len(songs)]
        whole = dealt.reshape(slots, lanes).T.astype(np.int64)
        self.song = whole[self._mine.start : self._mine.stop].copy()
        lanes = len(self._mine)
        self.position = np.zeros((lanes, slots), np.int64)
        self.passes = np.zeros((lanes, slots), np.int64)
        self.states = np.zeros((lanes, slots, 4, hidden_size), np.float32)
        self._picked = np.zeros(lanes, np.int64)
        self._events: dict[tuple[int, int], tuple[int, Events]] = {}

    @property
    def lanes(self) -> int:
        """How many lanes there are here."""
        return len(self.song)

    def next(self, step: int) -> Batch:
        """Return what each lane reads at ``step``; call :meth:`keep` before the next one."""
        length = self._length + 1
        records = np.empty((self.lanes, length, 5), np.uint8)
        delta_seconds = np.empty((self.lanes, length), np.float64)
        for lane in range(self.lanes):
            slot = self._picked[lane] = self._pick(lane, step)
            start = self.position[lane, slot]
            events = self._current(lane, slot)
            records[lane] = events.records[start : start + length]
            delta_seconds[lane] = events.delta_seconds[start : start + length]
        states = self.states[np.arange(self.lanes), self._picked]
        return Batch(records, delta_seconds, states)

    def keep(self, states: npt.NDArray[np.float32]) -> None:
        """Move every lane on: ``states`` are those after the windows that :meth:`next` gave."""
        lanes = np.arange(self.lanes)
        self.states[lanes, self._picked] = states
        self.position[lanes, self._picked] += self._length

    def _pick(self, lane: int, step: int) -> int:
        """Choose a slot with a whole window left, starting the songs that have ended again."""
        random = self._random(_PICK, self._mine[lane], step)
        slots = self.song.shape[1]
        while True:
            slot = int(random.integers(slots))
            if self.position[lane, slot] + self._length < len(self._current(lane, slot)):
                return slot
            self._start_again(lane, slot, random)

    def _start_again(self, lane: int, slot: int, random: np.random.Generator) -> None:
        self.position[lane, slot] = 0
        self.states[lane, slot] = 0
        self.passes[lane, slot] += 1
        if random.random() < self._replace:
            self.song[lane, slot] = random.integers(len(self._songs))

    def _current(self, lane: int, slot: int) -> Events:
        """Return the slot's song as augmented for this pass over it."""
        song = int(self.song[lane, slot])
        if self._augment is None:
            return self._songs[song]
        count = int(self.passes[lane, slot])
        known = self._events.get((lane, slot))
        if known is None or known[0] != count:
            # A song in two slots is on two different passes.
            turn = (count * self._of + self._mine[lane]) * self.song.shape[1] + slot
            events = self._augment(self._songs[song], self._random(_AUGMENT, song, turn))
            if len(events) <= self._length:  # or the song would be started again for ever
                raise PluginError(
                    f"the augmentations made {len(events)} records of a song's "
                    f"{len(self._songs[song])}; a step needs {self._length + 1}"
                )
            known = self._events[lane, slot] = (count, events)
        return known[1]

    def _random(self, purpose: int, *key: int) -> np.random.Generator:
        """Return a generator that depends on nothing but the seed and the key."""
        return np.random.default_rng((self._seed, purpose, *key))

    def checkpoint(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return all that changes from step to step, as named arrays, a row for each lane here."""
        return {
            "song": self.song,
            "position": self.position,
            "passes": self.passes,
            "states": self.states,
        }

    def restore(self, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Continue where the lanes were that gave ``arrays``; :class:`RunError` for others'.

        The arrays have a row for each lane there is, also where this is only a range of them.
        """
        for name, mine in self.checkpoint().items():
            found, shape = arrays.get(name), (self._of, *mine.shape[1:])
            if found is None or (found.shape, found.dtype) != (shape, mine.dtype):
                what = "missing" if found is None else f"{found.dtype} of shape {found.shape}"
                raise RunError(f"lanes/{name} is {what}; expected {mine.dtype} of {shape}")
            mine[...] = found[self._mine.start : self._mine.stop]
        if not np.all((self.song >= 0) & (self.song < len(self._songs))):
            raise RunError(f"lanes/song names songs that are not among the {len(self._songs)}")
        if not np.all(self.position >= 0):
            raise RunError("lanes/position is negative")
        self._events.clear()
