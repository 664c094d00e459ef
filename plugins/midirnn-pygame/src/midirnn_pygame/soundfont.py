"""Which soundfont to play with: pygame's wheels bring a synthesizer, and none of its sounds."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from midirnn.plugin import SinkError

FOLDERS = (
    Path("/usr/share/sounds/sf2"),  # Debian, Ubuntu
    Path("/usr/share/soundfonts"),  # Fedora, Arch
    Path("/usr/local/share/sounds/sf2"),
    Path("/usr/local/share/soundfonts"),
    Path.home() / ".local/share/soundfonts",
)
"""Where Linux distributions, and people, keep soundfonts."""
_GENERAL_MIDI = ("FluidR3_GM.sf2", "default-GM.sf2", "default.sf2", "TimGM6mb.sf2")
"""Names to prefer: others may hold a single instrument, or, as fluid-soundfont-gs, too few."""


def choose_soundfont(wanted: Path | None) -> Path | None:
    """Return the soundfont to play with: the one that is ``wanted``, or the first there is.

    None on Windows and macOS, whose own synthesizers need none. Raises :class:`SinkError` if the
    wanted one does not exist, is none, or there is none at all.
    """
    if wanted is not None:
        return _checked(wanted)
    named = os.environ.get("SDL_SOUNDFONTS")
    if named:
        return _checked(Path(re.split(r"[;:]", named)[0] if sys.platform != "win32" else named))
    found = next(_installed(), None)
    if found is None and sys.platform not in ("win32", "darwin"):
        raise SinkError(
            "pygame: there is no soundfont, so nothing to sound with; install one "
            "(pip install 'midirnn-pygame[soundfont]', or Debian's timgm6mb-soundfont), "
            "or name one: --sink pygame:soundfont=FILE.sf2"
        )
    return found


def _checked(path: Path) -> Path:
    """Return ``path`` if it is a soundfont: SDL says of anything else only that it has none."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise SinkError(f"pygame: cannot read the soundfont {path}: {error.strerror}") from error
    if head[:4] != b"RIFF" or head[8:] != b"sfbk":
        raise SinkError(f"pygame: {path} is not a soundfont (.sf2)")
    return path


def _installed() -> Iterator[Path]:
    for name in _GENERAL_MIDI:
        yield from (folder / name for folder in FOLDERS if (folder / name).is_file())
    # The `soundfont` extra. Found without importing it, which would take a second.
    package = importlib.util.find_spec("pretty_midi")
    if package is not None and package.origin is not None:
        yield from Path(package.origin).parent.glob("*.sf2")
    for folder in FOLDERS:
        yield from sorted(path for path in folder.glob("*.sf2") if "_GS" not in path.name)
