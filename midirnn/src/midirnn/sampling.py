"""What the network says → the record that is emitted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def sample_record(
    bit_logits: npt.NDArray[np.float32], temperature: float, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Return a record, ``(5,)`` uint8, drawn from 40 independent log-odds.

    ``temperature`` 0 takes each bit's likelier value, as the notebook does; 1 draws each with its
    own probability; in between, the likelier is favoured. A log-odds that is not a number is 0.
    """
    logits = np.nan_to_num(np.asarray(bit_logits, np.float64), nan=0.0)
    if temperature == 0:
        bits = logits > 0
    else:
        # logistic noise above -logit/temperature happens with sigmoid(logit/temperature)
        with np.errstate(over="ignore"):  # infinite log-odds are certain
            bits = rng.logistic(size=logits.shape) + logits / temperature > 0
    return np.packbits(bits)
