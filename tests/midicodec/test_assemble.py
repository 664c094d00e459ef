"""Records that make no message: what is skipped, why, and that nothing leaks into what follows."""

import tracemalloc

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import midicodec
from midicodec import DecodeError, Decoder, MidiCodecError, Skip
from midicodec.assemble import checked_starts
from midicodec.pieces import cut, rejoin

CLOCK = [0, 0xF8, 0, 0, 1]
NOTE = [0, 0x90, 60, 64, 3]

# records, and of what they become the messages (hex) and the reasons of skips, in order
SKIPPED = {
    "long is neither 0 nor 1": ([[2, 0xF8, 0, 0, 1]], ["0 or 1, not 2"]),
    "n is 0": ([[0, 0xF8, 0, 0, 0]], ["1 to 3, not 0"]),
    "n is 4": ([[0, 0x90, 1, 2, 4]], ["1 to 3, not 4"]),
    "an unused byte is not 0": ([[0, 0xC0, 1, 2, 2]], ["not 0"]),
    "another is not 0": ([[0, 0xF8, 1, 0, 1]], ["not 0"]),
    "data byte from 80 on": ([[0, 0x90, 0x80, 0, 3]], ["after the status 90 is not below 80"]),
    "too long for its status": ([[0, 0xC0, 1, 0, 3]], ["2 bytes, not 3"]),
    "too short for its status": ([[0, 0x90, 1, 0, 2]], ["3 bytes, not 2"]),
    "undefined F4": ([[0, 0xF4, 0, 0, 1]], ["f4 is not defined"]),
    "undefined F5": ([[0, 0xF5, 0, 0, 1]], ["f5 is not defined"]),
    "undefined F9": ([[0, 0xF9, 0, 0, 1]], ["f9 is not defined"]),
    "undefined FD": ([[0, 0xFD, 0, 0, 1]], ["fd is not defined"]),
    "no status": ([[0, 60, 64, 0, 2]], ["begins with a status byte"]),
    "a lone F7": ([[0, 0xF7, 0, 0, 1]], ["cut off"]),
    "a stray piece": ([[1, 60, 64, 0, 2]], ["never began"]),
    "a stray end": ([[1, 0xF7, 0, 0, 1]], ["never began"]),
    "a note as a piece": ([[1, 0x90, 60, 64, 3]], ["never began"]),
    "a first piece of 2": ([[1, 0xF0, 1, 0, 2]], ["does not hold 3"]),
    "a packet's of 2": ([[1, 0xF7, 1, 0, 2]], ["does not hold 3"]),
    "a short sysex cut": ([[1, 0xF0, 1, 0xF7, 3]], ["3 bytes or fewer is not cut"]),
    "an open one of 3": ([[1, 0xF0, 1, 2, 3]], ["3 bytes or fewer is not cut"]),
    "a short meta cut": ([[1, 0xFF, 1, 0, 3]], ["3 bytes or fewer is not cut"]),
    "a short packet cut": ([[1, 0xF7, 1, 5, 3]], ["3 bytes or fewer is not cut"]),
    "a status in a sysex": ([[1, 0xF0, 1, 2, 3], [1, 3, 0x90, 4, 3]], ["inside a sysex"]),
    "bytes after its F7": ([[1, 0xF0, 1, 2, 3], [1, 3, 0xF7, 4, 3]], ["inside a sysex"]),
    "two ends": ([[1, 0xF0, 1, 2, 3], [1, 3, 0xF7, 0xF7, 3]], ["inside a sysex"]),
    "a meta without its rest": ([[1, 0xFF, 1, 3, 3]], ["meta event is cut short"]),
    "a meta without its length": ([[1, 0xFF, 1, 0x81, 3]], ["meta event is cut short"]),
    "a packet without its rest": ([[1, 0xF7, 9, 3, 3]], ["packet is cut short"]),
    "a meta's piece too short": (
        [[1, 0xFF, 1, 3, 3], [1, 65, 66, 0, 2]],
        ["meta event is cut short", "never began"],
    ),
    "a meta's piece too long": (
        [[1, 0xFF, 1, 1, 3], [1, 65, 66, 0, 2]],
        ["meta event is cut short", "never began"],
    ),
    "a meta's type": ([[1, 0xFF, 0x80, 1, 3], [1, 65, 0, 0, 1]], ["type is below 80, not 80"]),
    "a padded length": ([[1, 0xFF, 1, 0x80, 3], [1, 1, 65, 0, 2]], ["cut short", "never began"]),
    "a padded length, whole": ([[1, 0xFF, 1, 0x80, 3], [1, 2, 65, 66, 3]], ["padded"]),
    "a packet's": ([[1, 0xF7, 0x80, 1, 3], [1, 65, 0, 0, 1]], ["padded"]),
    "a length of 5 bytes": (
        [[1, 0xFF, 1, 0x81, 3], [1, 0x81, 0x81, 0x81, 3], [1, 1, 65, 66, 3]],
        ["more than four bytes", "never began"],
    ),
    "interrupted by a short message": ([[1, 0xFF, 1, 9, 3], CLOCK], ["cut short", "f8"]),
    "interrupted by a sysex": (
        [[1, 0xFF, 1, 1, 3], [1, 0xF0, 1, 2, 3], [1, 0xF7, 0, 0, 1]],
        ["cut short", "f0 01 02 f7"],
    ),
    "interrupted by what is none": ([[1, 0xFF, 1, 9, 3], [0, 1, 0, 0, 1]], ["cut", "status byte"]),
    "interrupted by what is malformed": ([[1, 0xFF, 1, 9, 3], [1, 0, 0, 0, 0]], ["cut", "1 to 3"]),
    "an open sysex, then a packet": (
        [[1, 0xF0, 1, 2, 3], [1, 3, 4, 5, 3], [1, 0xF7, 2, 9, 3], [1, 9, 0, 0, 1]],
        ["f0 01 02 03 04 05", "f7 02 09 09"],
    ),
    "an open sysex, then a clock": (
        [[1, 0xF0, 1, 2, 3], [1, 3, 4, 5, 3], CLOCK],
        ["f0 01 02 03 04 05", "f8"],
    ),
    "what looks like beginnings, in a meta": (
        [[1, 0xFF, 1, 6, 3], [1, 0xF0, 0xFF, 0xF7, 3], [1, 0xF7, 0xF0, 0x90, 3]],
        ["ff 01 06 f0 ff f7 f7 f0 90"],
    ),
}


