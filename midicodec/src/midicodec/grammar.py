"""Which bytes are one whole message: the rule that encoding and assembling share.

A message is what the MIDI 1.0 Detailed Specification calls one, or an event of a Standard MIDI
File 1.0: a meta event (FF type length …), a sysex whose F7 comes later in another packet, or an F7
packet (F7 length …), which carries any bytes. Lengths are written in as few bytes as it takes.
"""

from __future__ import annotations

from midicodec.records import KINDS, META, PACKET, SYSEX, SYSEX_END
from midicodec.vlq import MAX_BYTES, read_vlq


def problem_with(data: bytes) -> str | None:
    """Say why ``data`` is not exactly one message; None if it is."""
    if not data:
        return "a message has at least one byte"
    status = data[0]
    if status < 0x80:
        return f"a message begins with a status byte (80 to ff), not {status:02x}"
    if status == SYSEX:
        return _sysex_problem(data)
    if status == PACKET or (status == META and len(data) > 1):
        return _counted_problem(data)
    kind = KINDS.get(status)
    if kind is None:
        return f"the status {status:02x} is not defined"
    if len(data) != kind.length:
        return f"a message of status {status:02x} has {kind.length} bytes, not {len(data)}"
    if not data[1:].isascii():
        return f"a data byte after the status {status:02x} is not below 80"
    return None


def counted_length(data: bytes | bytearray) -> int | None:
    """Return the whole length of the meta event or packet that begins with ``data``.

    None if the length is cut off, or longer than a length may be: see :func:`header_is_whole`.
    """
    quantity = read_vlq(data, _length_at(data))
    return None if quantity is None else sum(quantity)


def header_is_whole(data: bytes | bytearray) -> bool:
    """Whether ``data`` reaches past where the length of a meta event or packet must end."""
    return len(data) >= _length_at(data) + MAX_BYTES


def _length_at(data: bytes | bytearray) -> int:
    return 2 if data[0] == META else 1


def _sysex_problem(data: bytes) -> str | None:
    body = data[1:-1] if data[-1] == SYSEX_END else data[1:]
    return None if body.isascii() else "a byte inside a sysex is not below 80"


def _counted_problem(data: bytes) -> str | None:
    at = _length_at(data)
    if at == 2 and data[1] >= 0x80:
        return f"a meta event's type is below 80, not {data[1]:02x}"
    length = counted_length(data)
    if length is None:
        return "a length is cut off, or has more than four bytes"
    if data[at] == 0x80:
        return "a length is padded with zeros"
    if length != len(data):
        kind = "meta event" if at == 2 else "packet"
        return f"a {kind} of {length} bytes by its own length has {len(data)}"
    return None
