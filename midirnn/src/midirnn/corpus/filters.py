"""From one loaded file to a song for the network, or the reason why it is left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import midicodec
from midicodec.records import B1, CHANNELS, DRUM_CHANNEL
from midicodec.timing import SMPTE_FLAG, time_signatures, to_delta
from midirnn.corpus.duplicates import content_of, note_ons, notes_of
from midirnn.errors import UnusableError
from midirnn.plugin.interfaces import Events
from midirnn.settings.config import CorpusConfig

LONGEST_RECORDS = 2**27
"""A song of more would not fit the 32-bit offsets of a list in Arrow's columns."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A song as the network is shown it, and what is known of it."""

    events: Events
    smf_type: int
    division: int
    messages: int
    notes: int
    seconds: float
    channels: tuple[int, ...]
    """Those that have a message, from 0."""
    slowest_bpm: float | None
    fastest_bpm: float | None
    """Quarter notes a minute; None with an SMPTE division, which has no beats."""
    time_signatures: tuple[str, ...]
    """In the order of their first use; 4/4 where a file says none."""
    content_sha256: bytes
    notes_sha256: bytes
    """What :mod:`midirnn.corpus.duplicates` compares; of a song without notes, its content's."""


def read_piece(loaded: midicodec.Loaded, config: CorpusConfig) -> Piece:
    """Return one file's messages that ``config`` keeps, in real time, and the facts.

    Raises :class:`UnusableError` for a file that cannot be read so. Lengths, tempo and time
    signature do not matter here: :func:`check` looks at them.
    """
    song = _song(loaded, config)
    try:
        tempo_map = song.tempo_map
    except midicodec.MidiCodecError as error:
        raise UnusableError("has no real time", str(error)) from error
    records, starts, ticks = song.records, song.starts, song.ticks
    slowest, fastest = _tempi(song)
    kept = _kept(song, config)
    if kept is not None:
        # By index: picking rows by a mask takes numpy twenty times as long.
        index = np.flatnonzero(kept)
        records, starts, ticks = records.take(index, axis=0), starts[index], ticks[index]
    seconds = tempo_map.to_seconds(ticks)
    events = Events(records, to_delta(seconds, starts))
    content = content_of(events)
    at = np.flatnonzero(note_ons(records))
    notes = notes_of(records.take(at, axis=0), ticks[at], song.division) if len(at) else content
    return Piece(
        events=events,
        smf_type=song.smf_type if loaded.song is None else loaded.song.smf_type,
        division=song.division,
        messages=int(np.count_nonzero(starts)),
        notes=len(at),
        seconds=float(seconds[-1]) if len(seconds) else 0.0,
        channels=_channels(records, starts),
        slowest_bpm=slowest,
        fastest_bpm=fastest,
        time_signatures=_time_signatures(song),
        content_sha256=content,
        notes_sha256=notes,
    )


def channels_of(config: CorpusConfig) -> set[int]:
    """Return the channels, from 0, whose messages are kept: those that a network learns of."""
    channels = set(config.channels)
    if config.drums == "drop":
        channels.discard(DRUM_CHANNEL)
    return channels & {DRUM_CHANNEL} if config.drums == "only" else channels


def check(piece: Piece, config: CorpusConfig, shortest_records: int = 1) -> None:
    """Raise :class:`UnusableError` for a song that ``config`` does not want."""
    records, shortest = len(piece.events), max(config.shortest_records, shortest_records)
    if records < shortest:
        raise too_short(records, shortest)
    if piece.seconds < config.shortest_seconds:
        limit = f"{config.shortest_seconds:g} are needed"
        raise UnusableError("too short", f"{piece.seconds:.1f} seconds, {limit}")
    longest = min(config.longest_records or LONGEST_RECORDS, LONGEST_RECORDS)
    if records > longest:
        raise UnusableError("too long", f"{records} records, {longest} are allowed")
    if config.longest_seconds is not None and piece.seconds > config.longest_seconds:
        limit = f"{config.longest_seconds:g} are allowed"
        raise UnusableError("too long", f"{piece.seconds:.1f} seconds, {limit}")
    others = [each for each in piece.time_signatures if each not in config.time_signatures]
    if config.time_signatures and others:
        wanted = ", ".join(config.time_signatures)
        raise UnusableError("time signature", f"{others[0]}; those wanted are {wanted}")
    _check_tempo(piece, config)


