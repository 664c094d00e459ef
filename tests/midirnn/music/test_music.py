"""``evaluate --music``: what it says of copies, of noise, of songs of the same kind."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import midicodec
from midirnn.composer import compose_corpus
from midirnn.music.compare import compare_music
from midirnn.music.figures import FIGURES, measure
from midirnn.music.notes import Notes
from midirnn.music.report import text_of
from midirnn.plugin.interfaces import Events

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Events]


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 pieces: enough for some to be held out."""
    folder = tmp_path_factory.mktemp("music") / "songs"
    assert compose_corpus(folder, seed=4) == 48
    return folder


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other pieces by the same rules."""
    folder = tmp_path_factory.mktemp("others")
    compose_corpus(folder, seed=5, pieces_per_key=1)
    return folder


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory, written: Write) -> Path:
    """Songs of notes at random."""
    folder, rng = tmp_path_factory.mktemp("noise"), np.random.default_rng(1)
    for number in range(12):
        count = int(rng.integers(100, 400))
        starts = np.cumsum(rng.exponential(rng.uniform(0.05, 0.3), count))
        lengths, pitches = rng.exponential(0.3, count), rng.integers(20, 109, count)
        events = written(zip(starts, lengths, pitches.tolist(), strict=True))
        song = midicodec.Song.from_seconds(events.records, events.delta_seconds)
        midicodec.save(song, folder / f"{number}.mid")
    return folder


def test_songs_of_the_same_rules_overlap_and_noise_does_not(
    songs: Path, others: Path, noise: Path
) -> None:
    alike, unlike = (compare_music(each, [songs]) for each in (others, noise))
    assert alike.songs["training"] + alike.songs["held_out"] == 48
    assert (alike.songs["generated"], unlike.songs["generated"]) == (24, 12)
    for figure in FIGURES:
        ours, noisy = (found.figures[figure.name]["generated"] for found in (alike, unlike))
        assert ours.overlap is not None
        assert ours.overlap > 0.7, figure.name
        assert len(ours.mean) == figure.width
        assert noisy.overlap is not None
        assert noisy.overlap < ours.overlap, figure.name
    noisy_ones = [unlike.figures[figure.name]["generated"].overlap or 0 for figure in FIGURES]
    assert np.median(noisy_ones) < 0.2


def test_a_corpus_overlaps_with_itself(songs: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    from midirnn.corpus.inputs import find_inputs
    from midirnn.corpus.prepare import prepare
    from midirnn.settings.config import CorpusConfig

    prepare(find_inputs([songs]), out, CorpusConfig(validation_share=0, test_share=0))
    found = compare_music(songs, [out])
    assert found.songs == {"training": 48, "held_out": 0, "generated": 48}
    for name, spreads in found.figures.items():
        assert set(spreads) == {"training", "generated"}
        assert spreads["generated"].overlap == pytest.approx(1, abs=0.1), name
        assert spreads["generated"].mean == pytest.approx(spreads["training"].mean)
    for run in found.copied["exact"]["generated"]:
        assert run.notes == run.song_notes
        assert run.training_song is not None
    assert "held out" not in text_of(found)


def test_a_copy_among_new_songs_is_named(songs: Path, others: Path, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    shutil.copytree(others, mixed)
    training = compare_music(others, [songs]).copied["exact"]["generated"][0].training_song
    assert training is not None
    shutil.copyfile(training, mixed / "copy.mid")
    found = compare_music(mixed, [songs])
    runs = {Path(run.song).name: run for run in found.copied["exact"]["generated"]}
    copy = runs.pop("copy.mid")
    whole = len(Notes.of(_events(Path(training))))
    assert (copy.notes, copy.song_notes, copy.training_song) == (whole, whole, training)
    reference = max(run.notes for run in found.copied["exact"]["held_out"])
    assert max(run.notes for run in runs.values()) < 2 * reference < whole
    report = text_of(found)
    assert f"copy.mid at 0.0 s: {whole} of {whole} notes, as in {training} at 0.0 s" in report


def _events(path: Path) -> Events:
    song = midicodec.load(path)
    return Events(song.records, song.delta_seconds)


def test_a_prepared_corpus_gives_the_same_as_its_files(
    songs: Path, others: Path, midirnn: Command, tmp_path: Path
) -> None:
    done = midirnn("prepare", songs, "-o", tmp_path / "corpus")
    assert done.returncode == 0, done.stderr
    assert compare_music(others, [tmp_path / "corpus"]) == compare_music(others, [songs])


def test_the_command_lets_a_run_play_and_prints_text_or_json(
    trained: Path, songs: Path, midirnn: Command
) -> None:
    arguments = ("evaluate", "--music", trained, songs, "--songs", 3, "--length", 200)
    done, again = midirnn(*arguments), midirnn(*arguments, "--json")
    assert done.returncode == again.returncode == 0, done.stderr
    assert "3 songs generated from step" in done.stderr
    assert "scale consistency" in done.stdout
    found: dict[str, Any] = json.loads(again.stdout)
    assert found["songs"]["generated"] == 3
    assert [run["song"] for run in found["copied"]["exact"]["generated"]] == [
        "song 1", "song 2", "song 3",
    ]  # fmt: skip
    assert set(found["figures"]) == {figure.name for figure in FIGURES}
    assert "NaN" not in again.stdout
    done = midirnn("evaluate", "--music", trained, songs, "--checkpoint", 7)
    assert done.returncode == 2
    assert "there are: best, last" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("evaluate --music {none} {songs}", "there is no run folder"),
        ("evaluate --music {songs} {none}", "there is no file or folder"),
        ("evaluate --music {junk} {songs}", "none of the 1 MIDI files in"),
        ("evaluate --music {songs} {songs} --length lots", "expected a length such as"),
        ("evaluate --music {songs} {songs} --split test", "leave --split out"),
        ("evaluate {songs} {songs} --songs 3", "are for --music"),
    ],
)
def test_bad_input_is_one_line(
    arguments: str, message: str, songs: Path, tmp_path: Path, midirnn: Command
) -> None:
    (tmp_path / "junk").mkdir()
    (tmp_path / "junk" / "not.mid").write_bytes(b"MThd but not really")
    places = {"songs": songs, "none": tmp_path / "none", "junk": tmp_path / "junk"}
    done = midirnn(*arguments.format(**places).split())
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_songs_without_notes_are_compared_all_the_same(songs: Path, tmp_path: Path) -> None:
    empty = midicodec.Song.from_messages([bytes([0xB0, 7, 100]), bytes([0xB0, 7, 90])])
    midicodec.save(empty, tmp_path / "empty.mid")
    assert np.isnan(measure(Notes.of(_events(tmp_path / "empty.mid")))).all()
    found = compare_music(tmp_path, [songs])
    assert {each["generated"].songs for each in found.figures.values()} == {0}
    assert [run.notes for run in found.copied["line"]["generated"]] == [0]
    assert "–" in text_of(found)
    assert "NaN" not in json.dumps(found.as_dict())


def test_it_needs_no_tensorflow(songs: Path, others: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from midirnn.music.compare import compare_music\n"
        f"compare_music(Path({str(others)!r}), [Path({str(songs)!r})])\n"
        "print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
