"""Imports torch, where it is: what its optimizers need crashes the process after TensorFlow.

Not for all benchmarks: the collector looks at torch's objects too, which slows down whatever makes
many of its own.
"""

import contextlib

with contextlib.suppress(ImportError):
    import torch._dynamo  # noqa: F401
