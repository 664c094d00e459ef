"""TensorBoard in a process of its own, for as long as a run is trained."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType

from midirnn.errors import MidiRnnError

_START_SECONDS = 60


class TensorBoard:
    """A context in which TensorBoard serves ``logdir`` on a free port of this machine."""

    def __init__(self, logdir: Path) -> None:
        self._logdir = logdir
        self.url = ""
        self._last_words = "it said nothing"

    def __enter__(self) -> TensorBoard:
        """Start it and wait until it says where it listens."""
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(self._logdir)]
        self._process = subprocess.Popen(
            [*command, "--host", "localhost", "--port", "0"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the training, which then stops this
        )
        try:
            listening = threading.Event()
            threading.Thread(target=self._read, args=(listening,), daemon=True).start()
            listening.wait(_START_SECONDS)
            if not self.url:
                raise MidiRnnError(
                    f"TensorBoard did not start ({self._last_words}); train without --tensorboard"
                )
        except BaseException:  # a Ctrl-C too: it is in a session of its own and would live on
            self.__exit__(None, None, None)
            raise
        return self

    def _read(self, listening: threading.Event) -> None:
        """Find the address in what it prints, and keep its pipe from filling up."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._last_words = line.strip() or self._last_words
            found = re.search(r"https?://\S+", line)
            if found and "TensorBoard" in line and not self.url:
                self.url = found.group()
                listening.set()
        listening.set()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
