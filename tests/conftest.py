"""What tests share: real music if ``../shared`` is there, commands, a small run, made once."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"
Command = Callable[..., subprocess.CompletedProcess[str]]
Small = tuple[str, ...]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fuzz-seconds", type=int, default=60, help="how long test_fuzz.py takes")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real MIDI files and of the notebook's reference numbers."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared beside this clone: its real files are not there to test with")
    return SHARED


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What train prepares on the fly is the tests' own, and not in the cache of who runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIDIRNN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


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


@pytest.fixture(scope="session")
def uv() -> Callable[..., str]:
    """Run uv, which the README's commands need too, and return what it printed."""
    program = os.environ.get("UV") or shutil.which("uv")
    assert program is not None, "there is no uv: pip install uv"

    def run(*arguments: object, **options: object) -> str:
        command = [program, *map(str, arguments)]
        done = subprocess.run(  # type: ignore[call-overload]
            command, capture_output=True, text=True, timeout=300, **options
        )
        assert done.returncode == 0, done.stderr
        return done.stdout  # type: ignore[no-any-return]

    return run


@pytest.fixture(scope="session")
def short_windows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Settings with windows that TensorFlow traces in a moment; those of 50 take seconds."""
    file = tmp_path_factory.mktemp("settings") / "short.toml"
    file.write_text("[training]\nsequence_length = 10\n")
    return file


@pytest.fixture(scope="session")
def small(short_windows: Path) -> Small:
    """Flags of a network that trains in seconds."""
    return ("--hidden-size", "16", "--lanes", "4", "--seed", "7", "--config", str(short_windows))


@pytest.fixture(scope="session")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 24 short pieces, made by rule."""
    from midirnn.composer import compose_corpus  # here, so that midicodec's tests need no midirnn

    folder = tmp_path_factory.mktemp("composed")
    assert compose_corpus(folder, seed=1, pieces_per_key=1) == 24
    return folder


@pytest.fixture(scope="session")
def trained(
    tmp_path_factory: pytest.TempPathFactory, composed: Path, midirnn: Command, small: Small
) -> Path:
    """A run folder after 40 steps, with a checkpoint every 20."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    done = midirnn(
        "train", composed, "--run", folder, "--steps", 40, "--checkpoint-every", 20, *small
    )
    assert done.returncode == 0, done.stderr
    return folder
