"""encode and decode: every kind of message, and what is none."""

import itertools

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import midicodec
from midicodec import DecodeError, EncodeError, MidiCodecError
from midicodec.records import KINDS

KINDS_OF_MIDO = [
    mido.Message("note_off", channel=3, note=1, velocity=2),
    mido.Message("note_on", channel=15, note=127, velocity=127),
    mido.Message("polytouch", note=5, value=6),
    mido.Message("control_change", control=64, value=127),
    mido.Message("program_change", channel=9, program=11),
    mido.Message("aftertouch", value=4),
    mido.Message("pitchwheel", pitch=-8192),
    mido.Message("quarter_frame", frame_type=7, frame_value=15),
    mido.Message("songpos", pos=16383),
    mido.Message("song_select", song=99),
    mido.Message("tune_request"),
    mido.Message("clock"),
    mido.Message("start"),
    mido.Message("continue"),
    mido.Message("stop"),
    mido.Message("active_sensing"),
    mido.Message("reset"),
    *(mido.Message("sysex", data=range(length)) for length in range(8)),
    mido.MetaMessage("sequence_number", number=300),
    mido.MetaMessage("text", text=""),
    mido.MetaMessage("text", text="x" * 127),
    mido.MetaMessage("text", text="x" * 128),
    mido.MetaMessage("text", text="x" * 129),
    mido.MetaMessage("lyrics", text="y" * 16384),
    mido.MetaMessage("end_of_track"),
    mido.MetaMessage("set_tempo", tempo=1),
    mido.MetaMessage("smpte_offset", frame_rate=25, hours=1, minutes=2, seconds=3),
    mido.MetaMessage("time_signature", numerator=6, denominator=8),
    mido.MetaMessage("key_signature", key="F#m"),
    mido.MetaMessage("sequencer_specific", data=(0xF0, 0xFF, 0xF7, 0x90)),
    mido.UnknownMetaMessage(0x7E, (255, 0)),
]


@pytest.mark.parametrize("message", KINDS_OF_MIDO, ids=lambda m: f"{m.type}-{len(m.bytes())}")
def test_every_kind_makes_the_round_trip(message):
    records, delta = midicodec.encode([message.copy(time=7)])
    assert records.shape == (-(-len(message.bytes()) // 3), 5)
    assert records.dtype == np.uint8
    assert delta.tolist() == [7] * len(records)
    decoded = midicodec.decode(records, delta)
    assert [each.bytes() for each in decoded] == [message.bytes()]
    assert [(each.type, each.time) for each in decoded] == [(message.type, 7)]


def test_all_kinds_in_a_row_and_any_two_next_to_each_other():
    row = [each for pair in itertools.product(KINDS_OF_MIDO[-18:], repeat=2) for each in pair]
    decoded = midicodec.decode(midicodec.encode(row)[0])
    assert [each.bytes() for each in decoded] == [each.bytes() for each in row]


def test_two_sysex_in_a_row_stay_two():
    row = [mido.Message("sysex", data=[1, 2, 3]), mido.Message("sysex", data=[4])]
    records, _ = midicodec.encode(row)
    assert records.tolist() == [
        [1, 0xF0, 1, 2, 3],
        [1, 3, 0xF7, 0, 2],
        [0, 0xF0, 4, 0xF7, 3],
    ]
    assert midicodec.decode(records) == row


def test_statuses_are_mido_s():
    """Our table of lengths agrees with mido's, which is independent of it."""
    theirs = {
        status: spec["length"]
        for status, spec in mido.messages.specs.SPEC_BY_STATUS.items()
        if status != 0xF0
    }
    assert {status: kind.length for status, kind in KINDS.items()} == theirs


NOT_MESSAGES = [
    ("", "at least one byte"),
    ("3c", "status byte"),
    ("f4", "f4 is not defined"),
    ("f5", "f5 is not defined"),
    ("f9", "f9 is not defined"),
    ("fd 00", "fd is not defined"),
    ("90 3c", "3 bytes, not 2"),
    ("90 3c 40 00", "3 bytes, not 4"),
    ("c0 01 02", "2 bytes, not 3"),
    ("90 3c 80", "not below 80"),
    ("f8 00", "1 bytes, not 2"),
    ("f0 01 80 f7", "not below 80"),
    ("f0 f7 f7", "not below 80"),
    ("f0 01 f7 01 f7", "not below 80"),
    ("ff 2f", "cut off"),
    ("ff 80 00", "type is below 80"),
    ("ff 01 02 41", "has 4"),
    ("ff 01 00 41", "has 4"),
    ("ff 01 80 00", "padded"),
    ("ff 01 81 81 81 81 00", "more than four bytes"),
    ("f7", "cut off"),
    ("f7 00 00", "has 3"),
    ("f7 02 01", "has 3"),
    ("f7 80 01 01", "padded"),
    ("f7 ff ff ff ff 7f", "more than four bytes"),
]


@pytest.mark.parametrize(("data", "reason"), NOT_MESSAGES)
def test_what_is_no_message_cannot_be_encoded(data, reason):
    good = bytes([0xFE])
    with pytest.raises(EncodeError, match=reason) as caught:
        midicodec.encode([good, bytes.fromhex(data)])
    assert caught.value.index == 1
    assert str(caught.value).startswith("message 1: ")


PACKETS = ["f0", "f0 01", "f0 01 02", "f0 01 02 03", "f0 01 02 03 04 05", "f7 00", "f7 01 ff",
           "f7 02 f0 f7", "f7 05 f7 f0 ff 90 00", "ff"]  # fmt: skip


@pytest.mark.parametrize(("one", "two"), list(itertools.product(PACKETS, repeat=2)))
def test_packets_and_open_sysex_of_files_are_messages_too(one, two):
    messages = [bytes.fromhex(one), bytes.fromhex(two)]
    records, _ = midicodec.encode(messages)
    whole = [each.data for each in assembled(records)]
    assert whole == messages


def assembled(records):
    assembler = midicodec.Assembler()
    outcomes = [each for record in records for each in assembler.feed(record.tobytes())]
    return outcomes + assembler.flush()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("f7 01 f8", "invalid status"),
        ("f0 01 02 03", "invalid sysex end"),
        ("ff 59 02 00 ff", "Could not decode key"),
        ("ff 59 00", "index out of range"),
        ("ff 51 04 07 a1 20 00", "bytes would be changed"),
        ("ff 2f 01 00", "bytes would be changed"),
    ],
)
def test_what_mido_refuses_is_said_so(data, why):
    records, _ = midicodec.encode([bytes.fromhex(data)])
    with pytest.raises(DecodeError, match=f"mido refuses it: .*{why}") as caught:
        midicodec.decode(records)
    assert caught.value.index == 0
    assert midicodec.decode(records, errors="skip") == []


