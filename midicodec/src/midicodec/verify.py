"""Whether a MIDI file survives the way to records and back."""

from __future__ import annotations

from typing import NamedTuple

from midicodec.assemble import Assembled, assemble
from midicodec.pieces import cut
from midicodec.smf_read import parse
from midicodec.smf_write import build, with_track_ends


class RoundTrip(NamedTuple):
    """What became of a file."""

    problem: str | None
    """What is lost; None if nothing is."""
    identical: bool
    """Whether saving gives the same bytes again."""


def round_trip(data: bytes) -> RoundTrip:
    """Take a MIDI file's bytes to records, messages, records and bytes again.

    Raises :class:`SmfError` if they are no MIDI file.
    """
    song = parse(data)
    messages = [each.data for each in assemble(song.records) if isinstance(each, Assembled)]
    if b"".join(map(cut, messages)) != song.records.tobytes():
        return RoundTrip("its messages do not make its records again", False)
    saved = build(song)
    if parse(saved) != with_track_ends(song):
        return RoundTrip("the saved file holds another song", False)
    return RoundTrip(None, saved == data)
