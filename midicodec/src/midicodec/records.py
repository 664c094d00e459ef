"""The record's layout, and which messages there are: what all other modules are made from.

========  ========  =====================================================================
byte      name      meaning
========  ========  =====================================================================
0         ``long``  0: a whole message; 1: a piece of one longer than three bytes
1, 2, 3   ``b1…b3`` up to three bytes of the message, unused ones 0
4         ``n``     how many of the three are used, 1 to 3
========  ========  =====================================================================

A long message is cut into consecutive pieces of three bytes, the last of what remains.
Message lengths are those of the MIDI 1.0 Detailed Specification, table 1 (summary of status
bytes); meta messages and F7 packets those of Standard MIDI Files 1.0.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Records = npt.NDArray[np.uint8]
"""``(n, 5)`` uint8."""

RECORD_BYTES = 5
RECORD_BITS = 40
LONG, B1, B2, B3, N = range(RECORD_BYTES)
"""The columns of a record."""
PIECE_BYTES = 3
"""How many bytes of a message a record holds at most."""

SYSEX, SYSEX_END, META = 0xF0, 0xF7, 0xFF
END_OF_TRACK, SET_TEMPO = 0x2F, 0x51
"""Meta types."""

CHANNEL_LENGTHS = {0x80: 3, 0x90: 3, 0xA0: 3, 0xB0: 3, 0xC0: 2, 0xD0: 2, 0xE0: 3}
"""Bytes of a channel message by the upper half of its status."""
SYSTEM_LENGTHS = {
    0xF1: 2, 0xF2: 3, 0xF3: 2, 0xF6: 1,
    0xF8: 1, 0xFA: 1, 0xFB: 1, 0xFC: 1, 0xFE: 1, 0xFF: 1,
}  # fmt: skip
"""Bytes of a system common or realtime message; a lone FF is system reset, not a meta message."""

MESSAGE_LENGTHS: dict[int, int] = {
    **{high | low: n for high, n in CHANNEL_LENGTHS.items() for low in range(16)},
    **SYSTEM_LENGTHS,
}
"""Bytes of every message of fixed length, by status."""

MAX_VLQ_BYTES = 4
"""A variable-length quantity has at most 28 bits (Standard MIDI Files 1.0)."""
MAX_VLQ = 0x0FFFFFFF


def vlq(value: int) -> bytes:
    """Return ``value`` as a variable-length quantity, most significant seven bits first."""
    if not 0 <= value <= MAX_VLQ:
        raise ValueError(f"a variable-length quantity is 0 to {MAX_VLQ}, not {value}")
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(0x80 | value & 0x7F)
    return bytes(reversed(digits))


def read_vlq(data: bytes, start: int) -> tuple[int, int] | None:
    """Return the quantity at ``start`` and where it ends; None if it is cut off or too long."""
    value = 0
    for index in range(start, min(start + MAX_VLQ_BYTES, len(data))):
        value = value << 7 | data[index] & 0x7F
        if data[index] < 0x80:
            return value, index + 1
    return None
