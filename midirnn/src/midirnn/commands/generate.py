"""The verb ``generate``: parse, call, print."""

from __future__ import annotations

import sys
from typing import Any

import click

from midirnn.commands.options import EXIT_INTERRUPTED, Channels, Number, choices
from midirnn.plugin.choice import PluginChoice


class _Program(click.ParamType[tuple[int, str]]):
    """``0=violin``: a channel, from 0, and its instrument."""

    name = "CHANNEL=INSTRUMENT"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, str]:
        if isinstance(value, tuple):
            return value
        channel, equals, program = str(value).partition("=")
        if not (equals and channel.strip().isdecimal()):
            self.fail(f"expected a channel and its instrument: 0=violin, found {value!r}")
        return int(channel), program.strip()


@click.command()
@click.argument("run", required=False)
@click.option(
    "--length",
    default="2500",
    show_default=True,
    help="How much to generate: records (2500), seconds (90s) or bars (32bars).",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The same seed makes the same song.",
)
@click.option(
    "--songs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many at once, each into sinks of its own: generated-01.mid and so on.",
)
@click.option(
    "--primer",
    metavar="FILE[:8s|:4bars]",
    help="A MIDI file, or its beginning, that the song begins with and the network goes on from.",
)
@click.option("--only-new", is_flag=True, help="Leave the primer out of the song.")
@click.option(
    "--temperature",
    type=Number(min=0),
    help="0 takes the likeliest, 1 what the network learnt. [default: the run's]",
)
@click.option(
    "--time-temperature",
    type=Number(min=0),
    help="The same of the time between messages. [default: the run's, or as --temperature]",
)
@click.option(
    "--top-p",
    type=Number(min=0, max=1, min_open=True),
    help="Draw from the likeliest that together have this probability. [default: the run's]",
)
@click.option(
    "--top-k", type=click.IntRange(min=0), help="Draw from so many of the likeliest; 0: from all."
)
@click.option(
    "--most-repeats",
    type=click.IntRange(min=0),
    help="Leave a loop after so many rounds; 0: never. [default: the run's]",
)
@click.option("--most-notes", type=click.IntRange(min=1), help="At once. [default: the run's]")
@click.option(
    "--longest-note",
    "longest_note_seconds",
    type=Number(min=0, min_open=True),
    help="Seconds after which a note is ended. [default: the run's]",
)
@click.option("--scale", help='Notes of this scale only: "D minor", "Bb major pentatonic".')
@click.option(
    "--channels", type=Channels(), help="Play on these only, from 0: 0-8,10. [default: all]"
)
@click.option(
    "--program",
    "programs",
    type=_Program(),
    multiple=True,
    help="A channel's instrument, from 0 or by its General MIDI name: 0=violin; repeatable.",
)
@click.option("--keep-programs", is_flag=True, help="The network changes no instrument.")
@click.option(
    "--tempo",
    type=Number(min=4, max=1000),
    help="Beats a minute to bring the song to. [default: as it comes]",
)
@click.option(
    "--quantize",
    type=click.IntRange(min=0, max=96),
    help="Round times to such a part of the beat: 12. [default: as they come]",
)
@click.option("--meter", help="Its time signature, by which bars are counted: 3/4.")
@click.option(
    "--checkpoint", default="best", show_default=True, help="best, last, or a checkpoint's step."
)
@choices(
    "--sink",
    "Where the song goes; repeatable. [default: the run's, which is a file: generated.mid]",
)
def generate(
    run: str | None, length: str, seed: int, songs: int, primer: str | None, only_new: bool,
    programs: tuple[tuple[int, str], ...], keep_programs: bool, checkpoint: str,
    sinks: tuple[PluginChoice, ...], **settings: Any,
) -> None:  # fmt: skip
    """Let the network of RUN play new songs into one or more sinks.

    RUN is a run's folder, or the name of a model that is installed; without it, the model is taken.
    """
    from midirnn.playback.perform import generate_song
    from midirnn.run.models import find_run

    settings["programs"] = dict(programs) or None
    settings["program_changes"] = False if keep_programs else None
    finished = generate_song(
        find_run(run).folder, length, seed, sinks,
        songs=songs, primer=primer, only_new=only_new, checkpoint=checkpoint, settings=settings,
    )  # fmt: skip
    if not finished:
        sys.exit(EXIT_INTERRUPTED)
