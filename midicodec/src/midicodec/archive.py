"""A song as an ``.npz`` of its columns, for who works with numpy alone."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from midicodec.errors import MidiCodecError
from midicodec.files import replacing
from midicodec.song import Song


def write_npz(song: Song, path: Path) -> None:
    """Write ``records``, ``delta_ticks``, ``track``, ``division`` and ``smf_type``."""
    with replacing(path) as file:
        np.savez_compressed(
            file,
            records=song.records,
            delta_ticks=song.delta_ticks,
            track=song.track,
            division=song.division,
            smf_type=song.smf_type,
        )


def read_npz(path: Path) -> Song:
    """Read what :func:`write_npz` wrote; raises :class:`MidiCodecError` for anything else."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Song(
                arrays["records"],
                arrays["delta_ticks"],
                arrays["track"],
                division=int(arrays["division"]),
                smf_type=int(arrays["smf_type"]),
            )
    except (ValueError, TypeError, KeyError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise MidiCodecError(f"{path} is not an .npz that midicodec encode wrote: {error}") from error
