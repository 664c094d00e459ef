"""What of the player's messages the network is shown, and what is known when it comes back."""

import mido
import pytest

from midirnn.errors import MidiRnnError
from midirnn.jam import hearing as module
from midirnn.jam.hearing import Echo, Hearing, PanicKey


def on(note: int = 60, channel: int = 0, velocity: int = 64) -> mido.Message:
    return mido.Message("note_on", note=note, channel=channel, velocity=velocity)


def off(note: int = 60, channel: int = 0) -> mido.Message:
    return mido.Message("note_off", note=note, channel=channel, velocity=0)


def control(number: int, value: int, channel: int = 0) -> mido.Message:
    return mido.Message("control_change", control=number, value=value, channel=channel)


def shown(hearing: Hearing) -> list[tuple[mido.Message, float]]:
    found = []
    while hearing:
        heard = hearing.next()
        found.append((heard.message, heard.seconds))
    return found


def test_notes_are_kept_in_order_and_keys_are_known() -> None:
    hearing = Hearing(range(16))
    assert hearing.take(on(60), 1.0)
    assert hearing.take(on(64), 1.5)
    assert hearing.take(on(60, velocity=0), 2.0)  # an end, too
    assert hearing.held == {(0, 64)}
    assert shown(hearing) == [(on(60), 1.0), (on(64), 1.5), (on(60, velocity=0), 2.0)]
    assert hearing.release() == [off(64)]
    assert hearing.held == set()


@pytest.mark.parametrize(
    "message",
    [
        on(channel=9),
        off(61),  # which did not sound
        control(123, 0),
        control(121, 0),
        mido.Message("sysex", data=[1]),
        mido.Message("clock"),
        mido.Message("songpos", pos=1),
    ],
)
def test_what_the_network_does_not_know_is_left_out(message: mido.Message) -> None:
    hearing = Hearing({0, 1})
    assert not hearing.take(message, 0.0)
    assert not hearing
    assert not hearing.held


def test_of_what_moves_continuously_the_newest_is_shown() -> None:
    hearing = Hearing(range(16))
    assert not hearing.take(control(1, 10), 0.0)  # is no note
    hearing.take(on(), 0.1)
    for value in range(100):
        hearing.take(control(1, value), 0.2)
        hearing.take(mido.Message("pitchwheel", pitch=value), 0.3)
        hearing.take(control(1, value, channel=1), 0.4)
        hearing.take(mido.Message("polytouch", note=60, value=value), 0.5)
    assert shown(hearing) == [
        (control(1, 99), 0.0),
        (on(), 0.1),
        (mido.Message("pitchwheel", pitch=99), 0.3),
        (control(1, 99, channel=1), 0.4),
        (mido.Message("polytouch", note=60, value=99), 0.5),
    ]
    hearing.take(control(1, 5), 1.0)
    assert shown(hearing) == [(control(1, 5), 1.0)]
    assert hearing.shown == 6


def test_a_flood_is_bounded_and_its_newest_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_UNHEARD", 10)
    hearing = Hearing(range(16))
    for number in range(100):
        hearing.take(on(number), float(number))
    assert (len(hearing), hearing.missed) == (10, 90)
    assert shown(hearing)[0] == (on(90), 90.0)
    assert len(hearing.held) == 100  # keys are known all the same


def test_what_is_released_is_what_was_shown_and_not_what_is_held() -> None:
    """An end that still waits is forgotten with all that waits; the network is owed it."""
    hearing = Hearing(range(16))
    for message in (on(60), control(64, 127), on(62, channel=3), control(1, 127)):
        hearing.take(message, 0.0)
    shown(hearing)
    for message in (off(60), control(64, 0), on(64)):  # of which nothing was shown yet
        hearing.take(message, 1.0)
    assert hearing.release() == [off(60), control(64, 0), off(62, channel=3)]
    assert (len(hearing), hearing.held, hearing.release()) == (0, set(), [])
    hearing.take(on(60), 2.0)
    hearing.take(off(60), 2.0)
    shown(hearing)
    assert hearing.release() == []


def test_a_flood_takes_no_end_of_what_was_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_UNHEARD", 10)
    hearing = Hearing(range(16))
    hearing.take(on(60), 0.0)
    hearing.take(control(64, 127), 0.0)
    shown(hearing)
    for _ in range(3):
        hearing.take(off(60), 1.0)
        hearing.take(on(60), 1.0)
    hearing.take(control(64, 0), 1.0)
    hearing.take(off(60), 1.0)
    for number in range(100):
        hearing.take(on(number, channel=1), 2.0)
    found = [message for message, _ in shown(hearing)]
    assert found == [off(60), control(64, 0), *(on(number, channel=1) for number in range(92, 100))]
    assert hearing.missed == 98


@pytest.mark.parametrize(
    ("text", "key"),
    [("21", PanicKey(note=21)), ("cc64", PanicKey(control=64)), (" CC1 ", PanicKey(control=1))],
)
def test_a_panic_key_is_a_note_or_a_controller(text: str, key: PanicKey) -> None:
    assert PanicKey.parse(text) == key


@pytest.mark.parametrize("text", ["", "128", "cc128", "-1", "cc", "note21", "2.5"])
def test_another_word_is_no_key(text: str) -> None:
    with pytest.raises(MidiRnnError, match="expected a note such as 21 or a controller"):
        PanicKey.parse(text)


@pytest.mark.parametrize(
    ("key", "message", "matches", "pressed"),
    [
        (PanicKey(note=21), on(21, channel=5), True, True),
        (PanicKey(note=21), off(21), True, False),
        (PanicKey(note=21), on(21, velocity=0), True, False),
        (PanicKey(note=21), on(22), False, None),
        (PanicKey(control=20), control(20, 127), True, True),
        (PanicKey(control=20), control(20, 0), True, False),
        (PanicKey(control=20), on(20), False, None),
        (PanicKey(), control(123, 0), True, True),  # a keyboard's own button
        (PanicKey(), control(120, 0), True, True),
        (PanicKey(), control(121, 0), False, None),
        (PanicKey(), on(0), False, None),
        (PanicKey(), mido.Message("pitchwheel"), False, None),
    ],
)
def test_what_is_a_panic(
    key: PanicKey, message: mido.Message, matches: bool, pressed: bool | None
) -> None:
    assert key.matches(message) is matches
    if pressed is not None:
        assert key.pressed(message) is pressed


def test_an_echo_is_the_same_message_soon_after(monkeypatch: pytest.MonkeyPatch) -> None:
    echo = Echo()
    echo.sent(on(), 1.0)
    assert echo.heard(on(), 1.1)
    assert not echo.heard(on(), 1.3)
    assert not echo.heard(on(velocity=65), 1.1)
    assert not echo.heard(on(channel=1), 1.1)
    monkeypatch.setattr(module, "_MOST_SENT", 100)
    for number in range(1000):
        echo.sent(on(number % 128, velocity=1 + number % 127), 2.0 + number / 100)
    assert len(echo._sent) <= 100  # those of a quarter of a second, and room
