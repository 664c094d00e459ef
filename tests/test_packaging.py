"""The distributions: they build, install alone where they should, and say what they need."""

import ast
import email.message
import email.parser
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import mido
import pytest

import midicodec
import midirnn

Uv = Callable[..., str]

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {
    path.parent.name: path.parent
    for pattern in ("*/pyproject.toml", "plugins/*/pyproject.toml")
    for path in ROOT.glob(pattern)
}
"""Where each distribution is made from, by its name."""
NEEDS = {
    "midicodec": {"numpy", "mido"},
    "midirnn": {
        "midicodec", "numpy", "mido", "tensorflow", "tensorboard", "pluggy", "pydantic", "click",
        "tqdm", "filelock", "platformdirs", "pyarrow", "pooch", "requests", "urllib3",
    },
    "midirnn-pygame": {"midirnn", "midicodec", "pydantic", "pygame",
                       "pretty-midi; extra == 'soundfont'"},
    "midirnn-midiport": {"midirnn", "mido", "pydantic",
                         "python-rtmidi; python_version < '3.13'"},
    "midirnn-dynamics": {"midirnn", "midicodec", "numpy", "pydantic"},
    "midirnn-example-sink": {"midirnn"},
    "midirnn-start": {"midirnn"},
}  # fmt: skip
IMPORTED_AS = {"python-rtmidi": "rtmidi"}


def package(name: str) -> Path:
    return FOLDERS[name] / "src" / name.replace("-", "_")


