"""A musician on JACK, run as a process of its own: plays what it is told, prints what it hears.

``player.py NAME`` makes the ports NAME-plays and NAME-hears and says ``ready``. Each line on stdin
is a message in hex that is sent at once; each line on stdout is ``SECONDS HEX``, of one heard.
"""

import contextlib
import signal
import sys
import time

import mido

from midirnn_midiport.polled import PolledInput

# Leave in order: a client that is just gone holds JACK up for seconds.
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
mido.set_backend("mido.backends.rtmidi/UNIX_JACK", load=True)


def heard(message: mido.Message) -> None:
    print(time.monotonic(), message.hex(""), flush=True)


name = sys.argv[1]
with (
    contextlib.closing(PolledInput(f"{name}-hears", heard, virtual=True, api="UNIX_JACK")),
    mido.open_output(f"{name}-plays", virtual=True) as plays,
    contextlib.suppress(BrokenPipeError),
):
    print("ready", flush=True)
    for line in sys.stdin:
        plays.send(mido.Message.from_hex(line))
