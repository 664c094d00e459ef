"""The ``file`` source: a MIDI file, played as if somebody did."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from midirnn.errors import SourceError
from midirnn.messages import song_events
from midirnn.playback.clock import Clock
from midirnn.plugin import Event, PluginConfig, Source, StreamInfo, hookimpl

if TYPE_CHECKING:
    import mido


class FileSource(Source):
    """Plays a MIDI file, once: a player for whoever has no keyboard at hand."""

    name = "file"

    class Config(PluginConfig):
        """What to play."""

        path: Path

    config: Config
    _thread: threading.Thread | None = None

    def open(self, receive: Callable[[mido.Message], None]) -> None:
        """Read the file, and begin to play it."""
        import midicodec

        try:
            events = list(song_events(midicodec.load(self.config.path), StreamInfo()))
        except OSError as error:
            raise SourceError(f"file: {self.config.path}: {error.strerror}") from error
        except midicodec.MidiCodecError as error:
            raise SourceError(f"file: {error}") from error
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._play, args=(events, receive), name="source file", daemon=True
        )
        self._thread.start()

    def _play(self, events: list[Event], receive: Callable[[mido.Message], None]) -> None:
        clock = Clock()
        clock.begin()
        for event in events:
            if clock.wait_until(event.start_seconds, self._stop):
                return
            if not event.message.is_meta:
                receive(event.message)

    def close(self) -> None:
        """Stop playing."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stop.set()
            thread.join()


@hookimpl
def midirnn_register_sources() -> Iterable[type[Source]]:
    """Return the sources that come with midirnn."""
    return [FileSource]
