"""A corpus is opened prepared, or prepared on the fly and cached; its splits are read lazily."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from midirnn.corpus import reading
from midirnn.corpus.cache import DAYS, cache_folder
from midirnn.corpus.inputs import find_inputs
from midirnn.corpus.manifest import MANIFEST
from midirnn.corpus.prepare import prepare
from midirnn.corpus.reading import (
    FEWEST_TO_SPLIT,
    Corpus,
    open_corpus,
    prepared_among,
    read_corpus,
    read_split,
    settings_of,
)
from midirnn.corpus.store import Rows, Store, songs_path
from midirnn.errors import CorpusError
from midirnn.settings.config import CorpusConfig

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MIDIRNN_CACHE", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache"
    return tmp_path / "cache"


@pytest.fixture
def prepared(composed: Path, tmp_path: Path) -> Path:
    prepare(find_inputs([composed]), tmp_path / "prepared", CorpusConfig(), shard_bytes=50_000)
    return tmp_path / "prepared"


def test_the_splits_of_a_prepared_corpus_share_no_song_and_miss_none(
    prepared: Path, composed: Path
) -> None:
    corpus = open_corpus([prepared], CorpusConfig())
    assert len(corpus) + len(corpus.validation) + len(corpus.test) == 24
    assert 0 < len(corpus.validation) < len(corpus) > len(corpus.test) > 0
    everything = read_corpus([composed], CorpusConfig())
    known = {song.records.tobytes() for song in everything.songs}
    splits = {name: read_split(prepared, name) for name in ("train", "validation", "test")}
    parts = [{song.records.tobytes() for song in each.songs} for each in splits.values()]
    assert set.union(*parts) == known
    assert sum(map(len, parts)) == len(known) == 24
    assert parts == [
        {song.records.tobytes() for song in each}
        for each in (corpus.songs, corpus.validation, corpus.test)
    ]
    # The paths go with the songs.
    by_path = dict(zip(everything.paths, everything.songs, strict=True))
    for path, song in zip(corpus.paths, corpus.songs, strict=True):
        np.testing.assert_array_equal(by_path[path].records, song.records)


def test_a_fingerprint_is_of_what_decides_a_training_stored_or_not(prepared: Path) -> None:
    corpus = open_corpus([prepared], CorpusConfig())
    songs, validation = list(corpus.songs), list(corpus.validation)
    in_memory = Corpus(songs, [], [], validation)
    assert corpus.fingerprint == in_memory.fingerprint
    assert corpus.records == in_memory.records
    for other in ((songs[1:], validation), (songs, []), (songs + validation[:1], validation[1:])):
        assert corpus.fingerprint != Corpus(other[0], [], [], other[1]).fingerprint
    assert isinstance(corpus.songs[1:3], Rows)
    np.testing.assert_array_equal(corpus.songs[1:3][0].records, corpus.songs[1].records)
    np.testing.assert_array_equal(corpus.songs[-1].records, corpus.songs[len(corpus) - 1].records)
    with pytest.raises(IndexError):
        corpus.songs[len(corpus)]


def test_songs_too_short_for_a_reader_are_left_out_by_it(prepared: Path) -> None:
    lengths = sorted(len(song) for song in open_corpus([prepared], CorpusConfig()).songs)
    corpus = open_corpus([prepared], CorpusConfig(), shortest=lengths[3])
    assert min(map(len, corpus.songs)) == lengths[3]
    assert corpus.reasons["too short"] >= 3
    short = r"none of the 24 .* is usable: \d+ too short, \d held back for validation and test"
    with pytest.raises(CorpusError, match=short):
        open_corpus([prepared], CorpusConfig(), shortest=10**6)
    with pytest.raises(CorpusError, match=r"the test split of .* has no song of 1000000 records"):
        read_split(prepared, "test", shortest=10**6)


def test_which_side_a_song_is_on_is_the_same_for_every_reader(
    cache: Path, composed: Path, tmp_path: Path
) -> None:
    """Training asks for whole windows, scoring for any song: they must mean the same test split."""
    lengths = sorted(len(song) for song in open_corpus([composed], CorpusConfig()).songs)
    few = open_corpus([composed], CorpusConfig(), shortest=lengths[-3])
    every = open_corpus([composed], CorpusConfig())
    assert 0 < len(few) < FEWEST_TO_SPLIT  # some may be as long as the third longest
    for one, other in ((few.validation, every.validation), (few.test, every.test)):
        assert len(one) == len(other) > 0
        for mine, theirs in zip(one, other, strict=True):
            np.testing.assert_array_equal(mine.records, theirs.records)


def test_raw_files_are_prepared_once_and_again_when_they_or_the_settings_change(
    cache: Path, composed: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "songs"
    folder.mkdir()
    for path in composed.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    first = open_corpus([folder], CorpusConfig())
    assert len(first) + len(first.validation) + len(first.test) == 24
    (made,) = cache.glob(f"*/{MANIFEST}")
    arrow = songs_path(made.parent, 0)
    before = arrow.stat().st_mtime_ns
    assert open_corpus([folder], CorpusConfig()).fingerprint == first.fingerprint
    assert arrow.stat().st_mtime_ns == before
    open_corpus([folder], CorpusConfig(drums="drop"))
    path = next(folder.iterdir())
    os.utime(path, ns=(0, 0))
    open_corpus([folder], CorpusConfig())
    path.unlink()
    open_corpus([folder], CorpusConfig())
    assert len(list(cache.glob(f"*/{MANIFEST}"))) == 4


def test_a_damaged_cached_corpus_is_made_anew_and_an_old_one_goes(
    cache: Path, composed: Path, prepared: Path
) -> None:
    first = open_corpus([composed], CorpusConfig())
    (manifest,) = cache.glob(f"*/{MANIFEST}")
    arrow = songs_path(manifest.parent, 0)
    arrow.write_bytes(arrow.read_bytes()[:1000])
    assert open_corpus([composed], CorpusConfig()).fingerprint == first.fingerprint
    manifest.write_text("{")
    assert open_corpus([composed], CorpusConfig()).fingerprint == first.fingerprint
    long_ago = time.time() - (DAYS + 1) * 24 * 3600
    os.utime(manifest, (long_ago, long_ago))
    open_corpus([composed], CorpusConfig(drums="drop"))
    assert not manifest.parent.exists()
    assert len(list(cache.glob(f"*/{MANIFEST}"))) == 1


def test_of_few_raw_songs_none_is_held_back(cache: Path, composed: Path, tmp_path: Path) -> None:
    few = sorted(composed.iterdir())[: FEWEST_TO_SPLIT - 1]
    corpus = open_corpus(few, CorpusConfig())
    assert (len(corpus), len(corpus.validation), len(corpus.test)) == (len(few), 0, 0)
    prepare(find_inputs(few), tmp_path / "few", CorpusConfig())
    assert len(open_corpus([tmp_path / "few"], CorpusConfig())) < len(few)


def test_a_prepared_corpus_is_used_by_itself_and_finished(prepared: Path, composed: Path) -> None:
    assert prepared_among([composed]) is None
    assert settings_of([prepared]) == CorpusConfig()
    with pytest.raises(CorpusError, match="used by itself"):
        open_corpus([composed, prepared], CorpusConfig())
    manifest = prepared / MANIFEST
    manifest.write_text(manifest.read_text().replace('"complete": true', '"complete": false'))
    with pytest.raises(CorpusError, match="not finished"):
        Store(prepared)


def test_all_songs_held_back_is_an_error_that_says_so(composed: Path, tmp_path: Path) -> None:
    config = CorpusConfig(validation_share=0.99, test_share=0)
    prepare(find_inputs([composed])[:3], tmp_path / "few", config)
    with pytest.raises(CorpusError, match=r"the 3 songs of .* are all held back"):
        open_corpus([tmp_path / "few"], config)


def test_training_on_a_prepared_corpus_is_training_on_its_files(
    prepared: Path, composed: Path, midirnn: Command, small: tuple[str, ...], tmp_path: Path
) -> None:
    for name, source in (("raw", composed), ("stored", prepared)):
        done = midirnn("train", source, "--run", tmp_path / name, "--steps", 3, *small)
        assert done.returncode == 0, done.stderr
        assert "held back" in done.stderr
    arrays = [np.load(tmp_path / name / "checkpoints" / "step-00000003.npz")
              for name in ("raw", "stored")]  # fmt: skip
    assert arrays[0].files == arrays[1].files
    for name in arrays[0].files:
        np.testing.assert_array_equal(arrays[0][name], arrays[1][name], err_msg=name)
    done = midirnn(
        "train", prepared, "--run", tmp_path / "stored", "--steps", 4, "--resume", *small
    )
    assert done.returncode == 0, done.stderr
    refused = midirnn("train", prepared, "--run", tmp_path / "other", "--messages", "all", *small)
    assert refused.returncode == 2
    assert "prepared with other settings (messages: channel → all)" in refused.stderr
    assert not (tmp_path / "other").exists()


def test_of_many_files_left_out_the_first_are_named_and_all_are_counted(
    tmp_path: Path, composed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_NAMED", 2)
    shutil.copytree(composed, tmp_path / "songs")
    for number in range(5):
        (tmp_path / "songs" / f"{number}.mid").write_bytes(b"no MIDI")
    prepare(find_inputs([tmp_path / "songs"]), tmp_path / "corpus", CorpusConfig())
    corpus = open_corpus([tmp_path / "corpus"], CorpusConfig())
    assert [each.path.name for each in corpus.left_out] == ["0.mid", "1.mid"]
    assert corpus.reasons == {"not readable as a MIDI file": 5}
    assert str(corpus).endswith("5 files left out: 5 not readable as a MIDI file")
    assert len(corpus.report()["left_out"]) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="names are any bytes there")
def test_a_folder_may_have_any_name(tmp_path: Path, composed: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9") / "corpus"
    folder.parent.mkdir()
    prepare(find_inputs([composed]), folder, CorpusConfig())
    assert len(open_corpus([folder], CorpusConfig())) > 0
