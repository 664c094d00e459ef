"""Finds plugins, keeps what they register, and makes the chosen ones.

A plugin that fails is recorded with its cause and never stops the others: here any exception is
caught, as where plugins are called (:mod:`midirnn.plugin.border`, :mod:`midirnn.playback.play`).
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any, Literal

import pluggy
from pydantic import ValidationError
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo

from midirnn.errors import PluginError
from midirnn.plugin import hookspecs
from midirnn.plugin.choice import RESERVED, PluginChoice
from midirnn.plugin.hookspecs import PROJECT
from midirnn.plugin.interfaces import (
    Augmentation,
    LossTerm,
    Model,
    Plugin,
    PluginConfig,
    Sink,
    Source,
)

Kind = Literal["augmentation", "loss", "sink", "source", "model"]

_BASES: dict[Kind, type[Plugin]] = {
    "augmentation": Augmentation,
    "loss": LossTerm,
    "sink": Sink,
    "source": Source,
    "model": Model,
}
_HOOKS: dict[Kind, str] = {
    "augmentation": "midirnn_register_augmentations",
    "loss": "midirnn_register_losses",
    "sink": "midirnn_register_sinks",
    "source": "midirnn_register_sources",
    "model": "midirnn_register_models",
}
_BUILTIN = ("augmentations", "losses", "sinks", "sources")


@dataclass(frozen=True)
class Registered:
    """A class that some distribution's plugin registered."""

    kind: Kind
    plugin: type[Plugin]
    distribution: str
    version: str

    @property
    def name(self) -> str:
        """What the user calls it."""
        return self.plugin.name

    @property
    def summary(self) -> str:
        """The first line of the class's docstring."""
        return (self.plugin.__doc__ or "").strip().partition("\n")[0]

    @property
    def options(self) -> str:
        """The options with their defaults, as the user would write them."""
        fields = self.plugin.Config.model_fields
        written = [
            name if field.is_required() else f"{name}={_default(field)}"
            for name, field in fields.items()
        ]
        return ",".join(written) or "no options"


def _default(field: FieldInfo) -> Any:
    try:
        return field.get_default(call_default_factory=True)
    except (Exception, SystemExit):  # noqa: BLE001 — the plugin border, or it needs other options
        return "…"


@dataclass(frozen=True)
class Broken:
    """An entry point, or one of its hooks or classes, that failed, and why."""

    entry_point: str
    distribution: str
    version: str
    cause: str


