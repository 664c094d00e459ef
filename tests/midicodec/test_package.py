"""The package as a whole: what importing it takes, its errors, its examples."""

import copy
import doctest
import importlib
import pickle
import pkgutil
import subprocess
import sys
from importlib import metadata
from types import ModuleType

import pytest

import midicodec
from midicodec import DecodeError, EncodeError, MidiCodecError, SmfError

MODULES = [f"midicodec.{each.name}" for each in pkgutil.iter_modules(midicodec.__path__)]


def python(script):
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_importing_it_does_not_import_mido():
    loaded = python("import midicodec, midicodec.__main__, sys; print(*sys.modules)")
    roots = {each.partition(".")[0] for each in loaded}
    assert {"midicodec", "numpy"} <= roots
    assert not roots & {"mido", "midirnn", "tensorflow", "matplotlib", "scipy"}


def test_only_messages_need_mido():
    script = """
import io, sys, midicodec
song = midicodec.Song([[0, 0xF8, 0, 0, 1]], [5])
file = io.BytesIO()
midicodec.save(song, file)
song = midicodec.load(file.getvalue())
midicodec.encode([bytes([0xF8])])
print(song.duration_seconds > 0, "mido" in sys.modules)
song.to_messages()
print("mido" in sys.modules)
"""
    assert python(script) == ["True", "False", "True"]


def test_all_that_is_public_is_said_to_be():
    public = {
        name
        for name, value in vars(midicodec).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert {*public, "__version__"} == set(midicodec.__all__)


def test_the_version_is_the_distribution_s():
    assert midicodec.__version__ == metadata.version("midicodec")


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_true(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples():
    """Or the test above would say nothing."""
    finder = doctest.DocTestFinder()
    found = [
        test
        for name in MODULES
        for test in finder.find(importlib.import_module(name))
        if test.examples
    ]
    assert len(found) >= 5


ERRORS = [
    (MidiCodecError("what is wrong"), "what is wrong"),
    (EncodeError(3, "a reason"), "message 3: a reason"),
    (DecodeError(4, "a reason"), "record 4: a reason"),
    (DecodeError(4, "a reason", b"\0\xf4\0\0\1"), "record 4 (00 f4 00 00 01): a reason"),
    (SmfError(None, 5, "this", "that"), "byte 5: expected this, found that"),
    (SmfError("a.mid", 5, "this", "that"), "a.mid: byte 5: expected this, found that"),
]


@pytest.mark.parametrize(("error", "expected"), ERRORS)
def test_errors_survive_pickling_and_copying(error, expected):
    """As they must, to come out of a worker process."""
    assert isinstance(error, MidiCodecError)
    for again in (error, pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert str(again) == expected
        assert vars(again) == vars(error)


def test_errors_come_out_of_a_worker():
    """The real way, through a process pool's queue."""
    script = """
import concurrent.futures, midicodec
if __name__ == "__main__":
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        error = pool.submit(midicodec.load, b"nonsense").exception()
    print(type(error).__name__, error.offset)
"""
    assert python(script) == ["SmfError", "0"]
