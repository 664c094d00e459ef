"""Songs of random networks: whatever the weights, what is generated is whole and as asked for."""

import itertools
from collections.abc import Sequence

import mido
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from networks import config, generator, weights

import midicodec
from midirnn.errors import GenerationError
from midirnn.generation.generator import Generator
from midirnn.generation.length import Length
from midirnn.generation.primer import Primer
from midirnn.generation.take import Tally
from midirnn.plugin import Event, Events, Recorder, StreamInfo

INFO = StreamInfo(ticks_per_beat=1000, microseconds_per_beat=1_000_000)  # a tick a millisecond
Network = tuple[int, str, str, float]
NETWORKS = st.tuples(
    st.integers(0, 2**32),
    st.sampled_from(["bytes", "bits"]),
    st.sampled_from(["channel", "all"]),
    st.sampled_from([0.3, 1.0, 3.0]),
)


def notes_of(events: Sequence[Event]) -> list[tuple[int, int, float, float]]:
    """Return (channel, note, from, to) of each; every note-on must have its one note-off."""
    sounding: dict[tuple[int, int], float] = {}
    notes = []
    for event in events:
        message = event.message
        if message.type not in ("note_on", "note_off"):
            continue
        key = message.channel, message.note
        if message.type == "note_on" and message.velocity:
            assert key not in sounding, f"{key} is struck again without having been ended"
            sounding[key] = event.start_seconds
        else:
            notes.append((*key, sounding.pop(key), event.start_seconds))
    assert not sounding, "notes hang at the end"
    return notes


def most_at_once(events: Sequence[Event]) -> int:
    count = most = 0
    for event in events:
        if event.message.type == "note_on" and event.message.velocity:
            count += 1
        elif event.message.type in ("note_on", "note_off"):
            count -= 1
        most = max(most, count)
    return most


def pedals_down(events: Sequence[Event]) -> set[tuple[int, int]]:
    down = set()
    for event in events:
        message = event.message
        if message.type == "control_change" and message.control in (64, 66):
            key = message.channel, message.control
            down = down | {key} if message.value >= 64 else down - {key}
    return down


@settings(deadline=None, max_examples=10)
@given(
    NETWORKS,
    st.sampled_from([0.0, 0.8, 1.0, 2.0]),
    st.integers(1, 5),
    st.sampled_from([Length(records=150), Length(seconds=8.0), Length(bars=2)]),
)
def test_all_that_is_generated_is_valid_and_whole(
    network: Network, temperature: float, most: int, length: Length
) -> None:
    seed, tally = network[0], Tally()
    of = generator(
        *network, temperature=temperature, most_notes=most, longest_note_seconds=3.0,
        longest_wait_seconds=4.0,
    )  # fmt: skip
    try:
        events = list(of.events(length, seed, INFO, tally=tally))
    except GenerationError as error:  # time may stand still, with weights as they come
        assume("take no time" not in str(error))
        raise
    assert tally.skipped.total() == 0
    tick = INFO.seconds_per_tick
    assert all(to - begin <= 3.0 + tick for _, _, begin, to in notes_of(events))
    assert most_at_once(events) <= most
    assert not pedals_down(events)
    starts = [event.start_ticks for event in events]
    assert starts == sorted(starts)
    if length.records is None:
        end = length.seconds or 2 * 4.0
        assert starts[-1] <= round(end / tick)
    recorder = Recorder(INFO)
    for event in events:
        recorder.add(event)
    song = recorder.song()  # refuses what makes no message
    assert len(midicodec.decode(song.records)) >= len(events)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_the_same_seed_is_the_same_song_and_many_at_once_are_each_their_own(
    network: int, seed: int
) -> None:
    of, length = generator(network), Length(records=40)

    def songs(count: int) -> list[list[Event]]:
        return [list(take.events) for take in of.songs(length, seed, count, info=INFO)]

    sixteen = songs(16)
    assert sixteen == songs(16)
    assert songs(5) == sixteen[:5]
    assert songs(1) == sixteen[:1]
    assert len({str(song) for song in sixteen}) == 16
    assert list(of.events(length, seed, INFO)) == sixteen[0]
    assert songs(1) != [list(of.events(length, seed + 1, INFO))]


