"""How long training is said to take: as long as its steps, or as the clock leaves it."""

import re

import pytest

from midirnn.console import progress
from midirnn.console.progress import Progress, ProgressBar


@pytest.mark.parametrize(
    ("minutes", "left"),
    [(None, "16:40"), (100.0, "16:40"), (1.0, "00:50"), (0.1, "00:00")],
    ids=["by steps", "more time than steps", "the clock ends it", "time is over"],
)
def test_what_is_left_is_by_steps_or_by_the_clock(
    minutes: float | None, left: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    now = iter([100.0, 110.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    with ProgressBar(1010, 0, minutes) as bar:
        bar.show(Progress(10, 2.0, 50.0, 3.0))
    said = re.search(r"step 10/1010: .*, (\S+) left", capsys.readouterr().err)
    assert said is not None
    assert said[1] == left
