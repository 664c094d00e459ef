"""Many files at once: in order, each with its outcome, and no more ahead than is wanted."""

import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import midicodec
from midicodec import Loaded, MidiCodecError, SmfError, load_many
from midicodec.many import _AHEAD, _BATCH, cores, side_by_side
from midicodec.smf_write import build

SONGS = [midicodec.Song([[0, 0xF6, 0, 0, 1]], [n], division=n + 1) for n in range(100)]


@pytest.fixture(params=["threads", "processes"])
def in_threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr("midicodec.many.NATIVE", request.param == "threads")
    return request.param == "threads"


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Songs; every seventh is none, every tenth is cut off, and one is not there."""
    files = []
    for number, song in enumerate(SONGS):
        files.append(tmp_path / f"{number}.mid")
        data = build(song, canonical=True)
        data = b"none" if number % 7 == 3 else data[:-1] if number % 10 == 1 else data
        if number != 50:
            files[-1].write_bytes(data)
    return files


@pytest.mark.usefixtures("in_threads")
def test_files_come_in_order_each_with_its_outcome(paths: list[Path]) -> None:
    found = list(load_many(paths, workers=2))
    assert [each.path for each in found] == paths
    for number, each in enumerate(found):
        if number == 50:
            assert isinstance(each.error, FileNotFoundError)
            assert each.error.filename == str(paths[50])
        elif number % 7 == 3 or number % 10 == 1:
            assert isinstance(each.error, SmfError)
            assert each.error.path == str(paths[number])
        else:
            assert each == Loaded(paths[number], midicodec.load(paths[number]), None)
            assert each.song is not None
            assert each.song.division == number + 1
        assert (each.song is None) == (each.error is not None)


def test_salvage_is_asked_for_as_in_load(paths: list[Path]) -> None:
    found = list(load_many(map(str, paths), errors="salvage"))
    assert [each.path for each in found] == [str(path) for path in paths]
    assert [n for n, each in enumerate(found) if each.error] == [50]
    defects = {n for n, each in enumerate(found) if each.song is not None and each.song.defects}
    assert defects == {n for n in range(100) if n % 7 == 3 or n % 10 == 1} - {50}
    with pytest.raises(MidiCodecError, match="expected errors to be"):
        list(load_many(paths[:1], errors="skip"))  # type: ignore[arg-type]


def test_nothing_is_nothing() -> None:
    assert list(load_many([])) == []


class Endless:
    """Paths without an end, that count how many were taken."""

    def __init__(self, path: Path) -> None:
        self.path, self.taken = path, 0

    def __iter__(self) -> Iterator[Path]:
        while True:
            self.taken += 1
            yield self.path


def test_only_so_many_are_read_ahead(paths: list[Path]) -> None:
    endless, workers = Endless(paths[0]), 3
    results = load_many(endless, workers=workers)
    assert endless.taken == 0
    for number in range(1, 300):
        next(results)
        assert endless.taken <= number + workers * _AHEAD * _BATCH
    results.close()


def test_whoever_has_had_enough_waits_for_no_more(tmp_path: Path) -> None:
    done, lock = [], threading.Lock()

    def slowly(path: object) -> object:
        time.sleep(0.01)
        with lock:
            done.append(path)
        return path

    before = threading.active_count()
    results = side_by_side(slowly, Endless(tmp_path), workers=2, in_threads=True)
    assert next(results) == tmp_path
    results.close()
    assert len(done) <= 5 * _BATCH  # of the 2 * _AHEAD * _BATCH that were handed over
    assert threading.active_count() == before
    assert list(results) == []


def test_an_error_that_is_no_outcome_comes_through(tmp_path: Path) -> None:
    def fails(path: object) -> None:
        raise ZeroDivisionError(path)

    with pytest.raises(ZeroDivisionError):
        list(side_by_side(fails, [tmp_path] * 100, workers=2, in_threads=True))

    def paths() -> Iterator[Path]:
        yield tmp_path
        raise KeyError("no more")

    with pytest.raises(KeyError, match="no more"):
        list(load_many(paths()))


def test_several_work_at_the_same_time(tmp_path: Path) -> None:
    meeting = threading.Barrier(2, timeout=20)

    def meet(paths: list[Path]) -> list[int]:
        meeting.wait()
        return [len(paths)]

    met = side_by_side(meet, [tmp_path] * 2 * _BATCH, workers=2, in_threads=True)
    assert list(met) == [_BATCH] * 2


def test_threads_are_for_the_core_and_processes_for_python(paths: list[Path]) -> None:
    script = (
        "import sys, midicodec, threading\n"
        "if __name__ == '__main__':\n"
        "    found = midicodec.load_many(sys.argv[1:], workers=1)\n"
        "    next(found)\n"
        "    names = [thread.name for thread in threading.enumerate()]\n"
        "    print(any(name.startswith('midicodec') for name in names))\n"
    )
    file = paths[0].with_name("script.py")
    file.write_text(script)
    built = importlib.util.find_spec("midicodec._smf") is not None
    for pure in ("0", "1"):
        done = subprocess.run(
            [sys.executable, str(file), str(paths[0])], capture_output=True, text=True,
            env=os.environ | {"MIDICODEC_PURE": pure}, check=True,
        )  # fmt: skip
        assert done.stdout.strip() == str(pure == "0" and built)


def test_as_many_workers_as_cores() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)


def test_an_interrupted_verify_says_so_in_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mid")  # to read from it takes as long as nobody writes
    command = [sys.executable, "-m", "midicodec", "verify", str(tmp_path / "pipe.mid")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:  # fmt: skip
        with (tmp_path / "pipe.mid").open("wb"):  # opens when the worker reads
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.1)
        output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (130, "", "midicodec: interrupted\n")


def test_arguments_that_do_not_fit_are_told_at_once() -> None:
    with pytest.raises(midicodec.MidiCodecError, match="1 worker or more, found 0"):
        midicodec.load_many([], workers=0)
    with pytest.raises(midicodec.MidiCodecError, match='"strict" or "salvage"'):
        midicodec.load_many([], errors="none")


def test_a_name_that_no_file_can_have_is_an_outcome_too() -> None:
    (loaded,) = midicodec.load_many(["a\0b.mid"], workers=1)
    assert isinstance(loaded.error, OSError)
    assert loaded.song is None


def _die(path):
    os._exit(9)


def test_a_killed_worker_is_an_error_of_ours() -> None:
    with pytest.raises(midicodec.MidiCodecError, match="a worker process was killed"):
        list(side_by_side(_die, ["a", "b"], workers=1))
