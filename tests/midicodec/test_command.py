"""The command ``midicodec``, as its user meets it: what it prints, its status, what it leaves."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import midicodec

FILE = bytes.fromhex(
    "4d546864 00000006 0000 0001 0060 4d54726b 0000000b 00 90 3c 40 60 3c 00 00 ff 2f 00"
)
SUMMARY = """\
  type 0, 1 track, 96 ticks per beat
  3 messages in 3 records
  0:00.500 minutes, 120.0 beats per minute
         2  note on
         1  end of track
"""
TABLE = """\
{:>8}  identical
{:>8}  equal but for framing
{:>8}  salvaged
{:>8}  unreadable
"""


def run(*arguments, **options):
    command = [sys.executable, "-m", "midicodec", *map(os.fspath, arguments)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    return subprocess.run(command, check=False, **options)


def result(*arguments, **options):
    done = run(*arguments, **options)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, with a song and its archive."""
    (tmp_path / "song.mid").write_bytes(FILE)
    song = midicodec.load(FILE)
    np.savez(
        tmp_path / "song.npz",
        records=song.records,
        delta_ticks=song.delta_ticks,
        track=song.track,
        division=song.division,
        smf_type=song.smf_type,
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder):
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}


def test_the_installed_command():
    command = Path(sys.executable).with_name("midicodec")
    done = subprocess.run([command, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"midicodec {midicodec.__version__}\n")


@pytest.mark.parametrize("verb", ["", "inspect", "encode", "decode", "verify"])
def test_help(verb):
    done = run(*filter(None, [verb]), "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: midicodec {verb}")


def test_inspect_says_what_is_in_files(folder):
    (folder / "other.kar").write_bytes(FILE)
    done = result("inspect", "song.mid", "other.kar")
    assert done == (0, f"song.mid\n{SUMMARY}other.kar\n{SUMMARY}", "")


def test_inspect_stops_at_the_first_that_is_none(folder):
    done = run("inspect", "song.mid", "song.npz", "song.mid")
    assert (done.returncode, done.stdout) == (2, f"song.mid\n{SUMMARY}")
    assert done.stderr.startswith("midicodec: song.npz: byte 0: expected a MIDI file's header")


def test_encode_and_decode_are_each_other_s_reverse(folder):
    assert result("encode", "song.mid", "-o", "new.npz") == (0, "", "")
    with np.load("new.npz", allow_pickle=False) as arrays:
        assert arrays["records"].tolist() == midicodec.load(FILE).records.tolist()
        assert arrays["delta_ticks"].tolist() == [0, 96, 0]
    assert result("decode", "new.npz", "--output", "new.mid") == (0, "", "")
    assert (folder / "new.mid").read_bytes() == FILE
    assert sorted(contents(folder)) == ["new.mid", "new.npz", "song.mid", "song.npz"]


def test_they_work_in_a_pipeline(folder):
    encoded = run("encode", "/dev/stdin", "-o", "/dev/stdout", input=FILE, text=False)
    assert (encoded.returncode, encoded.stderr) == (0, b"")
    decoded = run(
        "decode", "/dev/stdin", "-o", "/dev/stdout", input=encoded.stdout, text=False
    )  # fmt: skip
    assert (decoded.returncode, decoded.stdout, decoded.stderr) == (0, FILE, b"")


def test_verify_takes_all_below_folders(folder):
    (folder / "deep" / "er").mkdir(parents=True)
    for name in ("deep/one.MID", "deep/er/two.kar", "deep/three.midi", "deep/no.txt"):
        (folder / name).write_bytes(FILE + b"junk" * name.endswith("kar"))
    (folder / "deep" / "folder.mid").mkdir()
    done = result("verify", "deep", "song.mid")
    assert done == (0, TABLE.format(4, 0, 0, 0), "")


def test_verify_says_which_fail_and_goes_on(folder):
    (folder / "bad.mid").write_bytes(FILE[:-1])
    (folder / "dangling.mid").symlink_to("nowhere")
    done = result("verify", ".", "song.npz")
    assert done == (
        1,
        "unreadable: dangling.mid: No such file or directory\n"
        "salvaged: bad.mid: byte 22: expected 11 bytes in the chunk b'MTrk', found 10 up to the "
        "end; byte 29: expected a whole event, found the end of the track's chunk\n"
        "unreadable: song.npz: byte 0: expected a MIDI file's header, MThd, "
        "found b'PK\\x03\\x04'\n" + TABLE.format(1, 0, 1, 2),
        "",
    )


def test_verify_says_it_to_machines_too(folder):
    (folder / "bad.mid").write_bytes(FILE[:-1])
    status, output, errors = result("verify", "--json", ".", "song.npz")
    assert (status, errors) == (1, "")
    found = json.loads(output)
    others = found.pop("others")
    assert found == {
        "files": 3, "identical": 1, "equal but for framing": 0, "salvaged": 1, "unreadable": 1,
    }  # fmt: skip
    assert [(each["path"], each["verdict"]) for each in others] == [
        ("bad.mid", "salvaged"), ("song.npz", "unreadable"),
    ]  # fmt: skip
    assert [len(each["reasons"]) for each in others] == [2, 1]
    assert others[1]["reasons"][0].startswith("byte 0: expected a MIDI file's header")
    (folder / "bad.mid").unlink()
    assert json.loads(result("verify", "--json", ".")[1])["others"] == []


# Arguments, and what the one line says; the status is 2
ERRORS = {
    "no verb": ("", "VERB (see midicodec --help)"),
    "another verb": ("sing song.mid", "invalid choice: 'sing'"),
    "another option": ("inspect song.mid --loud", "unrecognized arguments: --loud"),
    "nothing to inspect": ("inspect", "required: FILE (see midicodec inspect --help)"),
    "no output": ("encode song.mid", "required: -o/--output"),
    "no such file": ("inspect nowhere.mid", "nowhere.mid: No such file or directory"),
    "a folder": ("inspect .", ".: Is a directory"),
    "no MIDI file": ("encode song.npz -o new.npz", "song.npz: byte 0: expected a MIDI file's"),
    "no such archive": ("decode nowhere.npz -o new.mid", "nowhere.npz: No such file"),
    "no archive": ("decode song.mid -o new.mid", "song.mid: expected an .npz with a song's"),
    "into no folder": ("encode song.mid -o no/new.npz", "no/new.npz: No such file or directory"),
    "into a file": ("decode song.npz -o song.mid/x", "song.mid/x: Not a directory"),
    "over a folder": ("encode song.mid -o .", ".: Is a directory"),
    "verify nothing": ("verify", "required: FOLDER"),
    "verify no folder": ("verify nowhere", "there is no file or folder nowhere"),
    "verify an empty one": ("verify empty", "no MIDI files in empty"),
}


@pytest.mark.parametrize(("arguments", "expected"), ERRORS.values(), ids=ERRORS)
def test_bad_input_is_said_in_one_line_and_leaves_nothing(arguments, expected, folder):
    (folder / "empty").mkdir()
    before = contents(folder)
    status, output, errors = result(*arguments.split())
    assert (status, output) == (2, "")
    assert expected in errors
    assert errors.startswith("midicodec")
    assert errors.count("\n") == 1
    assert errors.endswith("\n")
    assert contents(folder) == before


@pytest.mark.parametrize("arguments", ["encode song.mid -o", "decode song.npz -o"])
def test_a_full_device_is_said_in_one_line(arguments, folder, device):
    full = device("full")
    done = result(*arguments.split(), full)
    assert done == (2, "", f"midicodec: {full}: No space left on device\n")


@pytest.mark.parametrize("arguments", ["encode song.mid -o out", "decode song.npz -o out"])
@pytest.mark.parametrize("old", [None, b"old"])
def test_a_disk_that_gets_full_leaves_the_old_file(arguments, old, folder):
    """Files here may have ten bytes: to the command that is a disk with room for no more."""
    if old is not None:
        (folder / "out").write_bytes(old)
    before = contents(folder)
    limit = (resource.RLIMIT_FSIZE, (10, 10))
    done = result(*arguments.split(), preexec_fn=lambda: resource.setrlimit(*limit))
    assert done == (2, "", "midicodec: out: File too large\n")
    assert contents(folder) == before


@pytest.mark.parametrize("arguments", ["inspect song.mid", "verify ."])
def test_a_reader_that_has_had_enough_is_no_news(arguments, folder):
    reading, writing = os.pipe()
    os.close(reading)
    done = run(*arguments.split(), stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_nor_is_one_of_an_archive(folder):
    reading, writing = os.pipe()
    os.close(reading)
    done = run("encode", "song.mid", "-o", "/dev/stdout", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_output_that_cannot_be_written_is_said(folder):
    with Path("/dev/full").open("w") as full:
        done = run("inspect", "song.mid", stdout=full)
    assert (done.returncode, done.stderr) == (2, "midicodec: No space left on device\n")


def test_a_closed_output_is_nobody_s_fault(folder):
    done = run("inspect", "song.mid", stdout=None, preexec_fn=lambda: os.close(1))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("encoding", "name", "shown"),
    [
        ("ascii", "caf\N{LATIN SMALL LETTER E WITH ACUTE}.mid".encode(), r"caf\xe9.mid"),
        ("utf-8", b"caf\xe9.mid", r"caf\udce9.mid"),  # Latin-1, as old collections have it
    ],
)
def test_names_that_cannot_be_printed_are_no_obstacle(encoding, name, shown, folder):
    path = os.fsdecode(os.path.join(os.fsencode(folder), name))  # noqa: PTH118 - bytes
    Path(path).write_bytes(b"nonsense")
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "1"}
    done = run("verify", ".", env=environment)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].startswith(f"unreadable: {shown}: byte 0: expected")
    assert done.stderr == ""
    assert f"midicodec: {shown}: byte 0" in run("inspect", Path(path).name, env=environment).stderr


