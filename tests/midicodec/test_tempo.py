"""The tempo map: ticks ↔ seconds anywhere, as the columns have it, and as mido does."""

import io

import hypothesis.strategies as st
import mido
import numpy as np
import pytest
from hypothesis import given

import midicodec
from midicodec import MidiCodecError, Song
from midicodec.tempo import TempoMap


def note(time: int = 0) -> mido.Message:
    return mido.Message("note_on", note=60, time=time)


def tempo(microseconds: int, time: int = 0) -> mido.MetaMessage:
    return mido.MetaMessage("set_tempo", tempo=microseconds, time=time)


# Messages at 96 ticks a beat, and the map: ticks, seconds, microseconds per beat
MAPS = {
    "none": ([], [0], [0.0], [500_000]),
    "one at the beginning": ([tempo(250_000)], [0], [0.0], [250_000]),
    "one later": ([note(96), tempo(250_000, 96), note(96)], [0, 192], [0.0, 1.0],
                  [500_000, 250_000]),
    "several at a tick": ([tempo(1), tempo(250_000), note(96), tempo(2), tempo(1_000_000)],
                          [0, 96], [0.0, 0.25], [250_000, 1_000_000]),
    "0": ([tempo(0), note(96), tempo(500_000, 96), note(96)], [0, 192], [0.0, 0.0],
          [0, 500_000]),
    "the same again": ([tempo(500_000, 96)], [0, 96], [0.0, 0.5], [500_000, 500_000]),
    "what is no tempo": ([b"\xff\x51\x02\x01\x02", b"\xff\x51\x03\x03\xd0\x90"], [0], [0.0],
                         [250_000]),
}  # fmt: skip


@pytest.mark.parametrize(("messages", "ticks", "seconds", "tempos"), MAPS.values(), ids=MAPS)
def test_where_tempos_begin(
    messages: list[mido.Message], ticks: list[int], seconds: list[float], tempos: list[int]
) -> None:
    found = Song.from_messages(messages, division=96).tempo_map
    assert found.ticks.tolist() == ticks
    assert found.seconds.tolist() == pytest.approx(seconds)
    assert found.microseconds_per_beat.tolist() == tempos
    assert found.seconds_per_tick.tolist() == pytest.approx([each * 1e-6 / 96 for each in tempos])


def test_ticks_between_tempos_and_after_the_last() -> None:
    song = Song.from_messages([note(), tempo(250_000, 96), note(96)], division=96)
    ticks = [0, 48, 96, 144, 1920]
    assert song.tempo_map.to_seconds(ticks).tolist() == pytest.approx([0, 0.25, 0.5, 0.625, 5.25])
    assert song.tempo_map.to_ticks([0, 0.25, 0.5, 0.625, 5.25]).tolist() == pytest.approx(ticks)
    assert song.tempo_map.to_ticks(0.5 + 1 / 768).tolist() == pytest.approx(96.5)


def test_of_any_shape() -> None:
    found = Song([], [], division=480).tempo_map
    for function in (found.to_seconds, found.to_ticks):
        assert function(np.zeros((2, 0, 3))).shape == (2, 0, 3)
        assert function([[1, 2], [3, 4]]).shape == (2, 2)
        assert function(np.uint64(3)).shape == ()
        assert function(0).dtype == np.float64
    assert float(found.to_seconds(480)) == 0.5


@pytest.mark.parametrize(
    "values", [-1, [0, -0.5], float("nan"), [float("inf")], ["1"], [None], [True], [1j], [[1], 2]]
)
def test_what_is_no_time(values: object) -> None:
    found = Song([], []).tempo_map
    for function, name in ((found.to_seconds, "ticks"), (found.to_ticks, "seconds")):
        with pytest.raises((MidiCodecError, ValueError), match=f"expected {name}|inhomogeneous"):
            function(values)


def test_a_tempo_of_0_has_all_its_ticks_at_once() -> None:
    song = Song.from_messages([note(96), tempo(0), tempo(500_000, 96)], division=96)
    assert song.tempo_map.to_seconds([96, 150, 192, 288]).tolist() == [0.5, 0.5, 0.5, 1.0]
    assert song.tempo_map.to_ticks([0.25, 0.5, 1.0]).tolist() == [48, 192, 288]


@pytest.mark.parametrize("division", [0xE728, 0xE250])
def test_smpte_knows_no_tempo(division: int) -> None:
    song = Song.from_messages([tempo(1), note(500), tempo(2), note(500)], division=division)
    found = song.tempo_map.to_seconds(song.ticks)
    assert found == pytest.approx(song.start_seconds)
    per_second = {0xE728: 25 * 40, 0xE250: 30 * 80}[division]
    assert float(song.tempo_map.to_seconds(per_second)) == pytest.approx(1.0)


def test_where_there_is_none() -> None:
    with pytest.raises(MidiCodecError, match="division of 0"):
        _ = Song([], [], division=0).tempo_map
    with pytest.raises(MidiCodecError, match="type 2 has no one tempo map"):
        _ = Song([], [], smf_type=2).tempo_map


steps = st.tuples(st.integers(0, 2000), st.none() | st.integers(0, 2**24 - 1))


@given(st.lists(st.lists(steps, max_size=8), max_size=3), st.integers(1, 32767))
def test_it_agrees_with_the_columns_and_with_mido(plan: list, division: int) -> None:
    tracks = [[note(t) if us is None else tempo(us, t) for t, us in each] for each in plan]
    song = Song.from_tracks(tracks, division=division)
    found = song.tempo_map
    np.testing.assert_allclose(found.to_seconds(song.ticks), song.start_seconds, atol=1e-9)
    moving = found.to_ticks(found.to_seconds(song.ticks))
    seconds_again = found.to_seconds(moving)
    np.testing.assert_allclose(seconds_again, song.start_seconds, rtol=1e-9, atol=1e-9)
    file = io.BytesIO()
    midicodec.save(song, file)
    theirs = mido.MidiFile(file=io.BytesIO(file.getvalue()))
    assert float(found.to_seconds(song.ticks.max(initial=0))) == pytest.approx(
        theirs.length, abs=1e-6
    )


def test_a_map_of_its_own() -> None:
    song = Song.from_messages([tempo(250_000), note(96)], division=96)
    found = TempoMap.of(song.records, song.ticks, song.starts, 96)
    assert float(found.to_seconds(96)) == song.duration_seconds == 0.25
