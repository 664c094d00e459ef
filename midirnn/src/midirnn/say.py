"""What the program tells its user while it works."""

import contextlib
import sys
from collections.abc import Callable, Iterator


def say(text: str) -> None:
    """Print to stderr: stdout is for what was asked for."""
    if sys.stderr is not None:  # it is None when whoever started us closed it
        print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def progress(total: int, unit: str, what: str) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr, if it takes a while, that is told how many of ``total`` are done."""
    import tqdm

    with tqdm.tqdm(
        total=total, unit=unit, desc=what, dynamic_ncols=True, leave=False, delay=1
    ) as bar:

        def report(done: int) -> None:
            bar.update(done - bar.n)

        yield report
