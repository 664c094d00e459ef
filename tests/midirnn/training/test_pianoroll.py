"""Notes as pixels."""

import mido
import numpy as np

from midirnn.plugin import Event
from midirnn.training.pianoroll import piano_roll

GROUND = (247, 245, 240)


def event(start_seconds: float, kind: str, **values: int) -> Event:
    return Event(mido.Message(kind, **values), round(start_seconds * 960), start_seconds)


def test_a_note_is_a_bar_from_its_beginning_to_its_end() -> None:
    picture = piano_roll(
        [
            event(0.0, "program_change", program=3),
            event(0.5, "note_on", note=60, velocity=1),
            event(0.5, "note_on", note=127, velocity=9, channel=1),
            event(1.0, "note_on", note=127, velocity=0, channel=1),
            event(1.5, "note_off", note=60),
            event(1.5, "note_off", note=61),  # of a note that never began
            event(9.0, "note_on", note=0, velocity=1),  # beyond the picture
            event(9.5, "note_off", note=0),
        ],
        seconds=2,
    )
    assert picture.shape == (384, 80, 3)
    drawn = (picture != GROUND).any(axis=2)
    rows, columns = np.nonzero(drawn[:150])
    assert set(rows) == {0, 1, 2}  # pitch 127, at the top
    assert (columns.min(), columns.max()) == (20, 38)
    rows, columns = np.nonzero(drawn[150:])
    assert set(rows + 150) == {201, 202, 203}  # (127 - 60) * 3
    assert (columns.min(), columns.max()) == (20, 58)
    assert (picture[0, 25] != picture[201, 25]).any()  # two channels


def test_the_shortest_note_can_be_seen_and_a_repeated_one_is_two() -> None:
    picture = piano_roll(
        [
            event(0.0, "note_on", note=10, velocity=1),
            event(0.001, "note_off", note=10),
            event(0.5, "note_on", note=10, velocity=1),
            event(1.0, "note_on", note=10, velocity=1),  # again, without an end
            event(1.5, "note_off", note=10),
        ],
        seconds=2,
    )
    row = (picture[(127 - 10) * 3] != GROUND).any(axis=1)
    assert np.flatnonzero(np.diff(row.astype(int), prepend=0) == 1).tolist() == [0, 20, 40]
