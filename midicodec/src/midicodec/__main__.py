"""The command ``midicodec``: inspect, encode, decode, verify."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from midicodec import __version__
from midicodec.archive import read_npz, write_npz
from midicodec.assemble import Whole, assemble
from midicodec.encode import cut_message, from_pieces
from midicodec.errors import MidiCodecError
from midicodec.records import END_OF_TRACK, META, SET_TEMPO, SYSEX
from midicodec.smf import dumps, load, loads, save
from midicodec.song import END_OF_TRACK_RECORD, Song

_SUFFIXES = {".mid", ".midi", ".smf", ".kar", ".rmi"}
_KINDS = {
    0x80: "note off", 0x90: "note on", 0xA0: "key pressure", 0xB0: "control change",
    0xC0: "program change", 0xD0: "channel pressure", 0xE0: "pitch bend",
}  # fmt: skip
_FAILED, _BAD_INPUT, _INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; bad input is one line on stderr and status 2."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        status: int = chosen.run(chosen)
    except KeyboardInterrupt:
        print("midicodec: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except OSError as error:
        named = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        print(f"midicodec: {named}", file=sys.stderr)
        return _BAD_INPUT
    except MidiCodecError as error:
        print(f"midicodec: {error}", file=sys.stderr)
        return _BAD_INPUT
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="midicodec", description="MIDI as numpy records.")
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    inspect = verbs.add_parser("inspect", help="say what is in MIDI files")
    inspect.add_argument("files", nargs="+", type=Path)
    inspect.set_defaults(run=_inspect)

    encode = verbs.add_parser("encode", help="write a MIDI file's records to an .npz")
    encode.add_argument("file", type=Path)
    encode.add_argument("-o", "--output", type=Path, required=True)
    encode.set_defaults(run=_encode)

    decode = verbs.add_parser("decode", help="write an .npz's records to a MIDI file")
    decode.add_argument("file", type=Path)
    decode.add_argument("-o", "--output", type=Path, required=True)
    decode.set_defaults(run=_decode)

    verify = verbs.add_parser("verify", help="take every MIDI file below a folder there and back")
    verify.add_argument("paths", nargs="+", type=Path)
    verify.set_defaults(run=_verify)
    return parser


def _encode(chosen: argparse.Namespace) -> int:
    write_npz(load(chosen.file), chosen.output)
    return 0


def _decode(chosen: argparse.Namespace) -> int:
    save(read_npz(chosen.file), chosen.output)
    return 0


def _inspect(chosen: argparse.Namespace) -> int:
    for path in chosen.files:
        song = load(path)
        print(f"{path}\n  type {song.smf_type}, {song.track.max(initial=-1) + 1} tracks, "
              f"{_division(song)}\n  {song.starts.sum()} messages in {len(song)} records, "
              f"{_duration(song)}")  # fmt: skip
        for kind, count in Counter(_kind(row) for row in song.records[song.starts]).most_common():
            print(f"  {count:>8} {kind}")
    return 0


def _division(song: Song) -> str:
    try:
        return f"{song.ticks_per_beat} ticks a beat"
    except MidiCodecError:
        return f"SMPTE, {256 - (song.division >> 8)} frames of {song.division & 0xFF} ticks"


def _duration(song: Song) -> str:
    try:
        seconds = song.duration_seconds
    except MidiCodecError as error:
        return str(error)
    changes = int(song.is_meta(SET_TEMPO).sum())
    return f"{int(seconds // 60)}:{seconds % 60:06.3f}, {changes} tempo messages"


def _kind(record: np.ndarray) -> str:
    status = int(record[1])
    if status < SYSEX:
        return _KINDS.get(status & 0xF0, "not a message")
    if status == META and record[4] > 1:
        return f"meta {record[2]:02x}"
    return {SYSEX: "sysex", 0xF7: "packet"}.get(status, f"system {status:02x}")


def _verify(chosen: argparse.Namespace) -> int:
    files = identical = failed = 0
    for path in _files(chosen.paths):
        files += 1
        try:
            problem, same = _round_trip(path)
        except (MidiCodecError, OSError) as error:
            problem, same = str(error), False
        identical += same
        if problem is not None:
            failed += 1
            print(f"{path}: {problem}")
    if not files:
        raise MidiCodecError(f"no MIDI file below {', '.join(map(str, chosen.paths))}")
    print(f"{files} files: {files - failed} make the round trip ({identical} to the same bytes), "
          f"{failed} do not")  # fmt: skip
    return _FAILED if failed else 0


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            found = (each for each in sorted(path.rglob("*")) if each.suffix.lower() in _SUFFIXES)
            yield from (each for each in found if each.is_file())
        elif path.exists():
            yield path
        else:
            raise MidiCodecError(f"there is no file or folder {path}")


def _round_trip(path: Path) -> tuple[str | None, bool]:
    """Return what a file loses on the way there and back, and whether its bytes are the same."""
    data = path.read_bytes()
    song = loads(data)
    messages = [each.data for each in assemble(song.records) if isinstance(each, Whole)]
    if not np.array_equal(from_pieces([p for m in messages for p in cut_message(m)]), song.records):
        return "its records do not make its messages again", False
    saved = dumps(song)
    again = loads(saved)
    if again != song and again != _with_track_ends(song):
        return "what is saved is not what was loaded", False
    return None, saved == data


def _with_track_ends(song: Song) -> Song:
    """Return the song with an end of track on each track: what saving adds where one is missing."""
    records, deltas = [], []
    for rows, delta in song.track_columns():
        ends = len(rows) and tuple(rows[-1]) == (0, META, END_OF_TRACK, 0, 3)
        records.append(rows if ends else np.concatenate([rows, END_OF_TRACK_RECORD]))
        deltas.append(delta if ends else np.append(delta, 0))
    return Song.from_columns(records, deltas, division=song.division, smf_type=song.smf_type)


if __name__ == "__main__":
    sys.exit(main())
