"""A run folder: what is written is read back, damage is named, and one process trains in it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from midirnn.corpus.reading import Corpus, LeftOut
from midirnn.errors import ConfigError, MidiRnnError, RunError
from midirnn.plugin import Events
from midirnn.run.folder import Run
from midirnn.settings.config import Config
from midirnn.settings.resolve import resolve

EVENTS = Events(np.arange(15, dtype=np.uint8).reshape(3, 5), np.array([0.5, 1.0, 2.0]))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run folder with everything but checkpoints."""
    run = Run(tmp_path / "run")
    run.folder.mkdir()
    run.save_config(Config())
    run.save_starts(EVENTS)
    run.save_plugins([])
    run.save_corpus(Corpus([EVENTS], [Path("a.mid")], []).report())
    return run


def test_what_is_saved_is_read_back(run: Run) -> None:
    config = resolve(None, {"training": {"lanes": 3}, "sink": [{"name": "file", "path": "ü.mid"}]})
    run.save_config(config)
    assert run.config() == config
    starts = run.starts()
    np.testing.assert_array_equal(starts.records, EVENTS.records)
    assert starts.delta_seconds.tolist() == [0.5, 1.0, 2.0]
    assert run.corpus() == Corpus([EVENTS], [Path("a.mid")], []).report()


@pytest.mark.parametrize("name", ["f\u00fcr-\u591c.mid", "latin-\udcfc.mid"])
def test_a_left_out_file_may_have_any_name_that_a_folder_can_hold(run: Run, name: str) -> None:
    """An undecodable byte of a file's name is a lone surrogate in Python."""
    run.save_corpus(Corpus([EVENTS], [], [LeftOut(Path(name), "type 2", "…")]).report())
    assert run.corpus()["left_out"] == [{"path": name, "reason": "type 2", "detail": "…"}]
    (run.folder / "corpus.json").read_text(encoding="utf-8")


def test_the_files_are_utf_8_whatever_the_locale(run: Run) -> None:
    run.save_corpus(Corpus([EVENTS], [], [LeftOut(Path("夜.mid"), "type 2", "")]).report())
    code = (
        "import sys; from pathlib import Path; from midirnn.run.folder import Run\n"
        "print(ascii(Run(Path(sys.argv[1])).corpus()['left_out'][0]['path']))"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", code, str(run.folder)],
        capture_output=True, text=True, env=os.environ | {"LC_ALL": "C"},
    )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == (r"'\u591c.mid'", "")


def test_what_is_no_run_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"there is no run folder .*/none"):
        Run(tmp_path / "none").config()
    with pytest.raises(RunError, match=r"is not a run folder: it has no config\.toml"):
        Run(tmp_path).config()
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="there is no run folder"):
        Run(tmp_path / "file").config()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.toml", b"[training\n"),
        ("config.toml", b"\xff\xfe"),
        ("config.toml", b"[training]\nlanes = 'many'\n"),
        ("corpus.json", None),
        ("corpus.json", b""),
        ("corpus.json", b'{"songs": 1'),
        ("corpus.json", b'{"songs": 1}'),
        ("corpus.json", b"[]"),
        ("corpus.json", b"\xff\xfe"),
        ("start.npz", None),
        ("start.npz", b""),
        ("start.npz", b"PK"),
        ("start.npz", b"junk" * 100),
        ("start.npz", b"\x93NUMPY" + b"\x00" * 100),
    ],
)
def test_a_damaged_file_is_named(run: Run, name: str, content: bytes | None) -> None:
    path = run.folder / name
    path.unlink() if content is None else path.write_bytes(content)
    read: dict[str, Callable[[], object]] = {
        "config.toml": run.config, "corpus.json": run.corpus, "start.npz": run.starts,
    }  # fmt: skip
    with pytest.raises(ConfigError if name == "config.toml" else RunError) as caught:
        read[name]()
    assert str(path) in str(caught.value)


def test_an_npy_in_the_place_of_an_npz_is_named(run: Run) -> None:
    with (run.folder / "start.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(RunError, match=r"start\.npz is missing or damaged"):
        run.starts()


def test_any_changed_byte_is_an_error_of_ours_or_changes_nothing(run: Run) -> None:
    path = run.folder / "start.npz"
    whole = path.read_bytes()
    errors = 0
    for index in range(len(whole)):
        for flip in (0x01, 0x08, 0x80):
            data = bytearray(whole)
            data[index] ^= flip
            path.write_bytes(data)
            try:
                starts = run.starts()
            except MidiRnnError:
                errors += 1
            else:
                np.testing.assert_array_equal(starts.records, EVENTS.records)
                np.testing.assert_array_equal(starts.delta_seconds, EVENTS.delta_seconds)
    assert errors > len(whole)


def test_one_training_at_a_time(run: Run) -> None:
    first = run.lock()
    with first:
        for _ in range(2):
            with pytest.raises(RunError, match=f"another process is training in {run.folder}"):
                run.lock().__enter__()
    # Free again, though the first lock is still known.
    with run.lock():
        pass


def test_the_lock_is_let_go_when_training_fails(run: Run) -> None:
    with pytest.raises(ValueError, match="no luck") as caught, run.lock():
        raise ValueError("no luck")
    with run.lock():
        assert caught.value.__traceback__ is not None  # which holds on to the frames


def test_another_process_is_kept_out_and_a_killed_one_is_not_waited_for(run: Run) -> None:
    code = (
        "import sys; from pathlib import Path; from midirnn.run.folder import Run\n"
        "with Run(Path(sys.argv[1])).lock(): print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(run.folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunError, match="another process"):
            run.lock().__enter__()
        holder.kill()
    with run.lock():
        pass
