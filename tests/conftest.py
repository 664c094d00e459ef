"""Where the tests find real music: ``../shared`` beside the repository, if it is there."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


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
