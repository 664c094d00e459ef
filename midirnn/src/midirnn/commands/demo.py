"""The verb ``demo``: parse, call."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from midirnn.commands.options import EXIT_INTERRUPTED


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="A new folder. [default: a new one under the current folder]",
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    help="Training steps. [default: as many as fit into the demo's two minutes]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=2**31 - 1),
    default=42,
    show_default=True,
    help="The same seed composes the same pieces.",
)
def demo(out: Path | None, steps: int | None, seed: int) -> None:
    """Compose a small corpus by rule, train on it, and write a new song: no data needed."""
    from midirnn.demo import run_demo

    if not run_demo(out, steps, seed):
        sys.exit(EXIT_INTERRUPTED)
