"""MIDI ports of the system: which there are, opening one, and whether it is still there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from midirnn.plugin import PluginError, SinkError, SourceError, native_stderr_hidden

if TYPE_CHECKING:
    import mido
    from mido.ports import BaseInput, BaseOutput

    from midirnn_midiport.polled import PolledInput

_RTMIDI = "mido.backends.rtmidi"
_VIRTUAL_NAME = "midirnn"
_THROUGH = "Midi Through"
"""ALSA's port to nowhere, which is the first on most Linux systems."""
_WITHOUT = "tcp=HOST:PORT works without"
_ELSEWHERE = f"virtual=true makes a port to connect to, {_WITHOUT}"


@dataclass(frozen=True)
class Direction:
    """Which of a system's ports, as seen from here, and what is raised if something is wrong."""

    word: str
    error: type[PluginError]

    def wrong(self, what: str) -> PluginError:
        """Return the error that says ``what``."""
        return self.error(f"midiport: {what}")


OUTPUT, INPUT = Direction("output", SinkError), Direction("input", SourceError)


def port_names(direction: Direction, backend: str | None = None) -> list[str]:
    """Return the names of the ports; the direction's error if the system cannot be asked."""
    return _names(direction, _loaded(direction, backend))


def open_output(
    name: str | None, *, virtual: bool = False, backend: str | None = None
) -> BaseOutput:
    """Open the output port that is called ``name`` or has it in its name, or the first there is.

    With ``virtual`` a new port of that name is made. Raises :class:`SinkError`, which lists the
    ports, if there is none such.
    """
    return _opened(OUTPUT, name, virtual, backend)


def open_input(
    name: str | None,
    receive: Callable[[mido.Message], None],
    *,
    virtual: bool = False,
    backend: str | None = None,
) -> BaseInput | PolledInput:
    """Open an input port, as :func:`open_output`; ``receive`` gets each message as it comes."""
    return _opened(INPUT, name, virtual, backend, receive)


def is_there(port: BaseInput | BaseOutput | PolledInput) -> bool:
    """Return whether what ``port`` is connected to is still there, as far as can be known.

    rtmidi says nothing of it when a device or a program has gone. Nothing is hidden here: this is
    asked while music plays, and other threads have something to say.
    """
    asked = getattr(port, "_rt", None)
    if asked is None:
        return True
    try:
        return port.name in asked.get_ports()
    except _errors():
        return False


def find_port(wanted: str | None, names: list[str], direction: Direction = OUTPUT) -> str:
    """Return the one of ``names`` that is ``wanted``; without a wish, the first real one."""
    word = direction.word
    if not names:
        raise direction.wrong(f"there is no MIDI {word} port; {_ELSEWHERE}")
    if wanted is None:
        return next((name for name in names if _THROUGH not in name), names[0])
    if wanted in names:
        return wanted
    found = [name for name in names if wanted.casefold() in name.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        raise direction.wrong(f"{wanted!r} is part of several ports' names: {_listed(found)}")
    raise direction.wrong(
        f"there is no {word} port {wanted!r}; there are: {_listed(names)}; {_ELSEWHERE}"
    )


def _loaded(direction: Direction, backend: str | None) -> mido.Backend:
    import mido

    name = backend or _RTMIDI
    try:
        return mido.Backend(name, load=True)
    except ImportError as error:
        needs = "it needs python-rtmidi, and on Linux libasound2; " if _RTMIDI in name else ""
        raise direction.wrong(f"cannot load {name} ({error}); {needs}{_WITHOUT}") from error


def _names(direction: Direction, backend: mido.Backend) -> list[str]:
    listed = {"output": backend.get_output_names, "input": backend.get_input_names}
    with _explained(direction, "the system's ports cannot be listed", f"; {_WITHOUT}"):
        names: list[str] = listed[direction.word]()
    return names


def _opened(
    direction: Direction,
    name: str | None,
    virtual: bool,
    backend: str | None,
    receive: Callable[[mido.Message], None] | None = None,
) -> Any:
    loaded = _loaded(direction, backend)
    if virtual:
        name = name or _VIRTUAL_NAME
    else:
        name = find_port(name, _names(direction, loaded), direction)
    with _explained(direction, f"cannot open the port {name!r}"):
        # Not `client_name=`: mido would silently make the port virtual, and connect it to nothing.
        if receive is None:
            return loaded.open_output(name, virtual=virtual)
        if loaded.name != _RTMIDI:
            return loaded.open_input(name, virtual=virtual, callback=receive)
        from midirnn_midiport.polled import PolledInput

        return PolledInput(name, receive, virtual=virtual, api=loaded.api)


@contextlib.contextmanager
def _explained(direction: Direction, what: str, hint: str = "") -> Iterator[None]:
    with native_stderr_hidden():  # ALSA and JACK have lines of their own about it
        try:
            yield
        except _errors() as error:
            raise direction.wrong(f"{what} ({error}){hint}") from error


def _errors() -> tuple[type[Exception], ...]:
    """Return what backends raise; some of rtmidi's errors derive from none of these."""
    expected: list[type[Exception]] = [OSError, ValueError, NotImplementedError]
    try:
        from rtmidi import RtMidiError
    except ImportError:
        pass
    else:
        expected.append(RtMidiError)
    return tuple(expected)


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names))