def assembled(records):
    assembler = midicodec.Assembler()
    outcomes = [each for record in records for each in assembler.feed(bytes(record))]
    return outcomes + assembler.flush()


@pytest.mark.parametrize(("records", "expected"), SKIPPED.values(), ids=SKIPPED)
def test_what_becomes_of_records(records, expected):
    outcomes = assembled(records)
    assert len(outcomes) == len(expected)
    for outcome, part in zip(outcomes, expected, strict=True):
        assert part in (outcome.reason if isinstance(outcome, Skip) else outcome.data.hex(" "))


@pytest.mark.parametrize("records", [row for row, _ in SKIPPED.values()], ids=SKIPPED)
def test_the_next_whole_message_is_read_as_if_nothing_had_been(records):
    assert assembled([*records, NOTE])[-1].data == bytes(NOTE[1:4])
    sysex = np.frombuffer(cut(bytes.fromhex("f0 01 02 03 f7")), np.uint8).reshape(-1, 5)
    after = assembled([*records, CLOCK, *sysex.tolist()])
    assert [each.data.hex() for each in after[-2:]] == ["f8", "f0010203f7"]


def test_strict_names_the_record():
    with pytest.raises(DecodeError) as caught:
        midicodec.decode([CLOCK, [1, 0xFF, 1, 9, 3], CLOCK])
    assert caught.value.index == 1
    assert str(caught.value) == "record 1 (01 ff 01 09 03): a meta event is cut short"


