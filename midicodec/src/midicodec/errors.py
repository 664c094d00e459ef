"""What can go wrong with MIDI: each error says what was expected, what came, and where.

Arguments are kept as ``args``, so that an error survives pickling on its way out of a worker.
"""

from __future__ import annotations


class MidiCodecError(Exception):
    """The root of midicodec's errors; raised itself for arguments of a wrong shape or value."""


class EncodeError(MidiCodecError):
    """A message cannot be encoded: ``index`` is its place among those given."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(index, reason)
        self.index = index
        self.reason = reason

    def __str__(self) -> str:
        return f"message {self.index}: {self.reason}"


class DecodeError(MidiCodecError):
    """Records make no message: ``index`` is the place of the first record concerned."""

    def __init__(self, index: int, reason: str, record: bytes = b"") -> None:
        super().__init__(index, reason, record)
        self.index = index
        self.reason = reason
        self.record = record

    def __str__(self) -> str:
        holds = f" ({self.record.hex(' ')})" if self.record else ""
        return f"record {self.index}{holds}: {self.reason}"


class SmfError(MidiCodecError):
    """Bytes are not a Standard MIDI File, from ``offset`` on; ``path`` is None for plain bytes."""

    def __init__(self, path: str | None, offset: int, expected: str, found: str) -> None:
        super().__init__(path, offset, expected, found)
        self.path = path
        self.offset = offset
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        where = "" if self.path is None else f"{self.path}: "
        return f"{where}byte {self.offset}: expected {self.expected}, found {self.found}"
