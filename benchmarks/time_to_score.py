"""How long training takes to reach a validation score, by the number of lanes.

    uv run --group bench python benchmarks/time_to_score.py ../shared/corpus/openhymnal

A script, not a test: it takes as long as it is given, for each number of lanes. All settings but
lanes and rate are the default preset's, and so are the songs that are trained on and those that are
scored; the clock stands still meanwhile, and while the graph is built.
"""

from __future__ import annotations

import time
from pathlib import Path

import click

from midirnn.console.quiet import import_tensorflow
from midirnn.corpus.reading import Corpus, open_corpus
from midirnn.settings.resolve import resolve

SCORES = (6.0, 4.0, 3.0)


@click.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--lanes", default="1,8,16,32,64,128", show_default=True, help="Which numbers.")
@click.option("--seconds", default=90.0, show_default=True, help="Of training, for each.")
@click.option("--every", default=10.0, show_default=True, help="Seconds between two scores.")
@click.option("--learning-rate", type=float, help="[default: the preset's]")
def main(
    folder: Path, lanes: str, seconds: float, every: float, learning_rate: float | None
) -> None:
    """Train on the songs of FOLDER, and score those that are held back for validation."""
    settings = resolve(None, {})
    corpus = open_corpus([folder], settings.corpus, settings.training.sequence_length + 1)
    click.echo(f"{len(corpus.songs)} songs to train on, {len(corpus.validation)} held back")
    reached = "".join(f"{f'seconds (events) to {score}':>26}" for score in SCORES)
    click.echo(f"{'lanes':>5}{'events/s':>10}{reached}{'best bits, time and all':>25}")
    for count in map(int, lanes.split(",")):
        curve = learn(corpus, count, seconds, every, learning_rate)
        spent, events, _ = curve[-1]
        line = f"{count:>5}{events / spent:>10,.0f}"
        for wanted in SCORES:
            first = next((each for each in curve if each[2] <= wanted), None)
            line += f"{f'{first[0]:.0f} ({first[1]:,})' if first else 'not reached':>26}"
        best = min(curve, key=lambda each: each[2])
        click.echo(f"{line}{f'{best[2]:.2f} after {best[0]:.0f} s':>25}")


def learn(
    corpus: Corpus, lanes: int, seconds: float, every: float, learning_rate: float | None
) -> list[tuple[float, int, float]]:
    """Return (seconds, events, bits per message) each time that the songs held back were scored."""
    import_tensorflow()
    import tensorflow as tf

    from midirnn.model.network import Network
    from midirnn.model.timescale import from_seconds
    from midirnn.plugin.border import augmenting
    from midirnn.training.choices import make_plugins
    from midirnn.training.evaluation import Evaluator
    from midirnn.training.lanes import Lanes
    from midirnn.training.losses import Loss
    from midirnn.training.step import TrainStep

    training: dict[str, float] = {"lanes": lanes}
    if learning_rate is not None:
        training["learning_rate"] = learning_rate
    config = resolve(None, {"training": training})
    augmentations, terms = make_plugins(config)
    network = Network(config.model, config.training.seed)
    step = TrainStep(network, Loss(terms), augmentations, config)
    evaluator = Evaluator(network, terms, config)
    augment = augmenting(augmentations)
    reader = Lanes(corpus.songs, config.training, config.model.hidden_size, augment)
    curve: list[tuple[float, int, float]] = []
    number, spent = 0, 0.0
    while spent < seconds:
        began, due = time.perf_counter(), every * (len(curve) + 1)
        while spent < due:
            batch = reader.next(number)
            delta_time = from_seconds(batch.delta_seconds, config.model.time_scale)
            result = step(batch.records, delta_time, batch.states, tf.constant(number))
            reader.keep(result.states.numpy())
            number += 1
            now = time.perf_counter()
            if number > 1:  # the first one builds the graph
                spent += now - began
            began = now
        bits = evaluator.evaluate(corpus.validation).total_bits_per_message
        curve.append((spent, number * lanes * config.training.sequence_length, bits))
    return curve


if __name__ == "__main__":
    main()
