"""A run's network is given away whole, small, without what is the machine's, or not at all."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from models import source_run
from networks import weights

from midirnn.errors import RunError
from midirnn.generation.generator import Generator
from midirnn.generation.length import Length
from midirnn.plugin import StreamInfo
from midirnn.run.card import TO_SAY, card_sections, problem_with_card
from midirnn.run.export import export_run
from midirnn.run.folder import Run
from midirnn.training.evaluation import evaluate_run
from midirnn.training.train import train_run

Command = Callable[..., subprocess.CompletedProcess[str]]


def test_what_is_made_has_what_generating_needs_and_no_more(tmp_path: Path) -> None:
    sink = [{"name": "file", "path": "/home/me/a.mid"}]
    source = source_run(tmp_path / "run", sink=sink, training={"begin_from": "/home/me/run"})
    made = export_run(source, tmp_path / "new" / "model")
    assert sorted(path.name for path in made.run.folder.rglob("*")) == [
        "CARD.md", "checkpoints", "config.toml", "corpus.json", "start.npz",
        "step-00000003.npz",
    ]  # fmt: skip
    assert list((tmp_path / "new").iterdir()) == [made.run.folder]
    assert made.run.exported
    assert not source.exported
    assert (made.step, made.weights) == (3, sum(each.size for each in weights(0).values()))
    assert made.size == sum(f.stat().st_size for f in made.run.folder.rglob("*") if f.is_file())
    assert "/home" not in made.run.config_path.read_text()
    assert made.run.config().training.begin_from == "run"
    assert made.run.config().model == source.config().model
    assert made.run.checkpoints.score(3) == 1.5


def test_the_card_says_what_is_known_and_asks_for_the_rest(tmp_path: Path) -> None:
    made = export_run(source_run(tmp_path / "run"), tmp_path / "model")
    sections = card_sections(made.run.card())
    assert list(sections) == ["What it is", "Trained on", "Scores", "Limits", "Licence"]
    assert "1 songs, 1 records of channel messages" in sections["Trained on"]
    assert "1.500" in sections["Scores"]
    assert str(made.weights) in sections["What it is"]
    assert "float16" in sections["What it is"]
    assert problem_with_card(made.run.card()) == "its section 'Trained on' says nothing yet"
    assert problem_with_card(made.run.card().replace(TO_SAY, "said")) is None


def test_the_card_takes_no_training_loss_for_a_validation(tmp_path: Path) -> None:
    """Where nothing was held back, checkpoints are scored by the loss, in whatever unit."""
    source = source_run(tmp_path / "run")
    source.save_corpus(source.corpus() | {"validation_songs": 0})
    scores = card_sections(export_run(source, tmp_path / "model").run.card())["Scores"]
    assert scores == "Validation, by which checkpoints are chosen: there was none."


def test_float16_plays_and_scores_about_as_float32_does(
    trained: Path, composed: Path, tmp_path: Path
) -> None:
    """Everything that reads weights reads these."""
    half = export_run(Run(trained), tmp_path / "half", "last")
    whole = export_run(Run(trained), tmp_path / "whole", "last", float32=True)
    assert half.size < 0.6 * whole.size
    scores = [evaluate_run(each, [composed], "last") for each in (trained, half.run.folder)]
    totals = [each.total_bits_per_message for each in scores]
    assert totals[1] == pytest.approx(totals[0], rel=1e-2)
    assert totals[1] != totals[0]
    again = evaluate_run(whole.run.folder, [composed], "last")
    assert again == scores[0]
    info = StreamInfo()
    songs = [
        [(each.start_ticks, each.message.bytes()) for each in events]
        for run in (Run(trained), whole.run)
        for events in [Generator.of_run(run, "last").events(Length(records=200), 5, info)]
    ]
    assert songs[0] == songs[1]
    assert list(Generator.of_run(half.run).events(Length(records=200), 5, info))


@pytest.mark.parametrize(
    ("value", "message"),
    [(1e5, "fork/bias goes up to 100000, .*--float32"), (np.nan, "fork/bias has values that are")],
)
def test_what_does_not_fit_is_told_and_nothing_is_left(
    value: float, message: str, tmp_path: Path
) -> None:
    source = source_run(tmp_path / "run")
    large = weights(0)
    large["fork/bias"][0] = value
    source.checkpoints.save(4, 1.0, {"weights": large})
    with pytest.raises(RunError, match=message):
        export_run(source, tmp_path / "model")
    assert list(tmp_path.iterdir()) == [source.folder]
    if np.isfinite(value):
        made = export_run(source, tmp_path / "model", float32=True)
        assert made.run.checkpoints.load(4, "weights")["fork/bias"][0] == np.float32(value)


def test_what_fails_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = source_run(tmp_path / "run")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "CARD.md")

    monkeypatch.setattr(Run, "save_card", full)
    with pytest.raises(OSError, match="No space"):
        export_run(source, tmp_path / "model")
    assert list(tmp_path.iterdir()) == [source.folder]


def test_nothing_is_written_into_what_was_exported(tmp_path: Path, composed: Path) -> None:
    made = export_run(source_run(tmp_path / "run"), tmp_path / "model")
    before = {path: path.read_bytes() for path in made.run.folder.rglob("*") if path.is_file()}
    for resume in (False, True):
        with pytest.raises(RunError, match="was exported, with nothing to go on from"):
            train_run([composed], made.run.folder, {}, resume=resume)
    with pytest.raises(RunError, match="exists already"):
        export_run(made.run, made.run.folder)
    after = {path: path.read_bytes() for path in made.run.folder.rglob("*") if path.is_file()}
    assert after == before


def test_the_command_says_the_size(trained: Path, tmp_path: Path, midirnn: Command) -> None:
    done = midirnn("export", trained, "-o", tmp_path / "model")
    assert done.returncode == 0, done.stderr
    assert "weights of step " in done.stdout
    assert " MB in all" in done.stdout
    done = midirnn("export", trained, "-o", tmp_path / "model")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "exists already" in done.stderr
