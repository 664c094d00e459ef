"""Whose turn it is, told by a list of what the player does."""

import pytest

from midirnn.jam.turns import NEVER, Along, Answering, Turns


def play(turns: Turns, *notes: tuple[float, float]) -> Turns:
    """Notes with their beginnings and ends, in seconds."""
    changes = sorted([(on, True) for on, _ in notes] + [(off, False) for _, off in notes])
    held = 0
    for at, is_on in changes:
        held += 1 if is_on else -1
        turns.played(at, is_on, held)
    return turns


def test_nobody_answers_silence() -> None:
    turns = Answering(1.0, 20.0)
    assert (turns.begins, turns.ends) == (NEVER, NEVER)
    assert not turns.playing(1e9)


@pytest.mark.parametrize(
    ("notes", "begins", "length"),
    [
        ([(0.0, 4.0), (1.0, 8.0)], 9.0, 8.0),  # as long as the phrase
        ([(5.0, 5.1)], 6.1, 2.0),  # but not shorter than this
        ([(2.0 * n, 2.0 * n + 1.5) for n in range(50)], 100.5, 20.0),  # nor longer than that
        ([(0.0, 1.0), (1.9, 2.0)], 3.0, 2.0),  # a rest is no pause
    ],
)
def test_an_answer_begins_after_the_pause(
    notes: list[tuple[float, float]], begins: float, length: float
) -> None:
    turns = play(Answering(1.0, 20.0), *notes)
    assert turns.begins == pytest.approx(begins)
    assert turns.ends == pytest.approx(begins + length)
    assert not turns.playing(begins - 0.01)
    assert turns.playing(begins + 0.01)


def test_held_keys_put_the_answer_off_but_not_for_ever() -> None:
    turns = Answering(1.0, 20.0)
    turns.played(0.0, True, 1)
    assert turns.begins == 8.0


def test_a_new_note_takes_the_turn_back_and_begins_a_phrase() -> None:
    turns = play(Answering(1.0, 20.0), (0.0, 9.0))
    assert turns.playing(10.5)
    turns.played(10.5, True, 1)
    assert not turns.playing(10.6)
    turns.played(10.7, False, 0)
    assert (turns.begins, turns.ends) == (11.7, 13.7)  # the phrase before is forgotten


def test_a_key_let_go_during_the_answer_changes_nothing() -> None:
    turns = Answering(1.0, 20.0)
    turns.played(0.0, True, 1)
    assert turns.playing(8.5)
    turns.played(8.5, False, 0)
    assert turns.playing(8.6)


def test_after_an_answer_the_next_phrase_is_waited_for() -> None:
    turns = play(Answering(1.0, 20.0), (0.0, 9.0))
    turns.over()
    assert turns.begins == NEVER
    turns.played(12.0, False, 0)  # the end of a note from before
    assert turns.begins == NEVER
    play(turns, (20.0, 21.0))
    assert turns.begins == 22.0


def test_along_begins_with_the_player_and_stays_for_a_while() -> None:
    turns = Along(8.0)
    assert not turns.playing(0.0)
    play(turns, (1.0, 1.5), (2.0, 3.0))
    assert (turns.begins, turns.ends) == (1.0, 10.0)
    turns.over()
    turns.played(11.0, False, 0)
    assert turns.begins == NEVER
    turns.played(12.0, True, 1)
    assert (turns.begins, turns.ends) == (12.0, 20.0)
