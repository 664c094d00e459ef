"""The model ``start``: a small network that was trained on hymns, drums, jingles and rags."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from midirnn.plugin import Model, hookimpl

FOLDER = Path(__file__).with_name("model")
"""What ``train.py`` makes."""


class Start(Model):
    """Plays four-part hymns, drums, rags; made to be trained on."""

    name = "start"

    def folder(self) -> Path:
        """Return the run folder that ``train.py`` exported."""
        return FOLDER


@hookimpl
def midirnn_register_models() -> Iterable[type[Model]]:
    """Return the model of this distribution."""
    return [Start]
