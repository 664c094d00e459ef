"""``midirnn demo``: composes a corpus, trains on it, generates a song. No data, no download.

Where a model is installed it plays first, and what is trained goes on from it.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import click

from midirnn.composer import compose_corpus
from midirnn.console.say import say
from midirnn.errors import RunError
from midirnn.playback.perform import generate_song
from midirnn.plugin.choice import PluginChoice
from midirnn.run.models import default_model, find_run
from midirnn.training.train import train_run

_TRAINING = {"checkpoint_every": 100}
_TUNING = {"lanes": 32, "learning_rate": 1e-3, "checkpoint_every": 100}
"""How a model is shown the new pieces."""
_MOST_STEPS = 1600
_MINUTES, _TUNING_MINUTES = 1.75, 1.25
"""Whatever the machine and the model's size, no longer than the demo may take."""
_SECONDS = 60


def run_demo(out: Path | None, steps: int | None, seed: int) -> bool:
    """Make ``out`` and in it a corpus, a run and ``song.mid``; return False if interrupted.

    A model that is installed plays ``before.mid`` before anything is trained, which then begins
    with its weights.
    """
    out = _new_folder() if out is None else out
    if out.exists():
        raise RunError(f"{out} exists already; --out must be a new folder")
    corpus, song = out / "corpus", out / "song.mid"
    model = default_model()
    midirnn = "uv run midirnn" if "UV_RUN_RECURSION_DEPTH" in os.environ else "midirnn"
    if model is not None:
        before = out / "before.mid"
        if not _play(find_run(model).folder, before, seed):
            return False
        click.echo(
            f"The model {model!r}, which is installed, plays at once: {before}\n"
            f"  {midirnn} play {before}   (or open it in any player)\n"
        )
    count = compose_corpus(corpus, seed)
    click.echo(
        f"Composed {count} short pieces by rule (melody, chords, bass, drums; every key) in "
        f"{corpus}.\nNo data was downloaded: what the network learns is this program's own music."
    )
    training: dict[str, object] = {"seed": seed}
    training |= _TRAINING if model is None else {**_TUNING, "begin_from": model}
    if steps is not None:
        training["steps"] = steps
    else:
        minutes = _MINUTES if model is None else _TUNING_MINUTES
        training |= {"steps": _MOST_STEPS, "minutes": minutes}
        what = "" if model is None else f" {model!r}"
        click.echo(f"Training{what} on them, for {minutes:g} minutes at most.")
    if not train_run([corpus], out / "run", {"training": training}):
        say(f"here: {midirnn} train {corpus} --run {out / 'run'} --resume")
        return False
    if not _play(out / "run", song, seed):
        return False
    click.echo(f"\nWrote {song}. To hear it:\n  {midirnn} play {song}   (or open it in any player)")
    click.echo(f"Another one:\n  {midirnn} generate {out / 'run'} --seed 2 --length 90s")
    return True


def _play(run: Path, song: Path, seed: int) -> bool:
    song.parent.mkdir(parents=True, exist_ok=True)
    sink = PluginChoice(name="file", options={"path": str(song)})
    return generate_song(run, f"{_SECONDS}s", seed, [sink])


def _new_folder() -> Path:
    """Return the first of midirnn-demo, midirnn-demo-2, … that is not there yet."""
    names = itertools.chain(["midirnn-demo"], (f"midirnn-demo-{n}" for n in itertools.count(2)))
    return next(path for path in map(Path, names) if not path.exists())
