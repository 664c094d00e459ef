"""A corpus is prepared once: rows, reasons, and the same bytes however often it was interrupted."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest

import midicodec
from midicodec.many import cores
from midirnn.composer import compose_corpus
from midirnn.corpus.inputs import MANY, find_inputs
from midirnn.corpus.manifest import MANIFEST, Manifest
from midirnn.corpus.prepare import prepare
from midirnn.corpus.reading import read_events
from midirnn.corpus.store import Store, read_table, songs_path
from midirnn.errors import CorpusError
from midirnn.settings.config import CorpusConfig

Command = Callable[..., subprocess.CompletedProcess[str]]

FILES = 96
MEGABYTES = 0.05
"""Some six of the composed pieces fill a shard of this."""


def write(path: Path, *times: int, velocity: int = 64, kind: int = 0, shift: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    messages = [
        mido.Message("note_on", note=60 + n + shift, time=t, velocity=velocity)
        for n, t in enumerate(times)
    ]
    midicodec.save(midicodec.Song.from_tracks([messages], smf_type=kind), path)
    return path


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Composed pieces, among them files that are no songs and songs that are there twice."""
    folder = tmp_path_factory.mktemp("pieces")
    assert compose_corpus(folder, seed=3, pieces_per_key=4) == FILES
    names = sorted(folder.iterdir())
    for number in range(0, FILES, 10):
        (folder / f"twice-{number}.mid").write_bytes(names[number].read_bytes())
        (folder / f"F-junk-{number}.mid").write_bytes(names[number].read_bytes()[:100])
    return folder


@pytest.fixture(scope="module")
def undisturbed(pieces: Path, tmp_path_factory: pytest.TempPathFactory, midirnn: Command) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed") / "corpus"
    done = midirnn("prepare", pieces, "-o", folder, "--shard-megabytes", MEGABYTES)
    assert done.returncode == 0, done.stderr
    return folder


