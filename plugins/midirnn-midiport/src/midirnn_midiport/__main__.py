"""``python -m midirnn_midiport``: which ports there are."""

from __future__ import annotations

import argparse
import sys

from midirnn.plugin import PluginError
from midirnn_midiport.ports import INPUT, OUTPUT, port_names


def main() -> int:
    """Print the ports' names, one a line; 2 if the system cannot be asked."""
    parser = argparse.ArgumentParser(
        prog="python -m midirnn_midiport",
        description="List the MIDI output ports, or with --inputs the input ports.",
    )
    parser.add_argument("--inputs", action="store_true", help="those that can be listened to")
    parser.add_argument("--backend", help="one of mido's, such as mido.backends.rtmidi/UNIX_JACK")
    chosen = parser.parse_args()
    try:
        names = port_names(INPUT if chosen.inputs else OUTPUT, chosen.backend)
    except PluginError as error:
        print(error, file=sys.stderr)
        return 2
    print(*names, sep="\n", end="\n" if names else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
