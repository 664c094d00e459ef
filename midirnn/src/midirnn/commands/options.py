"""What several verbs take, and the exit statuses they share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from midirnn.plugin.choice import PluginChoice

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

paths_argument = click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
"""MIDI files, folders of them, or a prepared corpus."""


class Spec(click.ParamType[PluginChoice]):
    """``NAME:key=value,…``."""

    name = "NAME[:KEY=VALUE,…]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> PluginChoice:
        """Return what was chosen."""
        return value if isinstance(value, PluginChoice) else PluginChoice.parse(value)


def choices(flag: str, text: str) -> Callable[..., Any]:
    """Return an option that chooses plugins, and may be given again."""
    return click.option(flag, flag[2:] + "s", type=Spec(), multiple=True, help=text)


class Channels(click.ParamType[tuple[int, ...]]):
    """``0-8,10``: channels and ranges of them, from 0."""

    name = "CHANNELS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Return the channels, each once, rising."""
        if isinstance(value, tuple):
            return value
        channels: set[int] = set()
        for piece in str(value).split(","):
            first, _, last = piece.strip().partition("-")
            if not (first.isdecimal() and (last or first).isdecimal()):
                self.fail(f"expected channels such as 0-8,10, found {value!r}", param, ctx)
            channels.update(range(int(first), int(last or first) + 1))
        return tuple(sorted(channels))
