"""docs/plugins.md tells plugin authors all that they can use, exactly as it is."""

import inspect
import re
import tomllib
from abc import ABC
from dataclasses import fields
from pathlib import Path
from types import FunctionType

import pytest

import midirnn.plugin
from midirnn.plugin import Event, Events, Predictions, StreamInfo, Targets, hookspecs, interfaces

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "plugins.md").read_text()
BLOCKS = re.findall(r"^```text\n(.*?)^```", PAGE, re.M | re.S)
INTERFACES = (
    interfaces.Augmentation,
    interfaces.LossTerm,
    interfaces.Sink,
    interfaces.Source,
    interfaces.Model,
)
HOOKS = {
    name: function
    for name, function in vars(hookspecs).items()
    if isinstance(function, FunctionType) and function.__module__ == hookspecs.__name__
}


def run(source: str, names: dict[str, object]) -> dict[str, object]:
    """What a block of the page defines, once its functions, which end in a colon, have a body."""
    with_bodies = re.sub(r"^( *def .*?:)$", r"\1 ...", source, flags=re.M | re.S)
    exec(compile(with_bodies, "docs/plugins.md", "exec", dont_inherit=True), names)
    return names


def documented(cls: type) -> type:
    """The class as its block has it. Annotations stay text, as they are in interfaces.py."""
    (block,) = (each for each in BLOCKS if each.startswith(f"class {cls.__name__}("))
    source = "from __future__ import annotations\n" + block
    made = run(source, vars(interfaces) | {"ABC": ABC})[cls.__name__]
    assert isinstance(made, type)
    return made


def methods(cls: type) -> dict[str, inspect.Signature]:
    """The signatures of those that a plugin may override."""
    return {
        name: inspect.signature(member)
        for name, member in vars(cls).items()
        if isinstance(member, FunctionType) and (name == "__call__" or not name.startswith("_"))
    }


def test_every_hook_stands_there_with_its_signature() -> None:
    (block,) = (each for each in BLOCKS if each.startswith("def midirnn_"))
    shown = run(block, dict(vars(hookspecs)) | dict.fromkeys(HOOKS))
    assert len(HOOKS) == 5
    assert re.findall(r"^def (\w+)", block, re.M) == list(HOOKS)
    for name, hook in HOOKS.items():
        assert inspect.signature(shown[name]) == inspect.signature(hook), name  # type: ignore[arg-type]


@pytest.mark.parametrize("cls", INTERFACES)
def test_every_method_stands_there_with_its_signature(cls: type) -> None:
    shown = documented(cls)
    assert methods(shown), "there is nothing"
    assert methods(shown) == methods(cls)
    assert shown.__bases__ == cls.__bases__
    for name, annotation in vars(shown).get("__annotations__", {}).items():
        assert annotation == cls.__annotations__[name]
        assert getattr(shown, name) == getattr(cls, name)


def test_sinks_know_what_realtime_is() -> None:
    assert "realtime" in vars(documented(interfaces.Sink))


@pytest.mark.parametrize("name", midirnn.plugin.__all__)
def test_every_name_of_the_api_is_mentioned(name: str) -> None:
    assert re.search(rf"\b{name}\b", PAGE)


@pytest.mark.parametrize("cls", [Event, Events, Predictions, StreamInfo, Targets])
def test_every_field_of_what_is_passed_is_told(cls: type) -> None:
    """In the sentence, or the list's point, that begins with the class."""
    names = cls._fields if hasattr(cls, "_fields") else [each.name for each in fields(cls)]
    told = [each for each in re.split(r"\n(?:- |\n)|\. ", PAGE) if f"`{cls.__name__}`" in each]
    for name in names:
        assert any(f"`{name}`" in each for each in told), name


def test_the_call_order_and_the_weight_are_true() -> None:
    order = re.search(r"The calls come in the order (.*?)\n\n", PAGE, re.S)
    assert order is not None
    positions = [order[1].index(f"`{name}`") for name in ("open", "send", "finish", "close")]
    assert positions == sorted(positions)
    assert list(interfaces.LossConfig.model_fields) == ["weight"]


def test_the_table_of_our_own_plugins_is_whole() -> None:
    table = dict(re.findall(r"^\| `(midirnn-\S+)` \| (.*? `\S+`) \|", PAGE, re.M))
    made = {}
    for path in ROOT.glob("plugins/*/pyproject.toml"):
        project = tomllib.loads(path.read_text())["project"]
        (entry,) = project["entry-points"]["midirnn"]
        said = project["description"]
        kind = next(
            each for each in ("augmentation", "model", "sink") if f" {each} " in f" {said} "
        )
        made[project["name"]] = f"{kind} `{entry}`"
    assert table == made
