"""The training loop: what it saves, logs and counts, and that it can be taken up again."""

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from midirnn.builtin.augmentations import Noise
from midirnn.builtin.losses import BitCrossEntropy
from midirnn.console.progress import Progress
from midirnn.corpus.reading import Corpus
from midirnn.errors import RunError
from midirnn.plugin import Augmentation, Events, LossTerm, Predictions, Targets
from midirnn.run.folder import Run
from midirnn.settings.resolve import resolve
from midirnn.training.trainer import Outcome, Trainer


def song(seed: int, length: int = 40) -> Events:
    rng = np.random.default_rng(seed)
    records = rng.integers(0, 128, (length, 5)).astype(np.uint8)
    return Events(records, rng.random(length))


CORPUS = Corpus([song(seed) for seed in range(3)], [Path("x.mid")] * 3, [])
SETTINGS = {"steps": 4, "lanes": 2, "sequence_length": 5, "seed": 3, "learning_rate": 1e-3,
            "log_every": 2, "checkpoint_every": 3, "histogram_every": 100}  # fmt: skip
NEVER = threading.Event()
Make = Callable[..., Trainer]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a trainer of a tiny network in the run folder of a name."""

    def trainer(
        name: str = "run",
        losses: Sequence[LossTerm] = (),
        augmentations: Sequence[Augmentation] = (),
        corpus: Corpus = CORPUS,
        **settings: float,
    ) -> Trainer:
        run = Run(tmp_path / name)
        run.folder.mkdir(exist_ok=True)
        training = {**SETTINGS, **settings}
        model = {"head": "bits", "hidden_size": 4, "dense_size": 3, "keep_probability": 0.8}
        config = resolve(None, {"model": model, "training": training})
        return Trainer(run, config, corpus, augmentations, losses or [BitCrossEntropy()])

    return trainer


def checkpoint(tmp_path: Path, step: int, name: str = "run") -> dict[str, np.ndarray]:
    with np.load(tmp_path / name / "checkpoints" / f"step-{step:08d}.npz") as arrays:
        return dict(arrays)


def metrics(tmp_path: Path, name: str = "run") -> list[dict[str, Any]]:
    text = (tmp_path / name / "metrics.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    assert set(one) == set(other)
    return all(np.array_equal(one[name], other[name]) for name in one)


def test_a_run_saves_logs_and_reports_as_often_as_it_is_told(make: Make, tmp_path: Path) -> None:
    said: list[Progress] = []
    outcome = make().train(NEVER, said.append)
    losses = [each.loss for each in said]
    assert [each.step for each in said] == [1, 2, 3, 4]
    assert all(each.events_per_second > 0 for each in said)
    assert outcome == Outcome(4, False, False)
    assert {each.score for each in said} == {None}

    lines = metrics(tmp_path)
    last = checkpoint(tmp_path, 4)
    layers = {name.split("/")[1] for name in last if name.startswith("weights/")}
    assert [line["step"] for line in lines] == [2, 4]
    for line in lines:
        assert set(line) == {
            "step", "loss/loss", "loss/bit_cross_entropy", "gradients/nonfinite",
            "gradients/norm", "speed/learning_rate", "speed/events_per_second",
        } | {f"gradients/norm_of_{layer}" for layer in layers}  # fmt: skip
        assert line["loss/loss"] == pytest.approx(losses[line["step"] - 1])
        assert line["gradients/nonfinite"] == 0
        assert line["gradients/norm"] > 0
        assert line["speed/learning_rate"] == pytest.approx(1e-3)
    checkpoints = Run(tmp_path / "run").checkpoints
    assert checkpoints.steps == [3, 4]
    assert checkpoints.score(3) == pytest.approx(np.mean(losses[:3]))  # all since the one before
    assert checkpoints.score(4) == pytest.approx(losses[3])
    assert set(last) > {"weights/lstm1/kernel", "lanes/states", "optimizer/0"}
    assert last["lanes/position"].sum() == 4 * 2 * 5  # steps, lanes, records
    assert ((last["lanes/states"] != 0).any(axis=(2, 3)) == (last["lanes/position"] > 0)).all()


def test_the_same_seed_gives_the_same_run_and_another_another(make: Make, tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        make(name, augmentations=[Noise()], seed=seed).train(NEVER, lambda _: None)
    one, again, other = (checkpoint(tmp_path, 4, name) for name in ("one", "again", "other"))
    assert same(one, again)
    assert not np.array_equal(one["weights/lstm1/kernel"], other["weights/lstm1/kernel"])
    for line, repeated in zip(metrics(tmp_path, "one"), metrics(tmp_path, "again"), strict=True):
        assert line["loss/loss"] == repeated["loss/loss"]


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(make: Make, tmp_path: Path) -> None:
    make("whole").train(NEVER, lambda _: None)
    stop = threading.Event()
    outcome = make().train(stop, lambda progress: stop.set() if progress.step == 2 else None)
    assert (outcome.step, outcome.interrupted) == (2, True)
    # What was logged after the checkpoint comes again; a line cut short is no line.
    log = tmp_path / "run" / "metrics.jsonl"
    log.write_text(log.read_text() + '{"step": 3, "loss/loss": 1}\n{"step": "x"}\n[]\n{"step": 2,')
    resumed = make()
    resumed.restore(2)
    assert resumed.step == 2
    assert resumed.train(NEVER, lambda _: None).interrupted is False
    assert same(checkpoint(tmp_path, 4), checkpoint(tmp_path, 4, "whole"))
    lines, whole = metrics(tmp_path), metrics(tmp_path, "whole")
    assert [line["step"] for line in lines] == [2, 4]
    assert [line["loss/loss"] for line in lines] == [line["loss/loss"] for line in whole]


def test_when_its_minutes_are_over_a_run_ends_with_a_score_and_can_go_on(
    make: Make, tmp_path: Path
) -> None:
    outcome = make(corpus=VALIDATED, minutes=1e-9).train(NEVER, lambda _: None)
    assert outcome.out_of_time
    assert not outcome.interrupted
    assert outcome.step == 1
    score = Run(tmp_path / "run").checkpoints.score(1)
    assert score is not None
    assert score > 10  # validated, out of turn
    going_on = make(corpus=VALIDATED)
    going_on.restore(1)
    assert going_on.train(NEVER, lambda _: None) == Outcome(4, False, False)


def test_stopped_before_its_first_step_a_run_saves_nothing(make: Make, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    outcome = make().train(stop, lambda _: None)
    assert (outcome.step, outcome.interrupted) == (0, True)
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_another_optimizers_state_is_an_error_that_names_the_file(
    make: Make, tmp_path: Path
) -> None:
    trainer = make()
    trainer.step = 1
    trainer.save()
    arrays = checkpoint(tmp_path, 1)
    path = tmp_path / "run" / "checkpoints" / "step-00000001.npz"
    without = {name: array for name, array in arrays.items() if name != "optimizer/3"}
    misshapen = arrays | {"optimizer/3": np.zeros((7, 7), np.float32)}
    for damaged in (without, misshapen):
        np.savez(path, **damaged)
        with pytest.raises(RunError, match=r"step-00000001\.npz .* another optimizer"):
            trainer.restore(1)
    np.savez(path, **arrays)
    trainer.restore(1)


class RootOfNothing(LossTerm):
    """A loss of 0 whose gradient is not a number wherever the prediction of time comes from."""

    name = "root"

    def __call__(self, targets: Targets, predictions: Predictions, mask: tf.Tensor) -> tf.Tensor:
        return tf.sqrt(tf.reduce_sum(predictions.time, axis=1) * 0.0)


def test_gradients_that_are_no_numbers_are_counted_and_change_nothing(
    make: Make, tmp_path: Path
) -> None:
    trainer = make(losses=[BitCrossEntropy(), RootOfNothing()])
    trainer.save()
    trainer.train(NEVER, lambda _: None)
    before, after = checkpoint(tmp_path, 0), checkpoint(tmp_path, 4)
    infinite = {"schedule/figures", "divergence/medians"}  # there is no best yet
    assert all(np.isfinite(after[name]).all() for name in set(after) - infinite)
    changed = {name for name in before
               if name.startswith("weights/") and not np.array_equal(before[name], after[name])}  # fmt: skip  # noqa: E501
    # Only what has no part in the time.
    assert changed == {f"weights/{layer}/{weight}" for layer in ("bits_hidden", "bits_out")
                       for weight in ("kernel", "bias")}  # fmt: skip
    no_part = sum(before[name].size for name in changed)
    everything = sum(each.size for name, each in before.items() if name.startswith("weights/"))
    lines = metrics(tmp_path)
    assert [line["gradients/nonfinite"] for line in lines] == [everything - no_part] * 2
    assert all(line["loss/root"] == 0 for line in lines)


class NotANumber(LossTerm):
    """As when weights have grown beyond all bounds."""

    name = "no_number"

    def __call__(self, targets: Targets, predictions: Predictions, mask: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(predictions.time, axis=1) * float("nan")


def test_a_run_that_diverges_stops_and_says_so(make: Make, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"run: training diverged at step 1: the loss is nan; "
                       r"nothing was saved\. .* lower --learning-rate than 0\.001"):  # fmt: skip
        make(losses=[NotANumber()], log_every=1).train(NEVER, lambda _: None)
    assert metrics(tmp_path)[0]["loss/loss"] is None
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_an_explosion_names_the_last_checkpoint(make: Make, tmp_path: Path) -> None:
    trainer = make(steps=200, checkpoint_every=25)

    def explode(progress: Progress) -> None:
        if progress.step == 30:
            trainer._train_step.optimizer.learning_rate.assign(1e4)

    with pytest.raises(RunError, match=r"half of the last losses are .* or more; once .*; "
                       r"its last checkpoint is that of step 25"):  # fmt: skip
        trainer.train(NEVER, explode)
    assert np.isfinite(checkpoint(tmp_path, 25)["weights/lstm1/kernel"]).all()


def notes(seed: int, length: int = 40) -> Events:
    """Channel messages, which alone are scored."""
    events = song(seed, length)
    events.records[:, 0], events.records[:, 1], events.records[:, 4] = 0, 0x90 + seed % 2, 3
    return events


VALIDATED = Corpus(CORPUS.songs, CORPUS.paths, [], validation=[notes(9), notes(10), notes(11)])


def test_validation_decides_which_checkpoint_is_best(make: Make, tmp_path: Path) -> None:
    said: list[Progress] = []
    make(corpus=VALIDATED, steps=9, learning_rate=0.05).train(NEVER, said.append)
    lines = [line for line in metrics(tmp_path) if "validation/bits_per_message" in line]
    scores = {line["step"]: line["validation/bits_per_message"] for line in lines}
    assert list(scores) == [3, 6, 9]
    assert [each.score for each in said] == [None, None, *[scores[3]] * 3, *[scores[6]] * 3,
                                            scores[9]]  # fmt: skip
    checkpoints = Run(tmp_path / "run").checkpoints
    assert scores[checkpoints.find("best")] == min(scores.values())
    assert {step: checkpoints.score(step) for step in scores} == scores
    # The same figures as of the weights that were saved.
    trainer = make("other", corpus=VALIDATED)
    trainer._network.load(checkpoints.load(9, "weights"))
    evaluation = trainer._evaluator.evaluate(trainer._validation)
    assert evaluation.bits_per_message == scores[9]


def test_only_so_many_records_are_validated_on(make: Make) -> None:
    for records, songs in ((1, 1), (40, 1), (41, 2), (1000, 3)):
        assert len(make(corpus=VALIDATED, validation_records=records)._validation) == songs


def test_songs_to_validate_on_are_from_all_over_the_corpus(make: Make) -> None:
    """Not from the folder that comes first."""
    corpus = replace(CORPUS, validation=[notes(seed) for seed in range(20)])
    places = {id(each): place for place, each in enumerate(corpus.validation)}
    chosen, again = (
        [places[id(each)] for each in make(corpus=corpus, validation_records=200)._validation]
        for _ in range(2)
    )
    assert len(set(chosen)) == 5
    assert max(chosen) - min(chosen) >= 10
    assert again == chosen


class Hungry(Augmentation):
    """Asks for more memory than there is."""

    name = "hungry"

    def augment_inputs(self, bits: tf.Tensor, time: tf.Tensor, seed: tf.Tensor) -> Any:
        much = tf.random.stateless_uniform([1 << 42], seed)
        return bits + much[0], time


def test_too_little_memory_is_told_in_a_line(make: Make) -> None:
    trainer = make(augmentations=[Hungry()])
    with pytest.raises(RunError, match=r"not enough memory for a step of 2 lanes.*lower --lanes"):
        trainer.train(NEVER, lambda _: None)


SCHEDULED = {"corpus": VALIDATED, "steps": 40, "checkpoint_every": 2, "learning_rate": 0.3,
             "plateau_patience": 2, "early_stopping_patience": 5}  # fmt: skip


def test_a_plateau_lowers_the_rate_and_in_the_end_stops(make: Make, tmp_path: Path) -> None:
    outcome = make(**SCHEDULED).train(NEVER, lambda _: None)
    assert (outcome.interrupted, outcome.stopped_early) == (False, True)
    assert outcome.step == Run(tmp_path / "run").checkpoints.find("best") + 5 * 2 < 40
    rates = [line["speed/learning_rate"] for line in metrics(tmp_path) if "loss/loss" in line]
    assert rates[0] == pytest.approx(0.3)
    assert rates[-1] == pytest.approx(0.3 / 4)
    again = make(**SCHEDULED)
    again.restore(outcome.step)
    assert again.train(NEVER, lambda _: None) == outcome


@pytest.mark.parametrize("killed_after", [2, 5, 9])
def test_a_schedule_goes_on_where_it_was(killed_after: int, make: Make, tmp_path: Path) -> None:
    whole = make("whole", **SCHEDULED).train(NEVER, lambda _: None)
    stop = threading.Event()
    make(**SCHEDULED).train(
        stop, lambda progress: stop.set() if progress.step == killed_after else None
    )
    resumed = make(**SCHEDULED)
    resumed.restore(killed_after)
    assert resumed.train(NEVER, lambda _: None) == whole
    assert same(checkpoint(tmp_path, whole.step), checkpoint(tmp_path, whole.step, "whole"))
    keys = ("step", "loss/loss", "speed/learning_rate", "validation/bits_per_message")
    mine, others = (
        [[line.get(key) for key in keys] for line in metrics(tmp_path, name)]
        for name in ("run", "whole")
    )
    assert mine == others


class Spy(Augmentation):
    """Notes that it saw a song, and marks it."""

    def __init__(self, mark: int, seen: list[int]) -> None:
        super().__init__()
        self.mark, self.seen = mark, seen

    def augment_events(self, events: Events, rng: np.random.Generator) -> Events:
        self.seen.append(self.mark)
        records = events.records.copy()
        records[:, 0] = (records[:, 0] + self.mark) * 2  # modulo 256
        return Events(records, events.delta_seconds)


def test_songs_are_augmented_in_the_order_given(make: Make) -> None:
    seen: list[int] = []
    trainer = make(augmentations=[Spy(1, seen), Noise(), Spy(2, seen)])
    batch = trainer._lanes.next(0)
    assert seen[:2] == [1, 2]
    plain = make(augmentations=[Noise()])._lanes.next(0)
    expected = ((plain.records[:, :, 0] + 1) * 2 + 2) * 2
    np.testing.assert_array_equal(batch.records[:, :, 0], expected)
    np.testing.assert_array_equal(batch.delta_seconds, plain.delta_seconds)