def test_a_mido_message_that_has_no_bytes_cannot_be_encoded():
    broken = mido.UnknownMetaMessage(1, (256,))
    with pytest.raises(EncodeError, match="message 0: mido refuses it"):
        midicodec.encode([broken])
    with pytest.raises(EncodeError, match="message 0: mido refuses it"):
        midicodec.encode([mido.MetaMessage("text", text="\N{SNOWMAN}")])


@pytest.mark.parametrize("time", [-1, 0.5, 96.0, 2**63, None, float("nan")])
def test_ticks_are_whole_numbers(time):
    message = mido.Message("clock")
    vars(message)["time"] = time
    with pytest.raises(EncodeError, match="ticks"):
        midicodec.encode([message])


@pytest.mark.parametrize("time", [-0.5, float("nan"), float("inf"), None, "1"])
def test_seconds_are_numbers_from_0_on(time):
    message = mido.Message("clock")
    vars(message)["time"] = time
    with pytest.raises(EncodeError, match="seconds"):
        midicodec.encode([message], unit="seconds")


def test_units_and_their_dtypes():
    messages = [mido.Message("clock", time=np.int64(3)), mido.Message("sysex", data=[1] * 5)]
    assert midicodec.encode(messages)[1].dtype == np.int64
    messages.append(mido.Message("clock", time=0.25))
    _, seconds = midicodec.encode(messages, unit="seconds")
    assert seconds.dtype == np.float64
    assert seconds.tolist() == [3.0, 0.0, 0.0, 0.0, 0.25]
    assert midicodec.encode([])[0].shape == (0, 5)
    with pytest.raises(MidiCodecError, match="unit"):
        midicodec.encode([], unit="beats")


def test_times_are_the_first_record_s_and_of_its_kind():
    records, _ = midicodec.encode([mido.Message("sysex", data=[1] * 5), mido.Message("clock")])
    for delta, expected in [
        (None, [0, 0]),
        ([5, 6, 7, 8], [5, 8]),
        (np.array([0.5, 9, 9, 1.5], np.float32), [0.5, 1.5]),
        (np.array([1, 2, 3, 4], np.uint8), [1, 4]),
        (np.array([1, 2, 3, 2**63 - 1], np.uint64), [1, 2**63 - 1]),
    ]:
        times = [each.time for each in midicodec.decode(records, delta)]
        assert times == expected
        assert [type(each) for each in times] == [type(each) for each in expected]


@pytest.mark.parametrize(
    ("records", "delta", "expected"),
    [
        ([1, 2, 3, 4, 5], None, r"shape \(n, 5\), found \(5,\)"),
        ([[1, 2, 3, 4]], None, r"found \(1, 4\)"),
        ([[0, 256, 0, 0, 1]], None, "found 0 to 256"),
        ([[0, -1, 0, 0, 1]], None, "found -1 to 1"),
        ([[0.0, 1, 0, 0, 1]], None, "float64"),
        ([["a"] * 5], None, "dtype"),
        ([[0, 0xF8, 0, 0, 1]], [1, 2], r"shape \(1,\), found \(2,\)"),
        ([[0, 0xF8, 0, 0, 1]], ["x"], "integers or floats"),
        ([[0, 0xF8, 0, 0, 1]], [None], "integers or floats"),
        ([[0, 0xF8, 0, 0, 1]], np.array([2**63], np.uint64), r"under 2\*\*63, found 9223372036854"),
    ],
)
def test_arrays_of_another_shape_or_kind_are_refused(records, delta, expected):
    with pytest.raises(MidiCodecError, match=expected):
        midicodec.decode(records, delta)


def test_nothing_is_nothing():
    assert midicodec.decode([]) == []
    assert midicodec.decode(np.empty((0, 5), np.uint8), np.empty(0)) == []
    with pytest.raises(MidiCodecError, match="strict"):
        midicodec.decode([], errors="ignore")


@given(st.binary(max_size=12))
def test_bytes_are_encoded_or_refused_and_nothing_else(data):
    try:
        records, _ = midicodec.encode([data])
    except EncodeError:
        return
    assert [each.data for each in assembled(records)] == [data]
