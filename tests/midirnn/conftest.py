"""A small corpus made by rule and a small run trained on it, once for all tests."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from midirnn.composer import compose_corpus

Command = Callable[..., subprocess.CompletedProcess[str]]

SMALL = ("--hidden-size", "16", "--lanes", "4", "--seed", "7")
"""Flags of a network that trains in seconds."""


@pytest.fixture(scope="session")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 24 short pieces."""
    folder = tmp_path_factory.mktemp("composed")
    assert compose_corpus(folder, seed=1, pieces_per_key=1) == 24
    return folder


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, composed: Path, midirnn: Command) -> Path:
    """A run folder after 40 steps, with a checkpoint every 20."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    done = midirnn(
        "train", composed, "--run", folder, "--steps", 40, "--checkpoint-every", 20, *SMALL
    )
    assert done.returncode == 0, done.stderr
    return folder
