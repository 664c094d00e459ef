"""From settings to a run folder: what is checked before anything is trained."""

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from midirnn.corpus.reading import Corpus, open_corpus
from midirnn.errors import ConfigError, PluginError, RunError
from midirnn.plugin.choice import PluginChoice
from midirnn.run.folder import Run
from midirnn.settings.config import Config
from midirnn.settings.resolve import resolve
from midirnn.training import train as training
from midirnn.training.choices import make_plugins
from midirnn.training.train import train_run

TINY = {"model": {"hidden_size": 2, "dense_size": 2}, "training": {"steps": 1, "lanes": 1}}


@contextlib.contextmanager
def at_once() -> Iterator[threading.Event]:
    """A signal to stop that came before the first step."""
    stop = threading.Event()
    stop.set()
    yield stop


@pytest.fixture
def songs(composed: Path) -> list[Path]:
    return sorted(composed.iterdir())[:2]


def test_interrupted_before_its_first_step_a_run_is_begun_again_by_resume(
    songs: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(training, "stop_on_signals", at_once)
        assert train_run(songs, run, TINY) is False
    told = capsys.readouterr().err
    assert "interrupted before the first step; --resume begins again" in told
    assert "saved" not in told
    assert train_run(songs, run, TINY, resume=True) is True
    assert Run(run).checkpoints.steps == [1]
    # Now its songs are settled: others would make another run.
    with pytest.raises(RunError, match=r"the songs are not those that .* was trained on"):
        train_run(songs[1:], run, {"training": {"steps": 2}}, resume=True)
    with Run(run).lock(), pytest.raises(RunError, match="another process is training"):
        train_run(songs, run, {"training": {"steps": 2}}, resume=True)


def test_a_run_that_saved_nothing_keeps_nobody_from_its_folder(
    songs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(training, "stop_on_signals", at_once)
        assert train_run(songs, run, TINY) is False
        # Resumed, with its own settings but for what is said anew.
        assert train_run(songs, run, {"training": {"lanes": 3}}, resume=True) is False
    assert Run(run).config().training.lanes == 3
    assert Run(run).config().model.hidden_size == 2
    # Begun anew, with none of them.
    assert train_run(songs, run, {**TINY, "model": {"hidden_size": 3}}) is True
    assert Run(run).config().training.lanes == 1
    assert Run(run).config().model.hidden_size == 3
    with pytest.raises(RunError, match="holds a run already"):
        train_run(songs, run, TINY)


def test_a_run_that_another_process_trained_meanwhile_is_left_alone(
    songs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"

    def slowly(*arguments: Any, **options: Any) -> Corpus:
        with monkeypatch.context() as patched:
            patched.setattr(training, "open_corpus", open_corpus)
            assert train_run(songs, run, TINY) is True
        return open_corpus(*arguments, **options)

    monkeypatch.setattr(training, "open_corpus", slowly)
    with pytest.raises(RunError, match=r"another process has trained in .* meanwhile"):
        train_run(songs, run, {**TINY, "model": {"hidden_size": 3}})
    assert Run(run).config().model.hidden_size == 2
    assert Run(run).checkpoints.steps == [1]


@pytest.mark.skipif(sys.platform != "linux", reason="names are any bytes there")
def test_what_settings_cannot_hold_is_told_before_the_folder_is_made(
    songs: list[Path], tmp_path: Path
) -> None:
    sink = {"name": "file", "path": str(tmp_path / os.fsdecode(b"caf\xe9.mid"))}
    with pytest.raises(ConfigError, match=r"udce9\.mid' is not UTF-8: settings cannot hold it"):
        train_run(songs, tmp_path / "run", {**TINY, "sink": [sink]})
    assert not (tmp_path / "run").exists()


def test_everything_chosen_is_made_in_order() -> None:
    config = resolve(None, {
        "augment": [{"name": "step_zeroing"}, {"name": "noise", "deviation": 0.5}],
        "loss": [{"name": "mse", "weight": 2}, {"name": "cosine"}],
    })  # fmt: skip
    augmentations, losses = make_plugins(config)
    assert [each.name for each in augmentations] == ["step_zeroing", "noise"]
    assert augmentations[1].config.deviation == 0.5
    assert [(each.name, each.config.weight) for each in losses] == [("mse", 2), ("cosine", 1)]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"loss": ()}, ConfigError, "at least one term"),
        ({"loss": (PluginChoice(name="mse"),) * 2}, ConfigError, "'mse' is given twice"),
        ({"loss": (PluginChoice(name="noise"),)}, PluginError, "no loss named 'noise'"),
        ({"augment": (PluginChoice(name="mse"),)}, PluginError, "no augmentation named 'mse'"),
        # The sink is for generating, and a wrong one is told before hours of training.
        ({"sink": (PluginChoice(name="mse"),)}, PluginError, "no sink named 'mse'"),
    ],
)
def test_a_wrong_choice_is_told_before_training(
    changes: dict[str, tuple[PluginChoice, ...]], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make_plugins(Config().model_copy(update=changes))
