"""Whatever is drawn of what the rules allow is valid MIDI, and each note is ended once."""

from collections.abc import Iterator

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import midicodec
from midirnn.generation.rules import Rules, note_off, pedal_up
from midirnn.settings.config import GenerationConfig
from midirnn.settings.resolve import resolve

ON, OFF, PEDAL = [0, 0x90, 60, 64, 3], [0, 0x80, 60, 0, 3], [0, 0xB0, 64, 127, 3]


def rules(songs: int = 1, channel_only: bool = True, **generation: object) -> Rules:
    config: GenerationConfig = resolve(None, {"generation": generation}).generation
    return Rules(config, songs, channel_only=channel_only)


def drawn(of: Rules, rng: np.random.Generator, likely: list[int] | None = None) -> list[list[int]]:
    """Draw a record for each song; of the first bytes, ``likely`` ones where they may be."""
    first, *_ = allowed = [of.first()]
    if likely is not None:
        wanted = np.isin(np.arange(256), likely)
        first = np.where((first & wanted).any(axis=1)[:, None], first & wanted, first)
    pick = [np.array([rng.choice(np.flatnonzero(row)) for row in first], np.uint8)]
    for mask in (of.second, of.third):
        allowed.append(mask(*pick))
        pick.append(np.array([rng.choice(np.flatnonzero(row)) for row in allowed[-1]], np.uint8))
    return of.records(*pick).tolist()


def one(of: Rules, byte: int) -> np.ndarray:
    return np.full(len(of.songs), byte, np.uint8)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.booleans(), st.sampled_from([None, "D minor"]))
def test_all_that_may_be_drawn_is_a_message_of_midos(
    seed: int, channel_only: bool, scale: str | None
) -> None:
    rng = np.random.default_rng(seed)
    of = rules(3, channel_only, scale=scale, most_notes=4, programs={"1": 5})
    decoders = [midicodec.Decoder() for _ in range(3)]
    likely = [0x90, 0x91, 0x99, 0xF0, 0xFF] if rng.random() < 0.7 else None
    for _ in range(120):
        for song, record in enumerate(drawn(of, rng, likely)):
            off = of.off_before(song, record)
            for each in filter(None, [off, bytes(record)]):
                for outcome in decoders[song].feed(each):
                    assert not isinstance(outcome, midicodec.Skip), (outcome, record)
                    assert channel_only <= hasattr(outcome, "channel")
                    check(outcome, scale)
                of.heard(song, list(each), 0.1)
    for decoder, song in zip(decoders, of.songs, strict=True):
        assert decoder.pending == bool(song.begun)


def check(message: mido.Message, scale: str | None) -> None:
    assert (message.type, getattr(message, "channel", None)) != ("program_change", 1)
    assert message.type not in ("set_tempo", "end_of_track")
    if scale and message.type == "note_on" and message.velocity and message.channel != 9:
        assert message.note % 12 in (2, 4, 5, 7, 9, 10, 0)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 6), st.booleans())
def test_each_note_is_ended_once_and_there_are_never_more_than_asked_for(
    seed: int, most: int, by_velocity: bool
) -> None:
    rng = np.random.default_rng(seed)
    of = rules(most_notes=most, channels=(0, 9), longest_note_seconds=1.5)
    likely = [0x90, 0x99] if by_velocity else [0x80, 0x90, 0x99, 0x89]
    sounding: dict[tuple[int, int], float] = {}
    now = 0.0
    for _ in range(200):
        wait = float(rng.choice([0.0, 0.3, 2.0]))
        (record,) = drawn(of, rng, likely)
        due, released = of.due(0)
        for each, passed in timed(of, record, wait, due, released):
            now += passed
            status, note, velocity = each[1], each[2], each[3]
            key = status & 15, note
            if status & 0xF0 == 0x90 and velocity:
                assert key not in sounding
                sounding[key] = now
            elif status & 0xF0 in (0x80, 0x90):
                assert now - sounding.pop(key) <= 1.5 + 1e-9
            assert len(sounding) <= most
            assert status & 15 in (0, 9)
            of.heard(0, list(each), passed)
    assert set(of.songs[0].notes) == set(sounding)


def timed(
    of: Rules, record: list[int], wait: float, due: float, released: bytes | None
) -> Iterator[tuple[bytes, float]]:
    if released is not None and due <= wait:
        yield released, due
        return
    off = of.off_before(0, record)
    yield from [(bytes(record), wait)] if off is None else [(off, wait), (bytes(record), 0.0)]


def test_a_note_off_is_only_for_a_note_of_ours_that_sounds() -> None:
    of = rules()
    assert not of.first()[0, 0x80:0x90].any()
    of.heard(0, ON, 0.0)
    assert np.flatnonzero(of.first()[0, 0x80:0x90]).tolist() == [0]
    assert np.flatnonzero(of.second(one(of, 0x80))[0]).tolist() == [60]
    of.heard(0, OFF, 0.0)
    assert not of.first()[0, 0x80:0x90].any()


def test_a_note_on_of_velocity_0_is_a_note_off() -> None:
    of = rules()
    assert not of.third(one(of, 0x90), one(of, 60))[0, 0]
    of.heard(0, ON, 0.0)
    assert of.third(one(of, 0x90), one(of, 60))[0, 0]
    of.heard(0, [0, 0x90, 60, 0, 3], 0.0)
    assert of.songs[0].notes == {}