class PluginManager:
    """What is registered, by kind and name, and what failed on the way."""

    def __init__(self) -> None:
        self._pluggy = pluggy.PluginManager(PROJECT)
        self._pluggy.add_hookspecs(hookspecs)
        self._registered: dict[tuple[Kind, str], Registered] = {}
        self.broken: list[Broken] = []

    def load(self, entry_points: Iterable[importlib.metadata.EntryPoint] | None = None) -> None:
        """Register the built-in plugins, then every entry point of the group ``midirnn``."""
        version = importlib.metadata.version("midirnn")
        for name in _BUILTIN:
            module = importlib.import_module(f"midirnn.builtin.{name}")
            self._add(module, f"builtin.{name}", "midirnn", version)
        if entry_points is None:
            entry_points = importlib.metadata.entry_points(group=PROJECT)
        for entry_point in sorted(entry_points, key=lambda each: each.name):
            distribution = entry_point.dist.name if entry_point.dist else "?"
            version = entry_point.dist.version if entry_point.dist else "?"
            try:
                module = entry_point.load()
            except (Exception, SystemExit) as error:  # noqa: BLE001 — the plugin border
                self._fail(entry_point.name, distribution, version, error)
            else:
                self._add(module, entry_point.name, distribution, version)

    def _add(self, module: ModuleType, name: str, distribution: str, version: str) -> None:
        """Register a plugin with pluggy and keep the classes that its hooks return."""
        try:
            self._pluggy.register(module, name=name)
            self._pluggy.check_pending()
        except (Exception, SystemExit) as error:  # noqa: BLE001 — the plugin border
            self._pluggy.unregister(name=name) if self._pluggy.has_plugin(name) else None
            self._fail(name, distribution, version, error)
            return
        others = [each for each in self._pluggy.get_plugins() if each is not module]
        for kind, hook in _HOOKS.items():
            # One plugin at a time, so that one that raises takes nobody along.
            call: Callable[[], list[Any]] = self._pluggy.subset_hook_caller(hook, others)
            try:
                for plugin in (each for classes in call() for each in classes):
                    self._keep(Registered(kind, plugin, distribution, version))
            except (Exception, SystemExit) as error:  # noqa: BLE001 — the plugin border
                self._fail(name, distribution, version, error)

    def _keep(self, registered: Registered) -> None:
        kind, plugin = registered.kind, registered.plugin
        if not (isinstance(plugin, type) and issubclass(plugin, _BASES[kind])):
            raise PluginError(
                f"{_HOOKS[kind]} must return subclasses of {_BASES[kind].__name__}, "
                f"it returned {plugin!r}"
            )
        check_class(plugin)
        first = self._registered.get((kind, plugin.name))
        if first is not None:
            raise PluginError(
                f"the {kind} {plugin.name!r} is already registered by {first.distribution}; "
                "rename one"
            )
        self._registered[kind, plugin.name] = registered

    def _fail(self, entry_point: str, distribution: str, version: str, error: object) -> None:
        cause = f"{type(error).__name__}: {error}"
        self.broken.append(Broken(entry_point, distribution, version, cause))

    def registered(self, kind: Kind | None = None) -> list[Registered]:
        """Return what is registered, of one kind or of all, in order of kind and name."""
        found = [each for each in self._registered.values() if kind in (None, each.kind)]
        return sorted(found, key=lambda each: (each.kind, each.name))

    def describe(self) -> dict[str, list[dict[str, Any]]]:
        """Return everything registered, with each option's type and default, and what is broken."""
        return {
            "plugins": [
                {
                    "kind": each.kind,
                    "name": each.name,
                    "summary": each.summary,
                    "distribution": each.distribution,
                    "version": each.version,
                    "options": _schema(each.plugin.Config),
                }
                for each in self.registered()
            ],
            "broken": [vars(each) for each in self.broken],
        }

    def find(self, kind: Kind, name: str) -> Registered:
        """Return the plugin of that name, or raise a :class:`PluginError` that lists the names."""
        found = self._registered.get((kind, name))
        if found is not None:
            return found
        # A broken entry point is usually named like what it would have registered.
        for broken in self.broken:
            if name in (broken.entry_point, broken.distribution):
                raise PluginError(
                    f"the {kind} {name!r} is broken ({broken.distribution} {broken.version}): "
                    f"{broken.cause}"
                )
        names = ", ".join(each.name for each in self.registered(kind)) or "none"
        hint = ""
        if self.broken:
            failed = ", ".join(sorted({each.distribution for each in self.broken}))
            hint = f"; broken: {failed} (see midirnn plugins)"
        raise PluginError(f"there is no {kind} named {name!r}; there are: {names}{hint}")

    def create(self, kind: Kind, choice: PluginChoice) -> Any:
        """Make the chosen plugin with its options checked by its own ``Config``.

        Raises :class:`PluginError` for an unknown name, an unknown key (listing the valid ones),
        a value that does not fit, or a constructor that fails.
        """
        registered = self.find(kind, choice.name)
        where = f"{kind} {choice.name!r}"
        try:
            config = registered.plugin.Config(**choice.options)
        except ValidationError as error:
            raise PluginError(f"{where}: {_explain(error, registered.plugin.Config)}") from error
        except (Exception, SystemExit) as error:
            raise PluginError(f"{where}: {type(error).__name__}: {error}") from error
        try:
            return registered.plugin(config)
        except PluginError:
            raise
        except (Exception, SystemExit) as error:
            raise PluginError(f"{where}: {type(error).__name__}: {error}") from error

    def record(self, kind: Kind, plugin: Plugin) -> dict[str, Any]:
        """Return a plugin's name, distribution, version and options, for the run folder."""
        found = self.find(kind, plugin.name)
        return {
            "kind": kind,
            "name": plugin.name,
            "distribution": found.distribution,
            "version": found.version,
            "config": plugin.config.model_dump(mode="json"),
        }


def check_class(plugin: type[Plugin]) -> None:
    """Raise :class:`PluginError` if a class has not the name and the options that users need."""
    name = getattr(plugin, "name", None)
    if not isinstance(name, str) or not name or set(name) & set(":,= "):
        raise PluginError(
            f"{plugin.__name__}.name must be a word without ':', ',', '=' or spaces, it is {name!r}"
        )
    config = getattr(plugin, "Config", None)
    if not (isinstance(config, type) and issubclass(config, PluginConfig)):
        raise PluginError(f"{plugin.__name__}.Config must derive from PluginConfig")
    reserved = RESERVED & config.model_fields.keys()
    if reserved:
        raise PluginError(f"{plugin.__name__}.Config cannot have a field {min(reserved)!r}")


def _schema(config: type[PluginConfig]) -> dict[str, Any]:
    """Return each option's JSON schema, or nothing of any where one has a type unknown to JSON."""
    try:
        options: dict[str, Any] = config.model_json_schema().get("properties", {})
    except PydanticUserError:
        options = {name: {} for name in config.model_fields}
    return options


def _explain(error: ValidationError, config: type[PluginConfig]) -> str:
    """Say in one line which option is wrong and which there are."""
    problems = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            problems.append(f"unknown option {key!r}")
        elif problem["type"] == "missing":
            problems.append(f"the option {key!r} is needed")
        elif not key:  # a validator of the whole
            problems.append(problem["msg"].removeprefix("Value error, "))
        else:
            problems.append(f"{key}={problem['input']}: {problem['msg']}")
    valid = ", ".join(config.model_fields) or "it takes none"
    return f"{'; '.join(problems)} (options: {valid})"


@lru_cache(maxsize=1)
def plugin_manager() -> PluginManager:
    """Return the manager with everything that is installed loaded, once for each process."""
    manager = PluginManager()
    manager.load()
    return manager