def too_short(records: int, needed: int) -> UnusableError:
    """Say that a song has fewer records than are needed."""
    return UnusableError("too short", f"{records} records, {needed} are needed")


def unopened(error: OSError) -> UnusableError:
    """Say why a file cannot be opened."""
    return UnusableError("cannot be opened", error.strerror or str(error))


def _song(loaded: midicodec.Loaded, config: CorpusConfig) -> midicodec.Song:
    song, error = loaded.song, loaded.error
    if isinstance(error, OSError):
        raise unopened(error) from error
    if song is None:
        offset = error.offset if error is not None else None
        raise UnusableError("not readable as a MIDI file", str(error), offset) from error
    if song.smf_type not in config.types:
        wanted = ", ".join(map(str, config.types))
        raise UnusableError(f"type {song.smf_type}", f"the types used are {wanted}")
    # The tracks of types 0 and 1 are merged already; what is left to do concerns ends of tracks,
    # of which a song of channel messages has none.
    return song.to_type_0() if song.smf_type == 2 or config.messages == "all" else song


def _kept(song: midicodec.Song, config: CorpusConfig) -> npt.NDArray[np.bool_] | None:
    """Return which records are kept; None for all of them."""
    wanted = np.isin(np.arange(CHANNELS), list(channels_of(config)))
    of_channel = song.channel_messages
    if config.messages == "all" and wanted.all():
        return None
    if wanted.all():
        return of_channel
    right: npt.NDArray[np.bool_] = wanted[song.records[:, B1] & 0x0F]
    return np.where(of_channel, right, config.messages == "all")


def _channels(records: npt.NDArray[np.uint8], starts: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    there = np.zeros(0x100, np.bool_)
    there[records[:, B1] if starts.all() else records[starts, B1]] = True
    by_channel = there[0x80:0xF0].reshape(-1, CHANNELS).any(axis=0)
    return tuple(np.flatnonzero(by_channel).tolist())


def _tempi(song: midicodec.Song) -> tuple[float | None, float | None]:
    """Return the slowest and fastest tempo in force from the first note to the last message.

    One before it is not heard: many files say theirs a tick late.
    """
    if song.division & SMPTE_FLAG or not len(song):
        return None, None
    tempo_map, ticks = song.tempo_map, song.ticks
    first = int(ticks[note_ons(song.records).argmax()])
    ends = np.append(tempo_map.ticks[1:], np.inf)
    heard = (tempo_map.ticks < max(int(ticks[-1]), first + 1)) & (ends > first)
    tempi = tempo_map.microseconds_per_beat[heard]
    slowest, fastest = (
        60e6 / each if each else np.inf for each in (int(tempi.max()), int(tempi.min()))
    )
    return slowest, fastest


def _time_signatures(song: midicodec.Song) -> tuple[str, ...]:
    _, *columns = time_signatures(song.records, song.starts)
    rows = dict.fromkeys(zip(*(each.tolist() for each in columns), strict=True))
    # A power beyond 1/128 is no note there is; a file that says so is told by its number.
    texts = [f"{above}/{2**power if power < 8 else f'2^{power}'}" for above, power in rows]
    return tuple(texts) or ("4/4",)


def _check_tempo(piece: Piece, config: CorpusConfig) -> None:
    low, high = config.slowest_bpm, config.fastest_bpm
    if low is None and high is None:
        return
    if piece.slowest_bpm is None or piece.fastest_bpm is None:
        raise UnusableError("tempo", "its time is counted in frames, not in beats")
    if low is not None and piece.slowest_bpm < low:
        found = f"{piece.slowest_bpm:.1f} beats a minute"
        raise UnusableError("tempo", f"{found}; the slowest allowed is {low:g}")
    if high is not None and piece.fastest_bpm > high:
        found = f"{piece.fastest_bpm:.1f} beats a minute"
        raise UnusableError("tempo", f"{found}; the fastest allowed is {high:g}")