def test_songs_may_be_read_in_any_order_and_broken_off() -> None:
    of, length = generator(3), Length(records=50)
    whole = [list(take.events) for take in of.songs(length, 1, 3, info=INFO)]
    first, second, third = of.songs(length, 1, 3, info=INFO)
    assert [next(third.events) for _ in range(20)] == whole[2][:20]
    assert list(first.events) == whole[0]
    third.events.close()  # type: ignore[attr-defined]
    assert list(second.events) == whole[1]


@pytest.mark.parametrize("meter", [None, "3/4", "6/8"])
@pytest.mark.parametrize("seed", range(4))
def test_a_length_in_bars_ends_on_a_bar(seed: int, meter: str | None) -> None:
    quarters = {None: 4, "3/4": 3, "6/8": 3}[meter]
    of = generator(seed, meter=meter, tempo=120, longest_wait_seconds=0.4)
    (take,) = of.songs(Length(bars=8), seed, info=None)
    events = list(take.events)
    assert take.info.microseconds_per_beat == 500_000
    end = 8 * quarters * take.info.ticks_per_beat
    last_begun = max(
        event.start_ticks
        for event in events
        if event.message.type == "note_on" and event.message.velocity
    )
    assert last_begun < end
    assert events[-1].start_ticks == end
    assert events[-1].message.type in ("note_off", "control_change")
    assert notes_of(events)
    signed = [each.message for each in events if each.message.type == "time_signature"]
    assert len(signed) == (meter is not None)
    if meter is not None:
        assert events[0].message is signed[0]
        assert f"{signed[0].numerator}/{signed[0].denominator}" == meter


def test_a_tempo_is_written_and_the_beat_brought_to_it() -> None:
    """The primer has a beat of half a second; at 96 it takes 0.625 s."""
    records = [r for n in range(40) for r in ([0, 0x90, 60, 64, 3], [0, 0x80, 60, 0, 3])]
    primer = Primer(Events(np.array(records, np.uint8), np.tile([0.25, 0.25], 40)))
    of = generator(1, tempo=96, most_repeats=0)
    (take,) = of.songs(Length(records=1), 0, primer=primer)
    events = list(take.events)
    assert take.info.microseconds_per_beat == 625_000
    begins = [each.start_ticks for each in events[:80] if each.message.type == "note_on"]
    gaps = np.diff(begins)
    assert np.abs(gaps - take.info.ticks_per_beat).max() <= 3
    off_beat = (np.array(begins) + 40) % take.info.ticks_per_beat
    assert off_beat.max() <= 80


def test_quantized_all_is_on_a_part_of_the_beat() -> None:
    of = generator(1, tempo=96, quantize=12, longest_wait_seconds=0.4)
    (take,) = of.songs(Length(bars=8), 0)
    events = list(take.events)
    assert {each.start_ticks % 40 for each in events} == {0}
    assert events[-1].start_ticks == 8 * 4 * 480


def test_without_a_tempo_bars_are_those_the_music_has() -> None:
    records = [r for n in range(80) for r in ([0, 0x90, 60, 64, 3], [0, 0x80, 60, 0, 3])]
    primer = Primer(Events(np.array(records, np.uint8), np.tile([0.3, 0.3], 80)))
    (take,) = generator(1, most_repeats=0).songs(Length(bars=2), 0, primer=primer)
    assert take.info.microseconds_per_beat == pytest.approx(600_000, rel=5e-3)
    gaps = np.diff([e.start_seconds for e in list(take.events)[:160:2]])
    np.testing.assert_allclose(gaps, 0.6, atol=5e-3)  # as fast as it came


LYRIC = [[1, 0xFF, 5, 4, 3], [1, 108, 97, 108, 3], [1, 97, 0, 0, 1]]


def sung(between: list[list[int]], waits: Sequence[float], notes: int) -> Primer:
    """Notes, and something after each one's beginning; each piece has its message's time."""
    records = [[0, 0x90, 60, 64, 3], *between, [0, 0x80, 60, 0, 3]] * notes
    seconds = [waits[0], *([waits[1]] * len(between)), waits[2]] * notes
    return Primer(Events(np.array(records, np.uint8), np.array(seconds)))


