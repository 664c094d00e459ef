"""Corpora that ``train`` prepared on the fly, kept so that the next run need not.

They lie in the user's cache folder, or where ``MIDIRNN_CACHE`` says, each under a hash of its
files' paths, sizes and times of change, and of the settings. One that has not been used for
:data:`DAYS` days is removed when another is made; all may be deleted at any time when no
training reads them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import filelock
import platformdirs

import midicodec
from midirnn.console.progress import progress
from midirnn.corpus.inputs import find_inputs, fingerprint
from midirnn.corpus.manifest import FORMAT, MANIFEST, Manifest, is_prepared
from midirnn.corpus.prepare import prepare
from midirnn.corpus.store import Store
from midirnn.errors import CorpusError
from midirnn.settings.config import CorpusConfig

DAYS = 30
_VARIABLE = "MIDIRNN_CACHE"


def cache_folder() -> Path:
    """Return the folder of all cached corpora, there or not."""
    given = os.environ.get(_VARIABLE)
    return Path(given) if given else Path(platformdirs.user_cache_dir("midirnn")) / "corpora"


def cached(paths: Sequence[Path], config: CorpusConfig) -> Path:
    """Return the prepared corpus of the MIDI files among and below ``paths``, made if need be."""
    inputs = find_inputs(paths)
    version = f"{FORMAT} {midicodec.__version__} {config.model_dump_json()} {fingerprint(inputs)}"
    folder = cache_folder() / hashlib.sha256(version.encode()).hexdigest()[:32]
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Two runs that begin together: the second waits for the first, and finds it done.
    with filelock.FileLock(folder.with_suffix(".lock")):
        if not _is_whole(folder):
            _remove_unused(folder)
            with progress(len(inputs), "file", "preparing") as report:
                prepare(inputs, folder, config, report=report)
        os.utime(folder / MANIFEST)  # when it was last used
    return folder


def _is_whole(folder: Path) -> bool:
    """Return whether a corpus is there and finished; a damaged one is removed, to be made anew."""
    if not is_prepared(folder):
        return False
    try:
        return Manifest.load(folder).complete and Store(folder) is not None
    except CorpusError:
        shutil.rmtree(folder)
        return False


def _remove_unused(but: Path) -> None:
    oldest = time.time() - DAYS * 24 * 3600
    for manifest in but.parent.glob(f"*/{MANIFEST}"):
        if manifest.parent != but and manifest.stat().st_mtime < oldest:
            shutil.rmtree(manifest.parent, ignore_errors=True)  # on Windows, not while it is read
            manifest.parent.with_suffix(".lock").unlink(missing_ok=True)
