"""Which side of the split a song is on: a function of its notes, and of nothing else.

So a song stays where it is when the corpus grows, when files are renamed, and on every machine;
and two renditions of the same notes are never on two sides.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from midirnn.settings.config import CorpusConfig

Split: TypeAlias = Literal["train", "validation", "test"]

SPLITS: tuple[Split, ...] = ("train", "validation", "test")


def split_of(notes_sha256: bytes, config: CorpusConfig) -> Split:
    """Return the side of a song, by the hash of its :func:`~midirnn.corpus.duplicates.notes_of`.

    Its first eight bytes, as a fraction from 0 to 1: below ``test_share`` is the test split, below
    that and ``validation_share`` together the validation split, and all above is for training.
    """
    fraction = int.from_bytes(notes_sha256[:8], "big") / 2**64
    if fraction < config.test_share:
        return "test"
    if fraction < config.test_share + config.validation_share:
        return "validation"
    return "train"
