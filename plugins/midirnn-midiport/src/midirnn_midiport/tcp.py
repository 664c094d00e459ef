"""MIDI over TCP: the messages' bytes, one after the other, as mido-serve and mido-connect do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from midirnn.plugin import SinkError, SourceError

if TYPE_CHECKING:
    import mido
    from mido.ports import BaseOutput

_LOOK_SECONDS = 0.2
"""How often the listening thread looks whether it is to stop."""
_PEDALS = (64, 66)  # sustain and sostenuto: those that hold notes
_PEDAL_DOWN = 64

_Held = dict[tuple[str, int, int], "mido.Message"]


def connect(address: str) -> BaseOutput:
    """Connect to ``HOST:PORT``, where MIDI over TCP is listened for, as mido-serve does."""
    from mido import sockets

    host, number = _parsed(address, SinkError)
    try:
        return sockets.connect(host, number)
    except OSError as error:
        raise SinkError(
            f"midiport: nothing listens at {address} ({error.strerror or error}); "
            f"mido-serve {address} would"
        ) from error


class Listener:
    """Listens at ``HOST:PORT``, as mido-serve does, to one sender after the other."""

    def __init__(self, address: str, receive: Callable[[mido.Message], None]) -> None:
        """Listen from now on; raises :class:`SourceError` if that cannot be."""
        host, number = _parsed(address, SourceError)
        try:
            self._server = socket.create_server((host, number))
        except OSError as error:
            raise SourceError(
                f"midiport: cannot listen at {address} ({error.strerror or error})"
            ) from error
        self._receive, self._stop = receive, threading.Event()
        self._thread = threading.Thread(target=self._serve, name=f"tcp {address}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening, and hang up."""
        self._stop.set()
        self._thread.join()

    def _serve(self) -> None:
        with self._server:
            self._server.settimeout(_LOOK_SECONDS)
            while not self._stop.is_set():
                try:
                    connection, _ = self._server.accept()
                except TimeoutError:
                    continue
                with connection:
                    self._listen(connection)

    def _listen(self, connection: socket.socket) -> None:
        held: _Held = {}
        for message in self._messages(connection):
            _keep_held(held, message)
            self._receive(message)
        for end in held.values():  # who has hung up lets nothing go any more
            self._receive(end)

    def _messages(self, connection: socket.socket) -> Iterator[mido.Message]:
        """Yield what comes in until the sender hangs up, or we do."""
        import mido

        parser = mido.Parser()
        connection.settimeout(_LOOK_SECONDS)
        while not self._stop.is_set():
            try:
                data = connection.recv(4096)
            except TimeoutError:
                continue
            except OSError:  # reset: the sender has gone
                return
            if not data:
                return
            parser.feed(data)
            yield from parser


def _keep_held(held: _Held, message: mido.Message) -> None:
    """Keep account of the keys and pedals that are down, and of what lets each go."""
    if message.type in ("note_on", "note_off"):
        key = "note", message.channel, message.note
        end = message.copy(velocity=0)  # a note-on of velocity 0 is a note's end
        down = message.type == "note_on" and message.velocity > 0
    elif message.type == "control_change" and message.control in _PEDALS:
        key = "pedal", message.channel, message.control
        end = message.copy(value=0)
        down = message.value >= _PEDAL_DOWN
    else:
        return
    if down:
        held[key] = end
    else:
        held.pop(key, None)


def _parsed(address: str, error: type[SinkError] | type[SourceError]) -> tuple[str, int]:
    from mido import sockets

    try:
        host, number = sockets.parse_address(address)
    except ValueError as problem:
        raise error(
            f"midiport: tcp is HOST:PORT, such as localhost:9080, not {address!r}"
        ) from problem
    return host, number
