"""The script that trains the model ``start``: what it replaces, and what it leaves alone."""

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner
from networks import save_run

SCRIPT = Path(__file__).resolve().parents[2] / "plugins" / "midirnn-start" / "train.py"


@pytest.fixture(scope="module")
def train() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_start", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def model_at(folder: Path, card: str) -> Path:
    run = save_run(folder)
    (run / "CARD.md").write_text(card)
    return run


def below(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_what_is_no_model_is_refused_before_anything_is_trained(
    train: ModuleType, tmp_path: Path
) -> None:
    music = tmp_path / "music"
    music.mkdir()
    (music / "song.mid").write_bytes(b"mine")
    done = CliRunner().invoke(train.main, [str(tmp_path), "-o", str(music)])
    assert done.exit_code == 1
    assert (
        done.output == f"Error: {music} is there, and no model to replace; give -o a new folder\n"
    )
    assert below(music) == ["song.mid"]
    with pytest.raises(train.click.ClickException):
        train.check_out(save_run(tmp_path / "run"))  # one that can be trained further
    with pytest.raises(train.click.ClickException):
        train.check_out(music / "song.mid")


@pytest.mark.parametrize("before", ["nothing", "empty", "model"])
def test_a_model_is_put_in_the_place_of_what_was_there(
    before: str, train: ModuleType, tmp_path: Path
) -> None:
    new, out = model_at(tmp_path / "new", "new"), tmp_path / "there" / "model"
    if before == "empty":
        out.mkdir(parents=True)
    elif before == "model":
        out.parent.mkdir()
        (model_at(out, "old") / "more").touch()
    train.check_out(out)
    train.put(new, out)
    assert below(out) == below(new)
    assert (out / "CARD.md").read_text() == "new"
    assert below(out.parent) == ["model"]


@pytest.mark.parametrize("fails", ["copytree", "rename"])
def test_a_failure_leaves_the_model_that_was_there(
    fails: str, train: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, out = model_at(tmp_path / "new", "new"), model_at(tmp_path / "model", "old")
    if fails == "rename":
        monkeypatch.setattr(shutil, "copytree", lambda *_: None)
    else:
        (new / "lost").symlink_to(new / "nowhere")  # which cannot be copied
    with pytest.raises(OSError, match=r"nowhere|No such file"):
        train.put(new, out)
    assert (out / "CARD.md").read_text() == "old"
    assert below(tmp_path) == ["model", "new"]
