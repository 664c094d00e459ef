"""The yardstick: Witten-Bell's interpolation by hand, and what is predicted given what."""

import math

import numpy as np
import pytest
from markov import Chain, predictions, score

from midirnn.model.timeclasses import CLASSES
from midirnn.plugin import Events


def test_probabilities_are_witten_and_bells() -> None:
    chain = Chain(4)
    for context, what in ((("a",), "x"), (("a",), "x"), (("b",), "y")):
        chain.learn(context, what)
    nothing = {"x": (2 + 2 / 4) / 5, "y": (1 + 2 / 4) / 5, "z": (2 / 4) / 5}
    after_a = {"x": (2 + nothing["x"]) / 3, "y": nothing["y"] / 3, "z": nothing["z"] / 3}
    for what in "xyz":
        expected = [-math.log2(nothing[what]), -math.log2(after_a[what])]
        assert chain.bits(("a",), what) == pytest.approx(expected)
        # Of a context that never was, what is shorter is all there is.
        assert chain.bits(("c",), what) == pytest.approx([expected[0]] * 2)
    assert sum(after_a.values()) + nothing["z"] / 3 == pytest.approx(1)  # one more of four
    assert Chain(8).bits((), "x") == [3]


def song(*notes: int) -> Events:
    records = np.array([[0, 0x90, note, 64, 3] for note in notes], np.uint8)
    return Events(records, np.array([0.0] + [0.001] * (len(notes) - 1)))


def test_the_message_is_given_its_class_and_both_the_messages_before() -> None:
    (time, message), *_ = predictions(song(60, 62, 64))
    assert time == ((bytes([0x90, 60, 64]), None, None, None), 1)
    assert message == ((1, bytes([0x90, 60, 64]), None, None, None), bytes([0x90, 62, 64]))


def test_what_was_learnt_costs_less_the_more_is_known() -> None:
    scale = song(*(60, 62, 60, 64) * 20)
    count, times, messages = score([scale], [scale])
    assert count == 79
    assert len(times) == len(messages) == 5
    assert messages[0] > 1 > messages[1] > messages[2]
    assert times[0] < 0.1
    _, unknown, _ = score([], [scale])
    assert unknown == pytest.approx([math.log2(CLASSES)] * 5)
