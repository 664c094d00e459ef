"""What the network says → the record that is emitted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from midirnn.said import ONE_DATA_BYTE, Said
from midirnn.timeclasses import seconds_of


def sample(
    said: Said, temperature: float, rng: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], float]:
    """Return a record, ``(5,)`` uint8, and the seconds before it, of what is said of one song."""
    if said.bit_logits is not None and said.time.seconds is not None:
        return sample_record(said.bit_logits[0], temperature, rng), float(said.time.seconds[0])
    assert said.time.class_logits is not None
    wait = _choice(said.time.class_logits, temperature, rng)
    seconds = seconds_of(wait, _choice(said.position(wait), temperature, rng))
    first = _choice(said.first(wait)[:, 0x80:0xF0], temperature, rng) + 0x80
    second = _choice(said.second(first)[:, :128], temperature, rng)
    third = _choice(said.third(second)[:, :128], temperature, rng)
    one = ONE_DATA_BYTE[0] <= first[0] <= ONE_DATA_BYTE[1]
    record = [0, first[0], second[0], 0 if one else third[0], 2 if one else 3]
    return np.array(record, np.uint8), float(seconds[0])


def _choice(
    logits: npt.NDArray[np.float32], temperature: float, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    noise = rng.gumbel(size=logits.shape) * temperature
    chosen: npt.NDArray[np.int64] = np.argmax(logits + noise, axis=1)
    return chosen


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
