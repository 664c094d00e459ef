"""A jam without threads: what is said to the network and what is sent, at times given by hand."""

from collections.abc import Iterable

import mido
import numpy as np
import numpy.typing as npt
import pytest

from midirnn.jam.hearing import Hearing, PanicKey
from midirnn.jam.pulses import Follower, Sender, Steady, Timekeeper
from midirnn.jam.session import Session, message_of, record_of
from midirnn.jam.turns import Along, Answering, Turns
from midirnn.plugin import Event

Record = npt.NDArray[np.uint8]
Told = tuple[str, int, int, float, bool]


def on(note: int = 60, velocity: int = 64, channel: int = 0) -> mido.Message:
    return mido.Message("note_on", note=note, velocity=velocity, channel=channel)


def off(note: int = 60, channel: int = 0) -> mido.Message:
    return mido.Message("note_off", note=note, velocity=0, channel=channel)


class Scripted:
    """Proposes what is in its list, for ever the last; keeps what it is told."""

    def __init__(self, *proposals: tuple[float, mido.Message]) -> None:
        self.proposals = list(proposals)
        self.told: list[tuple[mido.Message, float, bool]] = []

    def hear(self, record: Record, seconds: float, own: bool = False) -> None:
        self.told.append((message_of(record), seconds, own))
        if own and len(self.proposals) > 1 and self.proposals[0][1] == message_of(record):
            self.proposals.pop(0)

    def next(self) -> tuple[float, Record]:
        wait, message = self.proposals[0]
        return wait, record_of(message)


LONG = (1000.0, on(1))


class Stage:
    """A session, and a clock that is moved by hand."""

    def __init__(
        self, partner: Scripted, turns: Turns, time: Timekeeper | None = None, **options: object
    ) -> None:
        self.partner, self.now = partner, 0.0
        self.session = Session(
            partner,
            turns,
            time or Steady(),
            Hearing(range(16)),
            **options,  # type: ignore[arg-type]
        )
        self.sent: list[Event] = []

    def run(self, until: float) -> list[mido.Message]:
        """Do what the loop of a jam does, up to a time; return what was sent."""
        before = len(self.sent)
        for _ in range(10_000):
            self.sent += self.session.advance(self.now)
            due = max(self.session.deadline(self.now), self.now)
            if due > until:
                self.now = until
                self.sent += self.session.advance(self.now)
                break
            self.now = due
        else:
            pytest.fail("it never came to rest")
        return [each.message for each in self.sent[before:]]

    def hear(self, at: float, *messages: mido.Message) -> list[mido.Message]:
        sent = self.run(at)
        for message in messages:
            self.session.receive(message, at)
        return sent + self.run(at)


def starts(events: Iterable[Event]) -> list[float]:
    return [round(each.start_seconds, 6) for each in events]


def test_an_answer_comes_after_the_pause_and_the_network_has_heard_all_before() -> None:
    partner = Scripted((0.3, on(72)), (0.25, on(74)), (0.5, off(72)), LONG)
    stage = Stage(partner, Answering(1.0, 20.0))
    assert stage.hear(1.0, on(60)) == []
    assert stage.hear(1.5, off(60)) == []
    assert stage.run(2.4) == []
    assert partner.told == [(on(60), 1.0, False), (off(60), 0.5, False)]
    assert stage.run(3.5) == [on(72), on(74), off(72)]
    # The first at once, for it has waited for the pause; then as the network wants it.
    assert starts(stage.sent) == [2.5, 2.75, 3.25]
    assert partner.told[2:] == [
        (on(72), pytest.approx(1.0), True),
        (on(74), pytest.approx(0.25), True),
        (off(72), pytest.approx(0.5), True),
    ]


def test_a_note_of_the_players_during_the_answer_ends_it() -> None:
    partner = Scripted((0.0, on(72)), (0.0, on(76)), (0.1, on(79)), LONG)
    stage = Stage(partner, Answering(1.0, 20.0))
    stage.hear(1.0, on(60))
    stage.hear(1.5, off(60))
    assert stage.run(2.55) == [on(72), on(76)]
    released = stage.hear(2.56, on(62))
    assert sorted(released, key=str) == sorted([off(72), off(76)], key=str)
    assert stage.run(3.5) == []
    told = partner.told[4:]
    assert told[:2] == [(off(72), pytest.approx(0.06), True), (off(76), 0.0, True)]
    assert told[2] == (on(62), 0.0, False)


