"""round_trip: what survives the way to records and back, and that it notices what does not."""

import pytest

from midicodec import SmfError, Song
from midicodec.smf_write import build
from midicodec.verify import RoundTrip, round_trip

F6 = [0, 0xF6, 0, 0, 1]
SONG = Song([F6, [1, 0xF0, 1, 2, 3], [1, 3, 0xF7, 0, 2]], [1, 2, 2], [1, 0, 0], smf_type=1)
PLAIN = build(SONG)


def test_our_own_form_survives_byte_for_byte():
    assert round_trip(PLAIN) == RoundTrip(None, True)


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
def test_other_forms_survive_as_the_same_song(data):
    assert round_trip(data) == RoundTrip(None, False)


def test_what_is_no_midi_file_is_an_error():
    with pytest.raises(SmfError):
        round_trip(PLAIN[:-1])


OTHERS = {
    "a message": Song([F6], [1], [1], smf_type=1),
    "a time": Song(SONG.records, [1, 3, 3], SONG.track, smf_type=1),
    "a track": Song(SONG.records, SONG.delta_ticks, [0, 1, 1], smf_type=1),
    "the division": Song(SONG.records, SONG.delta_ticks, SONG.track, smf_type=1, division=481),
    "the type": Song(SONG.records[1:], SONG.delta_ticks[1:], smf_type=0),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_a_loss_is_noticed(other, monkeypatch):
    monkeypatch.setattr("midicodec.verify.build", lambda song: build(other))
    assert round_trip(PLAIN) == RoundTrip("the saved file holds another song", False)


def test_messages_that_do_not_make_the_records_are_noticed(monkeypatch):
    monkeypatch.setattr("midicodec.verify.assemble", lambda records: [])
    assert round_trip(PLAIN) == RoundTrip("its messages do not make its records again", False)
