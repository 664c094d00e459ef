"""Training that begins with another run's weights: which settings hold, and that it is resumed."""

import contextlib
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from models import SIZES, source_run

from midirnn.corpus.inputs import find_inputs
from midirnn.corpus.prepare import prepare
from midirnn.errors import ConfigError, RunError
from midirnn.run.export import export_run
from midirnn.run.folder import Run
from midirnn.settings.config import CorpusConfig
from midirnn.training import train as training
from midirnn.training.train import train_run


@pytest.fixture
def origin(tmp_path: Path) -> Run:
    """A model of the tests' size, float16."""
    return export_run(source_run(tmp_path / "source", seed=4), tmp_path / "origin").run


def settings(origin: Run, steps: int = 4, **training: object) -> dict[str, object]:
    values = {"begin_from": str(origin.folder), "steps": steps, "lanes": 2, "checkpoint_every": 2}
    return {"training": values | training}


@contextlib.contextmanager
def _stopped_at_once() -> Iterator[threading.Event]:
    stop = threading.Event()
    stop.set()
    yield stop


def last(run: Path, group: str = "weights") -> dict[str, np.ndarray]:
    checkpoints = Run(run).checkpoints
    return checkpoints.load(checkpoints.find("last"), group)


def test_it_begins_with_those_weights_and_that_network(
    composed: Path, tmp_path: Path, origin: Run
) -> None:
    # So low a rate that a step changes next to nothing.
    assert train_run([composed], tmp_path / "run", settings(origin, 1, learning_rate=1e-9))
    made = Run(tmp_path / "run")
    assert made.config().model == origin.config().model
    assert made.config().model.hidden_size == SIZES["hidden_size"]
    assert made.config().training.begin_from == str(origin.folder)
    for name, value in origin.checkpoints.load(3, "weights").items():
        np.testing.assert_allclose(last(made.folder)[name], value, atol=1e-7)


def test_killed_before_its_first_checkpoint_it_begins_the_same(
    composed: Path, tmp_path: Path, origin: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the run that it began from is not there any more."""
    assert train_run([composed], tmp_path / "whole", settings(origin))
    with monkeypatch.context() as patched:
        patched.setattr(training, "stop_on_signals", _stopped_at_once)
        assert train_run([composed], tmp_path / "run", settings(origin)) is False
    assert Run(tmp_path / "run").checkpoints.steps == []
    shutil.rmtree(origin.folder)
    assert train_run([composed], tmp_path / "run", {}, resume=True)
    same_to_the_bit(tmp_path / "run", tmp_path / "whole")


def test_resumed_it_ends_the_same(composed: Path, tmp_path: Path, origin: Run) -> None:
    assert train_run([composed], tmp_path / "whole", settings(origin))
    assert train_run([composed], tmp_path / "run", settings(origin, 2))
    assert train_run([composed], tmp_path / "run", settings(origin), resume=True)
    same_to_the_bit(tmp_path / "run", tmp_path / "whole")


def same_to_the_bit(one: Path, other: Path) -> None:
    for group in ("weights", "optimizer", "lanes"):
        first, second = last(one, group), last(other, group)
        assert first.keys() == second.keys()
        for name, value in first.items():
            np.testing.assert_array_equal(value, second[name], err_msg=name)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": {"hidden_size": 9}}, r"model.hidden_size: 8 → 9"),
        ({"model": {"head": "bits"}}, "model.head: bytes → bits"),
        ({"model": {"time_scale": "notebook"}}, "model.time_scale: log → notebook"),
        ({"corpus": {"messages": "all"}}, "corpus.messages: channel → all"),
    ],
)
def test_what_contradicts_the_weights_is_refused(
    given: dict[str, dict[str, object]], message: str, composed: Path, tmp_path: Path, origin: Run
) -> None:
    with pytest.raises(ConfigError, match=f"the weights of .* of other settings .*{message}"):
        train_run([composed], tmp_path / "run", settings(origin) | given)
    assert not (tmp_path / "run").exists()


def test_a_corpus_of_other_messages_is_refused(composed: Path, tmp_path: Path, origin: Run) -> None:
    prepare(find_inputs([composed]), tmp_path / "corpus", CorpusConfig(messages="all"))
    with pytest.raises(ConfigError, match=r"corpus.messages: channel → all"):
        train_run([tmp_path / "corpus"], tmp_path / "run", settings(origin))


def test_what_fits_may_be_chosen_and_a_preset_gives_way(
    composed: Path, tmp_path: Path, origin: Run
) -> None:
    given = {"preset": "notebook", "model": {"keep_probability": 0.5, "hidden_size": 8}}
    assert train_run([composed], tmp_path / "run", settings(origin, 1) | given)
    config = Run(tmp_path / "run").config()
    assert (config.model.head, config.corpus.messages) == ("bytes", "channel")
    assert config.model.keep_probability == 0.5
    assert [term.name for term in config.loss] == ["mse", "cosine", "time_rmse"]


def test_another_beginning_is_another_run(composed: Path, tmp_path: Path, origin: Run) -> None:
    assert train_run([composed], tmp_path / "run", settings(origin, 1))
    with pytest.raises(ConfigError, match=r"training.begin_from: .*origin → .*source"):
        train_run([composed], tmp_path / "run", settings(Run(tmp_path / "source")), resume=True)
    with pytest.raises(RunError, match="there is no run folder nowhere, nor a model"):
        train_run([composed], tmp_path / "new", {"training": {"begin_from": "nowhere"}})
