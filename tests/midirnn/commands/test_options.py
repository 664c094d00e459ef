"""Options that several verbs take: what they make of a text, and what they refuse."""

import click
import pytest

from midirnn.commands.options import Channels, Commas, Number


@pytest.mark.parametrize(
    ("text", "channels"),
    [("0", (0,)), ("15", (15,)), ("0-2,9", (0, 1, 2, 9)), ("3,1-1, 2", (1, 2, 3))],
)
def test_channels_are_each_there_once_rising(text: str, channels: tuple[int, ...]) -> None:
    assert Channels().convert(text, None, None) == channels


@pytest.mark.parametrize(
    "text", ["", "drums", "16", "0-16", "8-0", "0-1,3-1", "1-", "-1", "0-9999999999"]
)
def test_what_is_no_channel_is_none(text: str) -> None:
    with pytest.raises(click.BadParameter, match="expected channels from 0 to 15 as 0-8,10, found"):
        Channels().convert(text, None, None)


def test_what_stands_between_commas_is_taken_apart() -> None:
    assert Commas().convert("0,1", None, None) == ("0", "1")


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999"])
def test_a_number_is_finite(text: str) -> None:
    with pytest.raises(click.BadParameter, match="not a finite number"):
        Number().convert(text, None, None)
    assert Number(min=0, max=2).convert("1.5", None, None) == 1.5
