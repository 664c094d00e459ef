"""``python -m midirnn``, and the command ``midirnn``."""

import sys


def main() -> None:
    """Run the command line; a Ctrl-C while it is still being loaded ends it quietly too."""
    try:
        from midirnn.cli import main as run

        run()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
