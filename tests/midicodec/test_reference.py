"""The notebook's own numbers: what its loader makes of five files, records and times.

It reads files through mido, whose merging keeps one end of track of a file and gives the time of
the others to the message after them. Its time is ``seconds × ticks_per_beat × 2``, as float32.
"""

from pathlib import Path

import numpy as np
import pytest

import midicodec
from midicodec.timing import is_meta, to_delta

NAMES = [
    "giantmidi/Bach_Prelude_and_Fugue_in_G-sharp_minor_BWV_863_9tezjkEkzW4.mid",
    "groove/drummer1_session1_102_funk_95_beat_4-4.mid",
    "odd/SysExTest.mid",
    "openhymnal/A_Great_And_Mighty_Wonder-Es_Ist_Ein_Ros_Entsprungen.mid",
    "simutrans/06-A-busy-day-at-the-depot.mid",
]
END = [0, 0xFF, 0x2F, 0, 3]


@pytest.fixture(scope="module")
def reference(shared: Path):
    with np.load(shared / "notebook" / "notebook_codec_reference.npz") as arrays:
        return dict(arrays)


def test_no_file_of_the_reference_is_left_out(reference):
    assert {name.rpartition("/")[0] for name in reference} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_records_and_times_are_the_notebook_s(name, reference, corpus):
    records, times = reference[f"{name}/records"], reference[f"{name}/time"]
    song = midicodec.load(corpus / name)
    kept = ~is_meta(song.records, song.starts, 0x2F)
    assert np.array_equal(song.records[kept], records[:-1])
    delta_seconds = to_delta(song.start_seconds[kept], song.starts[kept])
    assert delta_seconds * song.ticks_per_beat * 2 == pytest.approx(times[:-1], rel=1e-6, abs=1e-6)
    # And the end of track that is kept, at the latest time of all.
    rest = song.duration_seconds - song.start_seconds[kept][-1]
    assert records[-1].tolist() == END
    assert rest * song.ticks_per_beat * 2 == pytest.approx(times[-1], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", NAMES[:2])
def test_of_type_0_they_are_equal_as_they_are(name, reference, corpus):
    song = midicodec.load(corpus / name)
    assert np.array_equal(song.records, reference[f"{name}/records"])
    times = song.delta_seconds * song.ticks_per_beat * 2
    assert np.array_equal(times.astype(np.float32), reference[f"{name}/time"])


@pytest.mark.parametrize("name", NAMES)
def test_its_bits_are_ours(name, reference):
    """The network sees them in numpy's order, as the notebook's unpackbits gives them."""
    records = reference[f"{name}/records"]
    bits = midicodec.to_bits(records)
    assert np.array_equal(bits, np.unpackbits(records, axis=1))
    assert np.array_equal(midicodec.from_bits(bits.astype(np.int32)), records)
