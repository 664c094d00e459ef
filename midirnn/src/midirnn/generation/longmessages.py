"""Which bytes may follow in a message longer than three bytes, so that it becomes one.

Only what a song holds and mido can make: a sysex to its F7, and meta events of the types below.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from midicodec.grammar import counted_length
from midicodec.records import (
    END_OF_TRACK,
    META,
    PIECE_BYTES,
    SET_TEMPO,
    SYSEX,
    SYSEX_END,
    TIME_SIGNATURE,
)

STARTS = (SYSEX, META)
LONGEST_BYTES = 512
"""A sysex that gets so long is ended; of meta events, those under 128 bytes are made."""
_BYTES = 256
_Allowed = npt.NDArray[np.bool_]


def _bytes(*ranges: tuple[int, int]) -> _Allowed:
    """Return ``(256,)`` bool: which bytes lie in one of these ranges, both ends included."""
    allowed = np.zeros(_BYTES, np.bool_)
    for first, last in ranges:
        allowed[first : last + 1] = True
    return allowed


_ANY, _DATA, _NOTHING = _bytes((0, 255)), _bytes((0, 127)), _bytes((0, 0))
_END = _bytes((SYSEX_END, SYSEX_END))
_DATA_OR_END = _DATA | _END
_COUNTED: dict[int, tuple[_Allowed, ...]] = {
    0x00: (_ANY, _ANY),  # sequence number
    0x20: (_bytes((0, 15)),),  # channel prefix
    0x21: (_DATA,),  # port
    # SMPTE offset: hours with the frame rate above them, minutes, seconds, frames, their hundredths
    0x54: (
        _bytes(*((32 * rate, 32 * rate + 23) for rate in range(4))),
        _bytes((0, 59)), _bytes((0, 59)), _bytes((0, 29)), _bytes((0, 99)),
    ),
    TIME_SIGNATURE: (_bytes((1, 255)), _bytes((0, 6)), _bytes((1, 255)), _bytes((1, 255))),
    0x59: (_bytes((0, 7), (249, 255)), _bytes((0, 1))),  # key signature
}  # fmt: skip
"""The meta events of fixed length, and each of their bytes (Standard MIDI Files 1.0)."""
_LEFT_OUT = (END_OF_TRACK, SET_TEMPO)  # the song's own are written: see EventMaker


class LongMessages:
    """Says which byte may follow those there are of a message that began with F0 or FF."""

    def __init__(self, left_out: Sequence[int] = ()) -> None:
        """``left_out`` are meta types that are not to be made."""
        types = _DATA.copy()
        types[[*_LEFT_OUT, *left_out]] = False
        self._types = types

    def allowed(self, begun: bytes, drawn: bytes = b"") -> _Allowed:
        """Return ``(256,)`` bool: what may follow ``drawn``, of a record after those ``begun``.

        After the message's last byte that is only 0, which fills up the record.
        """
        if used(begun, drawn):
            return _NOTHING
        message = begun + drawn
        if message[0] == SYSEX:
            return _DATA_OR_END if len(message) < LONGEST_BYTES else _END
        if len(message) == 1:
            return self._types
        fixed = _COUNTED.get(message[1])
        if len(message) == 2:
            return _DATA if fixed is None else _bytes((len(fixed), len(fixed)))
        return _ANY if fixed is None else fixed[len(message) - PIECE_BYTES]


def used(begun: bytes, drawn: bytes) -> int:
    """Return how many bytes ``drawn`` after ``begun`` are there when the message is whole.

    0 if it goes on.
    """
    return next((n for n in range(1, len(drawn) + 1) if is_whole(begun + drawn[:n])), 0)


def is_whole(message: bytes) -> bool:
    """Whether a sysex or a meta event, of which these are the first bytes, ends here."""
    if message[0] == SYSEX:
        return len(message) > 1 and message[-1] == SYSEX_END
    return len(message) > 1 and counted_length(message) == len(message)
