"""The sink ``notelog``: a line of text for each note."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from midirnn.plugin import Event, PluginConfig, Sink, SinkError, StreamInfo, hookimpl

NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


class NoteLog(Sink):
    """Writes a line of text for each note: when, on which channel, which, how loud."""

    name = "notelog"

    class Config(PluginConfig):
        """Where to write."""

        path: Path = Path("notes.txt")
        """What is in it stays; of several songs each has a file, with its number in the name."""

    config: Config
    _file: TextIO | None = None

    def open(self, info: StreamInfo) -> None:
        """Open the file before any music is made: here is where to say what is wrong."""
        path = info.numbered(self.config.path)
        try:
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise SinkError(f"notelog: {path}: {error.strerror}") from error

    def send(self, event: Event) -> None:
        """Write a line if a note begins."""
        message = event.message
        if self._file and message.type == "note_on" and message.velocity:
            octave, key = divmod(message.note, 12)
            note = f"{NAMES[key]}{octave - 1}"
            print(
                f"{event.start_seconds:9.3f} s  channel {message.channel + 1:2}  "
                f"{note:4} velocity {message.velocity}",
                file=self._file,
            )

    def close(self) -> None:
        """Close the file, if it was opened; this may be called twice."""
        if self._file:
            self._file.close()


@hookimpl
def midirnn_register_sinks() -> Iterable[type[Sink]]:
    """Return the sink of this distribution."""
    return [NoteLog]
