"""to_bits and from_bits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

import midicodec

shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
any_records = shapes.flatmap(lambda shape: hnp.arrays(np.uint8, (*shape, 5)))


@given(any_records)
def test_bits_are_numpy_s_and_make_the_round_trip(records):
    bits = midicodec.to_bits(records)
    assert bits.shape == (*records.shape[:-1], 40)
    assert bits.dtype == np.uint8
    assert np.array_equal(bits, np.unpackbits(records, axis=-1))
    for dtype in (np.uint8, np.bool_, np.float32, np.int64):
        assert np.array_equal(midicodec.from_bits(bits.astype(dtype)), records)


def test_the_first_bit_is_the_most_significant():
    assert midicodec.to_bits([0, 0x90, 1, 0, 3]).tolist() == [
        0, 0, 0, 0, 0, 0, 0, 0,
        1, 0, 0, 1, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 1,
        0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 1, 1,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "value", "expected"),
    [
        (midicodec.to_bits, np.zeros((3, 4), np.uint8), r"shape \(…, 5\), found \(3, 4\)"),
        (midicodec.to_bits, 5, r"found \(\)"),
        (midicodec.to_bits, [[0, 0, 0, 0, 256]], "0 to 256"),
        (midicodec.to_bits, [[0.0, 0, 0, 0, 0]], "float64"),
        (midicodec.from_bits, np.zeros((3, 39)), r"shape \(…, 40\), found \(3, 39\)"),
        (midicodec.from_bits, np.full(40, 2), "0 or 1"),
        (midicodec.from_bits, np.full(40, 0.5), "0 or 1"),
        (midicodec.from_bits, np.full(40, -1), "0 or 1"),
        (midicodec.from_bits, np.full(40, np.nan), "0 or 1"),
        (midicodec.from_bits, ["x"] * 40, "0 or 1"),
    ],
)
def test_other_shapes_and_values_are_refused(call, value, expected):
    with pytest.raises(midicodec.MidiCodecError, match=expected):
        call(value)