def test_a_note_from_before_the_answer_that_comes_after_it_began_ends_it() -> None:
    partner = Scripted((0.0, on(72)), LONG)
    stage = Stage(partner, Answering(1.0, 20.0))
    stage.hear(0.5, on(60))
    stage.hear(0.5, off(60))
    assert stage.run(1.5005) == [on(72)]
    stage.session.receive(on(62), 1.4999)  # its thread had to wait
    assert stage.run(1.6) == [off(72)]


def test_instruments_that_were_chosen_come_first() -> None:
    partner = Scripted((0.0, on(72)), LONG)
    stage = Stage(partner, Along(20.0))
    stage.session.choose({3: 40})
    chosen = mido.Message("program_change", channel=3, program=40)
    assert stage.run(0.1) == [chosen]
    assert partner.told == [(chosen, 0.0, True)]


def test_the_echo_of_what_was_sent_late_is_known() -> None:
    partner = Scripted((0.0, on(72)), LONG)
    stage = Stage(partner, Answering(1.0, 20.0))
    stage.hear(0.5, on(60))
    stage.hear(0.5, off(60))
    stage.now = 1.7  # it was due at 1.5
    assert stage.run(1.7) == [on(72)]
    assert stage.hear(1.9, on(72)) == []


def test_an_answer_ends_before_the_note_that_would_begin_too_late() -> None:
    partner = Scripted((0.0, on(72)), (1.5, off(72)), (0.2, on(74)), (0.5, off(74)), (0.2, on(76)))
    stage = Stage(partner, Answering(1.0, 20.0))
    stage.hear(0.0, on(60))
    stage.hear(0.1, off(60))  # an answer of two seconds, from 1.1 on
    assert stage.run(60.0) == [on(72), off(72), on(74), off(74)]
    assert starts(stage.sent) == [1.1, 2.6, 2.8, 3.3]


def test_a_turn_does_not_linger_for_ever() -> None:
    stage = Stage(Scripted((0.0, on(72)), (500.0, off(72))), Answering(1.0, 20.0))
    stage.hear(0.0, on(60))
    stage.hear(0.1, off(60))
    assert stage.run(60.0) == [on(72), off(72)]
    assert starts(stage.sent) == [1.1, 5.1]  # two seconds of answer, two of its last note


def test_along_plays_between_the_players_notes() -> None:
    partner = Scripted((0.25, on(72)), (0.5, off(72)), (0.25, on(74)), LONG)
    stage = Stage(partner, Along(8.0))
    stage.hear(1.0, on(60))
    assert stage.run(1.3) == [on(72)]
    # The end of 72 was to come at 1.75; the player is first, and it is asked for anew.
    stage.hear(1.4, off(60))
    assert partner.told[-1] == (off(60), pytest.approx(0.15), False)
    assert stage.run(2.0) == [off(72)]
    assert starts(stage.sent) == [1.25, 1.9]
    assert stage.run(2.2) == [on(74)]


def test_along_ends_when_the_player_is_silent_for_long() -> None:
    partner = Scripted((0.1, on(72)), (0.1, off(72)))
    partner.next = lambda: (0.1, record_of(on(72 + len(partner.told) % 2)))  # type: ignore[method-assign]
    stage = Stage(partner, Along(3.0))
    stage.hear(1.0, on(60))
    sent = stage.run(60.0)
    assert stage.sent[-1].start_seconds == pytest.approx(4.0, abs=0.2)
    assert sent[-1].type == "note_off"
    assert stage.run(120.0) == []


@pytest.mark.parametrize(
    ("key", "pressed", "let_go"),
    [
        (PanicKey(note=21), on(21), off(21)),
        (None, mido.Message("control_change", control=123), on(1, velocity=0)),
    ],
)
def test_panic_silences_everything_and_the_next_note_begins_anew(
    key: PanicKey | None, pressed: mido.Message, let_go: mido.Message
) -> None:
    partner = Scripted((0.1, on(72)), (0.1, on(76)), LONG)
    stage = Stage(partner, Along(8.0), panic=key)
    stage.hear(1.0, on(60))
    stage.run(1.5)
    sent = stage.hear(1.6, pressed, let_go)
    assert sorted(sent[:2], key=str) == sorted([off(72), off(76)], key=str)
    assert len(sent) == 50
    assert {(each.control, each.channel) for each in sent[2:]} == {
        (control, channel) for control in (120, 121, 123) for channel in range(16)
    }
    assert (off(60), 0.0, False) in partner.told  # nor does the network think that it sounds
    assert all(message.note != 21 for message, *_ in partner.told)
    assert stage.hear(1.7, pressed) == []  # one panic, however often it is sent
    assert stage.run(30.0) == []
    partner.proposals = [(0.1, on(80)), LONG]
    stage.hear(31.0, on(62))
    assert stage.run(31.5) == [on(80)]


