"""The ``file`` sink: the song as a Standard MIDI File."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from midirnn.console.say import say
from midirnn.errors import SinkError
from midirnn.plugin import Event, PluginConfig, Recorder, Sink, StreamInfo, hookimpl


class FileSink(Sink):
    """Writes the song to a Standard MIDI File of type 0 when it ends."""

    name = "file"

    class Config(PluginConfig):
        """Where to write."""

        path: Path = Path("generated.mid")
        """Its folder must exist; a file of that name is replaced when the song is complete.

        Of several songs each gets its number: ``generated-01.mid`` and so on.
        """

    config: Config

    def open(self, info: StreamInfo) -> None:
        """See now, before any music is made, whether the file can be written at the end."""
        path = info.numbered(self.config.path)
        # A link stays, and what it leads to is replaced.
        folder = Path(os.path.realpath(path)).parent if path.is_symlink() else path.parent
        if path.is_dir():
            raise SinkError(f"file: {path} is a folder; give a file's name")
        if path.is_file() or not path.exists():  # a device or a pipe is written to as it is
            if not folder.is_dir():
                raise SinkError(f"file: there is no folder {folder} to write {path} in")
            if not os.access(folder, os.W_OK):
                raise SinkError(f"file: no permission to write in {folder}")
        self._recorder, self._path = Recorder(info), path

    def send(self, event: Event) -> None:
        """Keep the message until the song ends."""
        self._recorder.add(event)

    def finish(self) -> None:
        """Write beside the path, then rename: the file is whole or not there."""
        import midicodec

        song = self._recorder.song()
        try:
            midicodec.save(song, self._path)
        except OSError as error:
            raise SinkError(f"file: cannot write {self._path}: {error.strerror}") from error
        say(f"wrote {self._path}")


@hookimpl
def midirnn_register_sinks() -> Iterable[type[Sink]]:
    """Return the sinks that come with midirnn."""
    return [FileSink]
