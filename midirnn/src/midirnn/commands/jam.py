"""The verb ``jam``: parse, call, print."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, get_args

import click

from midirnn.commands.options import EXIT_INTERRUPTED, Number
from midirnn.jam.turns import Mode
from midirnn.plugin.choice import PluginChoice

if TYPE_CHECKING:
    from midirnn.jam.hearing import PanicKey
    from midirnn.plugin.manager import Kind

_MIDIPORT = PluginChoice(name="midiport")


class _Port(click.ParamType[PluginChoice]):
    """``PORT``, which is for the plugin ``midiport``, or another source or sink and its options."""

    name = "PORT"

    def __init__(self, kind: Kind) -> None:
        self._kind: Kind = kind

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> PluginChoice:
        from midirnn.plugin.manager import plugin_manager

        if isinstance(value, PluginChoice):
            return value
        names = {each.name for each in plugin_manager().registered(self._kind)}
        if value.partition(":")[0] in names:
            return PluginChoice.parse(value)
        return PluginChoice(name=_MIDIPORT.name, options={"port": value})


class _Key(click.ParamType["PanicKey"]):
    """``21`` or ``cc64``."""

    name = "KEY"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> PanicKey:
        from midirnn.jam.hearing import PanicKey

        return value if isinstance(value, PanicKey) else PanicKey.parse(value)


class _Seconds(click.ParamType[float]):
    """``90s``, or ``90``."""

    name = "SECONDS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            seconds = float(str(value).removesuffix("s"))
        except ValueError:
            seconds = 0.0
        if not 0 < seconds < float("inf"):
            self.fail(f"expected seconds such as 90s, found {value!r}", param, ctx)
        return seconds


@click.command()
@click.argument("run", required=False)
@click.option(
    "--in",
    "source",
    type=_Port("source"),
    default=_MIDIPORT,
    help="Where it listens: a MIDI port's name or a part of it, or SOURCE:KEY=VALUE,…. "
    "[default: the first port]",
)
@click.option(
    "--out",
    "sinks",
    type=_Port("sink"),
    multiple=True,
    help="Where it plays: a MIDI port's name or a part of it, or SINK:KEY=VALUE,…; repeatable. "
    "[default: the first port]",
)
@click.option(
    "--mode",
    type=click.Choice(get_args(Mode)),
    default="answer",
    show_default=True,
    help="answer: when you pause; along: while you play.",
)
@click.option(
    "--pause",
    "pause_seconds",
    type=_Seconds(),
    default="1",
    show_default=True,
    help="How long a silence is a pause.",
)
@click.option(
    "--longest",
    "longest_seconds",
    type=_Seconds(),
    default="20",
    show_default=True,
    help="How long it plays at most without you.",
)
@click.option(
    "--clock",
    type=click.Choice(["none", "follow", "send"]),
    default="none",
    show_default=True,
    help="Follow the MIDI clock that comes in, or send one.",
)
@click.option(
    "--tempo",
    "bpm",
    type=Number(min=10, max=1000),
    help="Beats a minute, of the clock that is sent too. [default: 120]",
)
@click.option(
    "--panic",
    type=_Key(),
    metavar="NOTE|ccN",
    help="A note or a controller that silences everything, as all-notes-off always does.",
)
@click.option("--length", "seconds", type=_Seconds(), help="When it ends. [default: with Ctrl-C]")
@click.option(
    "--temperature",
    type=Number(min=0),
    help="0 takes the likeliest, 1 what the network learnt. [default: the run's]",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--checkpoint", default="best", show_default=True, help="best, last, or a checkpoint's step."
)
def jam(
    run: str | None, source: PluginChoice, sinks: tuple[PluginChoice, ...],
    temperature: float | None, seed: int, checkpoint: str, **settings: Any,
) -> None:  # fmt: skip
    """Play with the network of RUN: it hears what you play, and answers or plays along.

    RUN is a run's folder, or the name of a model that is installed; without it, the model is taken.
    Ctrl-C ends it, and every note that sounds.
    """
    from midirnn.jam.live import JamSettings
    from midirnn.jam.live import jam as play
    from midirnn.run.models import find_run

    finished = play(
        find_run(run).folder, source, sinks or (_MIDIPORT,), JamSettings(**settings),
        temperature=temperature, seed=seed, checkpoint=checkpoint,
    )  # fmt: skip
    if not finished:
        sys.exit(EXIT_INTERRUPTED)
