"""``NAME:key=value,key=value``: how a plugin and its options are written on the command line."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from midirnn.errors import PluginError

RESERVED = frozenset({"name", "options"})
"""Keys of a choice itself, which no option can have: in TOML both stand in one table."""


class PluginChoice(BaseModel):
    """A plugin's name and the options it was given, not yet checked by the plugin's ``Config``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_table(cls, value: Any) -> Any:
        """Take a TOML table as people write it: the name, and the options beside it."""
        if isinstance(value, dict) and "options" not in value and "name" in value:
            return {
                "name": value["name"],
                "options": {key: item for key, item in value.items() if key != "name"},
            }
        return value

    def table(self) -> dict[str, Any]:
        """Return the choice as the TOML table that it would be read from."""
        return {"name": self.name, **self.options}

    @classmethod
    def parse(cls, text: str) -> PluginChoice:
        """Read ``NAME`` or ``NAME:key=value,key=value``.

        The first colon ends the name, commas separate options, the first ``=`` ends a key. A
        value in single or double quotes may hold commas; two of the same quote stand for one.
        Raises :class:`PluginError` with what was expected.
        """
        name, colon, rest = text.partition(":")
        name = name.strip()
        if not name:
            raise PluginError(f"expected NAME or NAME:key=value,…, found {text!r}")
        options: dict[str, Any] = {}
        for item in _split(rest, text) if colon else []:
            key, equals, value = item.partition("=")
            key = key.strip()
            if not equals or not key:
                raise PluginError(f"expected key=value after {name!r}:, found {item!r} in {text!r}")
            if key in RESERVED:
                raise PluginError(f"no plugin has an option {key!r}, found in {text!r}")
            if key in options:
                raise PluginError(f"the option {key!r} is given twice in {text!r}")
            options[key] = _unquote(value.strip())
        return cls(name=name, options=options)


def _split(rest: str, text: str) -> list[str]:
    """Cut at the commas that are not inside quotes; a quote opens only at a value's start."""
    items, start, quote = [], 0, ""
    for index, character in enumerate(rest):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            _, equals, value = rest[start:index].partition("=")
            value = value.lstrip()
            twice = value.startswith(character) and value.endswith(character)
            if equals and (not value or twice):
                quote = character
        elif character == ",":
            items.append(rest[start:index])
            start = index + 1
    if quote:
        raise PluginError(f"the quote {quote} is opened and not closed in {text!r}")
    return [*items, rest[start:]]


def _unquote(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1].replace(value[0] * 2, value[0])
    return value
