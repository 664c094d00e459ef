"""What the program tells its user while it works."""

import contextlib
import sys
from collections.abc import Callable, Iterator


def say(text: str) -> None:
    """Print to stderr: stdout is for what was asked for."""
    if sys.stderr is not None:  # it is None when whoever started us closed it
        print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def progress(total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr that is moved on by telling how many of ``total`` are done."""
    import tqdm

    with tqdm.tqdm(total=total, unit=unit, dynamic_ncols=True, delay=0.5) as bar:

        def report(done: int) -> None:
            bar.update(done - bar.n)

        yield report