@pytest.fixture(scope="session")
def wheels(uv: Uv, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every distribution's wheel, by its name, built from its source distribution."""
    folder = tmp_path_factory.mktemp("wheels")
    uv("build", "--quiet", "--all-packages", "--out-dir", folder, ROOT)
    return {path.name.split("-")[0].replace("_", "-"): path for path in folder.glob("*.whl")}


def members(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def metadata(wheel: Path) -> email.message.Message:
    (text,) = (data for name, data in members(wheel).items() if name.endswith("info/METADATA"))
    return email.parser.Parser().parsestr(text.decode())


def test_the_workspace_is_these_distributions(wheels: dict[str, Path]) -> None:
    assert set(FOLDERS) == set(wheels) == set(NEEDS)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_wheel_holds_its_package_its_types_and_its_licence(
    name: str, wheels: dict[str, Path]
) -> None:
    found = members(wheels[name])
    inside = {path for path in found if ".dist-info/" not in path}
    built = {path for path in inside if path.endswith((".so", ".pyd"))}
    sources = {
        path.relative_to(package(name).parent).as_posix(): path.read_bytes()
        for path in package(name).rglob("*")
        # A model's package holds its network, too.
        if path.suffix in (".py", ".npz", ".toml", ".json", ".md") or path.name == "py.typed"
    }
    assert inside - built == set(sources)
    cores = {path.split(".")[0] for path in built}
    assert cores == ({"midicodec/_smf", "midicodec/_messages"} if name == "midicodec" else set())
    assert all(found[path] == text for path, text in sources.items())
    assert f"{package(name).name}/py.typed" in inside
    (licence,) = (data for path, data in found.items() if path.endswith("licenses/LICENSE"))
    assert licence == (ROOT / "LICENSE").read_bytes()
    said = metadata(wheels[name])
    assert (said["License-Expression"], said["License-File"]) == ("MIT", "LICENSE")
    assert "Typing :: Typed" in said.get_all("Classifier", [])
    # Its README is what a package index shows.
    assert said.get_payload() == (FOLDERS[name] / "README.md").read_text()


@pytest.mark.parametrize("name", FOLDERS)
def test_versions_agree_and_are_told_of(name: str, wheels: dict[str, Path]) -> None:
    version = metadata(wheels[name])["Version"]
    changes = (FOLDERS[name] / "CHANGELOG.md").read_text()
    assert changes.startswith(f"# Changes to {name}\n")
    latest = re.search(r"^## (\S+)", changes, re.M)
    assert latest is not None
    assert latest[1] == version
    module = {"midicodec": midicodec, "midirnn": midirnn}.get(name)
    if module is not None:
        assert module.__version__ == version


@pytest.mark.parametrize("name", FOLDERS)
def test_a_wheel_says_what_it_needs(name: str, wheels: dict[str, Path]) -> None:
    needs = metadata(wheels[name]).get_all("Requires-Dist", [])
    assert {re.sub(r">=[\d.]+", "", each, count=1) for each in needs} == NEEDS[name]


def imports(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every absolute import below a folder, wherever it stands in a file."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: a relative import"
                yield path, str(node.module)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_package_imports_what_it_says_it_needs(name: str) -> None:
    """And so midicodec neither midirnn nor TensorFlow, and midirnn no plugin."""
    needs = {each.partition(";")[0] for each in NEEDS[name]}
    declared = {IMPORTED_AS.get(each, each) for each in needs}
    found = {module.partition(".")[0] for _, module in imports(package(name))}
    third_party = found - sys.stdlib_module_names - {package(name).name, "__future__"}
    # TensorFlow brings keras, whose layers are its own.
    assert third_party <= declared | ({"keras"} if "tensorflow" in declared else set())


@pytest.mark.parametrize("name", [name for name in FOLDERS if name.startswith("midirnn-")])
def test_a_plugin_uses_the_plugin_api_alone(name: str) -> None:
    for path, module in imports(package(name)):
        if module.partition(".")[0] == "midirnn":
            assert module == "midirnn.plugin", path


@pytest.fixture(scope="session")
def alone(uv: Uv, wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of a new virtual environment into which midicodec's wheel was installed."""
    folder = tmp_path_factory.mktemp("alone") / "venv"
    uv("venv", "--quiet", "--python", sys.executable, folder)
    uv("pip", "install", "--quiet", "--python", folder, wheels["midicodec"])
    return folder / ("Scripts" if sys.platform == "win32" else "bin")


def test_midicodec_brings_numpy_and_mido_and_nothing_else(alone: Path, uv: Uv) -> None:
    listed = json.loads(uv("pip", "list", "--python", alone / "python", "--format", "json"))
    names = {each["name"] for each in listed}
    # mido itself needs packaging, to compare its own version.
    assert {"midicodec", "numpy", "mido"} <= names <= {"midicodec", "numpy", "mido", "packaging"}


def test_midicodec_alone_works_as_a_command_and_a_library(alone: Path, tmp_path: Path) -> None:
    song = mido.MidiFile()
    song.tracks.append(mido.MidiTrack([
        mido.MetaMessage("track_name", name="alone"),
        mido.Message("sysex", data=range(10)),
        mido.Message("note_on", note=60, velocity=64, time=96),
        mido.Message("note_off", note=60, velocity=0, time=96),
        mido.MetaMessage("end_of_track"),
    ]))  # fmt: skip
    song.save(tmp_path / "song.mid")

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [alone / arguments[0], *arguments[1:]], cwd=tmp_path, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    assert run("midicodec", "--version").strip() == f"midicodec {midicodec.__version__}"
    assert "song.mid" in run("midicodec", "inspect", "song.mid")
    assert run("midicodec", "encode", "song.mid", "-o", "song.npz") == ""
    assert run("midicodec", "decode", "song.npz", "-o", "again.mid") == ""
    assert list(mido.MidiFile(tmp_path / "again.mid")) == list(song)
    assert "1  identical" in run("midicodec", "verify", "song.mid")
    code = (
        "import midicodec; song = midicodec.load('song.mid');"
        "midicodec.save(song, 'saved.mid');"
        "print(midicodec.decode(*midicodec.encode(song.to_messages())) == song.to_messages())"
    )
    assert run("python", "-c", code) == "True\n"
    assert (tmp_path / "saved.mid").read_bytes() == (tmp_path / "again.mid").read_bytes()


@pytest.fixture(scope="session", params=["with a compiler", "without a compiler"])
def installed(
    request: pytest.FixtureRequest, uv: Uv, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, bool]:
    """A Python into which midicodec's source distribution was installed; whether natively."""
    folder = tmp_path_factory.mktemp("installed")
    uv("build", "--quiet", "--sdist", "--out-dir", folder, ROOT / "midicodec")
    (sdist,) = folder.glob("*.tar.gz")
    uv("venv", "--quiet", "--python", sys.executable, folder / "venv")
    native = request.param == "with a compiler"
    compiler = {} if native else {"CC": str(folder / "no-compiler")}
    uv("pip", "install", "--quiet", "--no-cache", "--python", folder / "venv", sdist, "pytest",
       "hypothesis", env=os.environ | compiler)  # fmt: skip
    return folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python", native


def test_its_tests_pass_against_what_was_installed(
    installed: tuple[Path, bool], tmp_path: Path
) -> None:
    """From outside the source tree: nothing of it is on the path."""
    python, native = installed
    shutil.copytree(ROOT / "tests" / "midicodec", tmp_path / "tests" / "midicodec")
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "tests")
    environment = {name: value for name, value in os.environ.items() if name != "CI"}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [python, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    assert run("-c", "import midicodec; print(midicodec.NATIVE)") == f"{native}\n"
    # Fuzzing builds a core of its own; README.md is the source tree's.
    left_out = ("--ignore=tests/midicodec/test_fuzz.py",)
    output = run("-m", "pytest", "-q", "--import-mode=importlib", *left_out, "tests/midicodec")
    assert re.search(r"\d{3,} passed", output), output


def test_the_wheels_together_can_be_installed(alone: Path, uv: Uv, wheels: dict[str, Path]) -> None:
    """What they need is found, and agrees; TensorFlow is too big to install it here."""
    uv("pip", "install", "--dry-run", "--python", alone / "python", *wheels.values())


def test_the_wheels_together_work(uv: Uv, wheels: dict[str, Path], tmp_path: Path) -> None:
    """Installed beside what they need, and before the working copy on Python's path."""
    into = ("--python", sys.executable, "--target", tmp_path)
    uv("pip", "install", "--quiet", "--no-deps", *into, *wheels.values())
    code = (
        "import importlib.metadata as m, sys; from pathlib import Path; from midirnn import cli;"
        "print(*{str(e.load().__file__) for e in m.entry_points(group='midirnn')}, cli.__file__);"
        "sys.argv = ['midirnn', 'plugins', '--check']; cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    loaded, *listed = done.stdout.splitlines()
    assert len(loaded.split()) == len(FOLDERS) - 1  # all but midicodec
    assert all(Path(path).is_relative_to(tmp_path) for path in loaded.split())
    for name in ("pygame", "midiport", "dynamics", "notelog", "file"):
        assert any(line.split()[1] == name for line in listed), name
