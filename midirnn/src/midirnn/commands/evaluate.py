"""The verb ``evaluate``: parse, call, print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from midirnn.commands.options import paths_argument
from midirnn.corpus.split import SPLITS, Split

if TYPE_CHECKING:
    from midirnn.training.evaluation import Evaluation


@click.command()
@click.argument("run")
@paths_argument
@click.option(
    "--checkpoint", default="best", show_default=True, help="best, last, or a checkpoint's step."
)
@click.option(
    "--split",
    type=click.Choice(SPLITS),
    help="Which songs. [default: of a prepared corpus validation, of files all]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--music",
    is_flag=True,
    help="Compare songs of RUN, or the MIDI files that RUN names instead, with those of PATHS.",
)
@click.option(
    "--songs", type=click.IntRange(min=1), help="With --music: how many RUN plays. [default: 16]"
)
@click.option(
    "--length", help="With --music: how long each is, as generate says it. [default: 2500]"
)
def evaluate(
    run: str, paths: tuple[Path, ...], checkpoint: str, split: Split | None, as_json: bool,
    music: bool, songs: int | None, length: str | None,
) -> None:  # fmt: skip
    """Score how well RUN predicts a prepared corpus, or the MIDI files among and below PATHS.

    RUN is a run's folder, or the name of a model that is installed. With --music, how alike its
    music is to theirs, and how much of it is copied.
    """
    from midirnn.run.models import find_run

    if music:
        if split is not None:
            raise click.UsageError("--music compares with all splits; leave --split out")
        generated = Path(run) if Path(run).exists() else find_run(run).folder
        _evaluate_music(generated, paths, checkpoint, songs or 16, length or "2500", as_json)
        return
    if songs is not None or length is not None:
        raise click.UsageError("--songs and --length are for --music")
    from midirnn.console.quiet import import_tensorflow

    folder = find_run(run).folder
    import_tensorflow()
    from midirnn.training.evaluation import evaluate_run

    scores = evaluate_run(folder, list(paths), checkpoint, split)
    if as_json:
        click.echo(json.dumps(scores.as_dict(), indent=1))
    else:
        _print(scores)


def _evaluate_music(
    generated: Path, paths: tuple[Path, ...], checkpoint: str, songs: int, length: str,
    as_json: bool,
) -> None:  # fmt: skip
    from midirnn.music.compare import compare_music
    from midirnn.music.report import text_of

    found = compare_music(generated, paths, songs=songs, length=length, checkpoint=checkpoint)
    click.echo(json.dumps(found.as_dict(), indent=1) if as_json else text_of(found))


def _print(scores: Evaluation) -> None:
    click.echo(f"songs                {scores.songs}")
    click.echo(f"channel messages     {scores.messages}")
    click.echo(f"bits per message     {scores.bits_per_message:.3f}")
    for name, bits in scores.fields.items():
        click.echo(f"  {name:<18} {bits:.3f}")
    if scores.time_bits_per_message is not None:
        click.echo(f"bits for its time    {scores.time_bits_per_message:.3f}")
        click.echo(f"bits together        {scores.total_bits_per_message:.3f}")
    click.echo(f"exact messages       {scores.exact_messages:.1%}")
    click.echo(f"time error           {scores.time_error_seconds * 1000:.1f} ms (mean absolute)")
    for name, value in scores.losses.items():
        click.echo(f"{'loss/' + name:<20} {value:.6g}")