junk = st.lists(st.binary(min_size=5, max_size=5), max_size=12)
piece = st.builds(
    lambda long, first, rest, n: bytes([long, first, *rest, n]),
    st.sampled_from([0, 1, 1, 1, 2]),
    st.sampled_from([0, 1, 0x41, 0x7F, 0x80, 0x90, 0xC0, 0xF0, 0xF0, 0xF4, 0xF7, 0xF7, 0xF8, 0xFF]),
    st.lists(st.sampled_from([0, 0, 1, 2, 3, 4, 0x41, 0x80, 0x81, 0xF7]), min_size=2, max_size=2),
    st.sampled_from([0, 1, 2, 3, 3, 3, 4]),
)
near_misses = st.lists(piece, max_size=12)
payload = st.binary(max_size=8)
messages = st.one_of(
    st.tuples(st.integers(0x80, 0xBF), st.integers(0, 127), st.integers(0, 127)).map(bytes),
    st.tuples(st.integers(0xC0, 0xDF), st.integers(0, 127)).map(bytes),
    st.sampled_from([b"\xf6", b"\xf8", b"\xff", b"\xf1\x01", b"\xf2\x01\x02"]),
    st.lists(st.integers(0, 127), max_size=8).map(lambda data: bytes([0xF0, *data, 0xF7])),
    st.lists(st.integers(0, 127), max_size=8).map(lambda data: bytes([0xF0, *data])),
    payload.map(lambda data: bytes([0xF7, len(data), *data])),
    st.binary(min_size=128, max_size=140).map(
        lambda data: bytes([0xFF, 1, 0x81, len(data) - 128]) + data
    ),
    st.tuples(st.integers(0, 127), payload).map(lambda t: bytes([0xFF, t[0], len(t[1]), *t[1]])),
)  # fmt: skip
good_with_junk = st.lists(
    st.one_of(messages.map(lambda m: [cut(m)[i : i + 5] for i in range(0, len(cut(m)), 5)]), junk),
    max_size=8,
).map(lambda parts: [record for part in parts for record in part])
any_records = st.one_of(junk, near_misses, good_with_junk)


def as_array(records):
    return np.frombuffer(b"".join(records), np.uint8).reshape(-1, 5)


def times(n):
    """Powers of two, so that a sum says which were counted; over again where int64 ends."""
    return [2 ** (index % 62) for index in range(n)]


