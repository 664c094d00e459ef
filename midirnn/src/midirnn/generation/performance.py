"""A network that plays: it hears what happens, and proposes what could come next.

No TensorFlow here. Whatever it proposes is only played once it is told that it happened, so that
something else may come between: that is how one plays with somebody.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from midicodec.records import KINDS, PIECE_BYTES, RECORD_BYTES
from midirnn.errors import GenerationError
from midirnn.generation.loops import NOTHING, Loops
from midirnn.generation.rules import Rules
from midirnn.generation.sampling import Sampler, Uniforms, bits_drawn
from midirnn.model.said import Said
from midirnn.model.stepper import Stepper
from midirnn.model.timeclasses import classes_of, seconds_of
from midirnn.run.checkpoint import Arrays
from midirnn.settings.config import Config

Records = npt.NDArray[np.uint8]
"""``(songs, 5)`` uint8."""
Seconds = npt.NDArray[np.float64]
"""``(songs,)`` float64: since the record before, whoever made it."""

_WAIT, _PART, _FIRST, _SECOND, _THIRD, _BITS = range(6)
"""Which of a step's random numbers are for what."""
_NOTE_OFF, _NOTE_ON = 0x80, 0x90


class Ensemble:
    """One network that plays several songs side by side, for little more than the price of one."""

    def __init__(
        self,
        config: Config,
        weights: Arrays,
        seed: int,
        songs: int = 1,
        *,
        channel_only: bool = False,
    ) -> None:
        """``channel_only``: propose only channel messages, whatever the network knows."""
        settings = config.generation
        self._stepper = Stepper(weights, songs, config.model.time_scale)
        self._said: Said | None = None
        self._uniforms = Uniforms(seed, songs, _BITS + 40)
        self._messages = Sampler(settings.temperature, settings.top_k, settings.top_p)
        warmth = settings.time_temperature
        warmth = settings.temperature if warmth is None else warmth
        self._times = Sampler(warmth, settings.top_k, settings.top_p)
        self._parts = Sampler(warmth)
        self._longest_wait = settings.longest_wait_seconds
        channel_only = channel_only or config.corpus.channel_only
        self.rules = Rules(settings, songs, channel_only=channel_only) if settings.rules else None
        """What may be proposed; None where anything may."""
        self._loops = Loops(settings.most_repeats, songs)
        self._begun = np.zeros(songs)  # the time of the message that a piece goes on with
        # What was proposed in the place of a note-on, and the note-on that has to follow it.
        self._off_first: list[tuple[bytes, bytes] | None] = [None] * songs
        self._owed: list[bytes | None] = [None] * songs

    @property
    def songs(self) -> int:
        """How many songs there are."""
        return len(self._owed)

    def hear(self, records: Records, seconds: Seconds, *, own: bool = True) -> None:
        """Take in that these records came; ``own``: we played them, else somebody else did."""
        self._said = self._stepper.step(records, seconds)
        self._loops.heard(records, classes_of(seconds))
        if self.rules is None:
            return
        for song, (record, passed) in enumerate(
            zip(records.tolist(), seconds.tolist(), strict=True)
        ):
            expected, self._off_first[song] = self._off_first[song], None
            as_expected = own and expected is not None and expected[0] == bytes(record)
            self._owed[song] = expected[1] if as_expected and expected is not None else None
            self.rules.heard(song, record, passed, own=own)
            self._begun[song] = passed

    def next(self, at_least: float | Seconds = 0.0) -> tuple[Seconds, Records]:
        """Return what could come next, and after how many seconds, ``at_least`` so many.

        Only the end of what was held for too long may come before. Nothing is changed by it, but
        that another call draws anew. Raises :class:`GenerationError` if nothing was heard yet.
        """
        said = self._said
        if said is None:
            raise GenerationError("nothing was heard that the network could go on from")
        numbers = self._uniforms.next()
        seconds = np.maximum(np.minimum(self._wait(said, numbers), self._longest_wait), at_least)
        if self.rules is None:
            return seconds, self._unruled(said, classes_of(seconds), numbers)
        forced = [self._forced(song, seconds) for song in range(len(seconds))]
        records = self._ruled(self.rules, said, classes_of(seconds), numbers)
        for song, record in enumerate(forced):
            self._off_first[song] = None
            if record is not None:
                records[song] = np.frombuffer(record, np.uint8)
                continue
            off = self.rules.off_before(song, records[song].tolist())
            if off is not None:
                self._off_first[song] = off, records[song].tobytes()
                records[song] = np.frombuffer(off, np.uint8)
        return seconds, records

    def _wait(self, said: Said, numbers: Seconds) -> Seconds:
        """Draw the time until the next record."""
        logits, seconds = said.time
        if logits is None:
            assert seconds is not None
            return seconds
        wait = self._times.draw(logits, numbers[:, _WAIT])
        return seconds_of(wait, self._parts.draw(said.position(wait), numbers[:, _PART]))

    def _forced(self, song: int, seconds: Seconds) -> bytes | None:
        """Return what has to come, whatever is drawn; set ``seconds`` as the rules want them."""
        assert self.rules is not None
        if self.rules.songs[song].begun:
            seconds[song] = self._begun[song]
            return None
        owed = self._owed[song]
        if owed is not None:
            seconds[song] = 0.0
            return owed
        due, off = self.rules.due(song)
        if due > seconds[song]:
            return None
        seconds[song] = due
        return off

    def _ruled(
        self, rules: Rules, said: Said, wait: npt.NDArray[np.int64], numbers: Seconds
    ) -> Records:
        """Draw records that may follow."""
        loop = self._loops.going_on()
        first = self._messages.draw(said.first(wait), numbers[:, _FIRST], rules.first())
        allowed = rules.second(first.astype(np.uint8))
        for song in np.flatnonzero(loop[:, 0] != NOTHING):
            _leave(loop[song].tolist(), int(first[song]), allowed[song])
        second = self._messages.draw(said.second(first), numbers[:, _SECOND], allowed)
        bytes_ = first.astype(np.uint8), second.astype(np.uint8)
        third = self._messages.draw(said.third(second), numbers[:, _THIRD], rules.third(*bytes_))
        return rules.records(*bytes_, third.astype(np.uint8))

    def _unruled(self, said: Said, wait: npt.NDArray[np.int64], numbers: Seconds) -> Records:
        """Draw records as the network says them, junk included."""
        if said.bit_logits is not None:
            return bits_drawn(said.bit_logits, self._messages.temperature, numbers[:, _BITS:])
        first = self._messages.draw(said.first(wait), numbers[:, _FIRST])
        second = self._messages.draw(said.second(first), numbers[:, _SECOND])
        third = self._messages.draw(said.third(second), numbers[:, _THIRD])
        records = np.zeros((len(first), RECORD_BYTES), np.uint8)
        records[:, 1:4] = np.stack([first, second, third], axis=1)
        for record in records:
            kind = KINDS.get(int(record[1]))
            record[0], record[4] = kind is None, PIECE_BYTES if kind is None else kind.length
        return records


