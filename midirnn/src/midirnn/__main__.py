"""``python -m midirnn``: the command line."""

from midirnn.cli import main

main()
