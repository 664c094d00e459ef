"""Trains the model ``start`` and puts it, with its card, into this distribution.

    uv run python plugins/midirnn-start/train.py ../shared/corpus [--minutes 60] [-o FOLDER]

The run itself is kept only where ``--run`` says so. What is in the folder that is made is measured
here, but for the credits and the limits below, which people have to vouch for.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import click

from midirnn.errors import CorpusError, MidiRnnError
from midirnn.run.card import card_sections, card_text
from midirnn.run.export import export_run
from midirnn.run.folder import Run
from midirnn.training.evaluation import Evaluation, evaluate_run
from midirnn.training.train import train_run

HERE = Path(__file__).resolve().parent
SOURCES = {
    "openhymnal": "four-part hymns of the Open Hymnal Project "
    "(https://github.com/mzealey/openhymnal), public domain",
    "groove": "drum performances of the Groove MIDI Dataset (Google LLC; Gillick, Roberts, Engel, "
    "Eck and Bamman 2019, https://magenta.tensorflow.org/datasets/groove), CC BY 4.0 "
    "(https://creativecommons.org/licenses/by/4.0/), unmodified",
    "e_midi": "jingles of https://github.com/davehorner/e_midi, CC0 1.0, and three rags by Scott "
    "Joplin from Mutopia, public domain",
}
LIMITS = (
    "It is small, and knows little music: hymns in four parts, drums of one kind of kit, a few "
    "jingles and rags. It keeps no form over more than some bars, and mixes what it knows. Of so "
    "few songs it may play stretches by heart: `midirnn evaluate --music` says how long. Channel "
    "messages only."
)
LICENCE = (
    "MIT, code and weights. The Groove MIDI Dataset asks for its credit, which stands above: "
    "keep it where you pass this network on."
)


def scores(folder: Path, corpus: Path) -> str:
    """Return the table of how well the songs held back for the test are predicted."""
    rows = ["| songs | held back | bits a message | bits for its time | together | exact |"]
    rows.append("|---|---|---|---|---|---|")
    for name, paths in [("all", [corpus / each for each in SOURCES])] + [
        (each, [corpus / each]) for each in SOURCES
    ]:
        try:
            found = evaluate_run(folder, paths, "best", "test")
        except CorpusError:  # of so few, none is held back
            rows.append(f"| {name} | 0 | – | – | – | – |")
        else:
            rows.append(row(name, found))
    return "\n".join(rows)


def row(name: str, found: Evaluation) -> str:
    """Return a line of that table."""
    time_bits = found.time_bits_per_message
    return (
        f"| {name} | {found.songs} | {found.bits_per_message:.2f} | "
        f"{'–' if time_bits is None else f'{time_bits:.2f}'} | "
        f"{found.total_bits_per_message:.2f} | {found.exact_messages:.0%} |"
    )


def train_and_export(corpus: Path, minutes: float | None, run: Path, out: Path) -> None:
    """Train in ``run``, a new folder, and make ``out`` of its best network."""
    flags = {} if minutes is None else {"training": {"minutes": minutes}}
    began = time.monotonic()
    if not train_run([corpus / each for each in SOURCES], run, flags, HERE / "train.toml"):
        raise click.Abort
    taken = (time.monotonic() - began) / 60
    made = export_run(Run(run), out)
    sections = card_sections(made.run.card())
    # What the run knows of its songs is the first paragraph; whose they are is the second.
    trained = sections["Trained on"].partition("\n\n")[0]
    sources = "\n".join(f"- `{name}`: {text}" for name, text in SOURCES.items())
    sections["Trained on"] = f"{trained} It took {taken:.1f} minutes.\n\n{sources}"
    sections["Scores"] += f"\n\nThe songs held back for the test:\n\n{scores(out, corpus)}"
    sections["Limits"], sections["Licence"] = LIMITS, LICENCE
    made.run.save_card(card_text("The model `start`", sections))
    size = sum(each.stat().st_size for each in out.rglob("*") if each.is_file())
    click.echo(f"{out}: {made.weights} weights of step {made.step}, {size / 1e6:.2f} MB\n")
    click.echo(sections["Scores"])


def check_out(out: Path) -> None:
    """Raise an error if something is there that is no such model, to be replaced by one."""
    is_empty = out.is_dir() and not any(out.iterdir())
    if out.exists() and not is_empty and not Run(out).exported:
        raise click.ClickException(f"{out} is there, and no model to replace; give -o a new folder")


def put(model: Path, out: Path) -> None:
    """Put the folder ``model`` in the place of ``out``, which is whole before and after."""
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent))
    new, old = beside / "new", beside / "old"
    try:
        shutil.copytree(model, new)
        if out.exists():
            out.rename(old)
        new.rename(out)
    except BaseException:
        if old.exists():
            old.rename(out)
        raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@click.command()
@click.argument("corpus", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), help="[default: the TOML's]"
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default=HERE / "src" / "midirnn_start" / "model",
    help="The folder to make; a model that is there is replaced. [default: this distribution's]",
)
@click.option(
    "--run", type=click.Path(path_type=Path), help="Where to keep the run. [default: not]"
)
def main(corpus: Path, minutes: float | None, out: Path, run: Path | None) -> None:
    """Train on the folders openhymnal, groove and e_midi of CORPUS."""
    out = out.resolve()
    check_out(out)
    with tempfile.TemporaryDirectory() as temporary:
        new = Path(temporary) / "model"
        try:
            train_and_export(corpus, minutes, run or Path(temporary) / "run", new)
        except MidiRnnError as error:
            raise click.ClickException(str(error)) from error
        check_out(out)  # again: training took its time
        put(new, out)


if __name__ == "__main__":
    main()
