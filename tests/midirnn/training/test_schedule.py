"""What a row of scores or losses makes of the learning rate, and of the run."""

import math

import numpy as np
import pytest

from midirnn.errors import RunError
from midirnn.settings.config import TrainingConfig
from midirnn.training.schedule import Divergence, Schedule


def schedule(plateau: int = 2, stopping: int = 5) -> Schedule:
    return Schedule(
        TrainingConfig(
            learning_rate=0.8, plateau_patience=plateau, early_stopping_patience=stopping
        )
    )


# Scores in a row; the rates after each; whether it is over then.
ROWS = {
    "better and better": ([9, 8, 7, 6], [0.8] * 4, False),
    "a plateau": ([9, 9, 9, 9, 9], [0.8, 0.8, 0.4, 0.4, 0.2], False),
    "a plateau that ends": ([9, 9, 9, 8, 8.5, 7], [0.8, 0.8, 0.4, 0.4, 0.4, 0.4], False),
    "one that does not": ([9, 9, 9.1, 10, 9, 9], [0.8, 0.8, 0.4, 0.4, 0.2, 0.2], True),
    "no numbers": ([math.nan] * 3, [0.8, 0.4, 0.4], False),
}


@pytest.mark.parametrize(("scores", "rates", "over"), ROWS.values(), ids=ROWS)
def test_a_row_of_scores(scores: list[float], rates: list[float], over: bool) -> None:
    plan = schedule()
    found = []
    for score in scores:
        before = plan.learning_rate
        assert plan.tell(score) == (plan.learning_rate < before)
        found.append(plan.learning_rate)
        # What is restored goes on as what was saved.
        other = schedule()
        other.restore(plan.checkpoint())
        plan = other
    assert found == pytest.approx(rates)
    assert plan.over == over


def test_without_patience_nothing_changes() -> None:
    plan = schedule(0, 0)
    for _ in range(100):
        plan.tell(5)
    assert (plan.learning_rate, plan.over, plan.waited) == (0.8, False, 99)


LOSSES = {
    "falling": ([10 / step for step in range(1, 200)], None),
    "no number": ([1.0, math.nan], "the loss is nan"),
    "infinite": ([1.0, math.inf], "the loss is inf"),
    "an outlier": ([1.0] * 50 + [15.0] + [1.0] * 50, None),
    "several outliers": ([1.0] * 50 + [1000.0] * 9 + [1.0] * 50, None),
    "an explosion": (
        [1.0] * 50 + [500.0] * 11,
        "half of the last losses are 500 or more; once it was 1",
    ),
    "slow, after a good time": ([100.0] * 20 + [1.0] * 50 + [50.0] * 50, None),
    "beyond the beginning": (
        [20.0] * 20 + [1.0] * 50 + [50.0] * 50,
        "half of the last losses are 50 or more",
    ),
    "negative": ([-1.0] * 50 + [5.0] * 50, None),
}


@pytest.mark.parametrize(("losses", "expected"), LOSSES.values(), ids=LOSSES)
def test_a_row_of_losses(losses: list[float], expected: str | None) -> None:
    watch = Divergence()
    for loss in losses:
        said = watch.tell(loss)
        if said is not None:
            break
        other = Divergence()
        other.restore(watch.checkpoint())
        watch = other
    if expected is None:
        assert said is None
    else:
        assert said is not None
        assert said.startswith(expected)


@pytest.mark.parametrize("made", [schedule(), Divergence()])
def test_what_is_not_a_checkpoint_of_it_is_refused(made: Schedule | Divergence) -> None:
    for arrays in ({}, {name: np.zeros((2, 2)) for name in made.checkpoint()}):
        with pytest.raises(RunError, match="of other shapes"):
            made.restore(arrays)
