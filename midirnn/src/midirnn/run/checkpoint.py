"""Checkpoints: one ``.npz`` each, holding all that a run needs to go on, or to generate.

An ``.npz`` keeps its arrays apart, so that generating reads the weights alone, without
TensorFlow, and its zip container carries a CRC of each.
"""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numpy.lib.npyio import NpzFile

from midicodec.files import replacing
from midirnn.errors import RunError

Arrays = dict[str, npt.NDArray[np.generic]]

_SCORE = "score/value"
KEPT = 3
"""How many of the newest checkpoints stay; the best one stays too."""


class DamagedError(Exception):
    """An ``.npz`` is not there, not one, or not whole; whoever reads it says what to do."""


def read_arrays(path: Path, prefix: str = "") -> Arrays:
    """Return an ``.npz``'s arrays whose names begin with ``prefix``, which is left out.

    Raises :class:`DamagedError`.
    """
    try:
        with path.open("rb") as file, NpzFile(file) as archive:
            return {
                name.removeprefix(prefix): archive[name]
                for name in archive.files
                if name.startswith(prefix)
            }
    # RuntimeError: a changed bit in the zip's headers may say that it is encrypted.
    except (OSError, ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
        raise DamagedError(str(error)) from error


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

    def save(self, step: int, score: float, groups: Mapping[str, Arrays]) -> None:
        """Write ``groups`` of named arrays; ``score`` (lower is better) decides which is best.

        It is kept in the file itself, so that no kill comes between the two. Of the others the
        newest stay, :data:`KEPT` together, and the best; those of later steps go, since the run
        went on from before them.
        """
        arrays = {
            f"{group}/{name}": array
            for group, members in groups.items()
            for name, array in members.items()
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(self.path(step), durable=True) as file:
            np.savez(file, **arrays, **{_SCORE: np.float64(score)})  # type: ignore[arg-type]
        there = [each for each in self.steps if each <= step]
        kept = {*there[-KEPT:], _best(there, self._scores(there, strict=False))}
        for other in set(self.steps) - kept:
            self.path(other).unlink()

    def find(self, which: str = "last") -> int:
        """Return the step of ``best``, ``last`` or of a checkpoint given by its number.

        Raises :class:`RunError` where there is none, or one too damaged to say whether it is best.
        """
        steps = self.steps
        if not steps:
            raise RunError(f"there is no checkpoint in {self.folder}: the run was never saved")
        if which == "last":
            return steps[-1]
        if which == "best":
            return _best(steps, self._scores(steps))
        if which.isdecimal() and int(which) in steps:
            return int(which)
        listed = ", ".join(map(str, steps))
        raise RunError(
            f"there is no checkpoint {which!r} in {self.folder}; there are: best, last, {listed}"
        )

    def best_whole(self) -> tuple[int, float | None]:
        """Return the step of the best of those that are not damaged, and its score, if any."""
        scores = self._scores(self.steps, strict=False)
        best = _best(self.steps, scores)
        return best, scores.get(best)

    def score(self, step: int) -> float | None:
        """Return the score that a checkpoint was saved with; None where that is no number.

        Raises :class:`RunError` for a damaged file.
        """
        score = self._read(step, _SCORE).get("")
        return None if score is None or np.isnan(score) else float(score)

    def newest_whole(self) -> tuple[int | None, list[RunError]]:
        """Return the step of the newest checkpoint that is whole, and what is wrong with newer."""
        damage = []
        for step in reversed(self.steps):
            try:
                self._read(step, "")
            except RunError as error:
                damage.append(error)
            else:
                return step, damage
        return None, damage

    def load(self, step: int, group: str) -> Arrays:
        """Return one group's arrays; raises :class:`RunError` naming a damaged file."""
        found = self._read(step, f"{group}/")
        if not found:
            raise RunError(f"the checkpoint {self.path(step)} holds no {group!r}")
        return found

    def _read(self, step: int, prefix: str) -> Arrays:
        path = self.path(step)
        try:
            return read_arrays(path, prefix)
        except DamagedError as error:
            others = [each for each in self.steps if each != step]
            advice = (
                f"use another of this run's: {', '.join(map(str, others))}"
                if others
                else "it is the only one of this run; train it again"
            )
            raise RunError(f"the checkpoint {path} is damaged ({error}); {advice}") from error

    @contextlib.contextmanager
    def blamed(self, step: int) -> Iterator[None]:
        """Name the checkpoint in the :class:`RunError` of what does not fit the run."""
        try:
            yield
        except RunError as error:
            raise RunError(
                f"{self.path(step)} does not fit this run's settings ({error}); "
                "if config.toml was changed, change it back, else use another checkpoint"
            ) from error

    def _scores(self, steps: Sequence[int], *, strict: bool = True) -> dict[int, float]:
        """Return the scores that are numbers; if not ``strict``, a damaged checkpoint has none."""
        scores = {}
        for step in steps:
            try:
                score = self.score(step)
            except RunError:
                if strict:
                    raise
                continue  # whoever asks for it is told
            if score is not None:
                scores[step] = score
        return scores


def _best(steps: Sequence[int], scores: Mapping[int, float]) -> int:
    """Return that with the lowest score; of equals, and where none is a number, the newest."""
    return min(scores, key=lambda step: (scores[step], -step), default=steps[-1])
