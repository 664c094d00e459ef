"""What the program tells its user while it works."""

import sys


def say(text: str) -> None:
    """Print to stderr: stdout is for what was asked for."""
    print(text, file=sys.stderr, flush=True)