def test_a_note_that_is_struck_again_is_ended_first() -> None:
    of = rules()
    assert of.off_before(0, ON) is None
    of.heard(0, ON, 0.0)
    assert of.third(one(of, 0x90), one(of, 60))[0, 64]
    assert of.off_before(0, ON) == note_off(0, 60)
    assert of.off_before(0, [0, 0x91, 60, 64, 3]) is None
    assert of.off_before(0, [0, 0x90, 60, 0, 3]) is None


def test_with_as_many_notes_as_there_may_be_only_those_are_played_on() -> None:
    of = rules(most_notes=1)
    of.heard(0, ON, 0.0)
    assert np.flatnonzero(of.first()[0, 0x90:0xA0]).tolist() == [0]
    assert np.flatnonzero(of.second(one(of, 0x90))[0]).tolist() == [60]


def test_of_what_is_held_too_long_the_oldest_is_due_first() -> None:
    of = rules(longest_note_seconds=4.0)
    assert of.due(0) == (np.inf, None)
    of.heard(0, ON, 1.0)
    of.heard(0, PEDAL, 1.0)
    assert of.due(0) == (3.0, note_off(0, 60))
    of.heard(0, OFF, 2.5)
    assert of.due(0) == (1.5, pedal_up(0, 64))
    of.heard(0, PEDAL, 0.5)  # still down since it first was
    assert of.due(0) == (1.0, pedal_up(0, 64))
    of.heard(0, [0, 0xB0, 64, 0, 3], 0.0)
    assert of.due(0) == (np.inf, None)


def test_another_players_notes_are_theirs() -> None:
    of = rules(most_notes=1)
    of.heard(0, ON, 0.0, own=False)
    assert of.due(0) == (np.inf, None)
    assert not of.first()[0, 0x80]
    assert of.first()[0, 0x90]  # theirs do not count
    assert not of.second(one(of, 0x90))[0, 60]
    of.heard(0, OFF, 0.0, own=False)
    assert of.second(one(of, 0x90))[0, 60]


def test_instruments_are_kept_if_asked_for() -> None:
    assert rules().first()[0, 0xC0:0xD0].all()
    assert not rules(program_changes=False).first()[0, 0xC0:0xD0].any()
    assert np.flatnonzero(~rules(programs={"2": "flute"}).first()[0, 0xC0:0xD0]).tolist() == [2]


def test_drums_are_in_no_scale() -> None:
    of = rules(scale="C major pentatonic")
    assert np.flatnonzero(of.second(one(of, 0x90))[0, 60:72]).tolist() == [0, 2, 4, 7, 9]
    assert of.second(one(of, 0x99))[0, :128].all()


def test_channel_modes_that_silence_are_not_drawn() -> None:
    of = rules()
    assert np.flatnonzero(~of.second(one(of, 0xB3))[0, :128]).tolist() == [
        120, 122, 123, 124, 125, 126, 127,
    ]  # fmt: skip


def test_the_settings_meter_is_the_only_one() -> None:
    for meter, may in ((None, True), ("3/4", False)):
        assert rules(channel_only=False, meter=meter).second(one(rules(), 0xFF))[0, 0x58] == may


@pytest.mark.parametrize(
    "pieces",
    [
        [[1, 0xF0, 1, 2, 3], [1, 3, 0xF7, 0, 2]],
        [[1, 0xFF, 0x01, 4, 3], [1, 200, 0xF7, 7, 3], [1, 9, 0, 0, 1]],
    ],
)
def test_a_long_message_goes_on_to_its_end(pieces: list[list[int]]) -> None:
    of = rules(channel_only=False)
    of.heard(0, ON, 0.0)
    for at, piece in enumerate(pieces):
        first, second, third = (one(of, byte) for byte in piece[1:4])
        assert of.first()[0, first[0]]
        assert of.second(first)[0, second[0]]
        assert of.third(first, second)[0, third[0]]
        assert of.records(first, second, third)[0].tolist() == piece
        of.heard(0, piece, 0.5)
        going_on = at < len(pieces) - 1
        assert bool(of.songs[0].begun) == going_on
        assert (of.due(0)[0] == np.inf) == going_on
    assert of.songs[0].now == 0.5  # its time counts once
    assert of.first()[0, 0x90]


def test_a_sysex_that_gets_too_long_is_ended() -> None:
    of = rules(channel_only=False)
    of.heard(0, [1, 0xF0, 1, 2, 3], 0.0)
    for _ in range(170):
        of.heard(0, [1, 1, 2, 3, 3], 0.0)
    assert np.flatnonzero(of.first()[0]).tolist() == [0xF7]


def test_a_message_that_somebody_cut_short_is_forgotten() -> None:
    of = rules(channel_only=False)
    of.heard(0, [1, 0xF0, 1, 2, 3], 0.5)
    of.heard(0, ON, 0.25)
    assert (of.songs[0].begun, of.songs[0].now) == (b"", 0.75)
    of.heard(0, [1, 0xF0, 1, 2, 3], 0.0)
    of.heard(0, [1, 0xFF, 1, 9, 3], 0.25)
    assert (of.songs[0].begun, of.songs[0].now) == (b"\xff\x01\x09", 1.0)
