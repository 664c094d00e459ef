"""midicodec against a plain loop over messages, numpy's own packing, symusic, and mido."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
import symusic

import midicodec
from midicodec import native

Measure = Callable[[str, str, int, Callable[[], object]], None]


@pytest.fixture(scope="module")
def songs(pieces: list[Path]) -> list[midicodec.Song]:
    return [midicodec.load(path) for path in pieces]


@pytest.fixture(scope="module")
def files(pieces: list[Path]) -> list[Path]:
    """The real corpus, where it is; the composed pieces elsewhere."""
    corpus = Path(__file__).resolve().parents[2] / "shared" / "corpus"
    return sorted(path for path in corpus.rglob("*.mid") if path.parent.name != "odd") or pieces


@pytest.fixture(scope="module")
def music(files: list[Path]) -> list[midicodec.Song]:
    return [midicodec.load(path) for path in files]


@pytest.fixture(scope="module")
def messages(songs: list[midicodec.Song]) -> list[Any]:
    return [message for song in songs for message in song.to_messages()]


def plain_encode(messages: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    """The layout, spelled out message by message and byte by byte."""
    rows, times = [], []
    for message in messages:
        data = message.bytes()
        for start in range(0, len(data), 3):
            piece = data[start : start + 3]
            rows.append([int(len(data) > 3), *piece, *[0] * (3 - len(piece)), len(piece)])
            times.append(message.time)
    return np.array(rows, np.uint8), np.array(times)


def plain_decode(records: np.ndarray, delta: np.ndarray) -> list[Any]:
    """Whole messages only, and no check of anything: what the layout costs in plain Python."""
    found = []
    for record, time in zip(records, delta, strict=True):
        message = mido.Message.from_bytes(record[1 : 1 + record[4]].tolist())
        message.time = int(time)
        found.append(message)
    return found


@pytest.mark.parametrize("how", ["midicodec", "reference: a plain loop"])
def test_messages_to_records_and_back(
    how: str, songs: list[midicodec.Song], measure: Measure
) -> None:
    """Channel messages, which most are: mido's objects to columns, and columns to objects."""
    short = [song.select(song.channel_messages) for song in songs]
    messages = [message for song in short for message in song.to_messages()]
    encode, decode = (
        (midicodec.encode, midicodec.decode) if how == "midicodec" else (plain_encode, plain_decode)
    )

    def there_and_back() -> None:
        decode(*encode(messages))

    measure("messages → records → messages", how, len(messages), there_and_back)


@pytest.mark.parametrize("how", ["midicodec.encode", "reference: a plain loop"])
def test_encode(how: str, messages: list[Any], measure: Measure) -> None:
    """All messages of whole songs, meta events among them."""
    function = midicodec.encode if how.startswith("midicodec") else plain_encode
    measure("messages → records", how, len(messages), lambda: function(messages))


@pytest.mark.parametrize("how", ["midicodec.decode", "reference: a plain loop"])
def test_decode(how: str, songs: list[midicodec.Song], measure: Measure) -> None:
    short = [song.select(song.channel_messages) for song in songs]
    records = np.concatenate([song.records for song in short])
    delta = np.concatenate([song.delta_ticks for song in short])
    function = midicodec.decode if how.startswith("midicodec") else plain_decode
    measure("records → messages", how, len(records), lambda: function(records, delta))


@pytest.mark.parametrize("how", ["midicodec.to_bits", "reference: numpy.unpackbits"])
def test_to_bits(how: str, songs: list[midicodec.Song], measure: Measure) -> None:
    records = np.concatenate([song.records for song in songs] * 10)
    functions = {
        "midicodec.to_bits": lambda: midicodec.to_bits(records),
        "reference: numpy.unpackbits": lambda: np.unpackbits(records, axis=1),
    }
    measure("records → bits", how, len(records), functions[how])


@pytest.mark.parametrize("how", ["midicodec.from_bits", "reference: numpy.packbits"])
def test_from_bits(how: str, songs: list[midicodec.Song], measure: Measure) -> None:
    bits = midicodec.to_bits(np.concatenate([song.records for song in songs] * 10))
    functions = {
        "midicodec.from_bits": lambda: midicodec.from_bits(bits),
        "reference: numpy.packbits": lambda: np.packbits(bits, axis=1),
    }
    measure("bits → records", how, len(bits), functions[how])


LOAD = {
    "midicodec.load": midicodec.load,
    "midicodec.load in Python": midicodec.load,
    "reference: symusic.Score": symusic.Score,
    "reference: mido.MidiFile": mido.MidiFile,
}


