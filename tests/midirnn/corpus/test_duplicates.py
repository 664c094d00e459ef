"""What counts as the same song, and what does not; and on which side of the split it is."""

from collections import Counter

import mido
import numpy as np
import pytest

import midicodec
from midirnn.corpus.duplicates import Duplicates
from midirnn.corpus.filters import read_piece
from midirnn.corpus.split import split_of
from midirnn.errors import UnusableError
from midirnn.settings.config import CorpusConfig

Message, Meta = mido.Message, mido.MetaMessage
TUNE = [(0, 60), (240, 64), (240, 67), (480, 72), (160, 71), (160, 69), (160, 67)]


def tune(
    scale: float = 1, shift: int = 0, channel: int = 0, velocity: int = 80, silence: int = 0
) -> list[mido.Message]:
    messages = []
    for number, (time, note) in enumerate(TUNE):
        time = round(time * scale) + (silence if number == 0 else 0)
        messages.append(
            Message("note_on", note=note + shift, time=time, channel=channel, velocity=velocity)
        )
        messages.append(Message("note_on", note=note + shift, velocity=0, channel=channel))
    return messages


def key(*tracks: list[mido.Message], division: int = 480) -> bytes:
    song = midicodec.Song.from_tracks(tracks, division=division)
    config = CorpusConfig(messages="all")
    return read_piece(midicodec.Loaded("x.mid", song, None), config).notes_sha256


SAME = {
    "another division": key(tune(scale=2), division=960),
    "a division that rounds": key(tune(scale=100 / 480), division=100),
    "another tempo": key([Meta("set_tempo", tempo=300_000)], tune()),
    "another channel": key(tune(channel=3)),
    "another key stroke": key(tune(velocity=1)),
    "a silence in front": key(tune(silence=777)),
    "another instrument": key([Message("program_change", program=9), *tune()]),
    "a doubled voice": key(tune(), tune(channel=1)),
    "two tracks": key(tune()[:6], [Message("note_off", note=1, time=1), *tune(silence=0)]),
    "seconds, in SMPTE frames": key(tune(scale=0.5 * 1000 / 480), division=0xE728),
}
OTHER = {
    "transposed": key(tune(shift=1)),
    "one note less": key(tune()[2:]),
    "another rhythm": key(tune(scale=2)),
    "on drums": key(tune(channel=9)),
    "a note later by a 64th": key([*tune()[:-2], Message("note_on", note=67, time=190)]),
}


@pytest.mark.parametrize("how", SAME)
def test_another_rendition_has_the_same_notes(how: str) -> None:
    assert SAME[how] == key(tune())


@pytest.mark.parametrize("how", OTHER)
def test_other_notes_are_another_song(how: str) -> None:
    assert OTHER[how] != key(tune())


def test_halves_of_the_grid_are_rounded_alike_in_every_division() -> None:
    """In seconds an odd 96th of a beat would be rounded up or down by the float's last bit."""
    keys = set()
    for division in (96, 192, 480, 960, 9600, 24000):
        tick = division // 96
        messages = [Message("note_on", note=60 + n, time=3 * tick) for n in range(60)]
        keys.add(key(messages, division=division))
    assert len(keys) == 1


def test_a_song_without_notes_is_known_by_its_messages() -> None:
    quiet, loud = (key([Message("control_change", control=7, value=value)]) for value in (1, 99))
    assert quiet == key([Message("control_change", control=7, value=1)])
    assert quiet != loud


@pytest.mark.parametrize(
    ("mode", "reasons"),
    [
        ("musical", [None, "duplicate", "musical duplicate", None]),
        ("exact", [None, "duplicate", None, None]),
        ("keep", [None, None, None, None]),
    ],
)
def test_the_song_that_stays_is_named(mode: str, reasons: list[str | None]) -> None:
    seen = Duplicates(CorpusConfig(duplicates=mode))  # type: ignore[arg-type]
    found: list[str | None] = []
    songs = {"a": (b"1", b"n"), "b": (b"1", b"n"), "c": (b"2", b"n"), "d": (b"3", b"m")}
    details = set()
    for name, hashes in songs.items():
        try:
            seen.check(*hashes)
        except UnusableError as error:
            details.add(error.detail)
            found.append(error.reason)
        else:
            seen.add(*hashes, name)
            found.append(None)
    assert all(detail.endswith(" as a") for detail in details)
    assert found == reasons


def test_the_split_has_the_shares_that_were_asked_for_and_depends_on_the_notes_alone() -> None:
    rng = np.random.default_rng(0)
    hashes = [rng.bytes(32) for _ in range(20_000)]
    config = CorpusConfig(validation_share=0.2, test_share=0.1)
    counts = Counter(split_of(each, config) for each in hashes)
    assert counts["test"] == pytest.approx(2000, abs=200)
    assert counts["validation"] == pytest.approx(4000, abs=300)
    # Fixed for ever: a corpus prepared years ago is split alike.
    fixed = [split_of(bytes([first]) + bytes(31), CorpusConfig()) for first in (0, 25, 26, 51, 52)]
    assert fixed == ["test", "test", "validation", "validation", "train"]
    nothing = CorpusConfig(validation_share=0, test_share=0)
    assert {split_of(each, nothing) for each in hashes} == {"train"}
