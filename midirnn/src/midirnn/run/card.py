"""``CARD.md``: what a network that is given away is, was trained on, scored, and may be used for.

It is Markdown for people, in sections that can be looked for: what a machine knows stands in it
as it is exported, what only its author knows is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from midirnn import __version__
from midirnn.settings.config import Config

TO_SAY = "(to be said by who gives it away)"
"""What stands where only the author knows."""
NEEDED = ("Trained on", "Licence")
"""The sections that a card cannot do without."""


def card_text(title: str, sections: Mapping[str, str]) -> str:
    """Return the Markdown of a card."""
    parts = [f"# {title}", *(f"## {name}\n\n{text.strip()}" for name, text in sections.items())]
    return "\n\n".join(parts) + "\n"


def card_sections(text: str) -> dict[str, str]:
    """Return a card's sections by their names, in their order."""
    _, *rest = re.split(r"^## (.*)$", text, flags=re.M)
    return {name.strip(): body.strip() for name, body in zip(rest[::2], rest[1::2], strict=True)}


def problem_with_card(text: str) -> str | None:
    """Say what a card does not say and must; None if it says all."""
    sections = card_sections(text)
    for name in NEEDED:
        said = sections.get(name, "")
        if not said or TO_SAY in said:
            return f"its section {name!r} says nothing yet"
    return None


def first_sections(
    config: Config,
    corpus: Mapping[str, Any],
    step: int,
    score: float | None,
    weights: int,
    file: str,
) -> dict[str, str]:
    """Return what a run knows of itself, and where the author is to say the rest.

    ``weights`` is their number and ``file`` the size and the type of what they are kept in;
    ``score`` what the checkpoint was chosen by in validation.
    """
    model, training = config.model, config.training
    messages = "channel messages" if config.corpus.channel_only else "all messages"
    start = (
        f", beginning with the weights of `{training.begin_from}`" if training.begin_from else ""
    )
    trained = (
        f"{corpus.get('songs', '?')} songs, {corpus.get('records', '?')} records of {messages}; "
        f"{corpus.get('validation_songs', '?')} more were held back for validation and "
        f"{corpus.get('test_songs', '?')} for the test. {step} steps of {training.lanes} × "
        f"{training.sequence_length} records, seed {training.seed}{start}.\n\n"
        f"Which songs, by whom, and under which terms: {TO_SAY}"
    )
    of = "bits a message, time included" if model.head == "bytes" else "bits a message"
    validated = "there was none" if score is None else f"{score:.3f} ({of})"
    return {
        "What it is": (
            f"A network of midirnn {__version__}, head `{model.head}`, two LSTMs of "
            f"{model.hidden_size} units; {weights} weights, {file}. A run folder: "
            "`midirnn generate` plays it, `midirnn train --from` goes on from it."
        ),
        "Trained on": trained,
        "Scores": f"Validation, by which checkpoints are chosen: {validated}.",
        "Limits": TO_SAY,
        "Licence": TO_SAY,
    }
