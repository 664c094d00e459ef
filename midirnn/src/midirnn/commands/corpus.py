"""The verbs that prepare a corpus and look into it: ``prepare`` and ``inspect``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from midirnn.commands.options import Channels, Commas, Number, paths_argument

_POSITIVE = Number(min=0, min_open=True)
_SHARE = Number(min=0, max=1, max_open=True)


@click.command()
@paths_argument
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="The corpus's folder; prepare makes it, or goes on with what was begun there.",
)
@click.option(
    "--types", type=Commas(), help="SMF types to read, with commas: 0,1,2. [default: 0,1]"
)
@click.option(
    "--messages",
    type=click.Choice(["all", "channel"]),
    help="Which messages are kept. [default: channel]",
)
@click.option(
    "--channels", type=Channels(), help="Whose messages are kept, from 0: 0-8,10. [default: all]"
)
@click.option(
    "--drums",
    type=click.Choice(["keep", "drop", "only"]),
    help="What is done with channel 9, General MIDI's drums. [default: keep]",
)
@click.option(
    "--shortest-records", type=click.IntRange(min=1), help="Of a song that is kept. [default: 2]"
)
@click.option("--longest-records", type=click.IntRange(min=1), help="Of a song that is kept.")
@click.option("--shortest-seconds", type=Number(min=0), help="Of a song that is kept.")
@click.option("--longest-seconds", type=_POSITIVE, help="Of a song that is kept.")
@click.option(
    "--time-signature",
    "time_signatures",
    multiple=True,
    help="Songs in this one only, as 3/4; repeatable. A file that says none is in 4/4.",
)
@click.option("--slowest-bpm", type=_POSITIVE, help="No song that is ever slower.")
@click.option("--fastest-bpm", type=_POSITIVE, help="No song that is ever faster.")
@click.option(
    "--duplicates",
    type=click.Choice(["musical", "exact", "keep"]),
    help="Which are left out: the same notes, the same messages only, none. [default: musical]",
)
@click.option("--validation-share", type=_SHARE, help="Of the songs, held back. [default: 0.1]")
@click.option("--test-share", type=_SHARE, help="Of the songs, held back. [default: 0.1]")
@click.option(
    "--shard-megabytes",
    type=Number(min=0, min_open=True, max=2000),
    default=64,
    show_default=True,
    help="How much music a file of the corpus holds, and memory has to.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help="A TOML file with a section [corpus]; flags win over it.",
)
def prepare(
    paths: tuple[Path, ...], out: Path, shard_megabytes: float, config_file: Path | None,
    **flags: Any,
) -> None:  # fmt: skip
    """Make a corpus of the MIDI files among and below PATHS: read, filtered, split, once.

    Killed at any point and started again, it goes on where it was.
    """
    from midirnn.console.progress import progress
    from midirnn.console.say import say
    from midirnn.corpus.inputs import find_inputs
    from midirnn.corpus.inspection import inspect as look
    from midirnn.corpus.prepare import prepare as make
    from midirnn.settings.resolve import resolve

    settings = {name: value for name, value in flags.items() if value not in (None, ())}
    config = resolve(config_file, {"corpus": settings}).corpus
    inputs = find_inputs(paths)
    try:
        with progress(len(inputs), "file", "preparing") as report:
            make(inputs, out, config, shard_bytes=round(shard_megabytes * 1e6), report=report)
    except KeyboardInterrupt:
        say("stopped; the same command goes on from the last shard")
        raise
    click.echo(look(out).text())


@click.command()
@click.argument("corpus", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--picture", type=click.Path(path_type=Path), help="Write histograms there, as an SVG picture."
)
def inspect(corpus: Path, as_json: bool, picture: Path | None) -> None:
    """Show what is in a prepared CORPUS, and what was left out of it."""
    from midicodec.files import replacing
    from midirnn.corpus.histogram import picture as draw
    from midirnn.corpus.inspection import inspect as look

    found = look(corpus)
    if picture is not None:
        heading = f"{found.folder}: {found.total.songs} songs, {found.left_out} files left out"
        with replacing(picture) as file:
            file.write(draw(heading, found.histograms).encode())
    click.echo(json.dumps(found.as_dict(), indent=1) if as_json else found.text())
