"""Names from anywhere as names that lead downwards, and are good ones, on any system."""

from __future__ import annotations

import re
import unicodedata

from midirnn.errors import ArchiveError

_UNPORTABLE = re.compile(r'[\x00-\x1f<>:"|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:")


def safe_parts(name: str) -> list[str]:
    """Return the path of an archive's member as parts that can be joined to a folder.

    Whatever the system here is, both slashes part a name, and what another system would not
    allow becomes ``_``. Raises :class:`ArchiveError` for a
    name that would lead out of the folder somewhere.
    """
    slashed = name.replace("\\", "/")
    parts = [part.rstrip(" .") if part.strip(" .") else part for part in slashed.split("/")]
    parts = [part for part in parts if part not in ("", ".")]
    if "\0" in name or slashed.startswith("/") or any(not part.strip(" .") for part in parts):
        raise ArchiveError(f"{name!r} would be unpacked outside of the folder, or nowhere")
    if parts and _DRIVE.match(parts[0]):
        raise ArchiveError(f"{name!r} would be unpacked onto another drive")
    portable = [_UNPORTABLE.sub("_", part) for part in parts]
    return [f"_{part}" if _RESERVED.fullmatch(part) else part for part in portable]


def same_name(parts: list[str]) -> str:
    """Return what two paths have in common that some system takes for the same."""
    return unicodedata.normalize("NFC", "/".join(parts)).casefold()