def test_the_beat_is_found_whatever_long_messages_are_between() -> None:
    of = generator(1, messages="all", most_repeats=0)
    (take,) = of.songs(Length(bars=2), 0, primer=sung(LYRIC, (0.1, 0.2, 0.3), 200))
    assert take.info.microseconds_per_beat == pytest.approx(600_000, rel=5e-3)


def test_on_a_grid_a_long_message_counts_as_one() -> None:
    def begins(between: list[list[int]]) -> list[int]:
        primer = sung(between, (0.11, 0.21, 0.3), 30)
        of = generator(1, messages="all", quantize=4)
        (take,) = of.songs(Length(records=1), 0, info=INFO, primer=primer)
        events = itertools.islice(take.events, 90)
        return [each.start_ticks for each in events if each.message.type == "note_on"]

    assert len(begins(LYRIC)) == 30
    assert begins(LYRIC) == begins([[0, 0xB0, 7, 90, 3]])


@pytest.mark.parametrize("scale", ["D minor", "C# major pentatonic"])
def test_a_scale_and_channels_are_kept_to(scale: str) -> None:
    from midirnn.settings.scales import pitch_classes

    events = list(generator(5, scale=scale, channels=(0, 9)).events(Length(600), 0, INFO))
    notes = notes_of(events)
    assert {channel for channel, *_ in notes} == {0, 9}
    assert {note % 12 for channel, note, *_ in notes if channel == 0} == pitch_classes(scale)
    assert len({note % 12 for channel, note, *_ in notes if channel == 9}) == 12
    channels = {getattr(event.message, "channel", 0) for event in events}
    assert channels <= {0, 9}


def test_a_start_on_a_channel_that_is_not_played_on_is_not_in_the_song() -> None:
    events = list(generator(5, channels=(3,)).events(Length(100), 0, INFO))
    assert {event.message.channel for event in events} == {3}


def test_each_song_begins_with_an_event_of_a_training_song() -> None:
    rows = [[0, 0x90 | song % 4, 40 + song, 80, 3] for song in range(12)]
    starts = Events(np.array(rows, np.uint8), np.zeros(12))

    def firsts(count: int, seed: int = 0, **settings: object) -> list[tuple[int, int]]:
        of = Generator(config(**settings), lambda: starts, weights(1))
        begun = [next(iter(take.events)).message for take in of.songs(Length(9), seed, count)]
        return [(each.channel, each.note) for each in begun]

    eight = firsts(8)
    assert len(set(eight)) > 3
    assert firsts(3) == eight[:3]
    assert firsts(8, seed=1) != eight
    assert {channel for channel, _ in firsts(8, channels=(2,))} == {2}


@pytest.mark.parametrize(
    ("start", "settings"),
    [
        ([0, 0x95, 61, 80, 3], {"channels": (2,)}),
        ([0, 0x90, 61, 80, 3], {"scale": "C major"}),
        ([0, 0xB0, 64, 127, 3], {"channels": (2,)}),
        ([0, 0x80, 61, 0, 3], {}),
        ([0, 0xB0, 123, 0, 3], {}),
        ([0, 81, 65, 0, 3], {}),  # no MIDI at all
    ],
)
def test_a_start_that_the_rules_forbid_is_heard_and_not_played(
    start: list[int], settings: dict[str, object]
) -> None:
    starts = Events(np.array([start], np.uint8), np.zeros(1))
    for seed in range(6):
        of = Generator(config(**settings), lambda: starts, weights(seed))
        events = list(of.events(Length(200), seed, INFO))
        notes_of(events)  # each is begun before it is ended
        assert events[0].message.bytes() != start[1:4]
        if "channels" in settings:
            assert {each.message.channel for each in events} == {2}


def programs_of(events: Sequence[Event]) -> list[tuple[int, int]]:
    return [
        (each.message.channel, each.message.program)
        for each in events
        if each.message.type == "program_change"
    ]


