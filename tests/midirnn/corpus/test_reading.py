"""Files become songs in real time, or are left out for a reason that is counted."""

import shutil
import socket
from collections.abc import Sequence
from pathlib import Path

import mido
import numpy as np
import pytest

import midicodec
from midicodec.find import find_files
from midirnn.corpus.reading import Corpus, read_corpus, read_events
from midirnn.errors import CorpusError
from midirnn.plugin import Events
from midirnn.settings.config import CorpusConfig

ALL_TYPES = CorpusConfig(types=(0, 1, 2), messages="all")
Message, Meta = mido.Message, mido.MetaMessage


def write(path: Path, *tracks: Sequence[mido.Message], kind: int = 1, division: int = 480) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    song = midicodec.Song.from_tracks(tracks, division=division, smf_type=kind)
    midicodec.save(song, path)
    return path


def notes(*times: int, channel: int = 0) -> list[mido.Message]:
    return [Message("note_on", note=60 + n, channel=channel, time=t) for n, t in enumerate(times)]


def tempo(microseconds: int, time: int = 0) -> mido.MetaMessage:
    return Meta("set_tempo", tempo=microseconds, time=time)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of every kind, some below folders and some of which are not songs."""
    write(tmp_path / "b.mid", notes(0, 10), kind=0)
    write(tmp_path / "a" / "c.MIDI", notes(0, 10, 20))
    write(tmp_path / "a" / "deep" / "d.kar", notes(0, 1, 2, 3))
    write(tmp_path / "a" / "two.smf", notes(0, 1), notes(0, 1), kind=2)
    write(tmp_path / "short.mid", notes(0))
    write(tmp_path / "timeless.mid", notes(0, 1), division=0)
    (tmp_path / "junk.mid").write_bytes(b"not music")
    (tmp_path / "empty.mid").write_bytes(b"")
    (tmp_path / "readme.txt").write_text("MThd")
    (tmp_path / "folder.mid").mkdir()
    return tmp_path


def names(paths: Sequence[Path]) -> list[str]:
    return [path.name for path in paths]


def test_every_file_is_a_song_or_has_a_reason(folder: Path) -> None:
    corpus = read_corpus([folder], CorpusConfig())
    assert names(corpus.paths) == ["c.MIDI", "d.kar", "b.mid"]
    assert [len(song) for song in corpus.songs] == [3, 4, 2]
    assert (len(corpus), corpus.records) == (3, 9)
    starts = corpus.starts()
    for number, song in enumerate(corpus.songs):
        np.testing.assert_array_equal(starts.records[number], song.records[0])
        assert starts.delta_seconds[number] == song.delta_seconds[0]
    assert corpus.reasons == {
        "not readable as a MIDI file": 2, "type 2": 1, "too short": 1, "has no real time": 1,
    }  # fmt: skip
    assert next(iter(corpus.reasons)) == "not readable as a MIDI file"  # the commonest first
    details = {each.path.name: each.detail for each in corpus.left_out}
    assert set(details) == {"two.smf", "short.mid", "timeless.mid", "junk.mid", "empty.mid"}
    assert details["two.smf"] == "the types used are 0, 1"
    assert details["short.mid"] == "1 records, 2 are needed"
    assert "division" in details["timeless.mid"]
    assert str(folder / "junk.mid") in details["junk.mid"]
    assert corpus.report()["left_out"][0] == {
        "path": str(folder / "a" / "two.smf"), "reason": "type 2",
        "detail": "the types used are 0, 1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("types", "songs"),
    [((0,), ["b.mid"]), ((1,), ["c.MIDI", "d.kar"]), ((2, 0), ["two.smf", "b.mid"])],
)
def test_only_the_types_wanted_are_read(
    types: tuple[int, ...], songs: list[str], folder: Path
) -> None:
    corpus = read_corpus([folder], CorpusConfig(types=types))
    assert names(corpus.paths) == songs
    others = {f"type {kind}" for kind in {0, 1, 2} - set(types)}
    assert {reason for reason in corpus.reasons if reason.startswith("type")} == others


def test_songs_too_short_to_train_on_are_left_out(folder: Path) -> None:
    corpus = read_corpus([folder], CorpusConfig(), shortest=4)
    assert names(corpus.paths) == ["d.kar"]
    assert corpus.reasons["too short"] == 3


def test_a_file_is_found_once_by_its_name_or_below_a_folder(folder: Path) -> None:
    (folder / "link.mid").symlink_to(folder / "b.mid")
    deep = folder / "a" / "deep"
    found = [path for path, _ in find_files([deep, folder / "readme.txt", folder, deep / "d.kar"])]
    assert found[:2] == [deep / "d.kar", folder / "readme.txt"]  # a file that is named is taken
    assert len(found) == len({path.resolve() for path in found}) == 9
    assert found[2:] == sorted(found[2:])


def test_a_file_that_cannot_be_opened_is_left_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)  # a socket's name must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s.mid")
        corpus = read_corpus([Path("s.mid"), folder], CorpusConfig())
    assert names(corpus.paths) == ["c.MIDI", "d.kar", "b.mid"]
    assert corpus.reasons["cannot be opened"] == 1


def test_nothing_to_use_is_an_error_that_says_why(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"there is no file or folder .*nowhere"):
        read_corpus([folder, tmp_path / "nowhere"], CorpusConfig())
    with pytest.raises(CorpusError, match=r"there is no MIDI file in .*folder\.mid .*\.mid"):
        read_corpus([folder / "folder.mid"], CorpusConfig())
    paths = [folder / "junk.mid", folder / "empty.mid", folder / "short.mid"]
    with pytest.raises(CorpusError, match=r"none of the 3 .* 2 not readable .*, 1 too short"):
        read_corpus(paths, CorpusConfig())


def test_one_file_that_cannot_be_used_says_where_and_why(folder: Path) -> None:
    assert len(read_events(folder / "short.mid", CorpusConfig())) == 1
    with pytest.raises(CorpusError, match=r"two\.smf: type 2: the types used are 0, 1"):
        read_events(folder / "a" / "two.smf", CorpusConfig())
    with pytest.raises(CorpusError, match=r"junk\.mid: not readable .*: byte 0"):
        read_events(folder / "junk.mid", CorpusConfig())


def test_times_are_seconds_with_the_tempo_of_all_tracks_applied(tmp_path: Path) -> None:
    conductor = [tempo(1_000_000), tempo(250_000, time=480), tempo(2_000_000, time=480)]
    path = write(tmp_path / "x.mid", conductor, notes(0, 240, 480, 480))
    events = read_events(path, CorpusConfig())
    # 240 ticks at 1 s a beat; 240 at that and 240 at 0.25; 240 at 0.25 and 240 at 2 s.
    assert events.delta_seconds.tolist() == pytest.approx([0, 0.5, 0.625, 1.125])
    assert events.delta_seconds.dtype == np.float64


def test_channel_messages_stay_where_they_are_when_the_others_go(tmp_path: Path) -> None:
    track = [
        Meta("track_name", name="a name that takes several records", time=96),
        Message("note_on", note=60, time=96),
        Message("sysex", data=range(20), time=96),
        tempo(1_000_000, time=96),
        Message("program_change", program=3, time=96),
        Message("note_off", note=60, time=0),
        Meta("lyrics", text="la", time=960),
    ]
    path = write(tmp_path / "x.mid", track, [Meta("lyrics", text="la la", time=2000)])
    every, channel = read_events(path, ALL_TYPES), read_events(path, CorpusConfig())
    statuses = channel.records[:, 1].tolist()
    assert statuses == [0x90, 0xC0, 0x80]
    assert np.cumsum(channel.delta_seconds).tolist() == pytest.approx([0.2, 0.6, 0.6])
    assert channel.delta_seconds[2] == 0  # exactly: what sounds together stays together
    # With all messages, each piece of a long one has the message's time.
    song = midicodec.load(path)
    np.testing.assert_array_equal(every.records, song.to_type_0().records)
    np.testing.assert_allclose(every.delta_seconds, song.to_type_0().delta_seconds)
    ends = (every.records[:, 1:4] == [0xFF, 0x2F, 0]).all(axis=1)
    assert np.flatnonzero(ends).tolist() == [len(every) - 1]  # one, of two tracks
    assert len(every) > len(channel) + 10


def test_the_fingerprint_is_the_content_in_order(folder: Path, tmp_path: Path) -> None:
    def fingerprint(*paths: Path) -> str:
        return read_corpus(paths, CorpusConfig()).fingerprint

    b, c = folder / "b.mid", folder / "a" / "c.MIDI"
    moved = shutil.copy(b, tmp_path / "elsewhere.mid")
    later = write(tmp_path / "later.mid", notes(0, 11), kind=0)
    assert fingerprint(b, c) == fingerprint(moved, c, folder / "junk.mid")
    others = [fingerprint(c, b), fingerprint(b), fingerprint(later, c)]
    assert len({fingerprint(b, c), *others}) == 4
    # Where one song ends and the next begins counts too.
    rows, times = np.zeros((4, 5), np.uint8), np.zeros(4)
    cut = [Corpus([Events(rows[:n], times[:n]), Events(rows[n:], times[n:])], [], []).fingerprint
           for n in (1, 2)]  # fmt: skip
    assert cut[0] != cut[1]


def test_every_real_file_becomes_a_song(corpus: Path) -> None:
    folders = [path for path in sorted(corpus.iterdir()) if path.is_dir() and path.name != "odd"]
    read = read_corpus(folders, CorpusConfig())
    assert len(read) == 180
    assert read.left_out == []
    for song in read.songs:
        status = song.records[:, 1]
        assert ((status >= 0x80) & (status < 0xF0)).all()
        assert np.isfinite(song.delta_seconds).all()
        assert (song.delta_seconds >= 0).all()


@pytest.mark.parametrize("messages", ["channel", "all"])
@pytest.mark.parametrize("types", [(0, 1), (0, 1, 2)])
def test_odd_files_have_reasons_and_raise_nothing(
    messages: str, types: tuple[int, ...], corpus: Path
) -> None:
    config = CorpusConfig(types=types, messages=messages)  # type: ignore[arg-type]
    read = read_corpus([corpus / "odd"], config)
    assert len(read) + len(read.left_out) == 39
    assert len(read) > 20
    assert set(read.reasons) <= {
        "not readable as a MIDI file", "too short", "has no real time", "type 2",
    }  # fmt: skip
    assert read.reasons["has no real time"] == 2  # the two whose division is 0
    assert ("type 2" in read.reasons) == (2 not in types)
    for song in read.songs:
        assert np.isfinite(song.delta_seconds).all()
        assert (song.delta_seconds >= 0).all()


def test_damaged_real_files_raise_nothing(corpus: Path, tmp_path: Path) -> None:
    """Bytes of the odd files, changed: what is read is sound, and what is not has a reason."""
    rng = np.random.default_rng(0)
    files = sorted((corpus / "odd").iterdir())
    for number in range(300):
        data = np.frombuffer(files[number % len(files)].read_bytes(), np.uint8).copy()
        if len(data) > 22:  # in a track, mostly: behind the headers
            at = rng.integers(22, len(data), 3)
            data[at] = rng.integers(0, 256, 3)
        (tmp_path / f"{number}.mid").write_bytes(data.tobytes())
    read = read_corpus([tmp_path], ALL_TYPES)
    assert len(read) + len(read.left_out) == 300
    assert min(len(read), len(read.left_out)) > 30
