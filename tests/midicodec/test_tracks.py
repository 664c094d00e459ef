"""One stream ↔ tracks: the order, and that nothing moves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midicodec.assemble import checked_starts
from midicodec.pieces import cut, rejoin
from midicodec.records import RECORD_BYTES
from midicodec.tracks import Track, join, split

messages = st.sampled_from(
    [b"\xf6", b"\xc0\x01", b"\x90\x3c\x40", b"\xf0\1\2\3\4\xf7", b"\xff\1\0"]
)
plans = st.lists(st.lists(st.tuples(st.integers(0, 5), messages), max_size=6).map(sorted))


def track_of(plan):
    """A track of (absolute tick, message)."""
    pieces = [(tick, cut(message)) for tick, message in plan]
    data = b"".join(each for _, each in pieces)
    records = np.frombuffer(data, np.uint8).reshape(-1, RECORD_BYTES)
    counts = [len(each) // RECORD_BYTES for _, each in pieces]
    ticks = np.repeat(np.array([tick for tick, _ in pieces], np.int64), counts)
    return Track(records, ticks, checked_starts(records))


def plan_of(records, ticks, starts):
    return list(zip(ticks[starts].tolist(), rejoin(records, starts), strict=True))


@given(plans)
def test_merged_messages_are_in_order_of_tick_then_track(plan):
    records, delta, number, starts = join([track_of(each) for each in plan], merged=True)
    assert starts.tolist() == checked_starts(records).tolist()
    ticks = np.cumsum(np.where(starts, delta, 0))
    labelled = [(tick, track, m) for track, each in enumerate(plan) for tick, m in each]
    expected = sorted(labelled, key=lambda each: each[:2])  # stable: in a track, order stays
    found = plan_of(records, ticks, starts)
    assert found == [(tick, message) for tick, _, message in expected]
    assert number[starts].tolist() == [track for _, track, _ in expected]


@given(plans)
def test_tracks_that_are_not_merged_follow_one_another(plan):
    records, delta, number, starts = join([track_of(each) for each in plan], merged=False)
    assert starts.tolist() == checked_starts(records).tolist()
    assert rejoin(records, starts) == [message for each in plan for _, message in each]
    assert delta[starts].tolist() == [
        tick - before
        for each in plan
        for (before, _), (tick, _) in zip([(0, b""), *each], each, strict=False)
    ]
    assert number.tolist() == sorted(number.tolist())


@pytest.mark.parametrize("merged", [True, False])
@given(plan=plans)
def test_splitting_undoes_joining(merged, plan):
    columns = join([track_of(each) for each in plan], merged=merged)
    tracks = split(columns, merged=merged)
    while plan and not plan[-1]:
        plan.pop()  # empty tracks at the end leave no trace
    assert [plan_of(*track) for track in tracks] == plan


@pytest.mark.parametrize("merged", [True, False])
def test_columns_have_their_types_even_without_tracks(merged):
    for tracks in ([], [track_of([])], [track_of([(0, b"\xf6")])]):
        columns = join(tracks, merged=merged)
        assert [each.dtype for each in columns] == [np.uint8, np.int64, np.int32, np.bool_]
        assert columns.records.shape[1] == RECORD_BYTES


@pytest.mark.parametrize("merged", [True, False])
def test_splitting_gives_as_many_tracks_as_are_wanted(merged):
    columns = join([track_of([]), track_of([(3, b"\xf6")])], merged=merged)
    plans = [plan_of(*track) for track in split(columns, merged=merged, count=4)]
    assert plans == [[], [(3, b"\xf6")], [], []]
    assert len(split(columns, merged=merged, count=1)) == 2
