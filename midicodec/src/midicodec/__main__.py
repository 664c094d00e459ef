"""The command ``midicodec``: parse, call, print."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from midicodec import __version__
from midicodec.archive import read_npz, write_npz
from midicodec.errors import MidiCodecError
from midicodec.find import find_files
from midicodec.smf import load, save
from midicodec.summary import summarize
from midicodec.verify import RoundTrip, round_trip

_FAILED, _BAD_INPUT, _INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    0: all is well; 1: ``verify`` found files that do not survive; 2: bad input, one line on
    stderr says what; 130: interrupted.
    """
    if sys.stdout is None:  # whoever started us closed it
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - for as long as we run
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name need not be text
    try:
        chosen = _parser().parse_args(arguments)
        status: int = chosen.run(chosen)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("midicodec: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough; nor may Python's last flush complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"midicodec: {where}{error.strerror or error}", file=sys.stderr)
        return _BAD_INPUT
    except MidiCodecError as error:
        print(f"midicodec: {error}", file=sys.stderr)
        return _BAD_INPUT
    return status


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say it in one line, where argparse prints the usage too."""
        self.exit(_BAD_INPUT, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="midicodec", description="MIDI as fixed-width numpy records, and back.")
    parser.add_argument("--version", action="version", version=f"midicodec {__version__}")
    verbs = parser.add_subparsers(required=True, metavar="VERB", title="verbs")

    inspect = verbs.add_parser("inspect", help="say what is in MIDI files")
    inspect.add_argument("files", metavar="FILE", nargs="+", type=Path)
    inspect.set_defaults(run=_inspect)

    encode = verbs.add_parser("encode", help="write a MIDI file's records to an .npz")
    encode.add_argument("file", metavar="FILE", type=Path)
    encode.add_argument("-o", "--output", metavar="OUT.npz", type=Path, required=True)
    encode.set_defaults(run=_encode)

    decode = verbs.add_parser("decode", help="write the records in an .npz to a MIDI file")
    decode.add_argument("file", metavar="IN.npz", type=Path)
    decode.add_argument("-o", "--output", metavar="OUT.mid", type=Path, required=True)
    decode.set_defaults(run=_decode)

    verify = verbs.add_parser("verify", help="take all MIDI files in folders to records and back")
    verify.add_argument("paths", metavar="FOLDER", nargs="+", type=Path)
    verify.set_defaults(run=_verify)
    return parser


def _inspect(chosen: argparse.Namespace) -> int:
    for path in chosen.files:
        print(path, *summarize(load(path)).splitlines(), sep="\n  ")
    return 0


def _encode(chosen: argparse.Namespace) -> int:
    write_npz(load(chosen.file), chosen.output)
    return 0


def _decode(chosen: argparse.Namespace) -> int:
    save(read_npz(chosen.file), chosen.output)
    return 0


def _verify(chosen: argparse.Namespace) -> int:
    files = identical = failed = 0
    for path, error in find_files(chosen.paths):
        try:
            if error is not None:
                raise error
            result = round_trip(path.read_bytes())
        except MidiCodecError as error:
            result = RoundTrip(str(error), False)
        except OSError as error:
            result = RoundTrip(str(error.strerror), False)
        files += 1
        identical += result.identical
        if result.problem is not None:
            failed += 1
            print(f"{path}: {result.problem}")
    if not files:
        raise MidiCodecError(f"no MIDI files in {', '.join(map(str, chosen.paths))}")
    print(f"{files} files: {files - failed} ok, {identical} of them byte for byte; {failed} failed")
    return _FAILED if failed else 0


if __name__ == "__main__":
    sys.exit(main())