def test_panic_ends_what_the_network_heard_though_its_end_came_in_the_same_moment() -> None:
    partner, pedal = Scripted(LONG), mido.Message("control_change", control=64, value=127)
    stage = Stage(partner, Answering(1.0, 20.0))
    stage.hear(1.0, on(60), pedal)
    panic = mido.Message("control_change", control=123)
    stage.hear(1.5, off(60), pedal.copy(value=0), panic)
    assert [message for message, *_ in partner.told] == [
        on(60),
        pedal,
        off(60),
        pedal.copy(value=0),
    ]


def test_what_we_sent_does_not_come_back() -> None:
    partner = Scripted((0.0, on(72)), (0.1, off(72)), LONG)
    stage = Stage(partner, Along(8.0))
    assert stage.hear(1.0, on(60)) == [on(72)]
    stage.hear(1.06, on(72))
    stage.hear(1.5, off(72))  # which nobody held
    assert [message for message, *_ in partner.told] == [on(60), on(72), off(72)]
    stage.hear(2.0, on(72))  # later it is the player's
    assert partner.told[-1] == (on(72), pytest.approx(0.9), False)
    # Our panic comes back as a panic: it is ours.
    panic = mido.Message("control_change", control=123)
    assert len(stage.hear(3.0, panic)) == 48
    assert stage.hear(3.21, panic) == []


def test_the_end_releases_what_sounds() -> None:
    pedal = mido.Message("control_change", control=64, value=127)
    partner = Scripted((0.0, pedal), (0.0, on(72)), LONG)
    stage = Stage(partner, Along(8.0))
    stage.hear(1.0, on(60))
    stage.run(1.5)
    ended = [each.message for each in stage.session.end(1.5)]
    assert ended == [off(72), mido.Message("control_change", control=64, value=0)]
    assert [each.message for each in stage.session.end(1.6)] == []


def test_a_clock_is_sent_on_its_pulses_whatever_else_happens() -> None:
    partner = Scripted((0.1, on(72)), LONG)
    stage = Stage(partner, Along(8.0), Steady(150), sender=Sender(150))
    stage.hear(0.3, on(60))
    stage.run(2.0)
    assert [each.message.type for each in stage.sent[:2]] == ["start", "clock"]
    clocks = [each.start_seconds for each in stage.sent if each.message.type == "clock"]
    assert clocks == pytest.approx([n / 60 for n in range(121)])
    assert on(72) in [each.message for each in stage.sent]
    assert starts(stage.sent) == sorted(starts(stage.sent))
    assert [each.message.type for each in stage.session.end(2.0)][-1] == "stop"


def test_notes_that_end_together_are_heard_one_by_one_and_the_clock_goes_on_between() -> None:
    chord = [on(note) for note in range(70, 78)]
    partner = Scripted(*((0.0, message) for message in chord), LONG)
    stage = Stage(partner, Answering(0.5, 20.0), Steady(150), sender=Sender(150))
    stage.hear(0.25, on(60), off(60))
    assert [each for each in stage.run(3.0) if each.type == "note_on"] == chord
    stage.session.receive(on(62), 3.0)
    told, now = len(partner.told), 3.0
    sent: list[Event] = []
    for step in range(1, 10):
        assert stage.session.deadline(now) <= now
        sent += stage.session.advance(now)
        assert len(partner.told) == told + step
        now += 0.03  # as long as a step takes on a slow machine
    assert [each[0] for each in partner.told[-9:]] == [*map(off, range(70, 78)), on(62)]
    assert [each.message.type for each in sent[:8]] == ["note_off"] * 8
    assert sum(each.message.type == "clock" for each in sent[8:]) >= 8


def test_a_followed_clock_stretches_time_and_its_stop_stops() -> None:
    partner = Scripted((0.5, on(72)), (0.5, on(74)), LONG)
    stage = Stage(partner, Along(60.0), Follower())
    clock = mido.Message("clock")
    stage.hear(0.5, on(50))  # while the clock stands nobody listens
    for pulse in range(1, 49):
        stage.hear(1 + pulse / 24, clock)  # 60 beats a minute: half as fast as the network's time
        if pulse == 24:
            stage.hear(2.0, on(60))
    stage.run(3.01)
    # A beat later, which is half a second to the network; and not before the pulse has come.
    assert starts(stage.sent) == [pytest.approx(3.0, abs=0.01)]
    assert partner.told == [(on(60), pytest.approx(23 / 24 / 2, abs=1e-3), False),
                            (on(72), pytest.approx(0.5, abs=1e-3), True)]  # fmt: skip
    assert stage.hear(3.1, mido.Message("stop")) == [off(72)]
    for pulse in range(48):
        assert stage.hear(3.2 + pulse / 24, clock, on(61)) == []


