"""docs/architecture.md against the sources: which rooms there are, and which way arrows point."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
SOURCES = ROOT / "midirnn" / "src" / "midirnn"


def rows(package: str) -> list[tuple[str, str]]:
    """Return the cells of the table of a package's rooms: names, and what they hold."""
    section = PAGE.split(f"## Rooms of {package}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| (`.+?) \| (.+) \|$", section, re.M)


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


ROOMS = [
    name.removesuffix(".py").rstrip("/") for cell, _ in rows("midirnn") for name in names(cell)
]
"""The rooms of midirnn in the page's order: packages, and modules that stand alone."""


def room_of(path: Path) -> str:
    return path.relative_to(SOURCES).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """Yield the rooms whose modules are imported, at the top of a module or within a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "midirnn":
            yield from (alias.name for alias in node.names if alias.name != "__version__")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("midirnn."):
            yield str(node.module).split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (
                alias.name.split(".")[1] for alias in node.names if alias.name[:8] == "midirnn."
            )


def test_the_page_tells_of_every_room_once() -> None:
    found = {room_of(path) for path in SOURCES.rglob("*.py")} - {"__init__"}
    assert sorted(ROOMS) == sorted(found)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_what_stands_above_it(room: str) -> None:
    above = set(ROOMS[: ROOMS.index(room) + 1])
    paths = [path for path in SOURCES.rglob("*.py") if room_of(path) == room]
    assert {each for path in paths for each in imported(path)} <= above


@pytest.mark.parametrize(
    ("room", "said"), [(names(cell)[0], said) for cell, said in rows("midirnn") if "/" in cell]
)
def test_every_module_of_a_room_is_told_of(room: str, said: str) -> None:
    modules = {path.stem for path in (SOURCES / room).glob("*.py")} - {"__init__"}
    assert modules <= set(names(said))


def test_every_module_of_midicodec_is_told_of() -> None:
    told = {Path(name).name for cell, _ in rows("midicodec") for name in names(cell)}
    found = {path.name for path in (ROOT / "midicodec/src/midicodec").glob("*.py*")}
    assert found - {"__init__.py"} <= told
