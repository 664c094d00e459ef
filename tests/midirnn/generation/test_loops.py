"""A loop is noticed after as many rounds as are allowed, and what goes on with it is named."""

import numpy as np
import pytest

from midirnn.generation.loops import NOTHING, Loops


def sequence(period: int) -> list[tuple[list[int], int]]:
    """Different messages, and classes of time that differ in the second half."""
    return [([0, 0x90, note % 128, 1 + note // 128, 3], note // 2) for note in range(period)]


def hear(loops: Loops, rows: list[tuple[list[int], int]]) -> None:
    for record, wait in rows:
        loops.heard(np.array([record], np.uint8), np.array([wait]))


@pytest.mark.parametrize(("period", "most"), [(16, 4), (40, 2), (200, 3), (256, 2)])
def test_a_loop_is_noticed_when_it_was_heard_as_often_as_it_may(period: int, most: int) -> None:
    loops, rows = Loops(most), sequence(period)
    for _ in range(most - 1):
        hear(loops, rows)
        assert loops.going_on().tolist() == [[NOTHING] * 3]
    hear(loops, rows[:-1])
    assert loops.going_on().tolist() == [[NOTHING] * 3]
    hear(loops, rows[-1:])
    assert loops.going_on().tolist() == [rows[0][0][1:4]]
    hear(loops, rows[:3])
    assert loops.going_on().tolist() == [rows[3][0][1:4]]
    hear(loops, rows[7:8])  # something else
    assert loops.going_on().tolist() == [[NOTHING] * 3]


def test_a_note_that_is_repeated_a_few_times_is_no_loop() -> None:
    loops = Loops(2)
    hear(loops, sequence(1) * 32)
    assert loops.going_on()[0, 0] == NOTHING
    hear(loops, sequence(1))
    assert loops.going_on()[0, 0] == 0x90


def test_the_same_notes_in_another_rhythm_are_no_loop() -> None:
    loops, rows = Loops(2), sequence(40)
    hear(loops, rows)
    hear(loops, [(record, wait + 1) for record, wait in rows])
    assert loops.going_on()[0, 0] == NOTHING


def test_with_0_nothing_is_noticed() -> None:
    loops = Loops(0)
    hear(loops, sequence(4) * 100)
    assert loops.going_on()[0, 0] == NOTHING


def test_songs_go_round_for_themselves() -> None:
    loops = Loops(2, songs=2)
    for turn in range(80):
        records = np.array([[0, 0x90, turn % 4, 1, 3], [0, 0x90, turn, 1, 3]], np.uint8)
        loops.heard(records, np.zeros(2, np.int64))
    assert loops.going_on().tolist() == [[0x90, 0, 1], [NOTHING] * 3]
