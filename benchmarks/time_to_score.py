"""How long training takes to reach a validation score, by the number of lanes.

    uv run --group bench python benchmarks/time_to_score.py ../shared/corpus/openhymnal

A script, not a test: it takes as long as it is given, for each number of lanes. An eighth of the
songs, by a hash of their names, are held out and scored every so often; the clock stands still
meanwhile, and while the graph is built.
"""

from __future__ import annotations

import time
import zlib
from pathlib import Path

import click

SCORES = (8.0, 7.5, 7.0)


@click.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--lanes", default="1,8,32,64,128", show_default=True, help="Which numbers of lanes.")
@click.option("--seconds", default=120.0, show_default=True, help="Of training, for each.")
@click.option("--every", default=10.0, show_default=True, help="Seconds between two scores.")
@click.option("--learning-rate", default=1e-3, show_default=True)
def main(folder: Path, lanes: str, seconds: float, every: float, learning_rate: float) -> None:
    """Train on the songs of FOLDER that are not held out, with the default settings else."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".mid", ".midi"))
    held_out = [path for path in files if zlib.crc32(path.name.encode()) % 8 == 5]
    rest = [path for path in files if path not in held_out]
    click.echo(f"{len(rest)} songs to train on, {len(held_out)} held out")
    reached = "".join(f"{f'seconds (events) to {score}':>26}" for score in SCORES)
    click.echo(f"{'lanes':>5}{'events/s':>10}{reached}{'best bits/message':>19}")
    for count in map(int, lanes.split(",")):
        curve = learn(rest, held_out, count, seconds, every, learning_rate)
        spent, events, _ = curve[-1]
        line = f"{count:>5}{events / spent:>10,.0f}"
        for wanted in SCORES:
            first = next((each for each in curve if each[2] <= wanted), None)
            line += f"{f'{first[0]:.0f} ({first[1]:,})' if first else 'not reached':>26}"
        best = min(curve, key=lambda each: each[2])
        click.echo(f"{line}{f'{best[2]:.2f} after {best[0]:.0f} s':>19}")


def learn(
    train: list[Path],
    held_out: list[Path],
    lanes: int,
    seconds: float,
    every: float,
    learning_rate: float,
) -> list[tuple[float, int, float]]:
    """Return (seconds, events, bits per message) each time that the held-out songs were scored."""
    import tensorflow as tf

    from midirnn.config import resolve
    from midirnn.corpus import read_corpus
    from midirnn.evaluation import Evaluator
    from midirnn.lanes import Lanes
    from midirnn.losses import Loss
    from midirnn.model import Network
    from midirnn.step import TrainStep
    from midirnn.timescale import from_seconds
    from midirnn.training import make_losses

    config = resolve(None, {"training": {"lanes": lanes, "learning_rate": learning_rate}})
    terms = make_losses(config)
    songs = read_corpus(train, config.corpus, shortest=config.training.sequence_length + 1).songs
    scored = read_corpus(held_out, config.corpus).songs
    network = Network(config.model, config.training.seed)
    step = TrainStep(network, Loss(terms), [], config)
    evaluator = Evaluator(network, terms, config)
    reader = Lanes(songs, config.training, config.model.hidden_size)
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
        bits = evaluator.evaluate(scored).bits_per_message
        curve.append((spent, number * lanes * config.training.sequence_length, bits))
    return curve


if __name__ == "__main__":
    main()
