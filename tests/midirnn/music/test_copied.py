"""What is copied is found, whole and where it is, against a search that tries everything."""

from collections.abc import Callable
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midirnn.composer import compose
from midirnn.music import copied
from midirnn.music.copied import Kind, Place, Search, symbols_of
from midirnn.music.notes import Notes
from midirnn.plugin.interfaces import Events

Write = Callable[..., Events]
Note = tuple[float, float, int, int]


def search(kind: Kind, asked: list[Notes], training: list[Notes]) -> list[Place | None]:
    found = Search(kind, asked)
    for number, notes in enumerate(training):
        found.add(notes, number)
    return found.places()


def composed(number: int) -> Notes:
    song = compose(number % 12, "major", np.random.default_rng((8, number)))
    return Notes.of(Events(song.records, song.delta_seconds))


def melody(steps: list[tuple[float, int]], channel: int = 0) -> list[Note]:
    """A voice of (seconds until the next note, pitch)."""
    starts = np.cumsum([0, *(length for length, _ in steps)])
    return [
        (start, length, pitch, channel)
        for start, (length, pitch) in zip(starts, steps, strict=False)
    ]


TUNE = [(0.5, 60), (0.25, 62), (0.25, 64), (0.5, 65), (1.0, 67), (0.5, 64), (0.5, 62), (1.0, 60)]


def test_a_copied_song_is_found_whole_and_a_shuffled_one_is_not() -> None:
    training = [composed(number) for number in range(6)]
    (place,) = search("exact", [training[4]], training)
    assert place == Place(len(training[4]), 0.0, 4, 0.0)
    rng = np.random.default_rng(0)
    events = training[4]
    shuffled = Notes(
        events.onset, events.length, rng.permutation(events.pitch), events.velocity,
        events.channel, events.chord,
    )  # fmt: skip
    (place,) = search("exact", [shuffled], training)
    assert place is not None
    assert place.notes < 8


def test_a_copy_is_found_at_another_tempo_played_unsteadily(written: Write) -> None:
    rng = np.random.default_rng(3)
    steps = [(length * 1.3 * rng.uniform(0.95, 1.05), pitch) for length, pitch in TUNE * 2]
    (place,) = search(
        "exact", [Notes.of(written(melody(steps)))], [Notes.of(written(melody(TUNE * 2)))]
    )
    assert place is not None
    assert place.notes == 16
    even = [(0.5, pitch) for _, pitch in TUNE * 2]
    (place,) = search(
        "exact", [Notes.of(written(melody(even)))], [Notes.of(written(melody(TUNE * 2)))]
    )
    assert place is not None
    assert place.notes < 8  # the pitches alone are no copy


def test_a_line_is_found_among_others_in_another_key_and_rhythm(written: Write) -> None:
    even = [(0.4, pitch + 5) for _, pitch in TUNE]
    others = [(0.3, pitch) for pitch in (50, 41, 53, 48)]
    mine = Notes.of(written([*melody(even, 2), *melody(others, 1)]))
    start = [(0.5, 30), (0.5, 90)]
    theirs = Notes.of(written([*melody([*start, *TUNE], 0), *melody(others[::-1], 9)]))
    line, exact = (search(kind, [mine], [theirs])[0] for kind in ("line", "exact"))
    assert line == Place(8, pytest.approx(0), 0, pytest.approx(1))
    assert exact is None or exact.notes < 3


def test_a_repeated_pitch_counts_once_in_a_line_and_drums_not_at_all(written: Write) -> None:
    drone = Notes.of(written([*melody([(0.5, 60)] * 50), *melody([(0.5, 36), (0.5, 38)] * 20, 9)]))
    assert search("line", [drone], [drone]) == [None]
    (place,) = search("exact", [drone], [drone])
    assert place is not None
    assert place.notes == 90


def test_songs_may_be_empty_or_missing(written: Write) -> None:
    empty, some = Notes.of(written([])), Notes.of(written(melody(TUNE)))
    for kind in ("exact", "line"):
        assert search(kind, [empty, some], [empty]) == [None, None]
        assert search(kind, [empty, some], []) == [None, None]
        assert search(kind, [empty, some], [empty, some])[0] is None
        assert search(kind, [empty, some], [empty, some])[1] == Place(8, 0.0, 1, 0.0)


def longest_common(one: list[list[int]], other: list[list[int]]) -> int:
    """Return the longest run of two songs' sequences, by trying each pair of places."""
    best = 0
    for ours, theirs in product(one, other):
        before = np.zeros(len(theirs) + 1, int)
        for symbol in ours:
            here = np.zeros_like(before)
            here[1:] = np.where(np.array(theirs, int) == symbol, before[:-1] + 1, 0)
            best, before = max(best, int(here.max(initial=0))), here
    return best


def sequences(notes: Notes, kind: Kind) -> list[list[int]]:
    symbols = symbols_of(notes, kind, 0)
    ends = [0, *(np.flatnonzero(symbols.left == 1) + 1).tolist()]
    return [symbols.symbol[slice(*pair)].tolist() for pair in pairwise(ends)]


SONGS = st.lists(
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.25, 0.5]), st.integers(60, 62), st.integers(0, 1)),
        max_size=40,
    ),
    min_size=1,
    max_size=4,
)


@settings(deadline=None)
@given(asked=SONGS, training=SONGS, kind=st.sampled_from(["exact", "line"]))
def test_it_finds_what_trying_everything_finds(
    asked: list[list[tuple[float, int, int]]],
    training: list[list[tuple[float, int, int]]],
    kind: Kind,
    written: Write,
) -> None:
    def made(song: list[tuple[float, int, int]]) -> Notes:
        starts = np.cumsum([step for step, _, _ in song])
        return Notes.of(
            written((at, 0.1, pitch, ch) for at, (_, pitch, ch) in zip(starts, song, strict=True))
        )

    ours, theirs = [made(song) for song in asked], [made(song) for song in training]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copied, "_BLOCK", 30)  # several blocks
        found = search(kind, ours, theirs)
    for notes, place in zip(ours, found, strict=True):
        mine = sequences(notes, kind)
        longest = max(longest_common(mine, sequences(other, kind)) for other in theirs)
        if place is None:
            assert longest == 0
            continue
        assert place.notes == longest + (kind == "line")
        # It stands where it is said to.
        both = [symbols_of(notes, kind, 0), symbols_of(theirs[place.other], kind, 0)]
        runs = [
            {
                tuple(symbols.symbol[at : at + longest].tolist())
                for at in np.flatnonzero((symbols.seconds == when) & (symbols.left >= longest))
            }
            for symbols, when in zip(both, (place.seconds, place.other_seconds), strict=True)
        ]
        assert runs[0] & runs[1]
