"""The docs' walk through a sink is true to the letter: built, installed and run as it stands."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import mido
import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]
MakeSong = Callable[..., Path]

BAD_INPUT = 2
ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = "plugins/midirnn-example-sink"
BLOCKS = dict(
    re.findall(
        rf"^```\w+\n# ({EXAMPLE}/\S+)\n(.*?)^```",
        (ROOT / "docs" / "plugins.md").read_text(), re.M | re.S,
    )
)  # fmt: skip
SOURCE = f"{EXAMPLE}/src/midirnn_example_sink/__init__.py"


def test_the_docs_show_the_repositorys_files() -> None:
    assert set(BLOCKS) == {f"{EXAMPLE}/pyproject.toml", SOURCE}
    for name, text in BLOCKS.items():
        assert text.encode() == (ROOT / name).read_bytes(), name


def build(folder: Path, name: str, sink: str) -> Path:
    """The docs' project in ``folder``, its names changed, as the example itself is installed."""
    for path, text in BLOCKS.items():
        for old, new in (
            ("midirnn-example-sink", name),
            ("midirnn_example_sink", name.replace("-", "_")),
            ("notelog", sink),
        ):
            path, text = path.replace(old, new), text.replace(old, new)
        file = folder / Path(path).relative_to(f"plugins/{name}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for other in ("README.md", "LICENSE"):
        shutil.copy(ROOT / EXAMPLE / other, folder)
    (file.parent / "py.typed").touch()
    return file


@pytest.fixture(scope="module")
def with_docs_example(
    uv: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """An environment with two distributions more: the docs' example, and one that is broken."""
    folder = tmp_path_factory.mktemp("projects")
    good, broken, installed = folder / "good", folder / "broken", folder / "installed"
    build(good, "docs-example", "doclog")
    module = build(broken, "docs-broken", "brokenlog")
    module.write_text(f"{module.read_text()}\nimport a_module_that_nobody_has\n")
    into = ("--python", sys.executable, "--target", installed)
    uv("pip", "install", "--quiet", "--no-deps", *into, good, broken)
    assert (installed / "docs_example" / "py.typed").exists()
    return os.environ | {"PYTHONPATH": str(installed)}


def test_the_docs_sink_is_listed_and_writes_notes(
    with_docs_example: dict[str, str], make_song: MakeSong, midirnn: Command, tmp_path: Path
) -> None:
    listed = midirnn("plugins", env=with_docs_example)
    assert listed.returncode == 0, listed.stderr
    assert re.search(r"^sink +doclog +Writes a line of text for each note", listed.stdout, re.M)
    assert re.search(r"^ +docs-example 0\.1\.0; path=notes\.txt$", listed.stdout, re.M)
    song = make_song(
        [
            mido.Message("note_on", note=60, velocity=80),
            mido.Message("note_off", note=60, time=500),
            mido.Message("note_on", note=127, velocity=1, channel=15, time=1000),
            mido.Message("note_on", note=127, velocity=0, channel=15, time=10),
        ]
    )
    log = tmp_path / "notes"
    done = midirnn("play", song, "--sink", f"doclog:path={log}", env=with_docs_example)
    assert (done.returncode, done.stderr) == (0, "")
    assert log.read_text().splitlines() == [
        "    0.000 s  channel  1  C4   velocity 80",
        "    1.500 s  channel 16  G9   velocity 1",
    ]


def test_a_broken_plugin_is_shown_with_its_cause_and_the_others_work(
    with_docs_example: dict[str, str], make_song: MakeSong, midirnn: Command, tmp_path: Path
) -> None:
    cause = "ModuleNotFoundError: No module named 'a_module_that_nobody_has'"
    listed = midirnn("plugins", env=with_docs_example)
    assert listed.returncode == 0, listed.stderr
    assert re.search(rf"^broken +brokenlog +{cause}\n +docs-broken 0\.1\.0$", listed.stdout, re.M)
    checked = midirnn("plugins", "--json", "--check", env=with_docs_example)
    assert checked.returncode == BAD_INPUT
    assert json.loads(checked.stdout)["broken"] == [
        {"entry_point": "brokenlog", "distribution": "docs-broken", "version": "0.1.0",
         "cause": cause}
    ]  # fmt: skip
    song, log = make_song([mido.Message("note_on", note=60)]), tmp_path / "notes"
    assert not midirnn(
        "play", song, "--sink", f"doclog:path={log}", env=with_docs_example
    ).returncode
    assert log.stat().st_size
    # What the broken one can be called: what it would have registered, and its distribution.
    for name in ("brokenlog", "docs-broken"):
        done = midirnn("play", song, "--sink", name, env=with_docs_example, cwd=tmp_path)
        assert done.returncode == BAD_INPUT
        assert done.stderr == f"midirnn: the sink {name!r} is broken (docs-broken 0.1.0): {cause}\n"
    done = midirnn("play", song, "--sink", "nosuch", env=with_docs_example)
    assert "broken: docs-broken (see midirnn plugins)" in done.stderr


def test_every_song_has_a_file_of_its_own_and_nothing_that_was_there_is_lost(
    trained: Path, midirnn: Command, tmp_path: Path
) -> None:
    (tmp_path / "notes-01.txt").write_text("of the day before\n")
    done = midirnn(
        "generate", trained, "--songs", "2", "--length", "100",
        "--sink", f"notelog:path={tmp_path / 'notes.txt'}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sorted(each.name for each in tmp_path.iterdir()) == ["notes-01.txt", "notes-02.txt"]
    first, second = ((tmp_path / f"notes-0{n}.txt").read_text() for n in (1, 2))
    assert first.startswith("of the day before\n")
    assert "velocity" in first
    assert "velocity" in second


def test_what_is_wrong_with_its_path_is_one_line(
    make_song: MakeSong, refused: Callable[..., None], tmp_path: Path
) -> None:
    song, path = make_song([mido.Message("note_on", note=60)]), tmp_path / "no" / "notes"
    refused("play", song, "--sink", f"notelog:path={path}", message=f"notelog: {path}: No such")
