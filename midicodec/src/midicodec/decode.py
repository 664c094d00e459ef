"""Records → mido's messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from midicodec.assemble import Assembler, Skip, Whole
from midicodec.bits import as_uint8
from midicodec.errors import DecodeError, MidiCodecError
from midicodec.records import META, RECORD_BYTES, SYSEX, SYSEX_END, read_vlq

if TYPE_CHECKING:
    import mido

MAX_MESSAGE_BYTES = 65536
"""What a live :class:`Decoder` holds back of an unfinished message at most."""


class Decoder:
    """Takes records one at a time, as a network emits them; never raises for what they hold.

    Of the 2⁴⁰ records each gives a message, a :class:`Skip` with its reason, or nothing yet. A
    skipped message's time is added to the next message's, so that what follows stays in place.
    """

    def __init__(self, max_message_bytes: int | None = MAX_MESSAGE_BYTES) -> None:
        """Skip messages that grow longer than ``max_message_bytes`` (None: no limit)."""
        self._assembler = Assembler(max_message_bytes)
        self._delta: list[float] = []  # of the records since the first that is held back
        self._from = 0
        self._owed: float = 0

    @property
    def pending(self) -> bool:
        """Whether a long message has begun and not ended."""
        return self._assembler.pending

    def feed(
        self, record: npt.ArrayLike, delta: float = 0
    ) -> list[mido.Message | mido.MetaMessage | Skip]:
        """Take the next record, ``(5,)`` uint8, and its time; return what is complete now.

        An empty list means that the message is incomplete. The time is in the caller's unit.
        """
        row = as_uint8(record, RECORD_BYTES)
        if row.shape != (RECORD_BYTES,):
            raise MidiCodecError(f"expected one record of shape (5,), found {row.shape}")
        self._delta.append(delta)
        return self._finish(self._assembler.feed(row.tobytes()))

    def flush(self) -> list[mido.Message | mido.MetaMessage | Skip]:
        """End what is held back: an unfinished message becomes a skip."""
        return self._finish(self._assembler.flush())

    def _finish(
        self, outcomes: list[Whole | Skip]
    ) -> list[mido.Message | mido.MetaMessage | Skip]:
        finished: list[mido.Message | mido.MetaMessage | Skip] = []
        for outcome in outcomes:
            delta = self._delta[outcome.index - self._from]
            message: mido.Message | mido.MetaMessage | Skip = outcome  # type: ignore[assignment]
            if isinstance(outcome, Whole):
                message = _to_mido(outcome)
            if isinstance(message, Skip):
                self._owed += delta if message.starts else 0
            else:
                message.time = delta + self._owed
                self._owed = 0
            finished.append(message)
        if not self._assembler.pending:
            self._from += len(self._delta)
            self._delta.clear()
        elif outcomes:  # the record just taken began what is held back
            self._from += len(self._delta) - 1
            del self._delta[:-1]
        return finished


def decode(
    records: npt.ArrayLike,
    delta: npt.ArrayLike | None = None,
    *,
    errors: Literal["strict", "skip"] = "strict",
) -> list[mido.Message | mido.MetaMessage]:
    """Return the messages of ``records`` ``(n, 5)``, their ``time`` taken from ``delta`` ``(n,)``.

    A message's time is its first piece's: an int if ``delta`` is integer, else a float; 0 without.
    ``strict`` raises :class:`DecodeError` with the index of the first record that makes no
    message; ``skip`` leaves such records out and adds their time to the next message's.

    >>> decode([[0, 0x90, 60, 64, 3]], [120])
    [Message('note_on', channel=0, note=60, velocity=64, time=120)]
    """
    if errors not in ("strict", "skip"):
        raise MidiCodecError(f"errors must be 'strict' or 'skip', not {errors!r}")
    rows = as_uint8(np.empty((0, 5), np.uint8) if np.size(records) == 0 else records, RECORD_BYTES)
    if rows.ndim != 2:
        raise MidiCodecError(f"expected records of shape (n, 5), found {rows.shape}")
    times = np.zeros(len(rows), np.int64) if delta is None else np.asarray(delta)
    if times.shape != (len(rows),) and not (times.size == len(rows) == 0):
        raise MidiCodecError(f"expected {len(rows)} times, one a record, found {times.shape}")
    decoder = Decoder(max_message_bytes=None)
    messages: list[mido.Message | mido.MetaMessage] = []

    def take(outcomes: list[mido.Message | mido.MetaMessage | Skip]) -> None:
        for outcome in outcomes:
            if not isinstance(outcome, Skip):
                messages.append(outcome)
            elif errors == "strict":
                raise DecodeError(outcome.index, outcome.reason)

    for row, time in zip(rows, times.tolist(), strict=True):
        take(decoder.feed(row, time))
    take(decoder.flush())
    return messages


def _to_mido(whole: Whole) -> mido.Message | mido.MetaMessage | Skip:
    """Make mido's object of a message's bytes, or say that mido has none for them."""
    import mido
    from mido.midifiles.meta import build_meta_message

    data = whole.data
    if data[0] == SYSEX_END:
        return Skip("an F7 packet of a file, which mido has no message for", whole.index)
    if data[0] == SYSEX and data[-1] != SYSEX_END:
        return Skip("a sysex that is not ended, which mido has no message for", whole.index)
    try:
        if data[0] == META and len(data) > 1:
            quantity = read_vlq(data, 2)
            assert quantity is not None  # the assembler has read it
            return build_meta_message(data[1], list(data[quantity[1] :]))
        return mido.Message.from_bytes(data)
    except Exception as error:  # noqa: BLE001 — mido's border: it raises whatever its parser meets
        reason = f"mido refuses {data[:9].hex(' ')}: {type(error).__name__}: {error}"
        return Skip(reason, whole.index)
