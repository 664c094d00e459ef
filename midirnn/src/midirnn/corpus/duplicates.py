"""Songs that are there twice: the same messages, or the same notes in another rendition.

Two songs have the same notes if the same pitches begin at the same beats, counted from the first
note. Beats are rounded to 1/48, which holds 64ths and triplets: so the division, and what little
another division rounds away, makes no difference. Nor do tempo, key strokes, lengths of notes,
instruments, channels (but drums are not pitches), doubled voices, and a silence in front. A
transposed song is another one.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from midicodec.records import B1, B2, B3, DRUM_CHANNEL, LONG
from midicodec.timing import DEFAULT_TEMPO, SMPTE_FLAG, seconds_per_tick
from midirnn.errors import UnusableError
from midirnn.plugin.interfaces import Events
from midirnn.settings.config import CorpusConfig

GRID = 48
"""Steps of a beat that onsets are rounded to."""


def content_of(events: Events) -> bytes:
    """Return the SHA-256 of a song's records and times, as the network is shown them."""
    digest = hashlib.sha256(np.int64(len(events)).tobytes())
    digest.update(events.records.tobytes())
    digest.update(events.delta_seconds.tobytes())
    return digest.digest()


def note_ons(records: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Return ``(n,)`` bool: where a note begins."""
    begins: npt.NDArray[np.bool_] = (
        (records[:, B1] & 0xF0 == 0x90) & (records[:, B3] > 0) & (records[:, LONG] == 0)
    )
    return begins


def notes_of(note_ons: npt.NDArray[np.uint8], ticks: npt.NDArray[np.int64], division: int) -> bytes:
    """Return the SHA-256 of a song's notes, as above: of at least one.

    ``note_ons`` are the records that begin notes, ``(n, 5)``, and ``ticks`` when, absolute; with
    an SMPTE ``division`` a beat is half a second.
    """
    begun, status, pitch = ticks - ticks[0], note_ons[:, B1], note_ons[:, B2]
    if division & SMPTE_FLAG:
        per_tick = seconds_per_tick(division, np.array([DEFAULT_TEMPO]))[0]
        onset = np.rint(begun * (per_tick * GRID * 1e6 / DEFAULT_TEMPO)).astype(np.int64)
    else:  # in whole numbers, so that halves are rounded alike whatever the division
        onset = (begun * (2 * GRID) + division) // (2 * division)
    drums = (status & 0x0F) == DRUM_CHANNEL
    # Sorted almost already, which a stable sort makes use of.
    notes = np.sort(onset << 8 | drums.astype(np.int64) << 7 | pitch, kind="stable")
    notes = notes[np.flatnonzero(np.diff(notes, prepend=-1))]
    return hashlib.sha256(notes.astype("<i8").tobytes()).digest()


class Duplicates:
    """The songs that stay, by their hashes, so that later ones like them can be left out."""

    def __init__(self, config: CorpusConfig) -> None:
        """Compare as ``config.duplicates`` says."""
        self._mode = config.duplicates
        self._contents: dict[bytes, str] = {}
        self._notes: dict[bytes, str] = {}

    def check(self, content: bytes, notes: bytes) -> None:
        """Raise :class:`UnusableError`, naming the song that stays, if there is one like this."""
        if self._mode == "keep":
            return
        stays = self._contents.get(content)
        if stays is not None:
            raise UnusableError("duplicate", f"the same messages as {stays}")
        stays = self._notes.get(notes)
        if self._mode == "musical" and stays is not None:
            raise UnusableError("musical duplicate", f"the same notes as {stays}")

    def add(self, content: bytes, notes: bytes, path: str) -> None:
        """Remember a song that stays."""
        if self._mode == "keep":
            return
        self._contents[content] = path
        if self._mode == "musical":
            self._notes[notes] = path
