"""What all tests share: real music, ``../shared`` if it is there, and the command ``midirnn``."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real MIDI files and of the notebook's reference numbers."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared beside this clone: its real files are not there to test with")
    return SHARED


@pytest.fixture(scope="session")
def corpus(shared: Path) -> Path:
    """180 real MIDI files, and 39 odd ones in ``odd/``."""
    return shared / "corpus"


@pytest.fixture(scope="session")
def midirnn() -> Command:
    """Run the ``midirnn`` command as a user does, and return what it printed."""

    def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "midirnn", *map(str, arguments)]
        options.setdefault("env", os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"})
        return subprocess.run(  # type: ignore[call-overload, no-any-return]
            command, capture_output=True, text=True, timeout=300, **options
        )

    return run
