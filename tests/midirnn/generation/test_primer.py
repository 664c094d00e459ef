"""Which file, how much of it, and where it is cut."""

from pathlib import Path

import mido
import numpy as np
import pytest

import midicodec
from midirnn.errors import CorpusError, GenerationError
from midirnn.generation.primer import PrimerChoice
from midirnn.settings.config import CorpusConfig


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("a.mid", PrimerChoice(Path("a.mid"))),
        ("a.mid:8s", PrimerChoice(Path("a.mid"), seconds=8.0)),
        ("a.mid:1.5 s", PrimerChoice(Path("a.mid"), seconds=1.5)),
        ("a.mid:4bars", PrimerChoice(Path("a.mid"), bars=4)),
        ("a.mid:1bar", PrimerChoice(Path("a.mid"), bars=1)),
        (r"C:\music\a.mid", PrimerChoice(Path(r"C:\music\a.mid"))),
        (r"C:\music\a.mid:4bars", PrimerChoice(Path(r"C:\music\a.mid"), bars=4)),
        ("a:b:2s", PrimerChoice(Path("a:b"), seconds=2.0)),
        ("a.mid:4", PrimerChoice(Path("a.mid:4"))),
        ("a.mid:fours", PrimerChoice(Path("a.mid:fours"))),
        (":4s", PrimerChoice(Path(":4s"))),
    ],
)
def test_a_primer_is_a_file_and_how_much_of_it(text: str, choice: PrimerChoice) -> None:
    assert PrimerChoice.parse(text) == choice


def test_a_file_of_the_whole_name_is_that_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("take:4s").touch()
    assert PrimerChoice.parse("take:4s") == PrimerChoice(Path("take:4s"))


@pytest.mark.parametrize("text", ["a.mid:0s", "a.mid:0bars", "a.mid:0.0s"])
def test_a_primer_of_nothing_is_an_error(text: str) -> None:
    with pytest.raises(GenerationError, match="more than nothing"):
        PrimerChoice.parse(text)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """A crotchet each, one after the other: two bars of 3/4 at 120, then 2/4 at 60."""
    track = [
        mido.MetaMessage("time_signature", numerator=3, denominator=4),
        mido.MetaMessage("set_tempo", tempo=500_000),
    ]
    for note in range(12):
        if note == 6:
            track += [
                mido.MetaMessage("time_signature", numerator=2, denominator=4),
                mido.MetaMessage("set_tempo", tempo=1_000_000),
            ]
        track += [
            mido.Message("note_on", note=60 + note, velocity=64),
            mido.Message("note_off", note=60 + note, time=96),
        ]
    path = tmp_path / "song.mid"
    midicodec.save(midicodec.Song.from_messages(track, division=96), path)
    return path


@pytest.mark.parametrize(
    ("part", "notes", "end"),
    [
        ("", 12, 9.0),
        (":1s", 2, 1.0),
        (":1.2s", 3, 1.2),  # the third goes on
        (":1bar", 3, 1.5),
        (":2bars", 6, 3.0),
        (":3bars", 8, 5.0),
        (":4bars", 10, 7.0),
        (":5bars", 12, 9.0),
        (":9bars", 12, 17.0),
    ],
)
def test_a_primer_is_cut_at_its_own_bars(song: Path, part: str, notes: int, end: float) -> None:
    primer = PrimerChoice.parse(f"{song}{part}").read(CorpusConfig())
    status = primer.events.records[:, 1]
    assert np.count_nonzero(status == 0x90) == notes
    # A note that ends at the cut is ended; one that begins there is not begun.
    assert np.count_nonzero(status == 0x80) == notes - (part == ":1.2s")
    assert primer.events.delta_seconds.sum() + primer.rest == pytest.approx(end)


@pytest.mark.parametrize(("bars", "notes"), [(1, 3), (2, 6), (3, 8), (4, 10)])
@pytest.mark.parametrize("signed", [(0, 576), (1, 576), (1, 577), (0, 575)])
def test_a_signature_a_little_off_its_bar_line_makes_no_bar_of_what_is_between(
    tmp_path: Path, signed: tuple[int, int], bars: int, notes: int
) -> None:
    """All hymns of openhymnal have their first notes, and the signature, at tick 1."""
    timed: list[tuple[int, mido.Message | mido.MetaMessage]] = [
        (tick, mido.MetaMessage("time_signature", numerator=beats, denominator=4))
        for tick, beats in zip(signed, (3, 2), strict=True)
    ]
    for note in range(12):
        timed.append((96 * note + 1, mido.Message("note_on", note=60 + note)))
        timed.append((96 * note + 96, mido.Message("note_off", note=60 + note)))
    timed.sort(key=lambda each: each[0])
    ticks = np.diff([tick for tick, _ in timed], prepend=0).tolist()
    track = [message.copy(time=tick) for tick, (_, message) in zip(ticks, timed, strict=True)]
    path = tmp_path / "hymn.mid"
    midicodec.save(midicodec.Song.from_messages(track, division=96), path)
    primer = PrimerChoice(path, bars=bars).read(CorpusConfig())
    assert np.count_nonzero(primer.events.records[:, 1] == 0x90) == notes


def test_the_time_after_the_last_event_is_told(song: Path) -> None:
    assert PrimerChoice(song, seconds=1.2).read(CorpusConfig()).rest == pytest.approx(0.2)
    assert PrimerChoice(song).read(CorpusConfig()).rest == 0


@pytest.mark.parametrize("part", ["", ":9s"])
def test_a_primer_does_not_say_that_the_song_is_over(tmp_path: Path, part: str) -> None:
    """A network that knows all messages would take it at its word; the time before it is heard."""
    path = tmp_path / "song.mid"
    file = mido.MidiFile(ticks_per_beat=480)
    notes = [mido.Message("note_on", note=60), mido.Message("note_off", note=60, time=480)]
    file.tracks.append(mido.MidiTrack([*notes, mido.MetaMessage("end_of_track", time=960)]))
    file.save(path)
    primer = PrimerChoice.parse(f"{path}{part}").read(CorpusConfig(messages="all"))
    assert primer.events.records[:, 1].tolist() == [0x90, 0x80]
    assert primer.rest == pytest.approx(8.5 if part else 1.0)


def test_a_primer_that_is_none_is_named(song: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"gone\.mid"):
        PrimerChoice(tmp_path / "gone.mid", bars=2).read(CorpusConfig())
    late = tmp_path / "late.mid"
    midicodec.save(
        midicodec.Song.from_messages([mido.Message("note_on", time=960), mido.Message("note_off")]),
        late,
    )
    with pytest.raises(GenerationError, match=r"late\.mid has nothing in its first 0.5 seconds"):
        PrimerChoice(late, seconds=0.5).read(CorpusConfig())
    empty = tmp_path / "empty.mid"
    midicodec.save(midicodec.Song.from_messages([]), empty)
    with pytest.raises(GenerationError, match=r"empty\.mid has nothing in it"):
        PrimerChoice(empty).read(CorpusConfig(messages="all"))
    frames = tmp_path / "frames.mid"
    notes = [mido.Message("note_on"), mido.Message("note_off", time=9)]
    midicodec.save(midicodec.Song.from_messages(notes, division=0xE728), frames)
    with pytest.raises(GenerationError, match=r"frames\.mid counts its time in frames"):
        PrimerChoice(frames, bars=1).read(CorpusConfig())
