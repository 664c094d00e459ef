"""The sink ``pygame``: the song through the loudspeaker."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from pydantic import Field

import midicodec
from midirnn.plugin import (
    Event,
    PluginConfig,
    Recorder,
    Sink,
    SinkError,
    StreamInfo,
    hookimpl,
    native_stderr_hidden,
)
from midirnn_pygame.soundfont import choose_soundfont

# pygame greets on stdout when it is imported, which is where a user's pipe may be.
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

_POLL_SECONDS = 0.02
_FADE_MS = 400
_FADED_SECONDS = 2.0  # the longest that is waited for a fade: `get_busy` of some drivers lags


class PygameSink(Sink):
    """Plays the song through the loudspeaker when it is complete."""

    name = "pygame"

    class Config(PluginConfig):
        """With what it sounds."""

        soundfont: Path | None = None
        """A General MIDI soundfont (.sf2); without one, the first that is installed."""
        volume: float = Field(default=1.0, ge=0, le=1)
        """From 0, silent, to 1."""

    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self._interrupted = threading.Event()
        self._is_open = False

    def open(self, info: StreamInfo) -> None:
        """Find a soundfont and a sound device now, before any music is made."""
        import pygame

        soundfont = choose_soundfont(self.config.soundfont)
        if soundfont is not None:
            os.environ["SDL_SOUNDFONTS"] = str(soundfont)  # where SDL_mixer looks
        with native_stderr_hidden():  # ALSA tells at length what it tried
            try:
                pygame.mixer.init()
            except pygame.error as error:
                raise SinkError(
                    f"pygame: there is no sound device to play through ({error}); "
                    "--sink file:path=song.mid writes a file instead"
                ) from error
        self._is_open = True
        self._recorder = Recorder(info)

    def send(self, event: Event) -> None:
        """Keep the event: pygame plays whole songs."""
        self._recorder.add(event)

    def finish(self) -> None:
        """Play the song; return when it is over, or has faded out after an interruption."""
        import pygame

        song = io.BytesIO()
        midicodec.save(self._recorder.song(), song)
        song.seek(0)
        music = pygame.mixer.music
        try:
            music.load(song, "mid")
        except pygame.error as error:
            raise SinkError(f"pygame: SDL_mixer cannot play MIDI here ({error})") from error
        if self._interrupted.is_set():
            return
        music.set_volume(self.config.volume)
        music.play()
        while music.get_busy():
            if self._interrupted.wait(_POLL_SECONDS):
                self._fade()
                return

    def interrupt(self) -> None:
        """Let `finish` fade out."""
        self._interrupted.set()

    def close(self) -> None:
        """Give the sound device back."""
        if self._is_open:
            import pygame

            self._is_open = False
            pygame.mixer.quit()

    def _fade(self) -> None:
        import pygame

        pygame.mixer.music.fadeout(_FADE_MS)  # which returns at once
        deadline = time.monotonic() + _FADED_SECONDS
        while pygame.mixer.music.get_busy() and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)


@hookimpl
def midirnn_register_sinks() -> Iterable[type[Sink]]:
    """Return the sink of this distribution."""
    return [PygameSink]
