"""Messages become events: timed without drift, notes ended, what no song holds left out."""

from fractions import Fraction
from pathlib import Path

import mido
import numpy as np
import pytest

import midicodec
from midirnn.messages import EventMaker, song_events
from midirnn.plugin import Event, Recorder, StreamInfo

INFO = StreamInfo()
Message = mido.Message


def note_on(note: int, channel: int = 0, velocity: int = 64) -> mido.Message:
    return Message("note_on", note=note, channel=channel, velocity=velocity)


def pedal(value: int, channel: int = 0, control: int = 64) -> mido.Message:
    return Message("control_change", channel=channel, control=control, value=value)


def made(*timed: tuple[mido.Message | mido.MetaMessage, float]) -> list[Event]:
    """All events of messages and their delta seconds, and those of the end."""
    maker = EventMaker(INFO)
    events = [maker.add(message, delta) for message, delta in timed]
    return [event for event in events if event is not None] + maker.end()


def test_an_event_starts_at_its_tick_and_keeps_no_time_of_its_own() -> None:
    given = note_on(60).copy(time=77)
    maker = EventMaker(StreamInfo(ticks_per_beat=100, microseconds_per_beat=1_000_000))
    event = maker.add(given, 1.2345)
    assert event == Event(note_on(60), 123, pytest.approx(1.23))
    assert given.time == 77
    assert maker.seconds == 1.2345


def test_rounding_does_not_drift_and_starts_never_decrease() -> None:
    rng = np.random.default_rng(0)
    deltas = rng.choice([0, 1e-5, 0.0004, 0.00052, 1 / 3, 0.1], 3000).tolist()
    events = made(*((pedal(0, control=1), delta) for delta in deltas))
    exact, ticks = Fraction(0), 0
    tick = Fraction(500_000, 1_000_000 * 480)
    for event, delta in zip(events, deltas, strict=True):
        exact += Fraction(delta)
        assert abs(event.start_ticks * tick - exact) <= tick / 2 * Fraction(1 + 1e-9)
        assert event.start_seconds == pytest.approx(float(event.start_ticks * tick), rel=1e-12)
        assert event.start_ticks >= ticks
        ticks = event.start_ticks


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        (note_on(60, velocity=0), True),
        (Message("program_change", program=3), True),
        (Message("pitchwheel", pitch=-5), True),
        (Message("sysex", data=(1, 2)), True),
        (mido.MetaMessage("lyrics", text="la"), True),
        (mido.MetaMessage("key_signature", key="Bb"), True),
        (mido.MetaMessage("channel_prefix", channel=2), True),
        (mido.UnknownMetaMessage(0x60, data=(1,)), True),
        (mido.MetaMessage("set_tempo", tempo=1), False),
        (mido.MetaMessage("end_of_track"), False),
        (Message("clock"), False),
        (Message("reset"), False),
        (Message("songpos", pos=3), False),
        (Message("quarter_frame"), False),
    ],
    ids=lambda value: getattr(value, "type", None),
)
def test_what_no_song_holds_is_left_out_and_its_time_counts(
    message: mido.Message | mido.MetaMessage, kept: bool
) -> None:
    events = made((message, 1.0), (pedal(0), 0.5))
    assert [event.start_seconds for event in events] == ([1.0, 1.5] if kept else [1.5])
    if kept:
        assert events[0].message == message.copy(time=0)


@pytest.mark.parametrize(
    ("messages", "ended"),
    [
        ([note_on(60)], [(0, 60)]),
        ([note_on(60), note_on(62), note_on(60, 3)], [(0, 60), (0, 62), (3, 60)]),
        ([note_on(60), Message("note_off", note=60)], []),
        ([note_on(60), note_on(60, velocity=0)], []),
        ([note_on(60), Message("note_off", note=60, channel=1)], [(0, 60)]),
        ([note_on(60), note_on(60), Message("note_off", note=60)], []),
        ([Message("note_off", note=60)], []),
        ([note_on(60), Message("polytouch", note=60)], [(0, 60)]),
    ],
)
def test_notes_that_sound_are_ended_at_the_last_time(
    messages: list[mido.Message], ended: list[tuple[int, int]]
) -> None:
    events = made(*((message, 0.25) for message in messages))
    last = 0.25 * len(messages)
    off = [event for event in events if event.start_seconds == last][1:]
    assert [(each.message.channel, each.message.note) for each in off] == ended
    assert {each.message.type for each in off} <= {"note_off"}