@given(any_records)
def test_what_is_accepted_is_what_encoding_makes(records):
    outcomes = assembled(records)
    for outcome in outcomes:
        if not isinstance(outcome, Skip):
            pieces = cut(outcome.data)
            begin = outcome.index
            assert b"".join(records[begin : begin + len(pieces) // 5]) == pieces
            assert midicodec.encode([outcome.data])[0].tobytes() == pieces
    indices = [outcome.index for outcome in outcomes]
    assert indices == sorted(set(indices))
    assert bool(indices) == bool(records)


@given(st.lists(messages, max_size=20))
def test_messages_make_the_round_trip_in_any_order(whole):
    records, _ = midicodec.encode(whole)
    assert [outcome.data for outcome in assembled(records)] == whole
    assert rejoin(records, checked_starts(records)) == whole


@given(any_records)
def test_where_messages_start_is_found_without_assembling(records):
    outcomes = assembled(records)
    starts = midicodec.message_starts(as_array(records))
    counted = [o.index for o in outcomes if not isinstance(o, Skip) or o.starts]
    assert np.flatnonzero(starts).tolist() == counted
    skips = [o for o in outcomes if isinstance(o, Skip)]
    if skips:
        with pytest.raises(DecodeError) as caught:
            checked_starts(as_array(records))
        assert (caught.value.index, caught.value.reason) == (skips[0].index, skips[0].reason)
    else:
        assert checked_starts(as_array(records)).tolist() == starts.tolist()


@given(any_records)
def test_strict_and_skip_and_the_decoder_agree(records):
    delta = times(len(records))
    decoder = Decoder()
    outcomes = [
        each
        for record, time in zip(records, delta, strict=True)
        for each in decoder.feed(np.frombuffer(record, np.uint8), time)
    ]
    outcomes += decoder.flush()
    assert not decoder.pending
    whole = [each for each in outcomes if not isinstance(each, Skip)]
    skips = [each for each in outcomes if isinstance(each, Skip)]
    array = as_array(records)
    decoded = midicodec.decode(array, np.array(delta, np.int64), errors="skip")
    assert list(map(vars, decoded)) == list(map(vars, whole))
    if skips:
        with pytest.raises(DecodeError) as caught:
            midicodec.decode(array, delta)
        assert (caught.value.index, caught.value.reason) == (skips[0].index, skips[0].reason)
    else:
        assert list(map(vars, midicodec.decode(array, delta))) == list(map(vars, whole))


@given(any_records)
def test_no_time_is_lost_or_counted_twice(records):
    """With a message at the end, all times before it arrive."""
    array = as_array([*records, bytes(CLOCK)])
    delta = times(len(array))
    decoded = midicodec.decode(array, delta, errors="skip")
    starts = midicodec.message_starts(array)
    assert sum(each.time for each in decoded) == sum(np.array(delta)[starts].tolist())
    assert decoded[-1].type == "clock"


@given(any_records)
def test_where_a_message_begins_is_known_before_it_is_fed(records):
    array, decoder = as_array(records), Decoder()
    starts = []
    for record in array:
        starts.append(decoder.starts(record))
        decoder.feed(record)
    assert starts == midicodec.message_starts(array).tolist()


@given(any_records)
def test_nothing_leaks_into_a_message_that_follows(records):
    decoder = Decoder()
    for record in records:
        decoder.feed(record)
    *_, last = decoder.feed(NOTE, 1)
    assert last.bytes() == NOTE[1:4]
    assert not decoder.pending


def test_the_first_piece_s_time_counts_and_skipped_time_is_carried():
    decoder = Decoder()
    assert decoder.feed([1, 0xF0, 1, 2, 3], 0.5) == []
    assert decoder.pending
    [sysex] = decoder.feed([1, 3, 0xF7, 0, 2], 7)
    assert sysex == mido.Message("sysex", data=[1, 2, 3], time=0.5)
    assert isinstance(decoder.feed([0, 0xF4, 0, 0, 1], 1)[0], Skip)  # carried
    assert isinstance(decoder.feed([1, 5, 5, 5, 3], 100)[0], Skip)  # a stray: no time of its own
    assert decoder.feed([1, 0xFF, 1, 9, 3], 2) == []  # carried, as it is cut short
    skip, clock = decoder.feed(CLOCK, np.float32(0.25))
    assert (skip.index, clock.time, type(clock.time)) == (4, 3.25, float)
    assert decoder.feed(CLOCK, np.int64(3))[0].time == 3
    assert decoder.flush() == []


def test_what_mido_refuses_keeps_its_time():
    records, _ = midicodec.encode([b"\xf7\x01\xf8", b"\xf8"])
    decoder = Decoder()
    assert isinstance(decoder.feed(records[0], 4)[0], Skip)
    assert decoder.feed(records[1], 1)[0].time == 5


def test_flush_ends_what_is_held_back():
    decoder = Decoder()
    decoder.feed([1, 0xFF, 1, 9, 3])
    [skip] = decoder.flush()
    assert skip == Skip("a meta event is cut short", 0)
    assert not decoder.pending
    decoder.feed([1, 0xF0, 1, 2, 3])
    decoder.feed([1, 3, 4, 5, 3])
    [skip] = decoder.flush()
    assert "mido refuses" in skip.reason  # whole in a file, but no object of mido's
    assert skip.index == 1


def test_a_message_that_never_ends_is_bounded():
    decoder = Decoder(max_message_bytes=100)
    decoder.feed([1, 0xF0, 0, 0, 3], 1)
    tracemalloc.start()
    for _ in range(20_000):
        assert decoder.feed(b"\1\0\0\0\3") == []
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000
    assert decoder.feed([1, 0xF7, 0, 0, 1]) == [Skip("a sysex is longer than 100 bytes", 0)]
    assert decoder.feed(CLOCK, 1)[0].time == 2


def test_pieces_of_a_message_that_is_too_long_start_none():
    """They are swallowed: in a text, F0 is a letter."""
    text = bytes([0xFF, 1, 0x81, 0x7F]) + b"\xf0" * 255
    records, _ = midicodec.encode([text, b"\xf8"])
    decoder = Decoder(max_message_bytes=100)
    outcomes = [each for record in records for each in decoder.feed(record)]
    assert outcomes[0] == Skip("a meta event is longer than 100 bytes", 0)
    assert [each.type for each in outcomes[1:]] == ["clock"]


@pytest.mark.parametrize("length", [99, 100])
def test_the_bound_is_a_length_of_messages(length):
    sysex = bytes([0xF0, *[1] * (length - 2), 0xF7])
    records, _ = midicodec.encode([sysex])
    for bound, fits in [(length, True), (length - 1, False), (None, True)]:
        decoder = Decoder(max_message_bytes=bound)
        [outcome] = [each for record in records for each in decoder.feed(record)]
        assert isinstance(outcome, Skip) != fits
    with pytest.raises(MidiCodecError, match="max_message_bytes"):
        Decoder(max_message_bytes=3)


@pytest.mark.parametrize("record", [[1, 2], [[0, 0xF8, 0, 0, 1]], [0, 300, 0, 0, 1], b"12", 5, "x"])
def test_what_is_no_record_is_refused(record):
    with pytest.raises(MidiCodecError, match="expected"):
        Decoder().feed(record)
