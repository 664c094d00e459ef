"""The native core, if it was built: without a compiler midicodec installs all the same.

All of it can be done in Python too, with the same results, slower. ``MIDICODEC_PURE=1`` in the
environment leaves the core unused, to see whether something is its fault.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType


def _built(name: str) -> ModuleType | None:
    if os.environ.get("MIDICODEC_PURE", "") not in ("", "0"):
        return None
    try:
        return importlib.import_module(f"midicodec.{name}")
    except ImportError:
        return None


smf = _built("_smf")
"""Tracks' bytes ↔ columns."""
messages = _built("_messages")
"""mido's channel messages ↔ records."""

NATIVE = smf is not None and messages is not None
"""Whether the native core is in use."""
