"""Preparing a corpus: bytes of MIDI a second, against loading the same files and no more."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import midicodec
from midicodec.many import cores
from midirnn.composer import compose_corpus
from midirnn.corpus.inputs import find_inputs
from midirnn.corpus.prepare import prepare
from midirnn.corpus.reading import open_corpus
from midirnn.plugin.interfaces import Events
from midirnn.settings.config import CorpusConfig

Measure = Callable[[str, str, int, Callable[[], object]], None]
Report = Callable[[str], None]
SHARED = Path(__file__).resolve().parents[2] / "shared" / "corpus"
FILES = 8000


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8000 files, the real ones again and again where they are there, else composed ones."""
    folder = tmp_path_factory.mktemp("music")
    if SHARED.is_dir():
        sources = [each.path for each in find_inputs([SHARED])]
    else:
        compose_corpus(tmp_path_factory.mktemp("composed") / "in", seed=0)
        sources = sorted((tmp_path_factory.getbasetemp()).rglob("in/*.mid"))
    for number, source in zip(range(FILES), itertools.cycle(sources), strict=False):
        (folder / f"{number:05d}.mid").write_bytes(source.read_bytes())
    return folder


@pytest.fixture(scope="module")
def size(music: Path) -> int:
    return sum(path.stat().st_size for path in music.iterdir())


@pytest.mark.parametrize("how", ["reference: load_many", "duplicates kept", "duplicates left out"])
def test_prepare(
    how: str, music: Path, size: int, measure: Measure, report: Report, tmp_path: Path
) -> None:
    """Where duplicates are kept every song is written; else all but the first of each is not."""
    outs = (tmp_path / str(number) for number in itertools.count())
    config = CorpusConfig(duplicates="keep" if how == "duplicates kept" else "musical")

    def run() -> None:
        if how.startswith("reference"):
            for _ in midicodec.load_many(sorted(music.iterdir())):
                pass
        else:
            prepare(find_inputs([music]), next(outs), config)

    measure("prepare, bytes", how, size, run)
    before = os.times()
    run()
    after = os.times()
    busy = sum(after[:4]) - sum(before[:4])  # this process's and its workers'
    report(f"prepare, {how}: {size / 1e6 / busy:.1f} MB of MIDI for each second of a core")
    if how.startswith("reference"):
        report(f"prepare: {size / 1e6:.1f} MB of MIDI in {FILES} files, {cores()} cores")


@pytest.mark.parametrize("how", ["reference: one array, summed", "all songs, summed"])
def test_reading(how: str, music: Path, measure: Measure, tmp_path: Path) -> None:
    """A pass over all songs of a prepared corpus, against one over as many bytes in memory."""
    prepare(find_inputs([music]), tmp_path / "out", CorpusConfig(duplicates="keep"))
    songs = open_corpus([tmp_path / "out"], CorpusConfig()).songs
    count = sum(map(len, songs))
    records, times = np.ones((count, 5), np.uint8), np.ones(count)

    def run() -> None:
        for song in [Events(records, times)] if how.startswith("reference") else songs:
            song.records.sum()
            song.delta_seconds.sum()

    measure("read, records", how, count, run)


_PEAK = """
import sys
from pathlib import Path
from midirnn.settings.config import CorpusConfig
from midirnn.corpus.inputs import find_inputs
from midirnn.corpus.prepare import prepare

if __name__ == "__main__":
    inputs = find_inputs([Path(sys.argv[1])])[: int(sys.argv[2])]
    config = CorpusConfig(duplicates="keep")
    prepare(inputs, Path(sys.argv[3]), config, shard_bytes=8 * 2**20)
    lines = Path("/proc/self/status").read_text().splitlines()
    print(next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_memory(music: Path, report: Report, tmp_path: Path) -> None:
    """The peak with a shard of 8 MB, of a corpus and one four times as big."""
    script = tmp_path / "peak.py"
    script.write_text(_PEAK)
    for count in (FILES // 4, FILES):
        command = [sys.executable, str(script), str(music), str(count), str(tmp_path / str(count))]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        report(f"memory: {done.stdout.strip()} MB at most to prepare {count} files, shards of 8 MB")
