"""The command ``midicodec``: parse, call, print."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn, TypeVar

from midicodec import __version__
from midicodec.archive import read_npz, write_npz
from midicodec.errors import MidiCodecError
from midicodec.find import find_files
from midicodec.smf import load, save
from midicodec.summary import summarize
from midicodec.verify import VERDICTS, Verified, verify_many

_FAILED, _BAD_INPUT, _INTERRUPTED = 1, 2, 130
_BAR = 30  # characters of the progress bar

T = TypeVar("T")


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
    verify.add_argument("--json", action="store_true", help="print JSON")
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
    found = list(find_files(chosen.paths))
    if not found:
        raise MidiCodecError(f"no MIDI files in {', '.join(map(str, chosen.paths))}")
    unopened = [
        Verified(str(path), "unreadable", (error.strerror or str(error),))
        for path, error in found
        if error is not None
    ]
    paths = [path for path, error in found if error is None]
    results = [*unopened, *_counted(verify_many(paths), len(paths))]
    counts = Counter(each.verdict for each in results)
    others = [each for each in results if each.verdict != "identical"]
    if chosen.json:
        summary: dict[str, object] = {verdict: counts[verdict] for verdict in VERDICTS}
        summary |= {"files": len(results), "others": [asdict(each) for each in others]}
        print(json.dumps(summary, indent=1))
    else:
        for each in others:
            print(f"{each.verdict}: {each.path}: {'; '.join(each.reasons)}")
        for verdict in VERDICTS:
            print(f"{counts[verdict]:>8}  {verdict}")
    return _FAILED if others else 0


def _counted(results: Iterable[T], count: int) -> Iterator[T]:
    """Show on a terminal how far it is."""
    shown = sys.stderr.isatty()
    for number, result in enumerate(results, start=1):
        if shown:
            done = _BAR * number // count
            bar = "█" * done + "·" * (_BAR - done)
            print(f"\r{bar} {number}/{count} files", end="", file=sys.stderr, flush=True)
        yield result
    if shown:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