def begun(*arguments: object, stderr: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """Start the command, to be stopped on its way."""
    command = [sys.executable, "-m", "midirnn", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def rows(store: Store) -> list[dict[str, Any]]:
    return [row for batch in store.batches() for row in batch.to_pylist()]


def left_out(store: Store) -> list[dict[str, Any]]:
    return [row for batch in store.left_out() for row in batch.to_pylist()]


def test_each_file_is_a_row_of_one_table_or_the_other(tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    write(folder / "a.mid", 0, 480, 480)
    write(folder / "b" / "exact.mid", 0, 480, 480)
    write(folder / "b" / "louder.mid", 0, 480, 480, velocity=99)
    write(folder / "c.mid", 0, 240, 480)
    write(folder / "d-short.mid", 0)
    write(folder / "e-two.mid", 0, 9, kind=2)
    (folder / "f-torn.mid").write_bytes((folder / "a.mid").read_bytes()[:-3])
    (folder / "g-link.mid").symlink_to(tmp_path / "nothing")
    prepare(find_inputs([folder]), out, CorpusConfig())
    store = Store(out)
    found = rows(store)
    assert [(row["folder"], row["path"]) for row in found] == [
        (str(folder), "a.mid"), (str(folder), "c.mid"),
    ]  # fmt: skip
    first = found[0]
    facts = ("smf_type", "division", "record_count", "message_count", "note_count", "seconds")
    assert [first[name] for name in facts] == [0, 480, 3, 3, 3, 1.0]
    assert (first["slowest_bpm"], first["fastest_bpm"]) == (120, 120)
    assert (first["time_signatures"], first["channels"]) == (["4/4"], [0])
    assert first["delta_seconds"] == [0, 0.5, 0.5]
    events = read_events(folder / "a.mid", CorpusConfig())
    assert first["records"] == events.records.tobytes()
    lost = {row["path"]: (row["reason"], row["byte_offset"]) for row in left_out(store)}
    offset = lost["f-torn.mid"][1]
    assert offset is not None
    assert offset > 13
    assert lost == {
        str(Path("b", "exact.mid")): ("duplicate", None),
        str(Path("b", "louder.mid")): ("musical duplicate", None),
        "d-short.mid": ("too short", None),
        "e-two.mid": ("type 2", None),
        "f-torn.mid": ("not readable as a MIDI file", offset),
        "g-link.mid": ("cannot be opened", None),
    }
    details = {row["path"]: row["detail"] for row in left_out(store)}
    assert details[str(Path("b", "louder.mid"))] == "the same notes as a.mid"


def test_a_song_never_changes_sides_when_the_corpus_grows(pieces: Path, tmp_path: Path) -> None:
    inputs = find_inputs([pieces])
    prepare(inputs, tmp_path / "whole", CorpusConfig())
    prepare(inputs[::3], tmp_path / "third", CorpusConfig())
    whole = {row["notes_sha256"]: row["split"] for row in rows(Store(tmp_path / "whole"))}
    third = rows(Store(tmp_path / "third"))
    assert len(third) > 30
    assert all(whole[row["notes_sha256"]] == row["split"] for row in third)
    assert set(whole.values()) == {"train", "validation", "test"}


def test_shards_are_bounded_and_songs_are_what_was_in_the_files(
    pieces: Path, undisturbed: Path
) -> None:
    store = Store(undisturbed)
    shards = store.manifest.shards
    assert len(shards) > 10
    assert len(store) == FILES
    assert sum(shard.left_out for shard in shards) == 20
    for number, shard in enumerate(shards):
        batch = read_table(songs_path(undisturbed, number))
        sizes = [13 * count for count in batch.column("record_count").to_pylist()]
        assert sum(sizes[:-1]) < MEGABYTES * 1e6  # full with the last one, and not before
        assert len(sizes) == shard.songs
    for row, facts in enumerate(rows(store)):
        events = read_events(pieces / facts["path"], CorpusConfig())
        song = store.song(row)
        np.testing.assert_array_equal(song.records, events.records)
        np.testing.assert_array_equal(song.delta_seconds, events.delta_seconds)
        assert not song.records.flags.owndata  # a view of the mapped file
        assert not song.delta_seconds.flags.owndata


def test_a_begun_corpus_is_gone_on_with_from_any_shard(
    pieces: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """Whatever a killed process has written of the shard it was at counts for nothing."""
    whole = contents(undisturbed)
    shards = json.loads(whole[MANIFEST])["shards"]
    inputs = find_inputs([pieces])
    for kept in range(0, len(shards) + 1, 3):
        folder = tmp_path / str(kept)
        for name, data in whole.items():
            number = int(Path(name).stem) if name.endswith(".arrow") else 0
            if number <= kept:  # one more than the manifest knows of
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(data if number < kept else data[: len(data) // 2])
        manifest = json.loads(whole[MANIFEST]) | {"shards": shards[:kept], "complete": False}
        if kept < len(shards):
            (folder / MANIFEST).write_text(json.dumps(manifest))
            (folder / "songs" / ".00001.arrow.abcd.part").write_bytes(b"half")
        else:
            (folder / MANIFEST).write_bytes(whole[MANIFEST])
        prepare(inputs, folder, CorpusConfig(), shard_bytes=round(MEGABYTES * 1e6))
        assert contents(folder) == whole


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("shard", [0, 1, 5, 9])
def test_killed_and_started_again_it_ends_in_the_same_bytes(
    shard: int, pieces: Path, undisturbed: Path, midirnn: Command, tmp_path: Path
) -> None:
    folder = tmp_path / "corpus"
    arguments = ["prepare", pieces, "-o", folder, "--shard-megabytes", MEGABYTES]
    kills = 0
    for number in (shard, shard + 2):  # killed twice, further on the second time
        process = begun(*arguments)
        written = folder / "left_out" / f"{number:05d}.arrow"  # the first of a shard's files
        while process.poll() is None and not written.exists():
            time.sleep(0.0005)
        process.kill()
        kills += process.wait() == -signal.SIGKILL
    assert kills
    with pytest.raises(CorpusError, match=r"is not finished: \d+ of 116 files"):
        Store(folder)
    done = midirnn(*arguments)
    assert done.returncode == 0, done.stderr
    assert contents(folder) == contents(undisturbed)


def test_ctrl_c_says_how_to_go_on(
    pieces: Path, undisturbed: Path, midirnn: Command, tmp_path: Path
) -> None:
    folder = tmp_path / "corpus"
    arguments = ["prepare", pieces, "-o", folder, "--shard-megabytes", MEGABYTES]
    process = begun(*arguments, stderr=subprocess.PIPE)
    while process.poll() is None and not songs_path(folder, 2).exists():
        time.sleep(0.0005)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"stopped; the same command goes on from the last shard" in errors
    assert midirnn(*arguments).returncode == 0
    assert contents(folder) == contents(undisturbed)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are looked for in /proc")
def test_killed_while_processes_read_it_leaves_none_of_them(
    midirnn: Command, tmp_path: Path
) -> None:
    for number in range(MANY + 200):
        write(tmp_path / "in" / f"{number:04d}.mid", 0, 480, 10 * (number + 1))
    arguments = ["prepare", tmp_path / "in", "--shard-megabytes", 0.005, "-o"]
    process = begun(*arguments, tmp_path / "out")
    while process.poll() is None and not (tmp_path / "out" / "songs" / "00002.arrow").exists():
        time.sleep(0.001)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert children or cores() == 1
    process.kill()
    assert process.wait() == -signal.SIGKILL
    deadline = time.monotonic() + 60
    while (alive := [pid for pid in children if running(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive
    for out in ("out", "undisturbed"):
        done = midirnn(*arguments, tmp_path / out)
        assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")
    # And read by one process it is the same.
    inputs = find_inputs([tmp_path / "in"])
    assert len(Store(tmp_path / "out")) == len(inputs)
    assert [row["path"] for row in rows(Store(tmp_path / "out"))] == [one.name for one in inputs]


def running(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_finished_corpus_stays_and_another_is_refused(
    pieces: Path, undisturbed: Path, midirnn: Command, tmp_path: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in undisturbed.rglob("*.arrow")}
    flags = ("-o", undisturbed, "--shard-megabytes", MEGABYTES)
    assert midirnn("prepare", pieces, *flags).returncode == 0
    assert before == {path: path.stat().st_mtime_ns for path in undisturbed.rglob("*.arrow")}
    others = {
        ("--drums", "drop"): "other settings (drums: keep → drop)",
        ("--shard-megabytes", "1"): "other settings (bytes of a shard: 50000 → 1000000)",
        (str(write(tmp_path / "more.mid", 0, 1)),): "other files (116, now 117",
    }
    for more, message in others.items():
        refused = midirnn("prepare", pieces, *flags, *more)
        assert refused.returncode == 2
        assert message in refused.stderr
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "diary.txt").write_text("dear")
    refused = midirnn("prepare", pieces, "-o", tmp_path / "else")
    assert refused.returncode == 2
    assert "exists and is not a prepared corpus" in refused.stderr
    assert [path.name for path in (tmp_path / "else").iterdir()] == ["diary.txt"]


def test_flags_become_settings(pieces: Path, midirnn: Command, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[corpus]\ndrums = "only"\nlongest_seconds = 50\n')
    done = midirnn(
        "prepare", pieces, "-o", tmp_path / "out", "--config", tmp_path / "config.toml",
        "--channels", "0-2,9", "--drums", "drop", "--time-signature", "4/4", "--types", "1",
        "--slowest-bpm", 100, "--duplicates", "exact", "--test-share", 0,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert Manifest.load(tmp_path / "out").settings == CorpusConfig(
        channels=(0, 1, 2, 9), drums="drop", longest_seconds=50, time_signatures=("4/4",),
        types=(1,), slowest_bpm=100, duplicates="exact", test_share=0,
    )  # fmt: skip
    found = rows(Store(tmp_path / "out"))
    assert 0 < len(found) < FILES
    assert {tuple(row["channels"]) for row in found} == {(0, 1, 2)}
    assert {row["split"] for row in found} == {"train", "validation"}
    assert min(row["slowest_bpm"] for row in found) > 100
    wrong = midirnn("prepare", pieces, "-o", tmp_path / "other", "--channels", "drums")
    assert wrong.returncode == 2
    assert "expected channels from 0 to 15 as 0-8,10, found 'drums'" in wrong.stderr


@pytest.mark.parametrize("damage", ["cut", "gone", "changed", "manifest", "settings", "version"])
def test_a_damaged_corpus_is_named(damage: str, pieces: Path, tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    prepare(find_inputs([pieces])[:10], folder, CorpusConfig())
    path, manifest = songs_path(folder, 0), folder / MANIFEST
    data = path.read_bytes()
    if damage == "cut":
        path.write_bytes(data[:-1])
    elif damage == "gone":
        path.unlink()
    elif damage == "changed":
        path.write_bytes(bytes(len(data)))
    elif damage == "manifest":
        manifest.write_text(manifest.read_text()[:-20])
    elif damage == "settings":
        manifest.write_text(manifest.read_text().replace('"drums": "keep"', '"drums": "kkep"'))
    else:
        manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 99'))
    with pytest.raises(CorpusError, match=r"prepare.* again") as refused:
        Store(folder).song(0)
    if damage != "version":
        assert str(manifest if damage in ("manifest", "settings") else path) in str(refused.value)


def test_a_file_name_that_is_no_text_is_written_as_a_code(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.mid")
    try:
        write(tmp_path / "in" / name, 0, 1)
    except OSError:
        pytest.skip("this file system takes no such name")
    prepare(find_inputs([tmp_path / "in"]), tmp_path / "out", CorpusConfig())
    assert rows(Store(tmp_path / "out"))[0]["path"] == "caf\\udce9.mid"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no limits to set")
def test_a_full_disk_is_a_clear_error_that_loses_nothing(
    pieces: Path, undisturbed: Path, midirnn: Command, tmp_path: Path
) -> None:
    import resource

    folder = tmp_path / "corpus"
    arguments = ("prepare", pieces, "-o", folder, "--shard-megabytes", MEGABYTES)

    def small_files() -> None:  # smaller than a shard
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    refused = midirnn(*arguments, preexec_fn=small_files)
    assert refused.returncode == 2
    assert refused.stderr.strip() == f"midirnn: {songs_path(folder, 0)}: File too large"
    assert midirnn(*arguments).returncode == 0
    assert contents(folder) == contents(undisturbed)
