"""How a song begins: what the network hears first, and what of it is in the song."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from midicodec.records import B1
from midirnn.config import GenerationConfig
from midirnn.errors import GenerationError
from midirnn.messages import HOLDING_PEDALS, PEDAL_DOWN
from midirnn.performance import Ensemble
from midirnn.plugin.interfaces import Events
from midirnn.primer import Primer
from midirnn.rules import note_off, pedal_up, program_change

Timed = tuple[bytes, float]
"""A record, and the seconds before it."""

_OFF, _ON, _CONTROL, _PROGRAM, _BEND, _SYSTEM = 0x80, 0x90, 0xB0, 0xC0, 0xE0, 0xF0
_MODES = 120
"""Controllers from here on are channel modes, which set nothing that lasts."""


@dataclass(frozen=True)
class Opening:
    """What is heard before the network plays."""

    heard: list[Timed]
    """All that the network is shown."""
    in_song: list[Timed]
    """What of it is in the song."""
    rest: float = 0.0
    """The seconds after the last of ``heard`` before which nothing may come."""
    skipped: float = 0.0
    """How many seconds of ``rest`` are not in the song."""

    @classmethod
    def of_start(cls, start: Events, settings: GenerationConfig) -> Opening:
        """Begin with a run's first event; it is in the song if the settings would have it so."""
        programs, rest = _instruments(settings), _without_programs(start, settings)
        elsewhere = settings.rules and all(
            record[B1] < _SYSTEM and record[B1] & 0x0F not in settings.channels
            for record, _ in rest
        )
        return cls(programs + rest, programs if elsewhere else programs + rest)

    @classmethod
    def of_primer(cls, primer: Primer, settings: GenerationConfig, *, only_new: bool) -> Opening:
        """Begin with a primer.

        With ``only_new`` its notes are ended and its pedals lifted, and in the song is what still
        has an effect: instruments, controllers and bends, all at once. Raises
        :class:`GenerationError` where there is no event.
        """
        if not len(primer.events):
            raise GenerationError("the primer holds no event for the network to go on from")
        heard = _instruments(settings) + _without_programs(primer.events, settings)
        if not only_new:
            return cls(heard, heard, primer.rest)
        heard += _ended(heard)
        lasting = [(record, 0.0) for record in _lasting(heard)]
        return cls(heard, lasting, primer.rest, primer.rest)

    def hear(self, ensemble: Ensemble) -> None:
        """Let every song of the network hear it."""
        for record, seconds in self.heard:
            rows = np.tile(np.frombuffer(record, np.uint8), (ensemble.songs, 1))
            ensemble.hear(rows, np.full(ensemble.songs, seconds))


def _instruments(settings: GenerationConfig) -> list[Timed]:
    return [(program_change(*each), 0.0) for each in sorted(settings.programs.items())]


def _without_programs(events: Events, settings: GenerationConfig) -> list[Timed]:
    """Leave out changes of the instruments that are set; their time is the next record's."""
    kept, carried = [], 0.0
    for row, seconds in zip(events.records, events.delta_seconds.tolist(), strict=True):
        record = row.tobytes()
        if record[B1] & 0xF0 == _PROGRAM and not record[0] and record[B1] & 15 in settings.programs:
            carried += seconds
            continue
        kept.append((record, carried + seconds))
        carried = 0.0
    return kept


def _lasting(heard: list[Timed]) -> list[bytes]:
    """Return the last of each channel's program changes, controllers and bends, as they came.

    A program is of the bank that was chosen before it.
    """
    last: dict[tuple[int, int], bytes] = {}
    for record, _ in heard:
        is_piece, status, data, *_ = record
        kind = status & 0xF0
        if is_piece or kind not in (_CONTROL, _PROGRAM, _BEND):
            continue
        if kind != _CONTROL or data < _MODES:
            key = status, data if kind == _CONTROL else 0
            last.pop(key, None)
            last[key] = record
    return list(last.values())


def _ended(heard: list[Timed]) -> list[Timed]:
    """Return the ends of the notes that sound, and what lifts the pedals that hold them."""
    held: dict[bytes, None] = {}  # by what ends it, in order
    for record, _ in heard:
        is_piece, status, data, value, _ = record
        kind, channel = status & 0xF0, status & 0x0F
        if is_piece:
            continue
        if kind in (_OFF, _ON):
            end, begins = note_off(channel, data), kind == _ON and value > 0
        elif kind == _CONTROL and data in HOLDING_PEDALS:
            end, begins = pedal_up(channel, data), value >= PEDAL_DOWN
        else:
            continue
        if begins:
            held[end] = None
        else:
            held.pop(end, None)
    return [(end, 0.0) for end in held]
