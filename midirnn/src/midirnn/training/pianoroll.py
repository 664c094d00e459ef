"""Music as a picture: pitch upwards, time to the right, a colour for each channel."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from midirnn.plugin.interfaces import Event

_PITCHES = 128
_PIXELS_A_SECOND = 40
_PIXELS_A_PITCH = 3
_GROUND = (247, 245, 240)
_COLOURS = ((47, 111, 222), (217, 130, 43), (58, 157, 93), (155, 89, 182))


def piano_roll(events: Iterable[Event], seconds: float) -> npt.NDArray[np.uint8]:
    """Draw the notes that begin in the first ``seconds``; (height, width, 3), red green blue.

    ``events`` are in order, and end each note that they begin, as those of
    :meth:`midirnn.generation.generator.Generator.events` do.
    """
    width = max(1, round(seconds * _PIXELS_A_SECOND))
    picture = np.full((_PITCHES * _PIXELS_A_PITCH, width, 3), _GROUND, np.uint8)
    sounding: dict[tuple[int, int], int] = {}
    for event in events:
        message = event.message
        if message.type not in ("note_on", "note_off"):
            continue
        now = round(event.start_seconds * _PIXELS_A_SECOND)
        key = message.channel, message.note
        begin = sounding.pop(key, None)
        if begin is not None:
            top = (_PITCHES - 1 - message.note) * _PIXELS_A_PITCH
            # A column at least, and one of ground before the next note of the same pitch.
            end = max(begin + 1, now - 1)
            picture[top : top + _PIXELS_A_PITCH, begin:end] = _COLOURS[message.channel % 4]
        if message.type == "note_on" and message.velocity:
            sounding[key] = now
    return picture
