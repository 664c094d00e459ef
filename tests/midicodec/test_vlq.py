"""Variable-length quantities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midicodec.vlq import MAX_VALUE, read_vlq, write_vlq

# Standard MIDI Files 1.0 gives these itself
SPECIFIED = {
    0x00: "00",
    0x40: "40",
    0x7F: "7f",
    0x80: "81 00",
    0x2000: "c0 00",
    0x3FFF: "ff 7f",
    0x4000: "81 80 00",
    0x100000: "c0 80 00",
    0x1FFFFF: "ff ff 7f",
    0x200000: "81 80 80 00",
    0x8000000: "c0 80 80 00",
    0xFFFFFFF: "ff ff ff 7f",
}


@pytest.mark.parametrize(("value", "data"), SPECIFIED.items())
def test_the_specification_s_examples(value, data):
    assert write_vlq(value) == bytes.fromhex(data)
    assert read_vlq(bytes.fromhex(data), 0) == (value, len(bytes.fromhex(data)))


@given(st.integers(0, MAX_VALUE), st.binary(max_size=3), st.binary(max_size=3))
def test_the_round_trip_from_any_place(value, before, after):
    data = write_vlq(value)
    assert data[0] != 0x80 or len(data) == 1  # never padded
    assert read_vlq(before + data + after, len(before)) == (value, len(before + data))


@pytest.mark.parametrize("data", ["", "80", "ff ff ff", "80 80 80 80", "81 81 81 81 01"])
def test_what_is_cut_off_or_too_long_is_none(data):
    assert read_vlq(bytes.fromhex(data), 0) is None


@pytest.mark.parametrize("value", [-1, MAX_VALUE + 1])
def test_quantities_have_a_limit(value):
    with pytest.raises(ValueError, match=f"0 to 268435455, found {value}"):
        write_vlq(value)
