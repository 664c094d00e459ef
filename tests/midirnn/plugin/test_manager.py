"""Plugins are found, chosen, made, and contained when they break."""

import importlib.metadata
import sys
from pathlib import Path

import pytest

from midirnn.errors import PluginError
from midirnn.plugin.choice import PluginChoice
from midirnn.plugin.manager import PluginManager


def entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, source: str
) -> importlib.metadata.EntryPoint:
    """A plugin module on the path, as its distribution's entry point would name it."""
    (tmp_path / f"{name}_module.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, f"{name}_module", raising=False)
    return importlib.metadata.EntryPoint(name, f"{name}_module", "midirnn")


GOOD = """
from midirnn.plugin import Sink, PluginConfig, hookimpl

class Good(Sink):
    "Swallows everything."
    name = "good"
    class Config(PluginConfig):
        depth: int = 3
        label: str
    def send(self, event): ...

@hookimpl
def midirnn_register_sinks():
    return [Good]
"""

BROKEN = {
    "import": "import a_module_that_is_not_there",
    "exit": "import sys; sys.exit(7)",
    "hook": GOOD.replace("return [Good]", "raise ValueError('no luck')"),
    "kind": GOOD.replace("return [Good]", "return [int]"),
    "none": GOOD.replace("return [Good]", "return 3"),
    "name": GOOD.replace('name = "good"', 'name = "a:b"'),
    "config": GOOD.replace("class Config(PluginConfig)", "class Config"),
    "option": GOOD.replace("label: str", "name: str"),
    "signature": GOOD.replace("midirnn_register_sinks()", "midirnn_register_sinks(extra)"),
}


def test_options_are_shown_with_the_defaults_that_they_get(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = """label: str
        notes: list[int] = Field(default_factory=lambda: [60, 64])
        made: int = Field(default_factory=lambda data: data["depth"])
        fails: int = Field(default_factory=lambda: 1 // 0)
"""
    source = f"from pydantic import Field\n{GOOD.replace('label: str', options)}"
    manager = PluginManager()
    manager.load([entry_point(tmp_path, monkeypatch, "good", source)])
    shown = manager.find("sink", "good").options
    assert shown == "depth=3,label,notes=[60, 64],made=…,fails=…"


def test_the_built_in_plugins_come_through_the_same_hooks() -> None:
    manager = PluginManager()
    manager.load([])
    names = {(each.kind, each.name) for each in manager.registered()}
    assert names == {
        ("augmentation", "noise"), ("augmentation", "step_zeroing"), ("augmentation", "tempo"),
        ("augmentation", "transpose"),
        ("loss", "mse"), ("loss", "cosine"), ("loss", "time_rmse"), ("loss", "bit_cross_entropy"),
        ("loss", "negative_log_likelihood"),
        ("sink", "file"),
        ("source", "file"),
    }  # fmt: skip
    assert manager.broken == []


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_plugin_is_recorded_and_stops_nobody(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = entry_point(tmp_path, monkeypatch, f"broken_{kind}", BROKEN[kind])
    good = entry_point(tmp_path, monkeypatch, "good", GOOD)
    manager = PluginManager()
    manager.load([broken, good])
    assert [each.entry_point for each in manager.broken] == [f"broken_{kind}"]
    assert manager.find("sink", "good").summary == "Swallows everything."
    with pytest.raises(PluginError, match=f"broken_{kind}' is broken"):
        manager.find("sink", f"broken_{kind}")


def test_two_plugins_of_one_name_are_not_silently_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = PluginManager()
    manager.load([entry_point(tmp_path, monkeypatch, name, GOOD) for name in ("one", "two")])
    assert len([each for each in manager.registered("sink") if each.name == "good"]) == 1
    assert "already registered" in manager.broken[0].cause


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bad", "there is no sink named 'bad'; there are: file, good"),
        ("good", "sink 'good': the option 'label' is needed (options: depth, label)"),
        ("good:label=x,dept=4", "sink 'good': unknown option 'dept' (options: depth, label)"),
        ("good:label=x,depth=deep", "sink 'good': depth=deep: Input should be a valid integer"),
    ],
)
def test_a_wrong_choice_is_one_line_that_says_what_is_right(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = PluginManager()
    manager.load([entry_point(tmp_path, monkeypatch, "good", GOOD)])
    with pytest.raises(PluginError) as caught:
        manager.create("sink", PluginChoice.parse(text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_are_converted_and_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = PluginManager()
    manager.load([entry_point(tmp_path, monkeypatch, "good", GOOD)])
    sink = manager.create("sink", PluginChoice.parse("good:label=x,depth=4"))
    assert (sink.config.depth, sink.config.label) == (4, "x")
    record = manager.record("sink", sink)
    assert record["config"] == {"depth": 4, "label": "x"}


def test_whatever_a_configuration_raises_is_the_plugins_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = """
from collections.abc import Callable
from pydantic import model_validator
"""
    source += GOOD.replace("label: str", "size: Callable[[], int] = int").replace(
        "def send",
        "    @model_validator(mode='after')\n"
        "        def fits(self): return {}[self.depth]\n"
        "    def send",
    )
    manager = PluginManager()
    manager.load([entry_point(tmp_path, monkeypatch, "good", source)])
    assert manager.broken == []
    with pytest.raises(PluginError, match="sink 'good': KeyError: 4"):
        manager.create("sink", PluginChoice.parse("good:depth=4"))
    # JSON has no word for what is callable; listing the plugins works all the same.
    described = {each["name"]: each["options"] for each in manager.describe()["plugins"]}
    assert described["good"] == {"depth": {}, "size": {}}
    assert described["file"]["path"]["format"] == "path"


def test_importing_the_plugin_api_imports_no_tensorflow() -> None:
    import subprocess

    code = (
        "import sys, midirnn.cli, midirnn.plugin, midirnn.plugin.manager as m; m.plugin_manager();"
        "print([n for n in ('tensorflow', 'keras', 'pygame', 'rtmidi') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
