"""The yardstick for networks: a Markov chain over whole messages and the classes of their times.

    uv run python benchmarks/markov.py ../shared/corpus/openhymnal

It predicts the class of a message's time given the messages before, then the message given that
class and the messages before: interpolated Witten-Bell, order 0 to 4. Songs, split, classes and
what counts are those of ``midirnn evaluate --split test``; the chain learns the training split. The
best order of each of the two is the one that the test split likes best, which favours the chain.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from pathlib import Path

import click

from midirnn.corpus.reading import open_corpus
from midirnn.model.timeclasses import CLASSES, classes_of
from midirnn.plugin import Events
from midirnn.settings.resolve import resolve

ORDERS = range(5)
MESSAGES = 16 * (5 * 128**2 + 2 * 128)  # channel messages that there are
Context = tuple[Hashable, ...]
Prediction = tuple[Context, Hashable]


class Chain:
    """What followed each context, and the same of contexts that are shorter, mixed."""

    def __init__(self, choices: int) -> None:
        self._choices = choices
        self._seen: dict[Context, Counter[Hashable]] = defaultdict(Counter)

    def learn(self, context: Context, what: Hashable) -> None:
        """Count it after the context and after each of its beginnings."""
        for length in range(len(context) + 1):
            self._seen[context[:length]][what] += 1

    def bits(self, context: Context, what: Hashable) -> list[float]:
        """Return what it costs given nothing, and given each longer beginning of the context."""
        probability, found = 1 / self._choices, []
        for length in range(len(context) + 1):
            seen = self._seen.get(context[:length])
            if seen is not None:  # Witten and Bell: as much for what is new as there were kinds
                kinds = len(seen)
                probability = (seen[what] + kinds * probability) / (seen.total() + kinds)
            found.append(-math.log2(probability))
        return found


def predictions(song: Events) -> Iterator[tuple[Prediction, Prediction]]:
    """Yield, for each message but the first, its class and itself, each after its context."""
    classes = classes_of(song.delta_seconds).tolist()
    messages: list[Hashable] = [bytes(record) for record in song.records[:, 1:4]]
    for now in range(1, len(messages)):
        before = tuple(messages[max(now - ORDERS[-1], 0) : now][::-1])
        before += (None,) * (ORDERS[-1] - len(before))
        yield (before, classes[now]), ((classes[now], *before), messages[now])


def score(
    train: Iterable[Events], scored: Sequence[Events]
) -> tuple[int, list[float], list[float]]:
    """Return how many messages were scored, and the bits for time and for message by order."""
    times, messages = Chain(CLASSES), Chain(MESSAGES)
    for song in train:
        for time, message in predictions(song):
            times.learn(*time)
            messages.learn(*message)
    count, time_bits, message_bits = 0, [0.0] * len(ORDERS), [0.0] * len(ORDERS)
    for song in scored:
        for time, message in predictions(song):
            count += 1
            time_bits = [a + b for a, b in zip(time_bits, times.bits(*time), strict=True)]
            # Without even the class, it is no order of this chain.
            found = messages.bits(*message)[1:]
            message_bits = [a + b for a, b in zip(message_bits, found, strict=True)]
    return count, [each / count for each in time_bits], [each / count for each in message_bits]


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def main(folders: tuple[Path, ...]) -> None:
    """Score the chain on the songs of FOLDERS together."""
    corpus = open_corpus(folders, resolve(None, {}).corpus)
    count, times, messages = score(corpus.songs, corpus.test)
    click.echo(f"{len(corpus.songs)} songs to learn, {len(corpus.test)} to score: {count} messages")
    for order in ORDERS:
        click.echo(f"order {order}: time {times[order]:.3f}, message {messages[order]:.3f}")
    best = min(times) + min(messages)
    click.echo(f"best: {min(times):.3f} + {min(messages):.3f} = {best:.3f} bits")


if __name__ == "__main__":
    main()
