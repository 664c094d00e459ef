"""``python -m midirnn_midiport``: which output ports there are."""

from __future__ import annotations

import argparse
import sys

from midirnn.plugin import SinkError
from midirnn_midiport.ports import output_names


def main() -> int:
    """Print the ports' names, one a line; 2 if the system cannot be asked."""
    parser = argparse.ArgumentParser(
        prog="python -m midirnn_midiport", description="List the MIDI output ports."
    )
    parser.add_argument("--backend", help="one of mido's, such as mido.backends.rtmidi/UNIX_JACK")
    try:
        names = output_names(parser.parse_args().backend)
    except SinkError as error:
        print(error, file=sys.stderr)
        return 2
    print(*names, sep="\n", end="\n" if names else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
