"""Several devices or machines that train one network together, each with its own lanes.

A *replica* is one device's copy of the network; a *worker* is one process, with one replica or
more. Nothing here imports TensorFlow before :func:`join` does.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from midirnn.console.quiet import native_stderr_hidden
from midirnn.console.say import say
from midirnn.errors import ConfigError, RunError

How = Literal["none", "mirrored", "multiworker"]
HOW: tuple[How, ...] = ("none", "mirrored", "multiworker")

Arrays = dict[str, npt.NDArray[np.generic]]

_CPU_DEVICES = "MIDIRNN_CPU_DEVICES"
"""Into how many logical devices the CPU is split where there is no GPU; for tests."""
_EXAMPLE = (
    '{"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, "task": {"type": "worker", "index": 0}}'
)


@dataclass(frozen=True, slots=True)
class Task:
    """What ``TF_CONFIG`` says: all workers' addresses, the chief's first, and which one this is."""

    addresses: tuple[str, ...]
    index: int


def read_task(environment: Mapping[str, str] = os.environ) -> Task:
    """Return the task in ``TF_CONFIG``; raises :class:`ConfigError` where it makes no sense."""
    text = environment.get("TF_CONFIG")
    if not text:
        raise ConfigError(
            "--distribute multiworker reads the workers' addresses from the environment variable "
            f"TF_CONFIG, which is not set; expected {_EXAMPLE}"
        )
    try:
        config = json.loads(text)
        cluster, kind = config["cluster"], config["task"]["type"]
        index = int(config["task"]["index"])
        jobs = {job: _listed(addresses) for job, addresses in cluster.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        what = f"has no {error}" if isinstance(error, KeyError) else str(error)
        raise ConfigError(f"TF_CONFIG is malformed: {what}; expected {_EXAMPLE}") from error
    if jobs.get("ps"):
        raise ConfigError("TF_CONFIG has parameter servers (ps), which midirnn does not use")
    chiefs, workers = jobs.get("chief", []), jobs.get("worker", [])
    if kind not in ("chief", "worker"):
        raise ConfigError(f"TF_CONFIG makes this a {kind!r}; midirnn runs as a chief or a worker")
    if not 0 <= index < len(jobs.get(kind, [])):
        raise ConfigError(
            f"TF_CONFIG makes this {kind} {index}, but lists {len(jobs.get(kind, []))} of them"
        )
    return Task((*chiefs, *workers), index + (len(chiefs) if kind == "worker" else 0))


def _listed(addresses: object) -> list[str]:
    if not isinstance(addresses, list):
        raise TypeError(f"expected a list of addresses, found {addresses!r}")
    return list(map(str, addresses))


class Workers:
    """The processes of one training, as seen by one of them; without a strategy, the only one.

    What says *all workers* is to be called by all of them, in the same order.
    """

    def __init__(self, task: Task = Task(("",), 0), strategy: Any = None) -> None:
        self._task, self._strategy = task, strategy

    @property
    def strategy(self) -> Any:
        """The ``tf.distribute.Strategy``; without one, TensorFlow's default."""
        import tensorflow as tf

        return self._strategy or tf.distribute.get_strategy()

    @property
    def chief(self) -> bool:
        """Whether this is the one that writes the run folder, validates, and tells the user."""
        return self._task.index == 0

    @property
    def alone(self) -> bool:
        """Whether there is no other worker."""
        return len(self._task.addresses) == 1

    @property
    def replicas(self) -> int:
        """How many devices there are, all workers' together."""
        return int(self._strategy.num_replicas_in_sync) if self._strategy is not None else 1

    def lanes(self, lanes: int) -> range:
        """Return which of all ``lanes`` are this worker's; raises :class:`ConfigError`."""
        if lanes % self.replicas:
            raise ConfigError(
                f"{lanes} lanes cannot be shared equally among {self.replicas} replicas; "
                f"give --lanes as a multiple of {self.replicas}"
            )
        here = lanes // len(self._task.addresses)
        return range(self._task.index * here, (self._task.index + 1) * here)

    def any(self, flag: bool) -> bool:
        """All workers: whether ``flag`` is true of any."""
        if self.alone:
            return flag
        return bool(self._of_all(np.array([flag], np.int32)).any())

    def wait(self) -> None:
        """All workers: wait until each has come as far as this."""
        self.any(False)

    def of_chief(self, make: Callable[[], float]) -> float:
        """All workers: return what ``make`` gives to the chief, which alone calls it."""
        if self.alone:
            return make()
        return float(self._of_all(np.array([make() if self.chief else 0.0]))[0, 0])

    def gathered(self, arrays: Arrays) -> Arrays:
        """All workers: return arrays with a row for each lane here with those of all lanes."""
        if self.alone:
            return arrays
        return self._gather(arrays)

    def check_alike(self, **texts: str) -> None:
        """All workers: raise :class:`RunError`, naming it, if a text is another elsewhere."""
        if self.alone:
            return
        digests = [hashlib.sha256(text.encode()).digest()[:8] for text in texts.values()]
        everyones = self._of_all(np.frombuffer(b"".join(digests), np.int64))
        for name, column in zip(texts, everyones.T, strict=True):
            if (column != column[0]).any():
                odd = int(np.argmax(column != column[0]))
                raise RunError(
                    f"worker {odd} ({self._task.addresses[odd]}) does not have the chief's {name}; "
                    "start all workers with the same command, files and versions"
                )

    @contextlib.contextmanager
    def loss_of_one_told(self) -> Iterator[None]:
        """Turn what TensorFlow raises when another worker is gone into a :class:`RunError`."""
        if self.alone:
            yield
            return
        import tensorflow as tf

        try:
            yield
        except (
            tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError,
            tf.errors.InternalError, tf.errors.DeadlineExceededError, tf.errors.UnknownError,
        ) as error:  # fmt: skip
            cause = re.search(r"aborted by: (.*)", error.message) or re.search(".*", error.message)
            raise RunError(
                "another worker has ended, as its own output may explain; start all workers again "
                f"with --resume ({cause and cause[cause.re.groups][:200]})"
            ) from error

    def _of_all(self, row: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """All workers: return each one's ``row``, (workers, …)."""
        here = len(self.strategy.extended.worker_devices)
        return self._gather({"": np.repeat(row[None], here, axis=0)})[""][::here]

    def _gather(self, arrays: Arrays) -> Arrays:
        """All workers: return all replicas' rows, of which here each replica has an equal part."""
        import tensorflow as tf

        here = len(self.strategy.extended.worker_devices)
        parts = {name: np.split(array, here) for name, array in arrays.items()}
        each = self.strategy.experimental_distribute_values_from_function(
            lambda context: {
                name: tf.constant(of_replicas[context.replica_id_in_sync_group % here])
                for name, of_replicas in parts.items()
            }
        )
        (whole, *_) = self.strategy.experimental_local_results(self._all_gather(each))
        return {name: value.numpy() for name, value in whole.items()}

    @functools.cached_property
    def _all_gather(self) -> Any:
        """The collective itself, traced once; ``strategy.gather`` does so each time."""
        import tensorflow as tf

        def gather(rows: dict[str, tf.Tensor]) -> Any:
            # All that is made in a replica is on its device, as a function's arguments are not.
            rows = {name: tf.identity(each) for name, each in rows.items()}
            return tf.distribute.get_replica_context().all_gather(rows, axis=0)

        return tf.function(lambda rows: self.strategy.run(gather, (rows,)), autograph=False)


def join(how: How, task: Task | None) -> Workers:
    """Return the workers of this training, when all of them are there.

    ``task`` is :func:`read_task`'s where ``how`` is ``multiworker``.
    """
    if how == "none":
        return Workers()
    if how == "mirrored":
        workers = Workers(strategy=_mirrored())
        say(f"{workers.replicas} replicas: {', '.join(_names(workers.strategy))}")
        return workers
    assert task is not None
    others = [each for index, each in enumerate(task.addresses) if index != task.index]
    if others:
        say(f"worker {task.index} of {len(task.addresses)} waits for {', '.join(others)}")
    workers = Workers(task, _multiworker(task))
    if workers.chief and others:
        say(f"{len(task.addresses)} workers with {workers.replicas} replicas")
    return workers


def _names(strategy: Any) -> Sequence[str]:
    return [device.rpartition("device:")[2] for device in strategy.extended.worker_devices]


def _mirrored() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with native_stderr_hidden():
        import tensorflow as tf

        if tf.config.list_physical_devices("GPU"):
            return tf.distribute.MirroredStrategy()
        cpu = tf.config.list_physical_devices("CPU")[0]
        count = os.environ.get(_CPU_DEVICES, "1")
        if not count.isdecimal() or int(count) < 1:
            raise ConfigError(f"{_CPU_DEVICES} is {count!r}; expected a number from 1 on")
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration() for _ in range(int(count))]
        )
        return tf.distribute.MirroredStrategy(
            [device.name for device in tf.config.list_logical_devices("CPU")]
        )


def _multiworker(task: Task) -> Any:
    """Make the strategy before TensorFlow does anything else, as it must be."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # It waits where Python's handler of Ctrl-C is never run; nothing is begun that could be lost.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        with native_stderr_hidden():
            import tensorflow as tf

            try:
                return tf.distribute.MultiWorkerMirroredStrategy()
            except tf.errors.OpError as error:
                where = task.addresses[task.index]
                raise RunError(f"cannot take part as {where}: {error.message}") from error
    finally:
        signal.signal(signal.SIGINT, before)
