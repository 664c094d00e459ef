"""The music that is measured on, and the table of ratios."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from midirnn.composer import compose_corpus

REFERENCE = "reference"

_medians: dict[str, dict[str, tuple[float, int]]] = defaultdict(dict)
_lines: list[str] = []


@pytest.fixture(scope="session")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """48 files of about 650 messages each."""
    folder = tmp_path_factory.mktemp("pieces")
    compose_corpus(folder, seed=0)
    return sorted(folder.iterdir())


@pytest.fixture
def measure(benchmark: Any) -> Callable[[str, str, int, Callable[[], object]], None]:
    """Measure a function that does ``count`` things, as ``name`` in a ``group`` of the table.

    In each group, the one whose name begins with "reference" is what the others are held against.
    """

    def run(group: str, name: str, count: int, function: Callable[[], object]) -> None:
        benchmark.group = group
        benchmark.name = name
        benchmark.pedantic(function, rounds=5, warmup_rounds=1)
        _medians[group][name] = (benchmark.stats.stats.median, count)

    return run


@pytest.fixture
def race() -> Callable[[str, int, Mapping[str, Callable[[], object]]], dict[str, float]]:
    """Measure functions that each do ``count`` things in turns, so that noise strikes all alike.

    Each runs once before it is measured, every time: the one before may have left threads that
    wait for work by spinning (OpenMP's do) and caches full of its data. Returns each one's median
    in seconds.
    """

    def run(
        group: str, count: int, functions: Mapping[str, Callable[[], object]]
    ) -> dict[str, float]:
        seconds: dict[str, list[float]] = {name: [] for name in functions}
        for turn in range(-1, 9):
            for name, function in functions.items():
                function()
                began = time.perf_counter()
                function()
                if turn >= 0:  # the first one warms up
                    seconds[name].append(time.perf_counter() - began)
        medians = {name: statistics.median(each) for name, each in seconds.items()}
        for name, median in medians.items():
            _medians[group][name] = (median, count)
        return medians

    return run


@pytest.fixture
def report() -> Callable[[str], None]:
    """Print a line below the table of ratios."""
    return _lines.append


def pytest_terminal_summary(terminalreporter: Any) -> None:
    write = terminalreporter.write_line
    if _medians:
        terminalreporter.write_sep("=", "ratios: how many times as fast as the reference (medians)")
    elif _lines:
        terminalreporter.write_sep("=", "measured")
    for group, members in _medians.items():
        rates = {name: count / seconds for name, (seconds, count) in members.items()}
        against = {name: rate for name, rate in rates.items() if name.startswith(REFERENCE)}
        for name, rate in rates.items():
            ratios = "".join(
                f"  {rate / base:9.2f} × {reference}" for reference, base in against.items()
            )
            if name not in against:
                write(f"{group:<28} {name:<28} {rate:>14,.0f}/s{ratios}")
    for line in _lines:
        write(line)
