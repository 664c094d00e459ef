"""Playing with somebody: what is proposed is only played when it is heard."""

import numpy as np
import pytest
from networks import generator

from midirnn.errors import GenerationError
from midirnn.generation.performance import Performance

ON, OFF = [0, 0x90, 60, 64, 3], [0, 0x80, 60, 0, 3]


def held(performance: Performance) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Our notes that sound and our pedals that are down, the oldest first."""
    rules = performance._ensemble.rules
    assert rules is not None
    return list(rules.songs[0].notes), list(rules.songs[0].pedals)


def test_nothing_heard_nothing_proposed() -> None:
    performance = generator().performance(0, start=False)
    with pytest.raises(GenerationError, match="nothing was heard"):
        performance.next()
    performance.hear(ON, 0.0)
    seconds, record = performance.next()
    assert seconds >= 0
    assert record.shape == (5,)


def test_a_proposal_changes_nothing() -> None:
    """Two that hear the same propose the same, whatever one of them proposed before."""
    one, other = (generator().performance(7) for _ in range(2))
    for turn in range(30):
        for _ in range(turn % 3):
            one.next()
            other.next()
        a, b = one.next(), other.next()
        assert (a[0], a[1].tolist()) == (b[0], b[1].tolist())
        for each in (one, other):
            each.hear(ON if turn % 2 else OFF, 0.25)
    assert held(one) == ([], [])


def played(performance: Performance, events: int, rng: np.random.Generator) -> list[list[int]]:
    """Play on, while somebody else now and then comes in between."""
    emitted, theirs = [], set()
    for _ in range(events):
        seconds, record = performance.next()
        if rng.random() < 0.4:
            note = int(rng.integers(55, 65))
            status = 0x80 if note in theirs else 0x90
            theirs ^= {note}
            performance.hear([0, status, note, 80, 3], seconds * rng.random())
            continue
        if record[1] & 0xF0 == 0x90 and record[3] and record[1] == 0x90:
            assert int(record[2]) not in theirs
        emitted.append(record.tolist())
        performance.hear(record, seconds, own=True)
    return emitted


@pytest.mark.parametrize("seed", range(5))
def test_we_end_our_notes_each_once_and_no_others(seed: int) -> None:
    performance = generator(seed, most_notes=4).performance(seed)
    sounding: dict[tuple[int, int], None] = {}
    for _, status, note, velocity, _ in played(performance, 400, np.random.default_rng(seed)):
        key = status & 15, note
        if status & 0xF0 == 0x90 and velocity:
            assert key not in sounding
            sounding[key] = None
        elif status & 0xF0 in (0x80, 0x90):
            del sounding[key]
        assert len(sounding) <= 4
    assert held(performance)[0] == list(sounding)


def test_what_sounds_too_long_is_proposed_to_be_ended() -> None:
    performance = generator(longest_note_seconds=2.0).performance(0, start=False)
    performance.hear(ON, 0.0, own=True)
    performance.hear([0, 0xB0, 64, 127, 3], 1.5, own=True)
    assert held(performance)[1] == [(0, 64)]
    for _ in range(50):
        seconds, record = performance.next()
        assert seconds <= 0.5
        if seconds == 0.5:
            assert record.tolist() == OFF
            break
    else:
        pytest.fail("its end was never proposed")


def test_a_note_is_struck_again_only_if_its_end_was_heard() -> None:
    performance = generator(3, channels=(0,), scale=None).performance(3, start=False)
    performance.hear(ON, 0.0, own=True)
    found = False
    for _ in range(3000):
        seconds, record = performance.next()
        again = performance._ensemble._off_first[0]
        if again is not None:
            found = True
            break
    assert found
    assert record.tolist() == OFF
    performance.hear(record, seconds, own=True)
    seconds, record = performance.next()
    assert (seconds, record.tobytes()) == (0.0, again[1])
    performance.hear([0, 0x90, 99, 64, 3], 0.1)  # the player was first
    assert performance._ensemble._owed == [None]


def test_with_somebody_there_are_only_channel_messages() -> None:
    performance = generator(0, messages="all").performance(0, channel_only=True)
    for _ in range(300):
        seconds, record = performance.next()
        assert record[0] == 0
        assert 0x80 <= record[1] < 0xF0
        performance.hear(record, seconds, own=True)
