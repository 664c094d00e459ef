"""Records ↔ their 40 bits, most significant first: what a network is shown."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from midicodec.errors import MidiCodecError
from midicodec.records import BITS, RECORD_BYTES, as_uint8


def to_bits(records: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Return records ``(…, 5)`` uint8 as bits ``(…, 40)`` uint8, each 0 or 1.

    Raises :class:`MidiCodecError` for another shape or for values outside 0 to 255.

    >>> to_bits([[0, 0x90, 60, 64, 3]])[0, 8:16].tolist()
    [1, 0, 0, 1, 0, 0, 0, 0]
    """
    return np.unpackbits(as_uint8(records, RECORD_BYTES), axis=-1)


def from_bits(bits: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Return bits ``(…, 40)``, each 0 or 1 of any dtype, as records ``(…, 5)`` uint8.

    Raises :class:`MidiCodecError` for another shape or another value.
    """
    array = np.asarray(bits)
    if array.ndim == 0 or array.shape[-1] != BITS:
        raise MidiCodecError(f"expected bits of shape (…, {BITS}), found {array.shape}")
    if array.dtype == np.bool_ or array.dtype == np.uint8:
        ones = array  # what packbits takes as it is: all but 0 is 1
        fits = not array.size or array.max() <= 1
    else:
        ones = array == 1
        fits = bool(np.all(ones | (array == 0)))
    if not fits:
        raise MidiCodecError("expected bits that are 0 or 1, found others: round them first")
    return np.packbits(ones, axis=-1)
