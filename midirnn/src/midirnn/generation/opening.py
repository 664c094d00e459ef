"""How a song begins: what the network hears first, and what of it is in the song."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from midicodec.records import B1, B2, N
from midirnn.errors import GenerationError
from midirnn.generation.beat import Beat
from midirnn.generation.performance import Ensemble
from midirnn.generation.primer import Primer
from midirnn.generation.rules import Rules, note_off, pedal_up, program_change
from midirnn.messages import HOLDING_PEDALS, PEDAL_DOWN
from midirnn.plugin.interfaces import Events
from midirnn.settings.config import GenerationConfig

Timed = tuple[bytes, float]
"""A record, and the seconds before it."""

_OFF, _ON, _CONTROL, _PROGRAM, _BEND = 0x80, 0x90, 0xB0, 0xC0, 0xE0
_MODES = 120
"""Controllers from here on are channel modes, which set nothing that lasts."""
_SELECTING = range(98, 102)
"""Controllers that say which (non-)registered parameter is set next: 99 and 98, or 101 and 100."""
_STEPS = (96, 97)
_SETTING = (6, 38, *_STEPS)
"""Controllers that set the one that is selected: to a value, or up or down by a step."""


@dataclass(frozen=True)
class Opening:
    """What is heard before the network plays."""

    heard: list[Timed]
    """All that the network is shown."""
    in_song: list[Timed]
    """What of it is in the song."""
    rest: float = 0.0
    """The seconds after the last of ``heard`` before which nothing may come."""
    skips_rest: bool = False
    """Whether the song begins after ``rest``."""
    own: bool = True
    """Whether what sounds in it is ours to end."""
    beat: Beat | None = None
    """The song's, counted from its beginning, where it is known."""

    @classmethod
    def of_starts(
        cls, starts: Events, settings: GenerationConfig, seed: int, songs: int = 1
    ) -> list[Opening]:
        """Let each song begin as one of the corpus does: with one of ``starts``, first events.

        Which one is drawn, by the seed and the song's number, of those that the rules allow; if
        there is none such, the network hears another, as if somebody else had played it.
        """
        programs = _instruments(settings)
        timed = zip(map(bytes, starts.records), starts.delta_seconds.tolist(), strict=True)
        known = [each for each in timed if not _sets_instrument(each[0], settings)]
        rules = Rules(settings.model_copy(update={"program_changes": True}), channel_only=False)
        played = [each for each in known if not settings.rules or _may_begin(each[0], rules)]
        if not known:
            return [cls(programs, programs)] * songs
        candidates, openings = played or known, []
        for song in range(songs):
            drawn = np.random.default_rng((seed, 0x7374617274, song)).random()
            heard = [*programs, candidates[int(drawn * len(candidates))]]
            openings.append(cls(heard, heard if played else programs, own=bool(played)))
        return openings

    @classmethod
    def of_primer(cls, primer: Primer, settings: GenerationConfig, *, only_new: bool) -> Opening:
        """Begin with a primer.

        With ``only_new`` its notes are ended and its pedals lifted, and in the song is what still
        has an effect: instruments, controllers and bends, all at once. Raises
        :class:`GenerationError` where there is no event.
        """
        if not len(primer.events):
            raise GenerationError("the primer holds no event for the network to go on from")
        kept, carried = _without_programs(primer.events, settings)
        heard, rest = _instruments(settings) + kept, primer.rest + carried
        if not only_new:
            return cls(heard, heard, rest, beat=primer.beat)
        heard += _ended(heard)
        lasting = [
            (record, 0.0)
            for record in _lasting(heard)
            if not settings.rules or record[B1] & 0x0F in settings.channels
        ]
        beat = primer.beat and primer.beat.since(primer.seconds)
        return cls(heard, lasting, rest, skips_rest=True, beat=beat)


def hear(openings: Sequence[Opening], ensemble: Ensemble) -> None:
    """Let each song of the network hear its opening; they are equally long."""
    for timed in zip(*(each.heard for each in openings), strict=True):
        records = np.frombuffer(b"".join(record for record, _ in timed), np.uint8)
        seconds = np.array([passed for _, passed in timed])
        ensemble.hear(records.reshape(len(timed), -1), seconds, own=openings[0].own)


def _instruments(settings: GenerationConfig) -> list[Timed]:
    return [(program_change(*each), 0.0) for each in sorted(settings.programs.items())]


def _sets_instrument(record: bytes, settings: GenerationConfig) -> bool:
    """Return whether a record changes an instrument that the settings have chosen."""
    is_piece, status, *_ = record
    return not is_piece and status & 0xF0 == _PROGRAM and status & 0x0F in settings.programs


def _may_begin(record: bytes, rules: Rules) -> bool:
    """Return whether a song, of which nothing was heard yet, may begin with a record."""
    first, second, third = (np.array([each], np.uint8) for each in record[B1:N])
    # One after the other: what a byte may be is known only after those that may be.
    return bool(
        rules.first()[0, first]
        and rules.second(first)[0, second]
        and rules.third(first, second)[0, third]
    )


def _without_programs(events: Events, settings: GenerationConfig) -> tuple[list[Timed], float]:
    """Leave out changes of the instruments that are set; their time is the next record's.

    Of the last ones it is returned, in seconds.
    """
    kept, carried = [], 0.0
    for row, seconds in zip(events.records, events.delta_seconds.tolist(), strict=True):
        record = row.tobytes()
        if _sets_instrument(record, settings):
            carried += seconds
            continue
        kept.append((record, carried + seconds))
        carried = 0.0
    return kept, carried


def _lasting(heard: list[Timed]) -> list[bytes]:
    """Return the last of each channel's program changes, controllers and bends, as they came.

    A program is of the bank that was chosen before it. What sets a parameter comes after what
    selects it, for each that was set, and what is selected at the end comes last.
    """
    last: dict[tuple[int | bytes, ...], list[bytes]] = {}
    selecting: dict[tuple[int, int], bytes] = {}
    kinds: dict[int, int] = {}  # by channel: 101 where the parameter is a registered one, or 99
    for record, _ in heard:
        is_piece, status, data, *_ = record
        kind = status & 0xF0
        if is_piece or kind not in (_CONTROL, _PROGRAM, _BEND):
            continue
        controller = data if kind == _CONTROL else 0
        if controller >= _MODES:
            continue
        if controller in _SELECTING:
            kinds[status] = controller | 1
            selecting.pop((status, controller), None)
            selecting[status, controller] = record
            continue
        key: tuple[int | bytes, ...] = status, controller
        kept = [record]
        if controller in _SETTING and status in kinds:
            pair = (status, kinds[status]), (status, kinds[status] - 1)
            selected = [selecting[each] for each in pair if each in selecting]
            key = status, *selected
            # Steps add up; a value makes room for the next one.
            before = [
                each
                for each in last.get(key, selected)
                if each[B2] != controller or controller in _STEPS
            ]
            kept = before + kept
        last.pop(key, None)
        last[key] = kept
    return [record for kept in last.values() for record in kept] + list(selecting.values())


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