@pytest.mark.parametrize("mode", ["answer", "along"])
def test_a_pulse_between_two_messages_does_not_take_the_wait_between_them(mode: str) -> None:
    """A pulse comes after each step of the network's, as slow as it may be."""
    partner = Scripted((0.0, on(72)), (0.25, on(74)), (0.25, on(76)), LONG)
    turns = Answering(0.5, 20.0) if mode == "answer" else Along(20.0)
    stage = Stage(partner, turns, Follower())
    sent: dict[int, float] = {}
    for pulse in range(120):
        now = pulse / 48  # 120 beats a minute
        stage.session.receive(mido.Message("clock"), now)
        if pulse in (24, 25):
            stage.session.receive(on(60) if pulse == 24 else off(60), now)
        for event in stage.session.advance(now):
            sent[event.message.note] = now
    assert sent[74] - sent[72] == pytest.approx(0.25, abs=1.5 / 48)
    assert sent[76] - sent[74] == pytest.approx(0.25, abs=1.5 / 48)


def test_a_clock_that_is_lost_takes_the_notes_with_it() -> None:
    stage = Stage(Scripted((0.01, on(72)), LONG), Along(60.0), Follower())
    for pulse in range(24):
        stage.hear(pulse / 48, mido.Message("clock"))
    stage.hear(0.49, on(60))
    stage.hear(0.5, mido.Message("clock"))
    stage.hear(25 / 48, mido.Message("clock"))
    assert [each.message for each in stage.sent] == [on(72)]
    for hundredths in range(200):  # as the loop of a jam looks now and then
        stage.now = 0.54 + hundredths / 100
        stage.sent += stage.session.advance(stage.now)
    assert stage.sent[-1].message == off(72)
    assert stage.sent[-1].start_seconds < 1.6


def test_a_network_that_cannot_keep_up_does_not_catch_up() -> None:
    partner = Scripted((0.1, on(70)), (0.1, on(71)), (0.1, on(72)), LONG)
    stage = Stage(partner, Along(60.0))
    stage.hear(1.0, on(60))
    stage.now = 5.0  # whatever held everything up
    stage.run(5.01)
    assert starts(stage.sent) == [5.0]
    stage.run(5.5)
    assert starts(stage.sent) == pytest.approx([5.0, 5.1, 5.2])
    assert partner.told[1] == (on(70), 4.0, True)


def test_a_long_silence_is_shown_as_a_short_one() -> None:
    partner = Scripted(LONG)
    stage = Stage(partner, Answering(1.0, 20.0))
    stage.hear(600.0, on(60))
    assert partner.told == [(on(60), 4.0, False)]


def test_a_flood_is_heard_before_anything_is_played() -> None:
    partner = Scripted((0.0, on(72)), LONG)
    stage = Stage(partner, Along(60.0))
    stage.run(1.0)
    for number in range(300):
        stage.session.receive(on(number % 128), 1.0)
        stage.session.receive(off(number % 128), 1.0)
    sent = list(stage.session.advance(1.0))
    assert sent == []
    assert stage.session.deadline(1.0) == 1.0
    assert len(partner.told) == 1
    stage.run(1.1)
    assert [own for *_, own in partner.told] == [False] * 600 + [True]


def test_records_and_messages_are_the_same() -> None:
    for message in (on(), off(), mido.Message("program_change", program=3),
                    mido.Message("pitchwheel", pitch=-100)):  # fmt: skip
        assert message_of(record_of(message)) == message


def test_a_message_is_sent_before_the_network_takes_its_time_to_hear_it() -> None:
    partner = Scripted((0.25, on(72)), LONG)
    stage = Stage(partner, Along(8.0))
    stage.hear(1.0, on(60))
    sent = stage.session.advance(1.25)
    assert next(sent).message == on(72)
    assert partner.told == [(on(60), 1.0, False)]
    assert list(sent) == []
    assert partner.told[1:] == [(on(72), pytest.approx(0.25), True)]
