"""A MIDI receiver on JACK, run as a process of its own: prints ``SECONDS HEX`` for each message.

``receiver.py NAME`` makes an input port NAME, and says ``ready``; ``receiver.py NAME join`` says
``waiting`` until there is an output port whose name holds NAME, and connects to that.
"""

import signal
import sys
import time

import mido

# Leave in order: a client that is just gone holds JACK up for seconds.
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
mido.set_backend("mido.backends.rtmidi/UNIX_JACK", load=True)
name, virtual = sys.argv[1], "join" not in sys.argv[2:]
if not virtual:
    print("waiting", flush=True)
    while not (found := [each for each in mido.get_input_names() if name in each]):
        time.sleep(0.02)
    name = found[0]
with mido.open_input(name, virtual=virtual) as port:
    print("ready", flush=True)
    for message in port:
        print(time.monotonic(), message.hex(""), flush=True)
