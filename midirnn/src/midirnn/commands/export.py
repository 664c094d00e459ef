"""The verb ``export``: parse, call, print."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run")
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="The folder to make, which is not there yet.",
)
@click.option(
    "--checkpoint", default="best", show_default=True, help="best, last, or a checkpoint's step."
)
@click.option("--float32", is_flag=True, help="Keep the weights as they are: twice as large.")
def export(run: str, out: Path, checkpoint: str, float32: bool) -> None:
    """Make a folder to give away of the network of RUN: its weights, and a card to fill in."""
    from midirnn.run.export import export_run
    from midirnn.run.models import find_run

    made = export_run(find_run(run), out, checkpoint, float32=float32)
    click.echo(
        f"{out}: {made.weights} weights of step {made.step}, {made.size / 1e6:.2f} MB in all; "
        f"{made.run.card_path.name} has places that are yours to fill in"
    )
