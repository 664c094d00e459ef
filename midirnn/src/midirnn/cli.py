"""The command line: its verbs, and how it ends. Nothing else is done here.

Verbs import what they need when they run, so that ``--help``, ``plugins``, ``generate`` and
``play`` never wait for TensorFlow.
"""

from __future__ import annotations

import sys

import click

import midicodec
from midirnn import __version__
from midirnn.commands.corpus import inspect, prepare
from midirnn.commands.demo import demo
from midirnn.commands.download import download
from midirnn.commands.evaluate import evaluate
from midirnn.commands.export import export
from midirnn.commands.generate import generate
from midirnn.commands.jam import jam
from midirnn.commands.options import EXIT_BAD_INPUT, EXIT_INTERRUPTED
from midirnn.commands.play import play
from midirnn.commands.plugins import plugins
from midirnn.commands.train import train
from midirnn.errors import MidiRnnError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Train a recurrent network on MIDI files, and let it play new music."""


for _verb in (
    demo, download, evaluate, export, generate, inspect, jam, play, plugins, prepare, train,
):  # fmt: skip
    cli.add_command(_verb)


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
    except (MidiRnnError, midicodec.MidiCodecError, OSError, MemoryError) as error:
        if debug:
            raise
        click.echo(f"midirnn: {_one_line(error)}", err=True)
        sys.exit(EXIT_BAD_INPUT)


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror is not None:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, MemoryError):
        return f"there is not enough memory ({error or 'no more is given'})"
    return " ".join(str(error).split())
