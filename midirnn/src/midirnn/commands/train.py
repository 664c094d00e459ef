"""The verb ``train``: parse, call."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from midirnn.commands.options import EXIT_INTERRUPTED, Commas, Number, choices, paths_argument
from midirnn.training.distribute import HOW, How


@click.command()
@paths_argument
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
@click.option("--minutes", type=Number(min=0, min_open=True), help="How long training may take.")
@click.option("--seed", type=click.IntRange(min=0, max=2**31 - 1), help="The run's random seed.")
@click.option("--lanes", type=click.IntRange(min=1), help="Songs read side by side.")
@click.option("--hidden-size", type=click.IntRange(min=1), help="Units of each LSTM.")
@click.option("--learning-rate", type=Number(min=0, min_open=True), help="Adam's.")
@click.option(
    "--messages", type=click.Choice(["all", "channel"]), help="Which messages the network is shown."
)
@click.option("--types", type=Commas(), help="SMF types to read, with commas: 0,1,2.")
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
    from midirnn.training.train import train_run

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
    for name in ("augment", "loss"):
        if flags[f"{name}s"]:
            settings[name] = [choice.table() for choice in flags[f"{name}s"]]
    return settings
