"""A run's best network as a folder to give away: the weights, and what they need to be used."""

from __future__ import annotations

import math
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from midirnn.errors import RunError
from midirnn.model.stepper import Stepper
from midirnn.run.card import card_text, first_sections
from midirnn.run.checkpoint import Arrays
from midirnn.run.folder import Run
from midirnn.settings.config import Config


@dataclass(frozen=True)
class Exported:
    """What was made."""

    run: Run
    step: int
    weights: int
    size: int
    """Of the whole folder, in bytes."""


def export_run(
    run: Run, folder: Path, checkpoint: str = "best", *, float32: bool = False
) -> Exported:
    """Make ``folder`` of a run's checkpoint: a run folder that has only what playing it needs.

    Weights become float16 if not told otherwise. The folder is made beside and renamed, so that it
    is whole or not there. Raises :class:`RunError` where it exists already, where the run lacks
    something, or where a weight is no number or too large for float16.
    """
    if folder.exists():
        raise RunError(f"{folder} exists already; give -o a new folder")
    config, corpus, starts = run.config(), run.corpus(), run.starts()
    step = run.checkpoints.find(checkpoint)
    weights = run.checkpoints.load(step, "weights")
    with run.checkpoints.blamed(step):
        Stepper(weights, 1, config.model.time_scale)
        weights = _kept(weights, np.float32 if float32 else np.float16)
    config = _without_places(config)
    score = run.checkpoints.score(step)
    count = sum(array.size for array in weights.values())
    size = sum(array.nbytes for array in weights.values())
    file = f"{size / 1e6:.1f} MB of {'float32' if float32 else 'float16'}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Run(folder.parent / f".{folder.name[:60]}.{secrets.token_hex(4)}.part")
    try:
        beside.folder.mkdir()
        beside.save_config(config)
        beside.save_corpus(corpus | {"left_out": []})  # paths of this machine
        beside.save_starts(starts)
        beside.checkpoints.save(step, math.nan if score is None else score, {"weights": weights})
        # Where nothing was held back, checkpoints are chosen by the training's own loss.
        validated = score if corpus.get("validation_songs") else None
        sections = first_sections(config, corpus, step, validated, count, file)
        beside.save_card(card_text(f"The network {folder.name}", sections))
        beside.folder.rename(folder)
    except BaseException:
        shutil.rmtree(beside.folder, ignore_errors=True)
        raise
    made = sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
    return Exported(Run(folder), step, count, made)


def _without_places(config: Config) -> Config:
    """Return the settings without the paths and ports of the machine that they were used on."""
    begin_from = config.training.begin_from
    name = None if begin_from is None else Path(begin_from).name
    training = config.training.model_copy(update={"begin_from": name})
    return config.model_copy(update={"training": training, "sink": Config().sink})


def _kept(weights: Mapping[str, np.ndarray], dtype: type[np.floating]) -> Arrays:
    """Return the weights in another type of number, where they all fit in."""
    kept: Arrays = {}
    most = float(np.finfo(dtype).max)
    for name, array in weights.items():
        if not np.isfinite(array).all():
            raise RunError(f"the weight {name} has values that are no numbers")
        largest = float(np.abs(array).max(initial=0))
        if largest > most:
            raise RunError(
                f"the weight {name} goes up to {largest:g}, and float16 only to {most:g}; "
                "export it with --float32"
            )
        kept[name] = array.astype(dtype)
    return kept
