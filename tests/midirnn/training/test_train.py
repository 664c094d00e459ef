"""From settings to a run folder: what is checked before anything is trained."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from midirnn.errors import ConfigError, PluginError, RunError
from midirnn.plugin.choice import PluginChoice
from midirnn.run.folder import Run
from midirnn.settings.config import Config
from midirnn.settings.resolve import resolve
from midirnn.training import train as training
from midirnn.training.choices import make_plugins
from midirnn.training.train import train_run

TINY = {"model": {"hidden_size": 2, "dense_size": 2}, "training": {"steps": 1, "lanes": 1}}


def test_interrupted_before_its_first_step_a_run_is_begun_again_by_resume(
    composed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    @contextlib.contextmanager
    def at_once() -> Iterator[threading.Event]:
        stop = threading.Event()
        stop.set()
        yield stop

    songs, run = sorted(composed.iterdir())[:2], tmp_path / "run"
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
