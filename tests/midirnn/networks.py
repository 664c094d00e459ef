"""Networks with random weights, for tests of what plays them; the same for the same seed."""

from pathlib import Path

import numpy as np

from midirnn.generation.generator import Generator
from midirnn.model.timeclasses import (
    AT_ONCE_SECONDS,
    CLASSES,
    FIRST_SECONDS,
    PARTS,
    PER_OCTAVE,
    TOLERANCE,
    classes_of,
)
from midirnn.plugin import Events
from midirnn.run.folder import Run
from midirnn.settings.config import Config
from midirnn.settings.resolve import resolve

HIDDEN, DENSE = 8, 6
START = Events(np.array([[0, 0xC0, 7, 0, 2]], np.uint8), np.array([0.0]))
NOTES = [0x80, 0x90, 0x99, 0x89]


def weights(
    seed: int, head: str = "bytes", messages: str = "channel", size: float = 0.4
) -> dict[str, np.ndarray]:
    """The larger ``size`` is, the more certain the network is of what it says."""
    h, d = HIDDEN, DENSE
    statuses, values = (112, 128) if messages == "channel" else (256, 256)
    shapes = {
        "query_gate/table": (h, 41), "query_gate/multiplier": (), "gated": (41, h),
        "between": (h, h), "fork": (h, h),
        **{f"lstm{n}/{w}": (h, 4 * h) for n in (1, 2) for w in ("kernel", "recurrent_kernel")},
        **{f"lstm{n}/bias": (4 * h,) for n in (1, 2)},
    }  # fmt: skip
    if head == "bits":
        shapes |= {"bits_hidden": (h, d), "bits_out": (d, 40)}
        shapes |= {"time_hidden": (h, d), "time_out": (d, 1)}
    else:
        shapes |= {
            "head_hidden": (h, 5 * d), "after_time/kernel": (CLASSES, 4 * d),
            "after_first/kernel": (statuses, 2 * d), "after_second/kernel": (values, d),
            "time_out": (d, CLASSES), "position_out": (d, PARTS), "first_out": (d, statuses),
            "second_out": (d, values), "third_out": (d, values),
            "seen/kernel": (CLASSES + statuses + 2 * values, h),
        }  # fmt: skip
    rng = np.random.default_rng(seed)
    made: dict[str, np.ndarray] = {}
    for name, shape in shapes.items():
        if "/" in name:
            made[name] = rng.standard_normal(shape) * size
        else:
            made[f"{name}/kernel"] = rng.standard_normal(shape) * size
            made[f"{name}/bias"] = rng.standard_normal(shape[-1]) * size
    if head == "bytes":
        # Notes, and short times, so that something happens.
        base = 256 - statuses if messages == "all" else 0x80
        made["first_out/bias"][np.array(NOTES) - base] += 3
        made["time_out/bias"][[0, 57, 65, 73]] += 4
    else:
        made["bits_out/bias"][8:12] += [3, -3, -3, 3]  # of 0x90
        made["time_out/bias"] += 0.7
    return {name: array.astype(np.float32) for name, array in made.items()}


def config(messages: str = "channel", head: str = "bytes", **generation: object) -> Config:
    return resolve(None, {
        "corpus": {"messages": messages}, "model": {"head": head}, "generation": generation,
    })  # fmt: skip


def generator(
    seed: int = 0, head: str = "bytes", messages: str = "channel", size: float = 0.4,
    **generation: object,
) -> Generator:  # fmt: skip
    of = config(messages, head, **generation)
    return Generator(of, lambda: START, weights(seed, head, messages, size))


def save_run(
    folder: Path, seed: int = 0, head: str = "bytes", messages: str = "channel",
    **generation: object,
) -> Path:  # fmt: skip
    """Write a run folder as training leaves one."""
    run = Run(folder)
    folder.mkdir()
    run.save_config(config(messages, head, **generation))
    run.save_starts(START)
    run.checkpoints.save(1, 0.5, {"weights": weights(seed, head, messages)})
    return folder


def parts_of(seconds: np.ndarray) -> np.ndarray:
    """The part of its class, 0 to ``PARTS`` - 1, that each of ``seconds`` lies in; 0 of class 0."""
    octaves = np.log2(np.maximum(seconds, FIRST_SECONDS) / FIRST_SECONDS)
    inside = PER_OCTAVE * octaves + TOLERANCE - (classes_of(seconds) - 1)
    parts = np.clip(np.floor(inside * PARTS), 0, PARTS - 1)
    return np.where(seconds < AT_ONCE_SECONDS, 0, parts).astype(np.int64)
