"""What can go wrong with MIDI: each error says what was expected, what came, and where."""

from __future__ import annotations

from pathlib import Path


class MidiCodecError(Exception):
    """The root of midicodec's errors; raised itself for arrays of a wrong shape or kind."""


class EncodeError(MidiCodecError):
    """A message cannot be made records: ``index`` is its place among those given."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(f"message {index}: {reason}")
        self.index = index
        self.reason = reason


class DecodeError(MidiCodecError):
    """Records make no message: ``index`` is the place of the first record concerned."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(f"record {index}: {reason}")
        self.index = index
        self.reason = reason


class SmfError(MidiCodecError):
    """Bytes are not a Standard MIDI File, from ``offset`` on."""

    def __init__(self, source: str | Path | None, offset: int, expected: str, found: str) -> None:
        name = "" if source is None else f"{source}: "
        super().__init__(f"{name}byte {offset}: expected {expected}, found {found}")
        self.source = source
        self.offset = offset
        self.expected = expected
        self.found = found
