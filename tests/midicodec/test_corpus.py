"""Real files: what mido reads of them we read too, message by message, and the odd ones besides."""

import mido
import numpy as np
import pytest

import midicodec
from midicodec import SmfError, Song
from midicodec.pieces import rejoin
from midicodec.smf_write import build
from midicodec.timing import is_meta

# Folders of ../shared/corpus, and how many files they have
FOLDERS = {
    "e_midi": 8,
    "freedoom": 30,
    "giantmidi": 22,
    "groove": 40,
    "openhymnal": 60,
    "simutrans": 20,
}

# What loads: type, division, tracks, messages, seconds
LOADED = {
    "05-Boring-afternoon.mid": (1, 192, 14, 24199, 289.852),
    "MIDIBadHeaderFormat.mid": (1, 96, 1, 14, 2.0),
    "MIDIBadHeaderLength.mid": (0, 96, 1, 14, 2.0),
    "MIDIBadTrackLength.mid": (0, 96, 1, 14, 2.0),
    "MIDIOkFormat1-lyrics.mid": (1, 96, 1, 21, 2.495),
    "MIDIOkFormat2.mid": (2, 96, 9, 42, 3.958),
    "SysExTest.mid": (1, 120, 3, 7, 0.0),
    "e_midi-error.mid": (0, 96, 1, 10, 0.5),
    "multiple-copyrights.mid": (1, 480, 1, 3, 0.0),
    "test-2-tracks-type-0.mid": (1, 96, 2, 40, 4.5),
    "test-2-tracks-type-2.mid": (2, 96, 2, 40, 9.0),
    "test-corrupt-file-extra-byte.mid": (0, 96, 1, 22, 4.0),
    "test-empty.mid": (0, 96, 1, 1, 0.0),
    "test-illegal-message-f2-xx-xx.mid": (0, 96, 1, 23, 4.0),
    "test-illegal-message-fe.mid": (0, 96, 1, 23, 4.0),
    "test-karaoke-kar.mid": (1, 100, 3, 94, 10.6),
    "test-non-midi-track.mid": (0, 96, 1, 30, 4.0),
    "test-rpn-00-00-pitch-bend-range.mid": (0, 96, 1, 3885, 29.5),
    "test-running-status-metaevent.mid": (0, 96, 1, 22, 4.0),
    "test-vlq-3-byte.mid": (0, 96, 1, 22, 4.0),
    "x-bytes-after-eot.mid": (0, 96, 1, 12, 2.5),
    "x-division-zero.mid": (0, 0, 1, 9, None),
    "x-header-10-bytes.mid": (0, 96, 1, 9, 2.0),
    "x-no-end-of-track.mid": (0, 96, 1, 8, 2.0),
    "x-rmid-wrapper.rmi": (0, 96, 1, 9, 2.0),
    "x-running-across-meta.mid": (0, 96, 1, 7, 1.0),
    "x-smpte-25fps-40.mid": (0, 0xE728, 1, 10, 0.04),
    "x-sysex-split-f7.mid": (0, 96, 1, 14, 3.0),
    "x-tempo-zero.mid": (0, 96, 1, 10, 0.0),
    "x-text-shift-jis.mid": (0, 96, 1, 13, 2.0),
    "x-trailing-junk.mid": (0, 96, 1, 9, 2.0),
    "x-unknown-chunks.mid": (1, 96, 2, 11, 2.0),
    "x-vlq-padded.mid": (0, 96, 1, 5, 0.5),
    "zero-ticks-per-beat.mid": (1, 0, 0, 0, 0.0),
}

# What does not: the byte, what was expected there, and found
FAILED = {
    "MIDIBadHeaderChunk.mid": (0, "a MIDI file's header, MThd", "b'MT0d'"),
    "test-corrupt-file-missing-byte.mid": (264, "a whole event", "the end of the track's chunk"),
    "test-empty-file.mid": (0, "a MIDI file's header, MThd", "the end of the file"),
    "test-illegal-message-f4.mid": (205, "a status that is defined", "f4"),
    "test-not-a-midi-file.mid": (0, "a MIDI file's header, MThd", "b'not '"),
}

# Where mido and we differ on purpose
ONLY_OURS = {
    "MIDIBadHeaderLength.mid",  # the header's length takes the track in
    "MIDIBadTrackLength.mid",  # a track's length takes in more than there is
    "e_midi-error.mid",  # or ends inside an event
    "05-Boring-afternoon.mid",  # key signatures that do not exist
    "test-non-midi-track.mid",  # alien chunks
    "x-rmid-wrapper.rmi",  # RIFF
    "x-running-across-meta.mid",  # running status goes on, as most readers have it
    "x-sysex-split-f7.mid",  # packets
    "x-unknown-chunks.mid",  # alien chunks
}
OTHER_SECONDS = {
    "x-division-zero.mid",  # mido divides by it
    "x-smpte-25fps-40.mid",  # mido takes SMPTE's division for a negative number
    "zero-ticks-per-beat.mid",  # the same, without messages
}


