"""A model that is installed plays without a run, is found by its name, and is never written to."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mido
import numpy as np
import pytest
from models import ONLY_THESE, install, only_these, source_run

import midicodec
import midirnn.testing
from midirnn.errors import PluginError, RunError
from midirnn.plugin import Model
from midirnn.plugin.choice import PluginChoice
from midirnn.plugin.manager import plugin_manager
from midirnn.run.checkpoint import read_arrays
from midirnn.run.folder import Run
from midirnn.run.models import find_run, folder_of


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on Python's path for distributions; no other model is installed."""
    site = tmp_path / "site"
    site.mkdir()
    only_these(site, monkeypatch)
    yield site
    plugin_manager.cache_clear()


def model(name: str) -> Model:
    made = plugin_manager().create("model", PluginChoice(name=name))
    assert isinstance(made, Model)
    return made


def test_one_model_is_taken_where_none_is_named(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RunError, match="no model is installed: pip install midirnn-start"):
        find_run()
    folder = install(site, "one")
    only_these(site, monkeypatch)
    assert find_run().folder == find_run("one").folder == folder
    install(site, "two")
    only_these(site, monkeypatch)
    with pytest.raises(RunError, match=r"several models \(one, two\): name one"):
        find_run()
    started = install(site, "start")
    only_these(site, monkeypatch)
    assert find_run().folder == started
    assert find_run("two").folder == site / "two-model"


def test_a_broken_model_is_not_taken_for_none(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(site, "start")
    (site / "start_module.py").write_text("1 / 0")
    monkeypatch.delitem(sys.modules, "start_module", raising=False)
    only_these(site, monkeypatch)
    with pytest.raises(PluginError, match="division by zero"):
        find_run()


def test_a_run_folder_goes_before_a_model_of_its_name(
    site: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = install(site, "one")
    only_these(site, monkeypatch)
    monkeypatch.chdir(tmp_path)
    Path("one").mkdir()  # which is no run
    assert find_run("one").folder == folder
    shutil.rmtree("one")
    source_run(Path("one"))
    assert find_run("one").folder == Path("one")
    with pytest.raises(RunError, match=r"there is no run folder two, nor a model .*there are: one"):
        find_run("two")


def test_a_broken_model_is_told_with_its_cause(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = install(site, "one")
    shutil.rmtree(folder)
    install(site, "two")
    (site / "two_module.py").write_text("1 / 0")
    monkeypatch.delitem(sys.modules, "two_module", raising=False)
    only_these(site, monkeypatch)
    with pytest.raises(PluginError, match=r"one: its folder .*one-model is no run folder"):
        find_run()
    with pytest.raises(PluginError, match=r"'two' is broken .*ZeroDivisionError"):
        find_run("two")


def test_what_a_model_raises_has_its_name() -> None:
    class Raises(Model):
        name = "raises"

        def folder(self) -> Path:
            raise KeyError("nothing")

    with pytest.raises(PluginError, match="raises: KeyError: 'nothing'"):
        folder_of(Raises())


def test_a_good_model_passes_and_faults_are_told(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = install(site, "one")
    only_these(site, monkeypatch)
    midirnn.testing.check_model(model("one"))
    run = Run(folder)
    card, weights = run.card(), run.checkpoints.load(3, "weights")

    def fails(message: str) -> None:
        with pytest.raises(AssertionError, match=f"one: .*{message}"):
            midirnn.testing.check_model(model("one"))

    run.save_card(card.partition("## Licence")[0])
    fails("'Licence' says nothing")
    run.card_path.unlink()
    fails("CARD.md is missing")
    run.save_card(card)
    run.checkpoints.save(3, 1.0, {"weights": weights, "optimizer": weights})
    fails("holds optimizer besides weights: export it")
    bias = weights["fork/bias"]
    run.checkpoints.save(3, 1.0, {"weights": {**weights, "fork/bias": bias * np.nan}})
    fails("fork/bias has values that are no numbers")
    run.checkpoints.save(3, 1.0, {"weights": {**weights, "fork/bias": bias[1:]}})
    fails("fork/bias .* shape")
    run.checkpoints.save(3, 1.0, {"weights": weights})
    midirnn.testing.check_model(model("one"))
    run.config_path.unlink()
    fails("is no run folder")


def command(site: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run ``midirnn`` in the folder above ``site``, the only place that it has plugins from."""
    code = ONLY_THESE.format(site=str(site)) + (
        "from midirnn.cli import main; main(); "
        "assert not any(name.startswith('tensorflow') for name in sys.modules)"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=site.parent, capture_output=True, text=True,
    )  # fmt: skip


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_command_plays_what_is_installed(site: Path, tmp_path: Path) -> None:
    folder = install(site, "tiny", seed=2)
    before = files(folder)
    done = command(site, "plugins", "--check")
    assert "model         tiny               Plays at random.\n" in done.stdout, done.stderr
    for arguments in (
        ["generate", "--length", 300],
        ["generate", "tiny", "--length", 300, "--sink", "file:path=named.mid"],
        ["generate", folder, "--length", 300, "--sink", "file:path=folder.mid"],
    ):
        done = command(site, *arguments)
        assert done.returncode == 0, done.stderr
    made = [(tmp_path / name).read_bytes() for name in ("generated.mid", "named.mid", "folder.mid")]
    assert made[0] == made[1] == made[2]
    assert any(message.type == "note_on" for message in mido.MidiFile(tmp_path / "named.mid"))
    assert files(folder) == before


def test_the_command_jams_with_what_is_installed(site: Path, tmp_path: Path) -> None:
    folder = install(site, "tiny", seed=2)
    before = files(folder)
    notes = [mido.Message("note_on", note=60), mido.Message("note_off", note=60, time=48)] * 4
    midicodec.save(midicodec.Song.from_messages(notes), tmp_path / "song.mid")
    for run in ([], ["tiny"]):
        done = command(
            site, "jam", *run, "--in", "file:path=song.mid", "--out", "file:path=jam.mid",
            "--mode", "along", "--length", "1s",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "wrote jam.mid" in done.stderr
    assert files(folder) == before


def test_without_a_model_generate_says_how_to_get_one(site: Path) -> None:
    done = command(site, "generate")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "pip install midirnn-start" in done.stderr
    assert "midirnn train" in done.stderr


def test_its_weights_are_float16(site: Path) -> None:
    folder = install(site, "one")
    (path,) = (folder / "checkpoints").glob("*.npz")
    assert {array.dtype for array in read_arrays(path, "weights/").values()} == {
        np.dtype(np.float16)
    }
    assert "weights/fork/bias" in read_arrays(path)
