"""An input port of rtmidi's whose messages are fetched, by a thread of our own.

rtmidi would rather call us from its own thread, and mido always has it do so. A call that comes
while the port is being closed then waits for Python's lock, which closing holds: the two wait for
each other for good, or the call goes on with what has been freed by then, and the process crashes
(https://github.com/mido/mido/issues/368). Nobody is called here, so that there is nothing to race.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import mido

if TYPE_CHECKING:
    import rtmidi

_POLL_SECONDS = 0.001
_MOST_WAITING = 1 << 16
"""How many messages rtmidi keeps until they are fetched; what comes then is lost."""


class PolledInput:
    """An open port; ``receive`` gets each message within about a millisecond."""

    def __init__(
        self,
        name: str,
        receive: Callable[[mido.Message], None],
        *,
        virtual: bool = False,
        api: str | None = None,
    ) -> None:
        """Connect to the port ``name``, or make it if ``virtual``.

        ``api`` is one of rtmidi's, such as ``UNIX_JACK``. Raises what rtmidi raises, and
        ValueError if there is no such port.
        """
        import rtmidi

        self.name, self._receive = name, receive
        wanted = rtmidi.API_UNSPECIFIED
        if api is not None:
            wanted = getattr(rtmidi, f"API_{api}", None)
            if wanted not in rtmidi.get_compiled_api():  # rtmidi would silently take another
                raise ValueError(f"rtmidi has no {api} here")
        self._rt: rtmidi.MidiIn = rtmidi.MidiIn(wanted, queue_size_limit=_MOST_WAITING)
        try:
            if virtual:
                self._rt.open_virtual_port(name)
            else:
                self._rt.open_port(self._rt.get_ports().index(name))
        except BaseException:
            self._rt.delete()
            raise
        self._rt.ignore_types(sysex=False, timing=False, active_sense=True)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._fetch, name=f"midiport {name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Disconnect; ``receive`` is not called again."""
        self._closing.set()
        self._thread.join()
        self._rt.close_port()
        self._rt.delete()

    def _fetch(self) -> None:
        while not self._closing.wait(_POLL_SECONDS):
            while not self._closing.is_set() and (fetched := self._rt.get_message()) is not None:
                try:
                    message = mido.Message.from_bytes(fetched[0])
                except ValueError:  # not MIDI: somebody else's mistake
                    continue
                self._receive(message)
