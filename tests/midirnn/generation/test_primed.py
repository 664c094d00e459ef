"""Songs that go on from a file: in its tempo, on its beat, after its end."""

import itertools
from pathlib import Path

import mido
import numpy as np
import pytest
from networks import generator

import midicodec
from midirnn.generation.length import Length
from midirnn.generation.primer import Primer, PrimerChoice
from midirnn.plugin import Event, Events, StreamInfo
from midirnn.settings.config import CorpusConfig

TICKS = 480


def tune(path: Path, *tempi: tuple[int, int], first: int = 1, division: int = TICKS) -> Path:
    """Write 16 crotchets, legato, each a tick late, and the tempi (tick, beats a minute)."""
    timed: list[tuple[int, mido.Message | mido.MetaMessage]] = [
        (tick, mido.MetaMessage("set_tempo", tempo=round(60e6 / bpm))) for tick, bpm in tempi
    ]
    for note in range(16):
        timed.append((TICKS * note + first, mido.Message("note_on", note=60 + note)))
        timed.append((TICKS * (note + 1), mido.Message("note_off", note=60 + note)))
    timed.sort(key=lambda each: each[0])
    ticks = np.diff([tick for tick, _ in timed], prepend=0).tolist()
    track = [message.copy(time=tick) for tick, (_, message) in zip(ticks, timed, strict=True)]
    midicodec.save(midicodec.Song.from_messages(track, division=division), path)
    return path


def song(text: str, length: Length, **settings: object) -> tuple[float, list[Event]]:
    """Return its beats a minute, and its events."""
    primer = PrimerChoice.parse(text).read(CorpusConfig())
    of = generator(1, most_repeats=0, longest_wait_seconds=0.4, **settings)
    (take,) = of.songs(length, 0, primer=primer)
    assert take.info.ticks_per_beat == TICKS
    return round(60e6 / take.info.microseconds_per_beat, 2), list(take.events)


def begins(events: list[Event], notes: int) -> list[int]:
    ons = [each for each in events if each.message.type == "note_on" and each.message.velocity]
    return [each.start_ticks for each in ons[:notes]]


@pytest.mark.parametrize("tempo", [None, 60.0, 115.0, 200.0])
@pytest.mark.parametrize("length", [Length(bars=1), Length(records=5)])
def test_a_song_is_in_its_primers_tempo_or_brought_from_it(
    tmp_path: Path, length: Length, tempo: float | None
) -> None:
    path = tune(tmp_path / "hymn.mid", (1, 115))
    bpm, events = song(f"{path}:4.2s", length, tempo=tempo, quantize=12)
    assert bpm == (tempo or 115)
    assert begins(events, 9) == [TICKS * n for n in range(9)]
    _, unrounded = song(f"{path}:4.2s", length, tempo=tempo)
    np.testing.assert_allclose(begins(unrounded, 9), [TICKS * n for n in range(9)], atol=1)


def test_of_several_tempi_the_last_of_the_primer_is_gone_on_in(tmp_path: Path) -> None:
    path = tune(tmp_path / "rit.mid", (0, 120), (4 * TICKS, 90), (8 * TICKS, 60))
    for part, expected in ((":4bars", 60), (":2bars", 90), (":1bar", 120), (":3s", 90), ("", 60)):
        bpm, _ = song(f"{path}{part}", Length(records=5))
        assert bpm == expected
    _, events = song(f"{path}:2bars", Length(records=5), quantize=12)
    assert np.diff(begins(events, 8)[4:]).tolist() == [TICKS] * 3


def test_what_is_new_is_put_on_the_primers_beat(tmp_path: Path) -> None:
    path = tune(tmp_path / "song.mid", (0, 120))
    primer = PrimerChoice.parse(f"{path}:4.25s").read(CorpusConfig())
    assert primer.seconds == pytest.approx(4.25)
    (take,) = generator(1).songs(Length(bars=1), 0, primer=primer, only_new=True)
    assert take.info.microseconds_per_beat == 500_000
    events = list(take.events)
    assert min(each.start_ticks for each in events) >= TICKS / 2  # half a beat was over


def test_a_file_that_counts_frames_has_no_beat_of_its_own(tmp_path: Path) -> None:
    path = tune(tmp_path / "frames.mid", division=0xE728)  # 25 frames of 40 ticks: milliseconds
    assert PrimerChoice(path).read(CorpusConfig()).beat is None
    song(str(path), Length(bars=1))  # one is looked for, and there are notes


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("only_new", [False, True])
def test_without_rules_too_nothing_comes_before_the_primers_end(seed: int, only_new: bool) -> None:
    """Stray pieces of long messages, which such a network begins with, have no time."""
    rows = [[0, 0xB0, 7, 64, 3], [0, 0x90, 60, 64, 3], [0, 0x80, 60, 0, 3]]
    primer = Primer(Events(np.array(rows, np.uint8), np.array([0.0, 0.0, 1.5])), 3.0)
    of = generator(seed, messages="all", rules=False, most_repeats=0)
    (take,) = of.songs(Length(60), 0, info=StreamInfo(), primer=primer, only_new=only_new)
    new = list(take.events)[1 if only_new else 3 :]
    assert take.tally.skipped.total()
    assert min(each.start_seconds for each in new) >= (0.0 if only_new else 4.5 - 1e-3)


RANGE, TUNING, OWN, NULL = ((101, 0), (100, 0)), ((101, 0), (100, 1)), ((99, 1), (98, 8)), (
    (101, 127), (100, 127),
)  # fmt: skip


@pytest.mark.parametrize(
    ("set_", "remains"),
    [
        ([*RANGE, (6, 12), *NULL], [*RANGE, (6, 12), *NULL]),
        (
            [*RANGE, (6, 2), (38, 5), *NULL, (7, 90), *TUNING, (6, 64), *RANGE, (6, 12), *NULL],
            [(7, 90), *TUNING, (6, 64), *RANGE, (38, 5), (6, 12), *NULL],
        ),
        (
            [*OWN, (6, 70), *RANGE, (96, 0), (96, 0)],
            [*OWN, (6, 70), *RANGE, (96, 0), (96, 0), *OWN, *RANGE],
        ),
        ([(6, 1), *RANGE], [(6, 1), *RANGE]),
    ],
)  # fmt: skip
def test_of_a_primer_that_is_left_out_parameters_remain_with_what_selects_them(
    set_: list[tuple[int, int]], remains: list[tuple[int, int]]
) -> None:
    rows = [[0, 0xB0, *each, 3] for each in set_] + [[0, 0xB1, 7, 1, 3]]
    primer = Primer(Events(np.array(rows, np.uint8), np.zeros(len(rows))))
    (take,) = generator(1).songs(Length(5), 0, info=StreamInfo(), primer=primer, only_new=True)
    begun = [each.message for each in itertools.islice(take.events, len(remains) + 1)]
    assert sorted(each.channel for each in begun) == [0] * len(remains) + [1]
    assert [(each.control, each.value) for each in begun if each.channel == 0] == remains