def test_an_interrupt_is_said_in_one_line(folder):
    os.mkfifo("pipe.mid")  # to read from it takes as long as nobody writes
    with subprocess.Popen(
        [sys.executable, "-m", "midicodec", "inspect", "song.mid", "pipe.mid"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout.readline() == "song.mid\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (130, "midicodec: interrupted\n")


def test_verify_of_real_files(corpus):
    status, output, errors = result("verify", corpus)
    assert (status, errors) == (1, "")
    assert output.endswith("\n" + TABLE.format(214, 0, 3, 2))
    others = [line.split(": ", 2) for line in output.splitlines()[:5]]
    assert {Path(path).name: verdict for verdict, path, _ in others} == {
        "MIDIBadHeaderChunk.mid": "salvaged",
        "test-corrupt-file-missing-byte.mid": "salvaged",
        "test-illegal-message-f4.mid": "salvaged",
        "test-empty-file.mid": "unreadable",
        "test-not-a-midi-file.mid": "unreadable",
    }


def test_decoding_what_was_encoded_gives_real_files_again(corpus, folder):
    source = corpus / "simutrans" / "06-A-busy-day-at-the-depot.mid"
    assert result("encode", source, "-o", "real.npz") == (0, "", "")
    assert result("decode", "real.npz", "-o", "real.mid") == (0, "", "")
    assert (folder / "real.mid").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("name", ["x-unknown-chunks.mid", "x-vlq-padded.mid", "e_midi-error.mid",
                                  "test-2-tracks-type-0.mid", "x-rmid-wrapper.rmi"])  # fmt: skip
def test_odd_files_come_through_the_archive_byte_for_byte(name, corpus, folder):
    source = corpus / "odd" / name
    assert result("encode", source, "-o", "odd.npz") == (0, "", "")
    assert result("decode", "odd.npz", "-o", "odd.mid") == (0, "", "")
    assert (folder / "odd.mid").read_bytes() == source.read_bytes()
