"""What is kept of a song, and which songs are not wanted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest

import midicodec
from midirnn.corpus.filters import Piece, check, read_piece
from midirnn.errors import ConfigError, UnusableError
from midirnn.settings.config import Config, CorpusConfig
from midirnn.settings.resolve import resolve, to_toml

Message, Meta = mido.Message, mido.MetaMessage


def loaded(tracks: Sequence[Sequence[Any]], division: int = 480, kind: int = 1) -> Any:
    song = midicodec.Song.from_tracks(tracks, division=division, smf_type=kind)
    return midicodec.Loaded(Path("x.mid"), song, None)


def meter(numerator: int, denominator: int, time: int = 0) -> mido.MetaMessage:
    return Meta("time_signature", numerator=numerator, denominator=denominator, time=time)


def tempo(bpm: float, time: int = 0) -> mido.MetaMessage:
    return Meta("set_tempo", tempo=round(60e6 / bpm), time=time)


MUSIC = [
    [
        tempo(60),
        meter(3, 4),
        tempo(120, time=960),
        meter(6, 8),
        Meta("text", text="a longer text."),
    ],
    [Message("note_on", note=60, channel=0), Message("note_off", note=60, channel=0, time=480)],
    [Message("note_on", note=61, channel=1, time=480), Message("control_change", channel=1)],
    [Message("note_on", note=38, channel=9, time=960), Message("note_on", note=40, channel=9)],
]


def piece(**settings: Any) -> Piece:
    return read_piece(loaded(MUSIC), CorpusConfig(**settings))


def test_the_facts_of_a_piece() -> None:
    found = piece()
    assert (found.smf_type, found.division, found.messages, found.notes) == (1, 480, 6, 4)
    assert found.seconds == pytest.approx(2)
    assert found.channels == (0, 1, 9)
    assert found.time_signatures == ("3/4", "6/8")
    # The tempo of 120 begins with the last message, when no time is left for it.
    assert (found.slowest_bpm, found.fastest_bpm) == (60, 60)
    plain = read_piece(loaded([[Message("note_on", time=480)]]), CorpusConfig())
    assert plain.time_signatures == ("4/4",)
    assert (plain.slowest_bpm, plain.fastest_bpm) == (120, 120)
    frames = read_piece(loaded([[Message("note_on", time=480)]], division=0xE728), CorpusConfig())
    assert (frames.slowest_bpm, frames.fastest_bpm) == (None, None)


@pytest.mark.parametrize("last", [0, 480])
def test_a_tempo_before_the_first_note_is_not_heard(last: int) -> None:
    """Nor one that a file only begins with because it says its own a tick late."""
    notes = [Message("note_on", time=1), *([Message("note_off", time=last)] if last else [])]
    found = read_piece(loaded([[tempo(90, time=1)], notes]), CorpusConfig())
    assert (found.slowest_bpm, found.fastest_bpm) == (pytest.approx(90), pytest.approx(90))


def test_a_strange_time_signature_is_told_by_its_numbers() -> None:
    strange = midicodec.Song.from_messages([bytes([0xFF, 0x58, 4, 0, 200, 24, 8])])
    found = read_piece(midicodec.Loaded("x", strange, None), CorpusConfig(messages="all"))
    assert found.time_signatures == ("0/2^200",)


@pytest.mark.parametrize(
    ("settings", "statuses"),
    [
        ({}, [0x90, 0x80, 0x91, 0xB1, 0x99, 0x99]),
        ({"channels": (0,)}, [0x90, 0x80]),
        ({"channels": (1, 9)}, [0x91, 0xB1, 0x99, 0x99]),
        ({"drums": "drop"}, [0x90, 0x80, 0x91, 0xB1]),
        ({"drums": "only"}, [0x99, 0x99]),
        ({"drums": "drop", "channels": (1, 9)}, [0x91, 0xB1]),
    ],
)
def test_channels_and_drums_are_kept_or_not(settings: dict[str, Any], statuses: list[int]) -> None:
    events = piece(**settings).events
    assert events.records[:, 1].tolist() == statuses
    whole = piece().events
    starts = np.cumsum(whole.delta_seconds)
    kept = np.isin(whole.records[:, 1], statuses)
    np.testing.assert_allclose(np.cumsum(events.delta_seconds), starts[kept])


def test_without_a_channel_what_has_none_stays_and_a_long_message_keeps_its_time() -> None:
    every, some = piece(messages="all").events, piece(messages="all", channels=(1,)).events
    status = every.records[:, 1]
    is_channel = (every.records[:, 0] == 0) & (status >= 0x80) & (status < 0xF0)
    kept = ~is_channel | np.isin(status, (0x91, 0xB1))
    np.testing.assert_array_equal(some.records, every.records[kept])
    # The text comes at the tempo change: its pieces all carry what its first one does.
    text = np.flatnonzero((some.records[:, 1:4] == (0xFF, 1, 14)).all(axis=1))[0]
    assert len(set(some.delta_seconds[text : text + 5].tolist())) == 1


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"shortest_records": 7}, "too short", "6 records, 7 are needed"),
    ({"longest_records": 5}, "too long", "6 records, 5 are allowed"),
    ({"shortest_seconds": 2.5}, "too short", "2.0 seconds, 2.5 are needed"),
    ({"longest_seconds": 1.5}, "too long", "2.0 seconds, 1.5 are allowed"),
    ({"time_signatures": ("3/4",)}, "time signature", "6/8; those wanted are 3/4"),
    ({"slowest_bpm": 61}, "tempo", "60.0 beats a minute; the slowest allowed is 61"),
    ({"fastest_bpm": 59}, "tempo", "60.0 beats a minute; the fastest allowed is 59"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "reason", "detail"), REFUSED)
def test_a_song_beyond_a_limit_is_left_out(
    settings: dict[str, Any], reason: str, detail: str
) -> None:
    with pytest.raises(UnusableError) as refused:
        check(piece(), CorpusConfig(**settings))
    assert (refused.value.reason, refused.value.detail) == (reason, detail)


@pytest.mark.parametrize(
    "settings",
    [
        {"shortest_records": 6, "longest_records": 6},
        {"shortest_seconds": 1.99, "longest_seconds": 2.01},
        {"time_signatures": ("6/8", "3/4", "4/4")},
        {"slowest_bpm": 60, "fastest_bpm": 60},
    ],
)
def test_a_song_at_the_limits_stays(settings: dict[str, Any]) -> None:
    check(piece(), CorpusConfig(**settings))


def test_frames_have_no_tempo_to_be_in_a_range_of() -> None:
    found = read_piece(loaded([[Message("note_on", time=480)]], division=0xE728), CorpusConfig())
    check(found, CorpusConfig(shortest_records=1))
    with pytest.raises(UnusableError, match="frames"):
        check(found, CorpusConfig(shortest_records=1, slowest_bpm=1))


def test_the_settings_of_a_corpus_are_checked_and_survive_their_file(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    chosen = {"channels": [1, 2], "longest_seconds": 9.5, "time_signatures": ["3/4"]}
    config = resolve(None, {"corpus": chosen})
    path.write_text(to_toml(config))
    assert resolve(path, {}) == config
    path.write_text(to_toml(Config()))  # limits that are not set are not in the file
    assert resolve(path, {}) == Config()
    for wrong in (
        {"channels": [16]}, {"time_signatures": ["waltz"]}, {"longest_seconds": 0},
        {"validation_share": 0.5, "test_share": 0.5},
    ):  # fmt: skip
        with pytest.raises(ConfigError, match="corpus"):
            resolve(None, {"corpus": wrong})