def test_instruments_are_set_or_kept() -> None:
    length = Length(400)
    assert len(programs_of(list(generator(2, size=0.1).events(length, 0, INFO)))) > 10
    of = generator(2, size=0.1, programs={"0": "violin", "3": "tuba"}, program_changes=False)
    events = list(of.events(length, 0, INFO))
    # The start's own, of channel 0, has made room.
    assert programs_of(events) == [(0, 40), (3, 58)]
    assert programs_of(events[:2]) == [(0, 40), (3, 58)]
    kept = generator(2, size=0.1, program_changes=False)
    assert programs_of(list(kept.events(length, 0, INFO))) == [(0, 7)]


def primer() -> Primer:
    rows = [
        [0, 0xC0, 5, 0, 2], [0, 0xB0, 7, 90, 3], [0, 0xB0, 7, 100, 3], [0, 0xE0, 0, 70, 3],
        [0, 0x90, 60, 64, 3], [0, 0x90, 64, 64, 3], [0, 0x80, 60, 0, 3],
    ]  # fmt: skip
    return Primer(Events(np.array(rows, np.uint8), np.array([0, 0, 0, 0, 0.5, 0, 0.5])), 1.0)


def test_a_song_begins_with_its_primer_and_nothing_comes_before_its_end() -> None:
    (take,) = generator(1).songs(Length(20), 0, info=INFO, primer=primer())
    events = list(take.events)
    assert [each.message.type for each in events[:7]] == [
        "program_change", "control_change", "control_change", "pitchwheel",
        "note_on", "note_on", "note_off",
    ]  # fmt: skip
    assert min(each.start_seconds for each in events[7:]) >= 2.0
    assert take.tally.records == 20
    notes_of(events)


def test_of_a_primer_that_is_left_out_what_it_set_remains() -> None:
    of, length = generator(1), Length(20)
    (whole,) = of.songs(length, 0, info=INFO, primer=primer())
    (new,) = of.songs(length, 0, info=INFO, primer=primer(), only_new=True)
    events = list(new.events)
    assert [each.message.bytes() for each in events[:3]] == [
        [0xC0, 5], [0xB0, 7, 100], [0xE0, 0, 70],
    ]  # fmt: skip
    assert {each.start_ticks for each in events[:3]} == {0}
    notes_of(events)  # none is ended that was begun in the primer
    assert len(list(whole.events)) >= len(events)


def test_what_a_primer_set_is_in_the_order_it_was_last_set_in() -> None:
    rows = [
        [0, 0xC0, 5, 0, 2], [0, 0xB0, 7, 90, 3], [0, 0xB0, 0, 1, 3], [0, 0xB0, 32, 2, 3],
        [0, 0xC0, 9, 0, 2], [0, 0xB0, 7, 80, 3],
    ]  # fmt: skip
    primer = Primer(Events(np.array(rows, np.uint8), np.zeros(len(rows))))
    (take,) = generator(1).songs(Length(5), 0, info=INFO, primer=primer, only_new=True)
    events = list(itertools.islice(take.events, 4))
    # A bank is chosen before the program that is of it.
    assert [each.message.bytes() for each in events] == [
        [0xB0, 0, 1], [0xB0, 32, 2], [0xC0, 9], [0xB0, 7, 80],
    ]  # fmt: skip


def test_the_time_of_a_program_change_at_a_primers_end_stays() -> None:
    """Of one that is not heard, since its channel's instrument is set."""
    rows = [[0, 0x90, 60, 64, 3], [0, 0x80, 60, 0, 3], [0, 0xC0, 9, 0, 2]]
    primer = Primer(Events(np.array(rows, np.uint8), np.array([0.0, 0.5, 2.0])))
    (take,) = generator(1, programs={0: 3}).songs(Length(5), 0, info=INFO, primer=primer)
    times = [each.start_seconds for each in take.events]
    assert times[:3] == pytest.approx([0, 0, 0.5], abs=0.01)
    assert times[3] >= 2.49


