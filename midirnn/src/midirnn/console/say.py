"""What the program tells its user while it works."""

import sys


def say(text: str) -> None:
    """Print to stderr: stdout is for what was asked for."""
    if sys.stderr is not None:  # it is None when whoever started us closed it
        print(text, file=sys.stderr, flush=True)