class Performance:
    """One song of an :class:`Ensemble`, record by record."""

    def __init__(self, ensemble: Ensemble) -> None:
        self._ensemble = ensemble

    def hear(self, record: npt.ArrayLike, seconds: float, own: bool = False) -> None:
        """Take in that ``record`` (5,) came, ``seconds`` after the one before; ``own``: ours.

        What was proposed and happened is heard too, with the seconds that it really took. Notes
        that are not ours are never ended by us, and not begun by us while they are held.
        """
        row = np.asarray(record, np.uint8).reshape(1, RECORD_BYTES)
        self._ensemble.hear(row, np.array([seconds], np.float64), own=own)

    def next(self) -> tuple[float, Records]:
        """Return a proposal: in how many seconds from the last record, and a record ``(5,)``.

        Nothing is changed by it, but that another call draws anew. A note of ours that sounds too
        long is proposed to be ended; a note of ours that is to be struck again, first to be ended
        and then, if that was heard, to be struck at once. Raises :class:`GenerationError` if
        nothing was heard yet.
        """
        seconds, records = self._ensemble.next()
        return float(seconds[0]), records[0]


def _leave(loop: Sequence[int], first: int, allowed: npt.NDArray[np.bool_]) -> None:
    """Forbid the second byte that would go on with a loop, if another one may be drawn.

    Ends of notes are let through: they are owed, and the loop is left at what begins next. But
    where a note-off is expected and a note-on drawn, the note is about to be struck again.
    """
    status, data, value = loop
    kind, channel = status & 0xF0, status & 0x0F
    if kind == _NOTE_OFF:
        status = _NOTE_ON | channel
    elif kind == _NOTE_ON and not value:
        return
    if first == status and np.count_nonzero(allowed) > allowed[data]:
        allowed[data] = False
