"""Whole messages' bytes ↔ the records that hold them. Nothing is checked here."""

from __future__ import annotations

import numpy as np

from midicodec.records import B1, PIECE_BYTES, RECORD_BYTES, Mask, N, Records


def cut(message: bytes) -> bytes:
    """Return one message's records, five bytes each.

    >>> cut(bytes([0xC0, 5])).hex(" ")
    '00 c0 05 00 02'
    """
    length = len(message)
    if length <= PIECE_BYTES:
        return bytes([0, *message, *bytes(PIECE_BYTES - length), length])
    pieces = bytearray()
    for at in range(0, length, PIECE_BYTES):
        piece = message[at : at + PIECE_BYTES]
        pieces += bytes([1, *piece, *bytes(PIECE_BYTES - len(piece)), len(piece)])
    return bytes(pieces)


def cut_array(message: bytes) -> Records:
    """Return one message's records as an array ``(n, 5)`` uint8."""
    return np.frombuffer(cut(message), np.uint8).reshape(-1, RECORD_BYTES)


def rejoin(records: Records, starts: Mask) -> list[bytes]:
    """Return the messages of records that are known to make some, given where they begin."""
    used = records[:, N].astype(np.int64)
    data = records[:, B1:N][np.arange(PIECE_BYTES) < used[:, None]].tobytes()
    begins = (np.cumsum(used) - used)[starts].tolist()
    ends = [*begins[1:], len(data)]
    return [data[begin:end] for begin, end in zip(begins, ends, strict=bool(begins))]