@pytest.mark.parametrize("how", LOAD)
def test_load(
    how: str, files: list[Path], music: list[midicodec.Song], measure: Measure,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if how.endswith("Python"):
        monkeypatch.setattr(native, "smf", None)
    messages = sum(int(song.starts.sum()) for song in music)
    measure("load", how, messages, lambda: [LOAD[how](path) for path in files])


@pytest.mark.parametrize("how", ["midicodec.load_many", "reference: midicodec.load"])
def test_load_many(
    how: str, files: list[Path], music: list[midicodec.Song], measure: Measure
) -> None:
    """A folder of four times as many files, so that there are some tasks for each worker."""
    messages = 4 * sum(int(song.starts.sum()) for song in music)

    def load_many() -> None:
        for loaded in midicodec.load_many(files * 4):
            assert loaded.song is not None

    def load() -> None:
        for path in files * 4:
            midicodec.load(path)

    measure("load, all cores", how, messages, load if how.startswith("reference") else load_many)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where there is one: disks differ more than the programs do."""
    try:
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
            yield Path(folder)
    except FileNotFoundError:
        yield tmp_path


SAVE = ["midicodec.save", "reference: Score.dump_midi", "reference: MidiFile.save"]


@pytest.mark.parametrize("where", ["new files", "over a file"])
@pytest.mark.parametrize("how", SAVE)
def test_save(
    how: str, where: str, files: list[Path], music: list[midicodec.Song], measure: Measure,
    memory: Path,
) -> None:  # fmt: skip
    """Ours is written beside and renamed, which shows where a file is there already."""
    if how.startswith("midicodec"):
        writers = [partial(midicodec.save, song) for song in music]
    elif "dump_midi" in how:
        writers = [symusic.Score(path).dump_midi for path in files]
    else:
        writers = [mido.MidiFile(path).save for path in files]
    folders = count()

    def save() -> None:
        folder = memory / str(next(folders))
        folder.mkdir()
        for number, write in enumerate(writers):
            write(folder / ("0.mid" if where == "over a file" else f"{number}.mid"))

    messages = sum(int(song.starts.sum()) for song in music)
    measure(f"save, {where}", how, messages, save)


@pytest.mark.parametrize("kilobytes", [1, 10, 100, 1000, 10_000])
def test_load_grows_with_the_file_and_no_faster(kilobytes: int, measure: Measure) -> None:
    """Messages a second of one file, against those of one of 1 kB."""
    events = bytes([10, 0x90, 60, 64, 10, 60, 0]) * (kilobytes * 1000 // 7)
    song = midicodec.load(
        b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk" + len(events).to_bytes(4, "big") + events
    )
    data = io.BytesIO()
    midicodec.save(song, data)
    how = f"{kilobytes} kB" if kilobytes > 1 else "reference: 1 kB"
    count = int(song.starts.sum())
    measure("load by size", how, count, lambda: midicodec.load(data.getvalue()))


def damaged(kind: str, count: int) -> bytes:
    """Return a file of so many things that are wrong, each of which could be read on from anew."""
    track = b"MTrk%b\0\x90\1\1\0\xff\x2f\0"
    return (
        b"MThd\0\0\0\6\0\1\xff\xff\1\xe0"
        + {
            "statuses there are not": b"MTrk" + (2 * count).to_bytes(4, "big") + b"\0\xf4" * count,
            "delta times without an event": b"MTrk\xff\xff\xff\xff\0\x90\1\1" + b"\x80" * 7 * count,
            "tracks that all go on to the end": b"".join(
                track % (16 * (count - n) - 8).to_bytes(4, "big") for n in range(count)
            ),
            "alien chunks": b"Abcd\0\0\0\0" * count,
        }[kind]
    )


@pytest.mark.parametrize("kind", ["statuses there are not", "delta times without an event",
                                  "tracks that all go on to the end", "alien chunks"])  # fmt: skip
@pytest.mark.parametrize("count", [200, 3200, 51_200])
def test_salvage_grows_with_the_damage_and_no_faster(
    kind: str, count: int, measure: Measure
) -> None:
    """Bytes a second of a file with so many faults, against those of one with 200."""
    data = damaged(kind, count)
    how = f"{count} faults" if count > 200 else "reference: 200 faults"
    salvage = partial(midicodec.load, data, errors="salvage")
    measure(f"salvage: {kind}", how, len(data), salvage)


def test_memory(music: list[midicodec.Song], report: Callable[[str], None]) -> None:
    columns = sum(
        array.nbytes
        for song in music
        for array in (song.records, song.delta_ticks, song.track, song.starts)
    )
    framing = sum(song.framing.nbytes for song in music if song.framing is not None)
    messages = sum(int(song.starts.sum()) for song in music)
    report(
        f"memory: {columns / messages:.1f} bytes a message in columns, "
        f"{8 * framing / messages:.2f} bits in framing"
    )
