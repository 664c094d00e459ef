"""What several verbs take, and the exit statuses they share."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from midicodec.records import CHANNELS
from midirnn.plugin.choice import PluginChoice

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
_RANGE = re.compile(r"(\d{1,2})(?:-(\d{1,2}))?")

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
            ends = _RANGE.fullmatch(piece.strip())
            first, last = (int(ends[1]), int(ends[2] or ends[1])) if ends else (-1, -1)
            if not 0 <= first <= last < CHANNELS:
                self.fail(f"expected channels from 0 to 15 as 0-8,10, found {value!r}", param, ctx)
            channels.update(range(first, last + 1))
        return tuple(sorted(channels))


class Commas(click.ParamType[tuple[str, ...]]):
    """``0,1,2``: what stands between commas; what it may be is for the settings to say."""

    name = "TEXT"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Return the parts."""
        return value if isinstance(value, tuple) else tuple(str(value).split(","))


class Number(click.FloatRange):
    """A number of a range; not one that no range is about, as click's own type takes it: nan."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number
