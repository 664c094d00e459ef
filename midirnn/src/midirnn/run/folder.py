"""The run folder: one training run's settings, progress and checkpoints.

::

    config.toml      every setting, resolved        plugins.json  who provided what
    corpus.json      songs used, files left out     start.npz     training songs' first events
    metrics.jsonl    a line every few steps         tensorboard/  the same, to look at
    checkpoints/     step-N.npz, the last and best  begin.npz     what --from began with, if given

One that ``midirnn export`` made is only read: beside the weights it has a ``CARD.md``, and of the
rest no more than generating and starting from it need.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from midicodec.files import replacing
from midirnn.errors import RunError
from midirnn.lock import held
from midirnn.plugin.border import problem_with
from midirnn.plugin.interfaces import Events
from midirnn.run.checkpoint import Arrays, Checkpoints, DamagedError, read_arrays
from midirnn.settings.config import Config
from midirnn.settings.resolve import read_toml, to_toml, validate


@dataclass(frozen=True)
class Run:
    """The paths below a run folder, and what is read from them."""

    folder: Path

    @property
    def checkpoints(self) -> Checkpoints:
        """The run's checkpoints."""
        return Checkpoints(self.folder / "checkpoints")

    @property
    def config_path(self) -> Path:
        """Where the resolved settings lie."""
        return self.folder / "config.toml"

    @property
    def metrics_path(self) -> Path:
        """Where the log of losses lies, a JSON object a line."""
        return self.folder / "metrics.jsonl"

    @property
    def tensorboard_path(self) -> Path:
        """The folder of TensorBoard's event files."""
        return self.folder / "tensorboard"

    @property
    def started(self) -> bool:
        """Whether a run lives here already."""
        return self.config_path.exists()

    @property
    def card_path(self) -> Path:
        """Where an exported run says what it is and was trained on."""
        return self.folder / "CARD.md"

    @property
    def exported(self) -> bool:
        """Whether this is a network to start from, into whose folder nothing is written."""
        return self.started and self.card_path.exists()

    @property
    def is_blank(self) -> bool:
        """Whether a run was begun here that never saved a network: nothing is lost with it."""
        return self.started and not self.exported and not self.checkpoints.steps

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in the folder but what a run killed at its start leaves."""
        names = {".lock", "plugins.json", "corpus.json", "start.npz", "begin.npz"}
        return self.folder.is_dir() and all(
            each.name in names or each.suffix == ".part" for each in self.folder.iterdir()
        )

    def config(self) -> Config:
        """Read the run's settings; raises :class:`RunError` if this is no run folder."""
        if not self.folder.is_dir():
            raise RunError(f"there is no run folder {self.folder}; midirnn train makes one")
        if not self.started:
            raise RunError(f"{self.folder} is not a run folder: it has no config.toml")
        values = read_toml(self.config_path)
        config = validate(values, source=str(self.config_path))
        if "preset" not in values:  # with which every saved one begins
            raise RunError(f"{self.config_path} is damaged: it has no preset")
        return config

    def save_config(self, config: Config) -> None:
        """Write the resolved settings."""
        self._write("config.toml", to_toml(config))

    def save_plugins(self, records: list[dict[str, Any]]) -> None:
        """Write which distributions' plugins, of which versions, with which options, are used."""
        self._write("plugins.json", json.dumps(records, indent=1))

    def save_corpus(self, report: dict[str, Any]) -> None:
        """Write what the run is trained on."""
        self._write("corpus.json", json.dumps(report, indent=1, ensure_ascii=False))

    def corpus(self) -> dict[str, Any]:
        """Read what the run is trained on."""
        path = self.folder / "corpus.json"
        try:
            report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(report, dict) or "fingerprint" not in report:
                raise ValueError("it has no fingerprint")
        except (OSError, ValueError, TypeError) as error:
            raise RunError(f"{path} is missing or damaged: {error}") from error
        return report

    def save_starts(self, events: Events) -> None:
        """Keep the events of which each song begins with one when it is given no primer."""
        arrays = {"records": events.records, "delta_seconds": events.delta_seconds}
        with replacing(self.folder / "start.npz") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]

    def starts(self) -> Events:
        """Return the events of which each song begins with one."""
        path = self.folder / "start.npz"
        try:
            arrays = read_arrays(path)
            events = Events(arrays["records"], arrays["delta_seconds"])  # type: ignore[arg-type]
            problem = problem_with(events) or (None if len(events) else "no event")
            if problem is not None:
                raise DamagedError(f"it holds {problem}")
        except (DamagedError, KeyError) as error:
            raise RunError(
                f"{path} is missing or damaged ({error}); give generate a --primer"
            ) from error
        return events

    def save_card(self, text: str) -> None:
        """Write what this network is, was trained on, and may be used for."""
        self._write("CARD.md", text)

    def card(self) -> str:
        """Read that; raises :class:`RunError` where there is none."""
        try:
            return self.card_path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RunError(f"{self.card_path} is missing or damaged: {error}") from error

    def save_begin(self, weights: Arrays) -> None:
        """Keep the weights that the run begins with: where they came from may change, or go."""
        with replacing(self.folder / "begin.npz", durable=True) as file:
            np.savez(file, **weights)  # type: ignore[arg-type]

    def begin(self) -> Arrays:
        """Return the weights that the run begins with."""
        path = self.folder / "begin.npz"
        try:
            return read_arrays(path)
        except DamagedError as error:
            raise RunError(
                f"{path} is missing or damaged ({error}); start another run with --from"
            ) from error

    def lock(self) -> AbstractContextManager[None]:
        """Hold a lock, while training, that lets no second process train here."""
        taken = RunError(f"another process is training in {self.folder} now")
        return held(self.folder / ".lock", taken)

    def _write(self, name: str, text: str) -> None:
        with replacing(self.folder / name) as file:
            # A file name's undecodable byte is a lone surrogate, which JSON can write as \udcNN.
            file.write(text.encode("utf-8", "backslashreplace"))
