"""Records ↔ the 40 bits that a network is shown, most significant first."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from midicodec.errors import MidiCodecError
from midicodec.records import RECORD_BITS, RECORD_BYTES


def to_bits(records: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Return ``(…, 5)`` uint8 records as ``(…, 40)`` uint8 bits, each 0 or 1.

    >>> to_bits([[0, 0x90, 60, 64, 3]])[0, 8:16].tolist()
    [1, 0, 0, 1, 0, 0, 0, 0]
    """
    return np.unpackbits(as_uint8(records, RECORD_BYTES), axis=-1)


def from_bits(bits: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Return ``(…, 40)`` bits as ``(…, 5)`` uint8 records.

    Raises :class:`MidiCodecError` for another shape or for values other than 0 and 1.
    """
    array = np.asarray(bits)
    if array.size and not np.isin(array, (0, 1)).all():
        raise MidiCodecError("bits must be 0 or 1; round the network's output first")
    return np.packbits(as_uint8(array.astype(np.uint8), RECORD_BITS), axis=-1)


def as_uint8(array: npt.ArrayLike, width: int) -> npt.NDArray[np.uint8]:
    """Return ``array`` as uint8 with a last axis of ``width``, or say what it is instead."""
    found = np.asarray(array)
    if found.ndim == 0 or found.shape[-1] != width:
        raise MidiCodecError(f"expected an array of shape (…, {width}), found {found.shape}")
    if found.dtype == np.uint8:
        return found
    if found.dtype.kind not in "iub":
        raise MidiCodecError(f"expected whole numbers from 0 to 255, found {found.dtype}")
    if found.size and not 0 <= int(found.min()) <= int(found.max()) <= 255:
        raise MidiCodecError("expected whole numbers from 0 to 255, found others")
    return found.astype(np.uint8)
