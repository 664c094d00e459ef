"""A network fed what it emitted: how long, with which events, and the same for the same seed."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest

from midirnn.errors import ConfigError, GenerationError
from midirnn.generation import performance, take
from midirnn.generation.generator import Generator
from midirnn.generation.length import Length
from midirnn.generation.take import Tally
from midirnn.model.said import Said, SaidBits, TimeSaid
from midirnn.model.stepper import Stepper
from midirnn.model.timescale import from_seconds, to_seconds
from midirnn.plugin import Event, Events, StreamInfo
from midirnn.run.folder import Run
from midirnn.settings.config import Config
from midirnn.settings.resolve import resolve

INFO = StreamInfo(ticks_per_beat=1000, microseconds_per_beat=1_000_000)  # a tick a millisecond
HIDDEN, DENSE = 3, 2
NOTE, OFF, JUNK, CLOCK = (
    [0, 0x90, 60, 64, 3], [0, 0x80, 60, 64, 3], [0, 0x90, 60, 0, 0], [0, 0xF8, 0, 0, 1],
)  # fmt: skip
PREFIX = [[1, 0xFF, 0x20, 1, 3], [1, 5, 0, 0, 1]]  # a meta message that names a channel


def logits(record: Sequence[int]) -> np.ndarray:
    return (np.unpackbits(np.array(record, np.uint8)) * 40.0 - 20.0).astype(np.float32)


def constant_network(bit_logits: np.ndarray, time: float) -> dict[str, np.ndarray]:
    """Weights of a network that says the same whatever it is shown."""
    h, d = HIDDEN, DENSE
    shapes = {
        "query_gate/table": (h, 41), "query_gate/multiplier": (),
        "gated/kernel": (41, h), "gated/bias": (h,),
        "between/kernel": (h, h), "between/bias": (h,), "fork/kernel": (h, h), "fork/bias": (h,),
        "bits_hidden/kernel": (h, d), "bits_hidden/bias": (d,), "bits_out/kernel": (d, 40),
        "time_hidden/kernel": (h, d), "time_hidden/bias": (d,), "time_out/kernel": (d, 1),
        **{f"lstm{n}/{w}": (h, 4 * h) for n in (1, 2) for w in ("kernel", "recurrent_kernel")},
        **{f"lstm{n}/bias": (4 * h,) for n in (1, 2)},
    }  # fmt: skip
    weights = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    return weights | {"bits_out/bias": bit_logits, "time_out/bias": np.array([time], np.float32)}


def events_of(*rows: tuple[Sequence[int], float]) -> Events:
    return Events(np.array([r for r, _ in rows], np.uint8), np.array([s for _, s in rows]))


START = events_of(([0, 0xC0, 7, 0, 2], 0.0))


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Generator]:
    """Make a run whose network always emits a note_on of some pitch, every quarter of a second."""

    def make(
        bit_logits: np.ndarray | None = None, seconds: float = 0.25, **changes: Any
    ) -> Generator:
        if bit_logits is None:
            bit_logits = logits(NOTE)
            bit_logits[[17, 18, 19, 26, 27]] = 0.0  # bits of pitch and velocity
        as_it_comes = {"temperature": 1.0, "rules": False, "most_repeats": 0, "top_p": 1.0}
        changes["generation"] = {**as_it_comes, **changes.get("generation", {})}
        config: Config = resolve(None, changes)
        run = Run(tmp_path)
        run.save_config(config)
        run.save_starts(START)
        time = float(from_seconds(seconds, config.model.time_scale)) if seconds >= 0 else seconds
        weights = constant_network(bit_logits, time)
        run.checkpoints.save(1, 0.5, {"weights": weights})
        return Generator.of_run(run)

    return make


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[int], float]]:
    """The records and times that the network is shown."""
    seen: list[tuple[list[int], float]] = []

    class Watched(Stepper):
        def step(self, records: np.ndarray, seconds: np.ndarray) -> Said:
            seen.append((records[0].tolist(), float(seconds[0])))
            return super().step(records, seconds)

    monkeypatch.setattr(performance, "Stepper", Watched)
    return seen


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the network emit these records, each after its seconds, whatever it is shown."""

    def script(rows: Sequence[tuple[Sequence[int], float]], primer: Events = START) -> None:
        class Scripted(Stepper):
            def step(self, records: object, seconds: object) -> Said:
                record, wait = next(lines)
                time = to_seconds(from_seconds([wait], "log"), "log")
                return SaidBits(logits(record)[None], TimeSaid(None, time))

        # What it says before the primer's end, and after all was emitted, is not asked for.
        lines = iter([*[(NOTE, 0.0)] * (len(primer) - 1), *rows, (NOTE, 0.0)])
        monkeypatch.setattr(performance, "Stepper", Scripted)

    return script