@pytest.mark.parametrize(
    ("messages", "lifted"),
    [
        ([pedal(127)], [(0, 64)]),
        ([pedal(64, 5), pedal(100, 2)], [(5, 64), (2, 64)]),
        ([pedal(63)], []),
        ([pedal(127), pedal(0)], []),
        ([pedal(127), pedal(0, 1)], [(0, 64)]),
        ([pedal(127, control=66)], [(0, 66)]),  # sostenuto holds notes too
        ([pedal(127, control=66), pedal(127), pedal(0)], [(0, 66)]),
        ([pedal(127, control=67)], []),  # the soft pedal holds none
    ],
)
def test_pedals_that_hold_notes_are_lifted(
    messages: list[mido.Message], lifted: list[tuple[int, int]]
) -> None:
    up = made(*((message, 0.0) for message in messages))[len(messages) :]
    assert [(each.message.channel, each.message.control) for each in up] == lifted
    assert all(each.message.value == 0 for each in up)


def test_after_the_end_nothing_sounds() -> None:
    maker = EventMaker(INFO)
    maker.add(note_on(60), 0)
    maker.add(pedal(127), 0)
    assert [event.message.type for event in maker.end()] == ["note_off", "control_change"]
    assert maker.end() == []


def tempo_song() -> mido.MidiFile:
    """Three tracks; the tempo changes in two of them, between and upon notes."""
    file = mido.MidiFile(type=1, ticks_per_beat=96)
    tempo = mido.MetaMessage
    file.tracks.append(mido.MidiTrack([
        tempo("set_tempo", tempo=600_000, time=0),
        tempo("set_tempo", tempo=250_000, time=150),
        tempo("set_tempo", tempo=1_234_567, time=333),
    ]))  # fmt: skip
    for channel, steps in enumerate(((0, 50, 100, 7, 300), (3, 96, 96, 1, 400))):
        track = mido.MidiTrack(note_on(60 + n, channel).copy(time=t) for n, t in enumerate(steps))
        file.tracks.append(track)
    file.tracks[2].insert(2, tempo("set_tempo", tempo=400_000, time=20))
    return file


def seconds_by_mido(file: mido.MidiFile) -> list[tuple[float, mido.Message]]:
    now, timed = 0.0, []
    for message in file:
        now += message.time
        if not message.is_meta:
            timed.append((now, message.copy(time=0)))
    return timed


def compare_with_mido(path: Path) -> None:
    events = list(song_events(midicodec.load(path), INFO))
    expected = seconds_by_mido(mido.MidiFile(path))
    sounding = [event for event in events if not event.message.is_meta]
    assert len(expected) > 9
    for event, (seconds, message) in zip(sounding[: len(expected)], expected, strict=True):
        assert event.message == message
        assert event.start_seconds == pytest.approx(seconds, abs=INFO.seconds_per_tick * 0.51)
    # Whatever comes beyond ends what still sounds.
    assert {event.message.type for event in sounding[len(expected) :]} <= {
        "note_off", "control_change",
    }  # fmt: skip
    assert not any(event.message.type == "set_tempo" for event in events)


def test_a_songs_events_are_when_mido_says(tmp_path: Path) -> None:
    path = tmp_path / "tempo.mid"
    tempo_song().save(path)
    compare_with_mido(path)
    assert sum(1 for _ in song_events(midicodec.load(path), INFO)) == 10 + 10  # notes, and ends


def test_real_songs_events_are_when_mido_says(corpus: Path) -> None:
    for folder in ("e_midi", "freedoom", "giantmidi", "groove"):
        compare_with_mido(sorted((corpus / folder).rglob("*.mid"))[0])


def test_what_mido_cannot_hold_is_left_out_and_its_time_counts() -> None:
    no_key = bytes([0xFF, 0x59, 2, 0x10, 5])
    records, _ = midicodec.encode([note_on(60), no_key, pedal(0)])
    song = midicodec.Song(records, [0, 240, 240, 480])
    events = list(song_events(song, INFO))
    kinds = [event.message.type for event in events]
    assert kinds == ["note_on", "control_change", "note_off"]
    assert [event.start_seconds for event in events] == [0, 0.75, 0.75]


def test_a_recorder_gives_back_the_song_in_the_streams_tempo(tmp_path: Path) -> None:
    info = StreamInfo(ticks_per_beat=100, microseconds_per_beat=600_000)
    recorder, maker = Recorder(info), EventMaker(info)
    for message, delta in ((note_on(60), 0.6), (note_on(60, velocity=0), 0.3)):
        event = maker.add(message, delta)
        assert event is not None
        recorder.add(event)
    midicodec.save(recorder.song(), tmp_path / "x.mid")
    file = mido.MidiFile(tmp_path / "x.mid")
    assert (file.type, file.ticks_per_beat) == (0, 100)
    assert [(m.type, m.time) for m in file.tracks[0]] == [
        ("set_tempo", 0), ("note_on", 100), ("note_on", 50), ("end_of_track", 0),
    ]  # fmt: skip
