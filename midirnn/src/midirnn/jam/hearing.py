"""What comes in from the player: what of it the network is shown, and which keys are down.

No thread and no time of its own: it is told what comes and when, in seconds of one clock.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from midirnn.errors import MidiRnnError
from midirnn.messages import HOLDING_PEDALS, PEDAL_DOWN

if TYPE_CHECKING:
    import mido

_SOUND_OFF, _NOTES_OFF = 120, 123  # controllers; MIDI 1.0, "Channel Mode Messages"
_ECHO_SECONDS = 0.25
"""For so long what we sent is known when it comes back."""
_MOST_SENT = 4096
MOST_UNHEARD = 2000
"""How many messages may wait for the network; in a flood it is shown the newest."""


@dataclass(frozen=True)
class PanicKey:
    """A note or a controller that silences everything, and is otherwise not heard.

    All notes off and all sound off, which keyboards' own panic buttons send, do so anyway.
    """

    note: int | None = None
    control: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``21`` (a note) or ``cc64`` (a controller)."""
        match = re.fullmatch(r"(cc)?(\d{1,3})", text.strip().lower())
        if match is None or int(match[2]) > 127:
            raise MidiRnnError(
                f"expected a note such as 21 or a controller such as cc64, found {text!r}"
            )
        number = int(match[2])
        return cls(control=number) if match[1] else cls(note=number)

    def matches(self, message: mido.Message) -> bool:
        """Return whether ``message`` is the key's, pressed or let go."""
        if message.type in ("note_on", "note_off"):
            return bool(message.note == self.note)
        if message.type != "control_change":
            return False
        return message.control in (self.control, _SOUND_OFF, _NOTES_OFF)

    def pressed(self, message: mido.Message) -> bool:
        """Return whether a ``message`` that matches presses the key."""
        if message.type == "control_change":
            return message.control in (_SOUND_OFF, _NOTES_OFF) or message.value >= PEDAL_DOWN
        return begins_note(message)


def begins_note(message: mido.Message) -> bool:
    """Return whether ``message`` begins a note: a velocity of 0 ends it."""
    return bool(message.type == "note_on" and message.velocity)


def _held_by(message: mido.Message) -> tuple[tuple[str, int, int] | None, bool]:
    """Return the key or pedal that ``message`` is about, and whether it is held from then on."""
    if message.type in ("note_on", "note_off"):
        return ("key", message.channel, message.note), begins_note(message)
    if message.type == "control_change" and message.control in HOLDING_PEDALS:
        return ("pedal", message.channel, message.control), message.value >= PEDAL_DOWN
    return None, False


class Echo:
    """Knows our own messages when they come in again: from a port that passes on what it gets.

    Who plays the very same note as loudly within a quarter of a second is not heard.
    """

    def __init__(self) -> None:
        self._sent: dict[tuple[int, ...], float] = {}

    def sent(self, message: mido.Message, now: float) -> None:
        """Remember what was sent."""
        if len(self._sent) >= _MOST_SENT:
            self._sent = {key: at for key, at in self._sent.items() if now - at <= _ECHO_SECONDS}
        self._sent[tuple(message.bytes())] = now

    def heard(self, message: mido.Message, now: float) -> bool:
        """Return whether ``message`` was sent by us just now."""
        at = self._sent.get(tuple(message.bytes()))
        return at is not None and now - at <= _ECHO_SECONDS


@dataclass(slots=True)
class Heard:
    """A message for the network, and when it came in the network's time."""

    message: mido.Message
    seconds: float


class Hearing:
    """The player's messages that the network knows, as they wait to be shown to it."""

    def __init__(self, channels: Collection[int]) -> None:
        """Hear these ``channels``, from 0: those that the network was trained on."""
        self._channels = frozenset(channels)
        self._waiting: dict[object, Heard] = {}
        self._number = 0
        # What the network was shown that is held: keys and pedals, in the order it was shown them.
        self._known: dict[tuple[str, int, int], None] = {}
        self.held: set[tuple[int, int]] = set()
        """The keys that are down: (channel, note)."""
        self.shown = self.missed = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, message: mido.Message, seconds: float) -> bool:
        """Keep a message that came at ``seconds`` of the network's time, if it is music.

        Return whether it is a note that begins, or ends one that sounded. What the network does
        not know is left out, and the end of a note that did not sound. Of a controller, a bend or
        a pressure that has not been shown yet, only the last value is.
        """
        if getattr(message, "channel", None) not in self._channels:
            return False
        number: object = None
        is_note = message.type in ("note_on", "note_off")
        if is_note:
            key = message.channel, message.note
            if begins_note(message):
                self.held.add(key)
            elif key in self.held:
                self.held.remove(key)
            else:
                return False
        else:
            if message.type == "control_change" and message.control >= _SOUND_OFF:
                return False  # about a synthesizer, not music
            first = message.bytes()[1] if message.type in ("control_change", "polytouch") else 0
            number = message.type, message.channel, first
            waiting = self._waiting.get(number)
            if waiting is not None:
                waiting.message = message
                return False
        self._number += 1
        self._waiting[self._number if is_note else number] = Heard(message, seconds)
        if len(self._waiting) > MOST_UNHEARD:
            self._miss()
        return is_note

    def next(self) -> Heard:
        """Return what the network is to be shown next."""
        self.shown += 1
        heard = self._waiting.pop(next(iter(self._waiting)))
        about, is_held = _held_by(heard.message)
        if about is not None and is_held:
            self._known[about] = None
        elif about is not None:
            self._known.pop(about, None)
        return heard

    def release(self) -> list[mido.Message]:
        """Forget what waits and which keys are down; return the ends of all that was shown."""
        import mido

        ends = [
            mido.Message("note_off", channel=channel, note=number, velocity=0)
            if kind == "key"
            else mido.Message("control_change", channel=channel, control=number, value=0)
            for kind, channel, number in self._known
        ]
        self.held.clear()
        self._waiting.clear()
        self._known.clear()
        return ends

    def _miss(self) -> None:
        """Leave out the oldest that waits, but never the end of what the network was shown."""
        owed = set(self._known)
        for number, heard in self._waiting.items():
            about, is_held = _held_by(heard.message)
            if about not in owed or is_held:
                del self._waiting[number]
                self.missed += 1
                return
            owed.remove(about)  # one end is enough