def shown(events: Sequence[Event]) -> list[tuple[str, float]]:
    return [(each.message.type, round(each.start_seconds, 3)) for each in events]


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("2500", Length(records=2500)),
        (" 1 ", Length(records=1)),
        ("90s", Length(seconds=90.0)),
        ("1.5s", Length(seconds=1.5)),
        (".5 s", Length(seconds=0.5)),
        ("3.s", Length(seconds=3.0)),
        ("32bars", Length(bars=32)),
        ("1 bar", Length(bars=1)),
        *((text, None) for text in (
            "", "s", "0", "0s", "0.0s", "-1", "-1s", "1.5", "1e3", "1e3s", "90 sec", "1m", "90s90",
            "0bars", "1.5bars", "bars",
            "inf", "nans", "many", "0x10", "1_000", "9" * 5000, "9" * 400 + "s",
        )),
    ],
)  # fmt: skip
def test_a_length_is_records_seconds_or_bars(text: str, length: Length | None) -> None:
    if length is not None:
        assert Length.parse(text) == length
        return
    with pytest.raises(GenerationError, match="length"):
        Length.parse(text)


def test_what_was_emitted_is_fed_back(
    run: Callable[..., Generator], fed: list[tuple[list[int], float]]
) -> None:
    events = list(run().events(Length(40), 3, INFO))
    notes = [[0, *each.message.bytes(), 3] for each in events if each.message.type == "note_on"]
    assert len(notes) == 40
    assert len({tuple(note) for note in notes}) > 10
    quarter = pytest.approx(0.25)
    # The start first; the last of 40 is fed too, for a 41st that nobody asks for.
    assert fed == [(START.records[0].tolist(), 0.0), *((note, quarter) for note in notes)]
    assert [each.start_ticks for each in events[:41]] == [250 * n for n in range(41)]


def test_the_same_seed_gives_the_same_events_and_another_others(
    run: Callable[..., Generator],
) -> None:
    generator = run()
    once, again, other = (list(generator.events(Length(50), s, INFO)) for s in (1, 1, 2))
    assert once == again
    assert once != other
    rounded = [list(generator.events(Length(50), s, INFO, temperature=0)) for s in (1, 2)]
    assert rounded[0] == rounded[1]


def test_the_song_begins_with_the_runs_start_or_the_primer(run: Callable[..., Generator]) -> None:
    primer = events_of((NOTE, 1.0), (OFF, 0.5), ([0, 0xB0, 7, 100, 3], 0.25))
    generator = run()
    first = next(iter(generator.events(Length(1), 0, INFO)))
    assert first == Event(mido.Message("program_change", program=7), 0, 0.0)
    events = list(generator.events(Length(2), 0, INFO, primer=primer))
    assert shown(events)[:5] == [
        ("note_on", 1.0), ("note_off", 1.5), ("control_change", 1.75),
        ("note_on", 2.0), ("note_on", 2.25),
    ]  # fmt: skip
    assert {each.message.type for each in events[5:]} == {"note_off"}


def test_a_primer_of_nothing_is_an_error(run: Callable[..., Generator]) -> None:
    nothing = Events(np.zeros((0, 5), np.uint8), np.zeros(0))
    with pytest.raises(GenerationError, match="the primer holds no event"):
        list(run().events(Length(1), 0, INFO, primer=nothing))


@pytest.mark.parametrize("temperature", [-1.0, float("nan"), float("inf")])
def test_a_temperature_that_means_nothing_is_an_error(
    run: Callable[..., Generator], temperature: float
) -> None:
    with pytest.raises(ConfigError, match=rf"generation\.temperature = {temperature}"):
        list(run().events(Length(1), 0, INFO, temperature=temperature))


def test_the_tally_counts_what_the_network_emitted(
    run: Callable[..., Generator], says: Callable[..., None]
) -> None:
    primer = events_of((NOTE, 1.0), (OFF, 1.0))
    says([(NOTE, 0.5), (JUNK, 0.25), (JUNK, 0.0), (OFF, 1.0), (CLOCK, 0.0)], primer)
    tally = Tally()
    events = list(run().events(Length(5), 0, INFO, primer=primer, tally=tally, temperature=0))
    assert (tally.records, tally.messages) == (5, 2)
    assert tally.seconds == pytest.approx(1.75)
    assert sorted(tally.skipped.values()) == [1, 2]
    assert shown(events)[2:] == [("note_on", 2.5), ("note_off", 3.75)]