@pytest.mark.parametrize(("folder", "count"), FOLDERS.items())
def test_real_files_are_as_mido_reads_them(folder, count, corpus):
    paths = sorted((corpus / folder).glob("*.mid"))
    assert len(paths) == count
    for path in paths:
        song, theirs = midicodec.load(path), mido.MidiFile(path)
        same_tracks(song, theirs, path.name)
        same_seconds(song, theirs, path.name)


def test_odd_files_are_as_mido_reads_them(corpus):
    ours, mido_s = set(), set()
    for path in (corpus / "odd").iterdir():
        try:
            theirs = mido.MidiFile(path)
        # mido raises many kinds for what it cannot read; here only whether it does matters.
        except (OSError, EOFError, ValueError, mido.KeySignatureError):
            theirs = None
        else:
            mido_s.add(path.name)
        try:
            song = midicodec.load(path)
        except SmfError:
            continue
        ours.add(path.name)
        if theirs is not None:
            same_tracks(song, theirs, path.name)
            if song.smf_type != 2 and path.name not in OTHER_SECONDS:
                same_seconds(song, theirs, path.name)
    assert ours - mido_s == ONLY_OURS
    assert mido_s - ours == set()


def same_tracks(song, theirs, name):
    """Every message's bytes and ticks, track by track."""
    ours = song.split()
    assert len(ours) == len(theirs.tracks), name
    for number, (track, messages) in enumerate(zip(ours, theirs.tracks, strict=True)):
        where = f"{name}, track {number}"
        assert rejoin(track.records, track.starts) == [bytes(m.bytes()) for m in messages], where
        assert (
            track.ticks[track.starts].tolist()
            == np.cumsum([m.time for m in messages], dtype=np.int64).tolist()
        ), where


def same_seconds(song, theirs, name):
    """The merged order, and when each message is; of ends of track mido keeps the last."""
    order = list(theirs)
    seconds = np.cumsum([m.time for m in order])
    is_end = np.array([m.type == "end_of_track" for m in order])
    kept = song.starts & ~is_meta(song.records, song.starts, 0x2F)
    messages = [bytes(m.bytes()) for m in order if m.type != "end_of_track"]
    at = np.flatnonzero(kept[song.starts])
    whole = rejoin(song.records, song.starts)
    assert [whole[each] for each in at] == messages, name
    np.testing.assert_allclose(song.start_seconds[kept], seconds[~is_end], atol=1e-9, err_msg=name)
    assert song.duration_seconds == pytest.approx(seconds[-1], abs=1e-9), name


@pytest.mark.parametrize("folder", FOLDERS)
def test_seconds_make_the_round_trip_within_half_a_tick(folder, corpus):
    half_a_tick = 0.5 * 500_000e-6 / 480
    for path in (corpus / folder).glob("*.mid"):
        song = midicodec.load(path)
        again = Song.from_seconds(song.records, song.delta_seconds, ticks_per_beat=480)
        dropped = is_meta(song.records, song.starts, 0x51) | is_meta(
            song.records, song.starts, 0x2F
        )
        kept = song.start_seconds[song.starts & ~dropped]
        # Without the tempo at the beginning and the end of track.
        found = again.start_seconds[again.starts][1:-1]
        assert np.abs(found - kept).max() <= half_a_tick * 1.001, path.name
        assert abs(again.duration_seconds - song.duration_seconds) <= half_a_tick * 1.001


def test_no_odd_file_is_left_out(corpus):
    names = {path.name for path in (corpus / "odd").iterdir()}
    assert names == set(LOADED) | set(FAILED)
    assert not set(LOADED) & set(FAILED)


@pytest.mark.parametrize(("name", "expected"), LOADED.items())
def test_odd_files_that_load(name, expected, corpus):
    song = midicodec.load(corpus / "odd" / name)
    messages = np.count_nonzero(song.starts)
    *facts, seconds = expected
    assert [song.smf_type, song.division, len(song.split()), messages] == facts
    if seconds is not None:
        assert song.duration_seconds == pytest.approx(seconds, abs=0.001)


@pytest.mark.parametrize(("name", "expected"), FAILED.items())
def test_odd_files_that_do_not(name, expected, corpus):
    path = corpus / "odd" / name
    with pytest.raises(SmfError) as caught:
        midicodec.load(path)
    error = caught.value
    assert (error.path, error.offset, error.expected) == (str(path), *expected[:2])
    assert expected[2] in error.found


@pytest.mark.parametrize("name", ["e_midi/coin.mid", "odd/SysExTest.mid", "odd/x-rmid-wrapper.rmi"])
def test_real_files_that_end_anywhere(name, corpus):
    """Between two events all is told apart, within one it is not."""
    data = (corpus / name).read_bytes()
    whole = midicodec.load(data)
    loaded = 0
    for end in range(len(data) + 1 - data.startswith(b"RIFF")):  # RIFF's last byte pads it
        try:
            song = midicodec.load(data[:end])
        except SmfError:
            continue
        loaded += 1
        assert build(song) == data[:end]
        assert len(song) <= len(whole)
    # Behind the header, behind each track's first eight bytes, and behind each event.
    assert loaded == 1 + len(whole.split()) + np.count_nonzero(whole.starts)
