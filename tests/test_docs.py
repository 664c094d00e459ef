"""README and docs are run: every shell command, every Python block, every TOML."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from midirnn.composer import compose_corpus
from midirnn.corpus.inputs import find_inputs
from midirnn.corpus.prepare import prepare
from midirnn.download.corpora import CORPORA
from midirnn.download.fetch import RECORD
from midirnn.settings.config import CorpusConfig
from midirnn.settings.resolve import validate

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("*/README.md")), *sorted(ROOT.glob("docs/*.md"))]

# What stands in these pages is run elsewhere, for the reason given.
ELSEWHERE = {
    "pip install": "tests/test_packaging.py installs wheels into clean environments",
    "uv run pytest": "it is what runs this",
    "midirnn download https": "tests/midirnn/download/test_fetch.py downloads from the loopback",
    "uv run --group bench": "speeds are measured by hand, on a machine that does nothing else",
}
# A page shows what a user would type; here the networks are small and training is short.
SHORTER = {
    "train": ["--hidden-size", "8", "--seed", "1", "--learning-rate", "0.02"],
    "demo": ["--steps", "60"],
}


def blocks(language: str) -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for found in re.finditer(rf"^```{language}\n(.*?)^```", page.read_text(), re.M | re.S):
            yield page, found[1]


def pages_with(language: str) -> list[Path]:
    return sorted({page for page, _ in blocks(language)})


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A folder with what the pages assume: songs, a song, settings."""
    compose_corpus(tmp_path / "songs", seed=0)
    (tmp_path / "song.mid").write_bytes((tmp_path / "songs" / "C-1.mid").read_bytes())
    (tmp_path / "runs").mkdir()
    # What has been downloaded is not downloaded again.
    maestro = tmp_path / "corpora" / "maestro"
    record = CORPORA["maestro"]._asdict() | {
        "midi_files": compose_corpus(maestro, seed=1, pieces_per_key=1)
    }
    (maestro / RECORD).write_text(json.dumps(record))
    return tmp_path


def shortened(words: list[str]) -> list[str]:
    """The command with a small network and few steps, a page's own steps in proportion."""
    if len(words) > 1 and words[0] == "midirnn" and words[1] in SHORTER:
        words = [*words, *SHORTER[words[1]]]
        if words[1] == "train":
            # Few, whatever the page says, but enough for time to pass in what is generated.
            steps = "60" if "--resume" in words else "50"
            if "--steps" in words:
                words[words.index("--steps") + 1] = steps
            else:
                words += ["--steps", steps]
    return words


@pytest.mark.parametrize("page", pages_with("sh"), ids=lambda page: str(page.relative_to(ROOT)))
def test_shell_commands_run(page: Path, workplace: Path) -> None:
    environment = os.environ | {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "SDL_AUDIODRIVER": "disk",  # plays as fast as it can, into a file
        "SDL_DISKAUDIOFILE": str(workplace / "sound.raw"),
        "SDL_DISKAUDIODELAY": "0",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    for where, block in blocks("sh"):
        if where != page:
            continue
        for line in block.splitlines():
            command = line.partition("#")[0].strip()
            if not command or any(command.startswith(prefix) for prefix in ELSEWHERE):
                continue
            words = shortened(shlex.split(command.removeprefix("uv run ")))
            done = subprocess.run(
                words, cwd=workplace, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{command}\n{done.stderr}"


@pytest.mark.parametrize("page", pages_with("python"), ids=lambda page: str(page.relative_to(ROOT)))
def test_python_blocks_run(page: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workplace)
    prepare(find_inputs([Path("songs")]), Path("corpus"), CorpusConfig())
    names: dict[str, object] = {}
    for where, block in blocks("python"):
        if where == page and not block.startswith("# plugins/"):
            exec(compile(block, str(page), "exec"), names)


@pytest.mark.parametrize(
    "block", [block for _, block in blocks("toml") if not block.startswith("# plugins/")]
)
def test_settings_are_valid(block: str) -> None:
    validate(tomllib.loads(block), "README")


def test_every_block_says_its_language() -> None:
    """A fence without a language would be run by nothing; pictures say ``text``."""
    known = {"sh", "python", "toml", "text"}
    for page in PAGES:
        fences = re.findall(r"^```(.*)$", page.read_text(), re.M)
        assert set(fences[::2]) <= known, f"{page}: {set(fences[::2]) - known}"
        assert set(fences[1::2]) <= {""}


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page}: {target}"


def test_the_readmes_commands_are_those_that_set_everything_up() -> None:
    first = next(block for page, block in blocks("sh") if page == ROOT / "README.md")
    assert first.splitlines() == ["pip install uv", "uv run midirnn demo", "uv run pytest"]
    assert "uv run pytest" in (ROOT / ".ci" / "run").read_text()
