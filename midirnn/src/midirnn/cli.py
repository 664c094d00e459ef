"""The command line: parse, call, print. Nothing else is done here.

Verbs import what they need when they run, so that ``--help``, ``plugins``, ``generate`` and
``play`` never wait for TensorFlow.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

import midicodec
from midirnn import __version__
from midirnn.corpus_commands import inspect, prepare
from midirnn.distribute import HOW, How
from midirnn.download_command import download
from midirnn.errors import MidiRnnError
from midirnn.export_command import export
from midirnn.generate_command import generate
from midirnn.jam_command import jam
from midirnn.options import EXIT_INTERRUPTED, choices
from midirnn.plugin.choice import PluginChoice
from midirnn.split import SPLITS, Split

EXIT_BAD_INPUT = 2


def _paths(name: str) -> Callable[..., Any]:
    return click.argument(name, nargs=-1, required=True, type=click.Path(path_type=Path))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Train a recurrent network on MIDI files, and let it play new music."""


cli.add_command(prepare)
cli.add_command(inspect)
cli.add_command(generate)
cli.add_command(jam)
cli.add_command(export)


@cli.command()
@_paths("paths")
@click.option(
    "--run",
    "folder",
    required=True,
    type=click.Path(path_type=Path),
    help="The folder that the run is kept in; train makes it.",
)
@click.option(
    "--preset", type=click.Choice(["default", "notebook"]), help="Where the settings start from."
)
@click.option(
    "--from",
    "begin_from",
    metavar="RUN|NAME",
    help="Begin with the weights of this run or model, and with its network's settings.",
)
@click.option(
    "--steps", type=click.IntRange(min=1), help="Training steps, counted from the run's beginning."
)
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), help="How long training may take."
)
@click.option("--seed", type=click.IntRange(min=0, max=2**31 - 1), help="The run's random seed.")
@click.option("--lanes", type=click.IntRange(min=1), help="Songs read side by side.")
@click.option("--hidden-size", type=click.IntRange(min=1), help="Units of each LSTM.")
@click.option("--learning-rate", type=click.FloatRange(min=0, min_open=True), help="Adam's.")
@click.option(
    "--messages", type=click.Choice(["all", "channel"]), help="Which messages the network is shown."
)
@click.option("--types", help="SMF types to read, with commas: 0,1,2.")
@click.option("--resume", is_flag=True, help="Go on from the run's last checkpoint, if any.")
@click.option("--checkpoint-every", type=click.IntRange(min=1), help="Steps between checkpoints.")
@click.option("--tensorboard", is_flag=True, help="Run TensorBoard while training.")
@click.option(
    "--distribute",
    type=click.Choice(HOW),
    default="none",
    help="mirrored: on all GPUs of this machine; multiworker: on those that TF_CONFIG lists.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help="A TOML file of settings; flags win over it.",
)
@choices("--augment", "An augmentation; repeatable, run in this order.")
@choices("--loss", "A loss term; repeatable. Replaces the preset's.")
def train(
    paths: tuple[Path, ...], folder: Path, resume: bool, tensorboard: bool, distribute: How,
    config_file: Path | None, **flags: Any,
) -> None:  # fmt: skip
    """Train a network on the MIDI files among and below PATHS, or on a prepared corpus."""
    from midirnn.training import train_run

    if not train_run(
        list(paths), folder, _settings(flags), config_file,
        resume=resume, tensorboard=tensorboard, distribute=distribute,
    ):  # fmt: skip
        sys.exit(EXIT_INTERRUPTED)


def _settings(flags: dict[str, Any]) -> dict[str, Any]:
    """Return the flags that were given in the nested form of the TOML file."""
    sections = {
        "begin_from": "training", "steps": "training", "minutes": "training", "seed": "training",
        "lanes": "training", "learning_rate": "training", "checkpoint_every": "training",
        "hidden_size": "model", "messages": "corpus", "types": "corpus",
    }  # fmt: skip
    settings: dict[str, Any] = {}
    if flags["preset"] is not None:
        settings["preset"] = flags["preset"]
    for name, section in sections.items():
        if flags[name] is not None:
            settings.setdefault(section, {})[name] = flags[name]
    if flags["types"] is not None:
        settings["corpus"]["types"] = flags["types"].split(",")
    for name in ("augment", "loss"):
        if flags[f"{name}s"]:
            settings[name] = [choice.table() for choice in flags[f"{name}s"]]
    return settings


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
@choices("--sink", "Where the song goes; repeatable. [default: pygame]")
def play(file: Path, sinks: tuple[PluginChoice, ...]) -> None:
    """Send a MIDI FILE to one or more sinks."""
    from midirnn.perform import play_file

    if not play_file(file, sinks):
        sys.exit(EXIT_INTERRUPTED)


@cli.command()
@click.argument("run")
@_paths("paths")
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
    from midirnn.models import find_run

    if music:
        if split is not None:
            raise click.UsageError("--music compares with all splits; leave --split out")
        generated = Path(run) if Path(run).exists() else find_run(run).folder
        _evaluate_music(generated, paths, checkpoint, songs or 16, length or "2500", as_json)
        return
    if songs is not None or length is not None:
        raise click.UsageError("--songs and --length are for --music")
    from midirnn.quiet import import_tensorflow

    folder = find_run(run).folder
    import_tensorflow()
    from midirnn.evaluation import evaluate_run

    scores = evaluate_run(folder, list(paths), checkpoint, split)
    if as_json:
        click.echo(json.dumps(scores.as_dict(), indent=1))
        return
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


def _evaluate_music(
    generated: Path, paths: tuple[Path, ...], checkpoint: str, songs: int, length: str,
    as_json: bool,
) -> None:  # fmt: skip
    from midirnn.music.compare import compare_music
    from midirnn.music.report import text_of

    found = compare_music(generated, paths, songs=songs, length=length, checkpoint=checkpoint)
    click.echo(json.dumps(found.as_dict(), indent=1) if as_json else text_of(found))


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--check", is_flag=True, help="Exit with status 2 if any plugin is broken.")
def plugins(as_json: bool, check: bool) -> None:
    """List the plugins there are, of every kind, and what is broken."""
    from midirnn.plugin.manager import plugin_manager

    manager = plugin_manager()
    if as_json:
        click.echo(json.dumps(manager.describe(), indent=1))
    else:
        for each in manager.registered():
            click.echo(f"{each.kind:<13} {each.name:<18} {each.summary}")
            click.echo(f"{'':<13} {'':<18} {each.distribution} {each.version}; {each.options}")
        for broken in manager.broken:
            click.echo(f"broken        {broken.entry_point:<18} {broken.cause}")
            click.echo(f"{'':<13} {'':<18} {broken.distribution} {broken.version}")
    if check and manager.broken:
        sys.exit(EXIT_BAD_INPUT)


@cli.command()
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


cli.add_command(download)


def main() -> None:
    """Run the command line; what the user can mend is one line on stderr and exit status 2."""
    arguments = [each for each in sys.argv[1:] if each != "--debug"]  # wherever it stands
    debug = len(arguments) < len(sys.argv) - 1
    try:
        cli.main(arguments, standalone_mode=False)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        see = f" (see {context.command_path} --help)" if context is not None else ""
        click.echo(f"midirnn: {error.format_message()}{see}", err=True)
        sys.exit(EXIT_BAD_INPUT)
    except (MidiRnnError, midicodec.MidiCodecError, OSError) as error:
        if debug:
            raise
        click.echo(f"midirnn: {_one_line(error)}", err=True)
        sys.exit(EXIT_BAD_INPUT)


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror is not None:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error).split())
