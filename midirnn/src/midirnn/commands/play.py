"""The verb ``play``: parse, call."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from midirnn.commands.options import EXIT_INTERRUPTED, choices
from midirnn.plugin.choice import PluginChoice


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@choices("--sink", "Where the song goes; repeatable. [default: pygame]")
def play(file: Path, sinks: tuple[PluginChoice, ...]) -> None:
    """Send a MIDI FILE to one or more sinks."""
    from midirnn.playback.perform import play_file

    if not play_file(file, sinks):
        sys.exit(EXIT_INTERRUPTED)
