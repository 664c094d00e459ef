"""Variable-length quantities (Standard MIDI Files 1.0, "Conventions"): 7 bits a byte, big first."""

from __future__ import annotations

MAX_BYTES = 4
MAX_VALUE = 0x0FFFFFFF
"""The specification's limit: 28 bits, four bytes."""


def write_vlq(value: int) -> bytes:
    """Return ``value`` in as few bytes as it takes. Raises ValueError outside 0 to 2**28 - 1.

    >>> write_vlq(128).hex(" ")
    '81 00'
    """
    if not 0 <= value <= MAX_VALUE:
        raise ValueError(f"expected a quantity from 0 to {MAX_VALUE}, found {value}")
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(0x80 | value & 0x7F)
    return bytes(reversed(digits))


def read_vlq(data: bytes | bytearray, start: int) -> tuple[int, int] | None:
    """Return the quantity at ``start`` and the index after it; None if cut off or over four bytes.

    >>> read_vlq(bytes([0x81, 0x00]), 0)
    (128, 2)
    """
    value = 0
    for index in range(start, min(start + MAX_BYTES, len(data))):
        byte = data[index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, index + 1
    return None
