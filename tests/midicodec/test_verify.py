"""What survives the way to records and back, and that it is noticed what does not."""

import pytest

from midicodec import Song
from midicodec.smf_write import build
from midicodec.verify import Verified, verify_file, verify_many

F6 = [0, 0xF6, 0, 0, 1]
SONG = Song([F6, [1, 0xF0, 1, 2, 3], [1, 3, 0xF7, 0, 2]], [1, 2, 2], [1, 0, 0], smf_type=1)
PLAIN = build(SONG)


@pytest.fixture
def verdict(tmp_path):
    def verify(data):
        path = tmp_path / "x.mid"
        path.write_bytes(data)
        found = verify_file(path)
        assert found.path == str(path)
        return found.verdict, *found.reasons

    return verify


def test_our_own_form_is_identical(verdict):
    assert verdict(PLAIN) == ("identical",)


def smf(*tracks):
    """A file of tracks given in hex."""
    bodies = [bytes.fromhex(each) for each in tracks]
    chunks = [b"MTrk" + len(body).to_bytes(4, "big") + body for body in bodies]
    return bytes.fromhex("4d546864 00000006 0001 0002 01e0") + b"".join(chunks)


END = "00 ff 2f 00"
OTHER_FORMS = {
    "junk after it": PLAIN + b"junk",
    "no end of track": smf("05 f6", END),
    "no events": smf("", f"05 f6 {END}"),
    "a padded delta time": smf("80 05 f6" + END, END),
    "no running status": smf("00 c0 01 00 c0 02" + END, END),
    "RIFF": b"RIFF\0\0\0\0RMIDdata" + len(PLAIN).to_bytes(4, "little") + PLAIN,
}


@pytest.mark.parametrize("data", OTHER_FORMS.values(), ids=OTHER_FORMS)
def test_so_are_other_forms(data, verdict):
    assert verdict(data) == ("identical",)


def test_what_has_a_fault_is_salvaged_or_unreadable(verdict, tmp_path):
    kind, *reasons = verdict(PLAIN[:-1])
    assert kind == "salvaged"
    assert len(reasons) == 2
    assert verdict(b"junk") == (
        "unreadable", "byte 0: expected a MIDI file's header, MThd, found b'junk'",
    )  # fmt: skip
    found = verify_file(tmp_path / "none.mid")
    assert (found.verdict, found.reasons) == ("unreadable", ("No such file or directory",))


def test_many_are_verified_in_order(tmp_path):
    paths = [tmp_path / f"{number}.mid" for number in range(40)]
    for path in paths[::2]:
        path.write_bytes(PLAIN)
    results = list(verify_many(paths, workers=2))
    assert results[::2] == [Verified(str(path), "identical") for path in paths[::2]]
    assert [each.path for each in results[1::2]] == [str(path) for path in paths[1::2]]
    assert {each.verdict for each in results[1::2]} == {"unreadable"}


OTHERS = {
    "a message": Song([F6], [1], [1], smf_type=1),
    "a time": Song(SONG.records, [1, 3, 3], SONG.track, smf_type=1),
    "a track": Song(SONG.records, SONG.delta_ticks, [0, 1, 1], smf_type=1),
    "the division": Song(SONG.records, SONG.delta_ticks, SONG.track, smf_type=1, division=481),
    "the type": Song(SONG.records[1:], SONG.delta_ticks[1:], smf_type=0),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_a_loss_is_noticed(other, verdict, monkeypatch):
    monkeypatch.setattr("midicodec.verify.build", lambda song, **form: build(other, **form))
    assert verdict(PLAIN) == ("unreadable", "saved, it is another song")


def test_lost_framing_is_noticed(verdict, monkeypatch):
    monkeypatch.setattr("midicodec.verify.build", lambda song, **_: build(song, canonical=True))
    padded = OTHER_FORMS["a padded delta time"]
    assert verdict(padded) == ("equal but for framing", "byte 21: the first that differs")


def test_messages_that_do_not_make_the_records_are_noticed(verdict, monkeypatch):
    monkeypatch.setattr("midicodec.verify.rejoin", lambda records, starts: [])
    assert verdict(PLAIN) == ("unreadable", "its messages do not make its records again")
