"""From presets, a TOML file and flags to one configuration, and back to TOML.

The resolved configuration is saved with the run as ``config.toml``; reading that file gives the
same run again.
"""

from __future__ import annotations

import datetime
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from midirnn.errors import ConfigError
from midirnn.plugin.choice import PluginChoice
from midirnn.settings.config import PRESETS, Config, CorpusConfig

_BARE_KEY = re.compile("[A-Za-z0-9_-]+")  # TOML's; others are quoted


def resolve(
    file: Path | None,
    flags: Mapping[str, Any],
    base: Config | None = None,
    corpus: CorpusConfig | None = None,
    origin: Config | None = None,
) -> Config:
    """Return the configuration that ``flags`` over a TOML ``file`` over a preset make.

    ``flags`` has the nested form of the TOML file and wins key by key; lists (``augment``,
    ``loss``, ``sink``) are replaced whole. ``base`` stands in the preset's place when a run is
    resumed, and ``corpus`` in that of its section; so do, of the ``origin`` whose weights a run
    begins with, the network's section and which messages it knows. Raises :class:`ConfigError`,
    naming file and key, for unknown keys and unfit values.
    """
    from_file = read_toml(file) if file is not None else {}
    given = _merge(from_file, flags)
    for key, value in from_file.items():
        if isinstance(flags.get(key), Mapping) and not isinstance(value, Mapping):
            given[key] = value  # no section: flags must not cover up what the check has to say
    if base is not None:
        start = base.model_dump(mode="python", exclude_defaults=False)
    else:
        preset = given.get("preset", "default")
        if not isinstance(preset, str) or preset not in PRESETS:
            raise ConfigError(f"there is no preset {preset!r}; there are: {', '.join(PRESETS)}")
        start = PRESETS[preset]
        if origin is not None:
            model = origin.model.model_dump(mode="python")
            start = _merge(start, {"model": model, "corpus": {"messages": origin.corpus.messages}})
        if corpus is not None:
            start = {**start, "corpus": corpus.model_dump(mode="python")}
    return validate(_merge(start, given), source=str(file) if file is not None else "settings")


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; raises :class:`ConfigError` with its path where it cannot be."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error


def validate(values: Mapping[str, Any], source: str) -> Config:
    """Check ``values`` against :class:`Config`; ``source`` is named in the error."""
    try:
        return Config.model_validate(dict(values))
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            section = _section(problem["loc"][:-1])
            raise ConfigError(
                f"{source}: there is no key {key!r}; there are: {', '.join(section.model_fields)}"
            ) from error
        raise ConfigError(f"{source}: {key} = {problem['input']!r}: {problem['msg']}") from error


def to_toml(config: Config) -> str:
    """Write a configuration as TOML that :func:`resolve` reads back as the same."""
    values = config.model_dump(mode="json")
    lines = [f"preset = {_toml(values['preset'])}", ""]
    for name in ("corpus", "model", "training", "generation"):
        lines += [f"[{name}]", *_pairs(values[name]), ""]
    for name in ("augment", "loss", "sink"):
        choices: tuple[PluginChoice, ...] = getattr(config, name)
        if not choices:
            lines.insert(1, f"{name} = []")
        for choice in choices:
            lines += [f"[[{name}]]", *_pairs(choice.table()), ""]
    return "\n".join(lines)


def _pairs(table: Mapping[str, Any]) -> list[str]:
    return [
        f"{key if _BARE_KEY.fullmatch(key) else _toml(key)} = {_toml(value)}"
        for key, value in table.items()
        if value is not None  # TOML has no word for it: what is not set is not there
    ]


def _toml(value: Any) -> str:
    """Write one value; JSON's strings, integers and booleans are TOML's too."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(_pairs(value))}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, float):  # JSON has no inf and nan
        return repr(value)
    text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    try:
        text.encode()
    except UnicodeEncodeError as error:  # bytes of a file's name; TOML has no way to say them
        raise ConfigError(f"{value!a} is not UTF-8: settings cannot hold it") from error
    return text


def _merge(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(low)
    for key, value in high.items():
        below = merged.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            merged[key] = _merge(below, value)
        else:
            merged[key] = value
    return merged


def _section(path: tuple[int | str, ...]) -> type[BaseModel]:
    section: type[BaseModel] = Config
    for part in path:
        if not isinstance(part, str):
            break
        annotation = section.model_fields[part].annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            section = annotation
    return section
