"""What may follow: valid MIDI, notes that are ended, and what the user asked for, as masks.

A network's next message is drawn byte after byte. For each byte these rules say, of every song
side by side, which of the 256 values may be drawn; whatever is drawn so is a message that a song
can hold, a note-off only for a note that sounds, and within the settings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

import midicodec
from midicodec.records import B1, DRUM_CHANNEL, KINDS, PIECE_BYTES, RECORD_BYTES, TIME_SIGNATURE, N
from midirnn.generation.longmessages import LONGEST_BYTES, STARTS, LongMessages, used
from midirnn.messages import HOLDING_PEDALS, PEDAL_DOWN
from midirnn.settings.config import GenerationConfig
from midirnn.settings.scales import pitch_classes

Allowed = npt.NDArray[np.bool_]
"""``(songs, 256)`` bool: the values that a byte may have."""
Bytes = npt.NDArray[np.uint8]
"""``(songs,)`` uint8."""

_OFF, _ON, _CONTROL, _PROGRAM, _SYSTEM = 0x80, 0x90, 0xB0, 0xC0, 0xF0
_CHANNELS, _NOTES = 16, 128
_SILENCING = (120, 122, 123, 124, 125, 126, 127)
"""Channel mode messages that end notes or disconnect the keys: whoever hears them and we would
not agree on what sounds."""


class Rules:
    """What sounds in each song, and so what may come next; changes when told what was heard."""

    def __init__(
        self, settings: GenerationConfig, songs: int = 1, *, channel_only: bool = True
    ) -> None:
        """``channel_only``: no system or meta messages, as the network knows none."""
        scale = np.ones((_CHANNELS, _NOTES), np.bool_)
        if settings.scale is not None:
            in_scale = np.isin(np.arange(_NOTES) % 12, list(pitch_classes(settings.scale)))
            scale[np.arange(_CHANNELS) != DRUM_CHANNEL] = in_scale
        channels = np.isin(np.arange(_CHANNELS), settings.channels)
        self.playable = scale & channels[:, None]
        """``(16, 128)`` bool: the notes that may be begun, by channel."""
        self._firsts = np.zeros(256, np.bool_)
        self._firsts[_OFF:_SYSTEM] = np.tile(channels, (_SYSTEM - _OFF) // _CHANNELS)
        programs = np.zeros(_CHANNELS, np.bool_)
        if settings.program_changes:
            programs = channels & ~np.isin(np.arange(_CHANNELS), list(settings.programs))
        self._firsts[_PROGRAM : _PROGRAM + _CHANNELS] = programs
        if not channel_only:
            self._firsts[list(STARTS)] = True
        self._most, self._longest = settings.most_notes, settings.longest_note_seconds
        self.long_messages = LongMessages((TIME_SIGNATURE,) if settings.meter is not None else ())
        self.songs = [_Sounding(self) for _ in range(songs)]

    def first(self) -> Allowed:
        """Return what the first byte may be."""
        allowed = np.tile(self._firsts, (len(self.songs), 1))
        for row, song in zip(allowed, self.songs, strict=True):
            if song.begun:
                row[:] = self.long_messages.allowed(song.begun)
                continue
            # A note-on may end a note too, with velocity 0.
            row[_OFF:_ON] = row[_ON : _ON + _CHANNELS] = song.count > 0
            if len(song.notes) < self._most:
                row[_ON : _ON + _CHANNELS] |= song.has_free
        return allowed

    def second(self, first: Bytes) -> Allowed:
        """Return what the second byte may be, given the first."""
        allowed = np.empty((len(first), 256), np.bool_)
        for row, song, status in zip(allowed, self.songs, first.tolist(), strict=True):
            if song.begun or status >= _SYSTEM:
                row[:] = self.long_messages.allowed(song.begun, bytes([status]))
                continue
            kind, channel = status & 0xF0, status & 0x0F
            row[:_NOTES], row[_NOTES:] = True, False
            if kind in (_OFF, _ON):
                row[:_NOTES] = song.sounding[channel]
                if kind == _ON and len(song.notes) < self._most:
                    row[:_NOTES] |= song.free[channel]
            elif kind == _CONTROL:
                row[list(_SILENCING)] = False
        return allowed

    def third(self, first: Bytes, second: Bytes) -> Allowed:
        """Return what the third byte may be, given the first and the second.

        A note that sounds may be struck again where it may be begun: see :meth:`off_before`.
        """
        allowed = np.empty((len(first), 256), np.bool_)
        pairs = zip(first.tolist(), second.tolist(), strict=True)
        for row, song, (status, data) in zip(allowed, self.songs, pairs, strict=True):
            if song.begun or status >= _SYSTEM:
                row[:] = self.long_messages.allowed(song.begun, bytes([status, data]))
                continue
            kind, channel = status & 0xF0, status & 0x0F
            row[:_NOTES], row[_NOTES:] = KINDS[status].length == PIECE_BYTES, False
            row[0] = True
            if kind == _ON:
                row[0] = song.sounding[channel, data]
                row[1:_NOTES] = song.free[channel, data]
        return allowed

    def records(self, first: Bytes, second: Bytes, third: Bytes) -> npt.NDArray[np.uint8]:
        """Return ``(songs, 5)`` uint8: three bytes each as the records that they are.

        Whether it is a piece of a longer message and how many bytes are used follows.
        """
        rows = np.zeros((len(first), RECORD_BYTES), np.uint8)
        rows[:, 1], rows[:, 2], rows[:, 3] = first, second, third
        for row, song in zip(rows, self.songs, strict=True):
            status = row[1]
            if not song.begun and status < _SYSTEM:
                row[4] = KINDS[int(status)].length
                continue
            ends = used(song.begun, row[1:4].tobytes())
            row[0], row[4] = bool(song.begun) or not ends, ends or PIECE_BYTES
        return rows

    def off_before(self, song: int, record: Sequence[int]) -> bytes | None:
        """Return the note-off that has to come before a message, as a record: None for most.

        It has where a note that sounds is struck again. Piano music is full of it (in one in
        ten notes of giantmidi), so it is not forbidden; but receivers do not agree on what
        two note-ons and one note-off leave sounding.
        """
        _, status, note, velocity, _ = record
        sounding = self.songs[song].sounding
        if self.songs[song].begun or status & 0xF0 != _ON or not velocity:
            return None
        channel = status & 0x0F
        return note_off(channel, note) if sounding[channel, note] else None

    def due(self, song: int) -> tuple[float, bytes | None]:
        """Return in how many seconds something has been held for too long, and what ends it.

        Infinitely many, and None, where nothing is held.
        """
        here = self.songs[song]
        oldest = [next(iter(held.items())) for held in (here.notes, here.pedals) if held]
        if not oldest or here.begun:
            return math.inf, None
        key, since = min(oldest, key=lambda each: each[1])
        off = note_off(*key) if key in here.notes and here.notes[key] == since else pedal_up(*key)
        return max(since + self._longest - here.now, 0.0), off

    def heard(self, song: int, record: Sequence[int], seconds: float, *, own: bool = True) -> None:
        """Take in that ``record`` came, ``seconds`` after the one before; ``own``: it is ours."""
        self.songs[song].heard(record, seconds, own)


class _Sounding:
    """What is held in one song, and the beginning of a long message, if one goes on."""

    def __init__(self, rules: Rules) -> None:
        self._playable = rules.playable
        self.now = 0.0
        self.notes: dict[tuple[int, int], float] = {}
        """Our notes, (channel, note), the oldest first, and since when they sound."""
        self.pedals: dict[tuple[int, int], float] = {}
        """Our pedals that are down, (channel, controller), in the same way."""
        self.sounding = np.zeros((_CHANNELS, _NOTES), np.bool_)
        """``notes`` as an array."""
        self.count = np.zeros(_CHANNELS, np.int64)
        """How many of ``notes`` each channel has."""
        self.free = rules.playable.copy()
        """The notes that may be begun: those that nobody else holds."""
        self.has_free = self.free.any(axis=1)
        """``(16,)`` bool: the channels that have any."""
        self.begun = b""
        """What there is of a long message."""
        self._assembler = midicodec.Assembler(LONGEST_BYTES)

    def heard(self, record: Sequence[int], seconds: float, own: bool) -> None:
        is_piece, status, data, value, _ = record
        starts = self._assembler.starts(bytes(record))
        if starts:  # each piece carries its message's time, which counts once
            self.now += seconds
        if is_piece or self.begun:
            self._feed(record, starts)
        if is_piece:
            return
        kind, channel = status & 0xF0, status & 0x0F
        key = channel, data
        if kind == _ON and value:
            self._strike(key, own)
        elif kind in (_OFF, _ON):
            self._release(key, own)
        elif kind == _CONTROL and data in HOLDING_PEDALS and own:
            if value >= PEDAL_DOWN:
                self.pedals.setdefault(key, self.now)
            else:
                self.pedals.pop(key, None)

    def _feed(self, record: Sequence[int], starts: bool) -> None:
        """Take in a piece, or what cuts a message short; ``starts``: a message begins with it."""
        self._assembler.feed(bytes(record))
        piece = bytes(record[B1 : B1 + record[N]])
        goes_on = self._assembler.pending_since is not None
        self.begun = (b"" if starts else self.begun) + piece if goes_on else b""

    def _strike(self, key: tuple[int, int], own: bool) -> None:
        if own:
            self._release(key, own)
            self.notes[key] = self.now
            self.sounding[key] = True
            self.count[key[0]] += 1
        else:
            self._hold(key, False)

    def _release(self, key: tuple[int, int], own: bool) -> None:
        if not own:
            self._hold(key, bool(self._playable[key]))
        elif self.notes.pop(key, None) is not None:
            self.sounding[key] = False
            self.count[key[0]] -= 1

    def _hold(self, key: tuple[int, int], free: bool) -> None:
        self.free[key] = free
        self.has_free = self.free.any(axis=1)


def note_off(channel: int, note: int) -> bytes:
    """Return the record that ends a note."""
    return bytes([0, _OFF | channel, note, 0, PIECE_BYTES])


def pedal_up(channel: int, control: int) -> bytes:
    """Return the record that lifts a pedal."""
    return bytes([0, _CONTROL | channel, control, 0, PIECE_BYTES])


def program_change(channel: int, program: int) -> bytes:
    """Return the record that sets a channel's instrument."""
    return bytes([0, _PROGRAM | channel, program, 0, 2])
