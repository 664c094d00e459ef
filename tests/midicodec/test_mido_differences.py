"""Where midicodec and mido differ on purpose: what each makes of the same file."""

import io

import mido
import numpy as np
import pytest

import midicodec
from midicodec.pieces import rejoin

END = "00 ff 2f 00"


def smf(*tracks: str, division: int = 96, smf_type: int = 1) -> bytes:
    numbers = b"".join(n.to_bytes(2, "big") for n in (smf_type, len(tracks), division))
    bodies = map(bytes.fromhex, tracks)
    chunks = [b"MTrk" + len(body).to_bytes(4, "big") + body for body in bodies]
    return b"MThd\0\0\0\6" + numbers + b"".join(chunks)


def ours(data: bytes) -> list[tuple[float, str]]:
    """Each message of the merged tracks with its second."""
    song = midicodec.load(data)
    messages = rejoin(song.records, song.starts)
    seconds = song.start_seconds[song.starts].tolist()
    return [(round(at, 6), m.hex(" ")) for at, m in zip(seconds, messages, strict=True)]


def mido_s(data: bytes) -> list[tuple[float, str]] | str:
    try:
        messages = list(mido.MidiFile(file=io.BytesIO(data)))
        seconds = np.cumsum([m.time for m in messages]).tolist()
        return [
            (round(at, 6), bytes(m.bytes()).hex(" "))
            for at, m in zip(seconds, messages, strict=True)
        ]
    except Exception as error:  # noqa: BLE001 - whichever it is, mido has no result
        return type(error).__name__


NOTE, END_EVENT = "90 3c 40", "ff 2f 00"
# A file; what we make of it; what mido does
DIFFERENCES = {
    "SMPTE: 25 frames of 40 ticks are a second; mido takes it for -6360 ticks a beat": (
        smf(f"87 68 {NOTE} {END}", division=0xE728),
        [(1.0, NOTE), (1.0, END_EVENT)],
        [(-0.078616, NOTE), (-0.078616, END_EVENT)],
    ),
    "a tempo changes nothing there": (
        smf(f"00 ff 51 03 00 00 01 87 68 {NOTE} {END}", division=0xE728),
        [(0.0, "ff 51 03 00 00 01"), (1.0, NOTE), (1.0, END_EVENT)],
        [(0.0, "ff 51 03 00 00 01"), (0.0, NOTE), (0.0, END_EVENT)],
    ),
    "a division of 0 has no seconds; nor has mido": (
        smf(f"60 {NOTE} {END}", division=0), "MidiCodecError", "ZeroDivisionError",
    ),
    "a sysex in two packets: both are kept; mido takes each for a sysex": (
        smf(f"00 f0 02 01 02 60 f7 02 03 f7 {END}"),
        [(0.0, "f0 01 02"), (0.5, "f7 02 03 f7"), (0.5, END_EVENT)],
        [(0.0, "f0 01 02 f7"), (0.5, "f0 03 f7"), (0.5, END_EVENT)],
    ),
    "a sysex without its end: it is not given one": (
        smf(f"00 f0 02 01 02 {END}"),
        [(0.0, "f0 01 02"), (0.0, END_EVENT)],
        [(0.0, "f0 01 02 f7"), (0.0, END_EVENT)],
    ),
    "ends of tracks stay where they are; mido has one, at the end": (
        smf(f"00 {NOTE} {END}", f"60 {NOTE} 60 ff 2f 00"),
        [(0.0, NOTE), (0.0, END_EVENT), (0.5, NOTE), (1.0, END_EVENT)],
        [(0.0, NOTE), (0.5, NOTE), (1.0, END_EVENT)],
    ),
    "what follows an end in its track keeps its time; mido the same": (
        smf(f"00 {NOTE} 60 ff 2f 00 60 {NOTE} {END}"),
        [(0.0, NOTE), (0.5, END_EVENT), (1.0, NOTE), (1.0, END_EVENT)],
        [(0.0, NOTE), (1.0, NOTE), (1.0, END_EVENT)],
    ),
    "no end is made up": (
        smf(f"00 {NOTE}"), [(0.0, NOTE)], [(0.0, NOTE), (0.0, END_EVENT)],
    ),
    "running status across a meta event goes on; mido the same": (
        smf(f"00 {NOTE} 00 ff 01 01 61 60 3c 00 {END}"),
        [(0.0, NOTE), (0.0, "ff 01 01 61"), (0.5, "90 3c 00"), (0.5, END_EVENT)],
        [(0.0, NOTE), (0.0, "ff 01 01 61"), (0.5, "90 3c 00"), (0.5, END_EVENT)],
    ),
    "across a sysex too; mido takes the next for a sysex": (
        smf(f"00 {NOTE} 00 f0 02 01 f7 60 3c 00 {END}"),
        [(0.0, NOTE), (0.0, "f0 01 f7"), (0.5, "90 3c 00"), (0.5, END_EVENT)],
        [(0.0, NOTE), (0.0, "f0 01 f7"), (0.5, "f0 f7"), (0.5, END_EVENT)],
    ),
    "a key signature that is none is carried": (
        smf(f"00 ff 59 02 07 ff {END}"),
        [(0.0, "ff 59 02 07 ff"), (0.0, END_EVENT)],
        "KeySignatureError",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "mine", "theirs"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_what_each_makes_of_it(data: bytes, mine: object, theirs: object) -> None:
    if mine == "MidiCodecError":
        with pytest.raises(midicodec.MidiCodecError, match="division of 0"):
            ours(data)
    else:
        assert ours(data) == mine
    assert mido_s(data) == theirs


def test_of_type_2_mido_gives_no_seconds() -> None:
    data = smf(f"60 {NOTE} {END}", f"60 {NOTE} {END}", smf_type=2)
    assert ours(data) == [(0.5, NOTE), (0.5, END_EVENT), (1.0, NOTE), (1.0, END_EVENT)]
    assert mido_s(data) == "TypeError"
