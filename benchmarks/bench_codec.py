"""midicodec against a plain loop over messages, numpy's own packing, and mido."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest

import midicodec

Measure = Callable[[str, str, int, Callable[[], object]], None]


@pytest.fixture(scope="module")
def songs(pieces: list[Path]) -> list[midicodec.Song]:
    return [midicodec.load(path) for path in pieces]


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


@pytest.mark.parametrize("how", ["midicodec.encode", "reference: a plain loop"])
def test_encode(how: str, messages: list[Any], measure: Measure) -> None:
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


@pytest.mark.parametrize("how", ["midicodec.load", "reference: mido.MidiFile"])
def test_load(how: str, pieces: list[Path], songs: list[midicodec.Song], measure: Measure) -> None:
    function = midicodec.load if how.startswith("midicodec") else mido.MidiFile
    count = sum(int(song.starts.sum()) for song in songs)
    measure("load", how, count, lambda: [function(path) for path in pieces])


@pytest.mark.parametrize("how", ["midicodec.save", "reference: MidiFile.save"])
def test_save(
    how: str, pieces: list[Path], songs: list[midicodec.Song], measure: Measure, tmp_path: Path
) -> None:
    files = [mido.MidiFile(path) for path in pieces]
    out = tmp_path / "out.mid"

    def midicodec_save() -> None:
        for song in songs:
            midicodec.save(song, out)

    def mido_save() -> None:
        for file in files:
            file.save(out)

    count = sum(int(song.starts.sum()) for song in songs)
    measure("save", how, count, midicodec_save if how.startswith("midicodec") else mido_save)
