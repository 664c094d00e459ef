"""MIDI output ports: which there are, and opening one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from midirnn.plugin import SinkError, native_stderr_hidden

if TYPE_CHECKING:
    import mido
    from mido.ports import BaseOutput

_RTMIDI = "mido.backends.rtmidi"
_VIRTUAL_NAME = "midirnn"
_THROUGH = "Midi Through"
"""ALSA's port to nowhere, which is the first on most Linux systems."""
_WITHOUT = "tcp=HOST:PORT works without"
_ELSEWHERE = f"virtual=true makes a port to connect to, {_WITHOUT}"


def output_names(backend: str | None = None) -> list[str]:
    """Return the names of the output ports; :class:`SinkError` if the system cannot be asked."""
    return _names(_loaded(backend))


def open_port(name: str | None, *, virtual: bool = False, backend: str | None = None) -> BaseOutput:
    """Open the output port that is called ``name`` or has it in its name, or the first there is.

    With ``virtual`` a new port of that name is made. Raises :class:`SinkError`, which lists the
    ports, if there is none such.
    """
    loaded = _loaded(backend)
    if virtual:
        return _opened(loaded, name or _VIRTUAL_NAME, virtual=True)
    # Not `client_name=`: mido would silently make the port virtual, and connect it to nothing.
    return _opened(loaded, find_port(name, _names(loaded)))


def find_port(wanted: str | None, names: list[str]) -> str:
    """Return the one of ``names`` that is ``wanted``; without a wish, the first real one."""
    if not names:
        raise SinkError(f"midiport: there is no MIDI output port; {_ELSEWHERE}")
    if wanted is None:
        return next((name for name in names if _THROUGH not in name), names[0])
    if wanted in names:
        return wanted
    found = [name for name in names if wanted.casefold() in name.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        raise SinkError(f"midiport: {wanted!r} is part of several ports' names: {_listed(found)}")
    raise SinkError(
        f"midiport: there is no output port {wanted!r}; there are: {_listed(names)}; {_ELSEWHERE}"
    )


def open_socket(address: str) -> BaseOutput:
    """Connect to ``HOST:PORT``, where MIDI over TCP is listened for, as mido-serve does."""
    from mido import sockets

    try:
        host, number = sockets.parse_address(address)
    except ValueError as error:
        raise SinkError(
            f"midiport: tcp is HOST:PORT, such as localhost:9080, not {address!r}"
        ) from error
    try:
        return sockets.connect(host, number)
    except OSError as error:
        raise SinkError(
            f"midiport: nothing listens at {address} ({error.strerror or error}); "
            f"mido-serve {address} would"
        ) from error


def _loaded(backend: str | None) -> mido.Backend:
    import mido

    name = backend or _RTMIDI
    try:
        return mido.Backend(name, load=True)
    except ImportError as error:
        needs = "it needs python-rtmidi, and on Linux libasound2; " if _RTMIDI in name else ""
        raise SinkError(f"midiport: cannot load {name} ({error}); {needs}{_WITHOUT}") from error


def _names(backend: mido.Backend) -> list[str]:
    with native_stderr_hidden():  # ALSA has a line of its own about it
        try:
            names: list[str] = backend.get_output_names()
        except _errors() as error:
            raise SinkError(
                f"midiport: the system's ports cannot be listed ({error}); {_WITHOUT}"
            ) from error
    return names


def _opened(backend: mido.Backend, name: str, virtual: bool = False) -> BaseOutput:
    with native_stderr_hidden():  # JACK has several
        try:
            return backend.open_output(name, virtual=virtual)
        except _errors() as error:
            raise SinkError(f"midiport: cannot open the port {name!r} ({error})") from error


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