@pytest.mark.parametrize("messages", ["channel", "all"])
@pytest.mark.parametrize("between", [[JUNK], [CLOCK], PREFIX, [JUNK, CLOCK, JUNK]])
def test_what_makes_no_event_keeps_its_time(
    between: list[list[int]],
    messages: str,
    run: Callable[..., Generator],
    says: Callable[..., None],
) -> None:
    """All pieces of a long message take its time; it counts once."""
    takes = 1.0 if between is PREFIX else 1.0 * len(between)
    rows = [(NOTE, 0.5), *((record, 1.0) for record in between), (OFF, 0.25)]
    says(rows)
    generator = run(corpus={"messages": messages})
    events = list(generator.events(Length(len(rows)), 0, INFO, temperature=0))
    heard = [each for each in shown(events)[1:] if each[0] != "channel_prefix"]
    assert heard == [("note_on", 0.5), ("note_off", 0.75 + takes)]
    assert len(events) - 3 == (between is PREFIX and messages == "all")


def test_a_long_message_that_cuts_another_short_takes_its_time(
    run: Callable[..., Generator], says: Callable[..., None]
) -> None:
    sysex = [[1, 0xF0, 1, 2, 3], [1, 0xF7, 0, 0, 1]]
    rows = [(NOTE, 0.5), (PREFIX[0], 1.0), (sysex[0], 2.0), (sysex[1], 2.0), (OFF, 0.25)]
    says(rows)
    tally = Tally()
    generator = run(corpus={"messages": "all"})
    events = list(generator.events(Length(len(rows)), 0, INFO, tally=tally, temperature=0))
    assert shown(events)[1:] == [("note_on", 0.5), ("sysex", 3.5), ("note_off", 3.75)]
    assert tally.seconds == pytest.approx(3.75)
    says(rows)
    assert shown(generator.events(Length(seconds=3.4), 0, INFO, temperature=0))[1:] == [
        ("note_on", 0.5), ("note_off", 3.4),
    ]  # fmt: skip


def test_a_length_in_seconds_is_never_passed(
    run: Callable[..., Generator], says: Callable[..., None]
) -> None:
    rows = [(NOTE, 1.0), (JUNK, 1.0), (JUNK, 1.0), (OFF, 0.75), (NOTE, 0.25), (OFF, 1.0)]
    # What still sounds then is ended then.
    for seconds, count, last in ((3.5, 3, 3.5), (3.76, 4, 3.75), (3.9, 4, 3.75), (4.01, 5, 4.01)):
        says(rows)
        tally = Tally()
        length = Length(seconds=seconds)
        events = list(run().events(length, 0, INFO, tally=tally, temperature=0))
        assert tally.records == count
        assert events[-1].start_seconds == pytest.approx(last)


@pytest.mark.parametrize(("record", "messages"), [(NOTE, 8), (JUNK, 0), (CLOCK, 0)])
def test_a_length_in_seconds_ends_whatever_is_emitted(
    record: list[int], messages: int, run: Callable[..., Generator]
) -> None:
    tally = Tally()
    list(run(logits(record)).events(Length(seconds=2.001), 0, INFO, tally=tally))
    assert (tally.records, tally.messages) == (8, messages)


@pytest.mark.parametrize("seconds", [0.0, -5.0, 1e-9])
def test_a_network_that_never_lets_time_pass_is_given_up(
    seconds: float, run: Callable[..., Generator], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(take, "_PATIENCE_RECORDS", 30)
    generator, tally = run(seconds=seconds), Tally()
    with pytest.raises(GenerationError, match=r"31 records in a row .* give the length in records"):
        list(generator.events(Length(seconds=1), 0, INFO, tally=tally))
    assert tally.records == 31
    assert len(list(generator.events(Length(100), 0, INFO))) > 100


def test_a_wait_is_cut_to_the_longest_and_so_fed_back(
    run: Callable[..., Generator], fed: list[tuple[list[int], float]]
) -> None:
    generator = run(seconds=500.0, generation={"longest_wait_seconds": 2.0})
    events = list(generator.events(Length(3), 0, INFO))
    assert [each.start_ticks for each in events[:4]] == [0, 2000, 4000, 6000]
    assert [time for _, time in fed[1:]] == [2.0] * 3


def test_the_notebooks_time_scale_is_used_where_the_run_has_it(
    run: Callable[..., Generator], fed: list[tuple[list[int], float]]
) -> None:
    generator = run(seconds=0.5, model={"time_scale": "notebook"})
    events = list(generator.events(Length(2), 0, INFO))
    assert [each.start_ticks for each in events[:3]] == [0, 500, 1000]
    assert [time for _, time in fed] == [0, 0.5, 0.5]


def test_all_that_sounds_is_ended(run: Callable[..., Generator]) -> None:
    events = list(run().events(Length(60), 5, INFO))
    on = {each.message.note for each in events if each.message.type == "note_on"}
    off = [each.message.note for each in events if each.message.type == "note_off"]
    assert sorted(off) == sorted(on)
