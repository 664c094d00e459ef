"""Checkpoints: one ``.npz`` each, holding all that a run needs to go on, or to generate.

An ``.npz`` keeps its arrays apart, so that generating reads the weights alone, without
TensorFlow, and its zip container carries a CRC of each.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from midicodec.files import replacing
from midirnn.errors import RunError

Arrays = dict[str, npt.NDArray[np.generic]]

KEPT = 3
"""How many of the newest checkpoints stay; the best one stays too."""


@dataclass(frozen=True, slots=True)
class _Entry:
    step: int
    loss: float


class Checkpoints:
    """The folder of a run's checkpoints, and which of them is the best."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, step: int) -> Path:
        """Return where the checkpoint after ``step`` steps lies."""
        return self.folder / f"step-{step:08d}.npz"

    @property
    def steps(self) -> list[int]:
        """The steps that have a checkpoint, ascending."""
        found = (path.stem.removeprefix("step-") for path in self.folder.glob("step-*.npz"))
        return sorted(int(digits) for digits in found if digits.isdecimal())

    def save(self, step: int, loss: float, groups: Mapping[str, Arrays]) -> None:
        """Write ``groups`` of named arrays; ``loss`` (lower is better) decides which is best.

        Older checkpoints beyond the newest :data:`KEPT` are removed, but never the best.
        """
        arrays = {
            f"{group}/{name}": array
            for group, members in groups.items()
            for name, array in members.items()
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(self.path(step)) as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        entries = [each for each in self._index() if each.step != step] + [_Entry(step, loss)]
        best = _best(entries)
        newest = set(self.steps[-KEPT:])
        kept = [each for each in entries if each.step in newest or each is best]
        rows = [{"step": each.step, "loss": each.loss} for each in kept]
        with replacing(self.folder / "index.json") as file:
            file.write(json.dumps(rows, indent=1).encode())
        for old in set(self.steps) - {each.step for each in kept}:
            self.path(old).unlink()

    def find(self, which: str = "last") -> int:
        """Return the step of ``best``, ``last`` or of a checkpoint given by its number."""
        steps = self.steps
        if not steps:
            raise RunError(f"there is no checkpoint in {self.folder}: the run was never saved")
        if which == "last":
            return steps[-1]
        if which == "best":
            known = [each for each in self._index() if each.step in steps]
            return _best(known).step if known else steps[-1]
        if which.isdecimal() and int(which) in steps:
            return int(which)
        listed = ", ".join(map(str, steps))
        raise RunError(
            f"there is no checkpoint {which!r} in {self.folder}; there are: best, last, {listed}"
        )

    def load(self, step: int, group: str) -> Arrays:
        """Return one group's arrays; raises :class:`RunError` naming a damaged file."""
        path, prefix = self.path(step), f"{group}/"
        try:
            with np.load(path, allow_pickle=False) as archive:
                found = {
                    name.removeprefix(prefix): archive[name]
                    for name in archive.files
                    if name.startswith(prefix)
                }
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
            others = [each for each in self.steps if each != step]
            advice = (
                f"use another of this run's: {', '.join(map(str, others))}"
                if others
                else "it is the only one of this run; train it again"
            )
            raise RunError(f"the checkpoint {path} is damaged ({error}); {advice}") from error
        if not found:
            raise RunError(f"the checkpoint {path} holds no {group!r}")
        return found

    def _index(self) -> list[_Entry]:
        try:
            rows = json.loads((self.folder / "index.json").read_text())
            return [_Entry(int(row["step"]), float(row["loss"])) for row in rows]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise RunError(f"{self.folder / 'index.json'} is damaged: {error}") from error


def _best(entries: list[_Entry]) -> _Entry:
    """The lowest loss; of equals, and where none is a number, the newest."""
    return min(entries, key=lambda each: (np.isnan(each.loss), each.loss, -each.step))