def test_what_an_only_new_song_begins_with_is_on_its_channels() -> None:
    rows = [[0, 0xB5, 7, 64, 3], [0, 0xB0, 7, 80, 3]]
    primer = Primer(Events(np.array(rows, np.uint8), np.zeros(2)), 3.0)
    of, tally = generator(1, channels=(0,)), Tally()
    length = Length(seconds=5.0)
    (take,) = of.songs(length, 0, info=INFO, primer=primer, only_new=True, tally=tally)
    events = list(take.events)
    assert events[0].message.bytes() == [0xB0, 7, 80]
    assert {each.message.channel for each in events} == {0}
    assert tally.seconds <= 5.0  # the primer's rest is none of it


PEDAL, NOTE = [0, 0xB0, 64, 127, 3], [0, 0x90, 60, 64, 3]


@pytest.mark.parametrize("held", [[NOTE], [NOTE, [0, 0x90, 64, 64, 3]], [PEDAL, NOTE]])
def test_what_a_primer_holds_for_too_long_is_ended_before_its_end_and_nothing_else_comes(
    held: list[list[int]],
) -> None:
    rows = [*held, [0, 0xB0, 7, 90, 3]]
    primer = Primer(Events(np.array(rows, np.uint8), np.array([0.0] * len(held) + [1.0])), 3.0)
    of = generator(1, longest_note_seconds=2.0)
    takes = of.songs(Length(20), 0, 3, info=INFO, primer=primer)
    for events in [list(take.events)[len(rows) :] for take in takes]:
        ends, new = events[: len(held)], events[len(held) :]
        assert {each.start_seconds for each in ends} == {2.0}
        assert {each.message.type for each in ends} <= {"note_off", "control_change"}
        assert min(each.start_seconds for each in new) >= 4.0 - INFO.seconds_per_tick


@pytest.mark.parametrize("pedal", [64, 66])
@pytest.mark.parametrize("seed", range(4))
def test_a_primer_that_is_left_out_holds_nothing(seed: int, pedal: int) -> None:
    rows = [[0, 0xB0, pedal, 127, 3], NOTE, [0, 0x80, 60, 0, 3]]
    primer = Primer(Events(np.array(rows, np.uint8), np.array([0.0, 0.0, 1.5])), 3.0)
    of = generator(seed, longest_note_seconds=2.0)
    (take,) = of.songs(Length(60), 0, info=INFO, primer=primer, only_new=True)
    events = list(take.events)
    assert min(each.start_ticks for each in events) == 0
    assert events[0].message == mido.Message("control_change", control=pedal, value=0)


@pytest.mark.parametrize("head", ["bytes", "bits"])
def test_greedy_songs_leave_their_loops(head: str) -> None:
    """A network of constant habits goes round in circles, unless it is kept from it."""

    def longest_run(most: int) -> int:
        of = generator(4, head, size=0.1, temperature=0.0, most_repeats=most)
        events = list(of.events(Length(1500), 0, INFO))
        onsets = [e for e in events if e.message.type == "note_on" and e.message.velocity]
        said = [
            (a.message.bytes(), b.start_ticks - a.start_ticks)
            for a, b in itertools.pairwise(onsets)
        ]
        longest = 0
        for period in range(1, 60):
            run = 0
            for a, b in zip(said, said[period:], strict=False):
                run = run + 1 if a == b else 0
                longest = max(longest, run)
        return longest

    assert longest_run(0) > 200
    assert longest_run(3) < 150


def test_rules_off_are_the_notebooks() -> None:
    tally = Tally()
    of = generator(1, "bits", "all", rules=False, most_repeats=0)
    list(of.events(Length(200), 0, INFO, tally=tally))
    assert tally.skipped.total() > 50


def test_an_event_is_there_before_the_network_is_shown_it() -> None:
    """So the first sounds as soon as it is known."""
    of = generator(0)
    shown = []
    ensemble_hear = of.songs.__globals__["Ensemble"].hear
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            of.songs.__globals__["Ensemble"], "hear",
            lambda self, records, seconds, **own: (
                shown.append(records), ensemble_hear(self, records, seconds, **own)
            ),
        )  # fmt: skip
        events = of.events(Length(50), 0, INFO)
        next(events), next(events)
    assert len(shown) == 1  # the start


def test_messages_are_midos(monkeypatch: pytest.MonkeyPatch) -> None:
    events = list(generator(0).events(Length(50), 0, INFO))
    assert all(isinstance(each.message, mido.Message) for each in events)
