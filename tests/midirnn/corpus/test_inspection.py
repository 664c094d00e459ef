"""What ``inspect`` says of a prepared corpus, as text, JSON and a picture."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from midirnn.corpus.histogram import picture
from midirnn.corpus.inspection import Histogram, inspect

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, composed: Path, midirnn: Command) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "junk.mid").write_bytes(b"junk")
    done = midirnn("prepare", composed, folder / "junk.mid", "-o", folder / "corpus")
    assert done.returncode == 0, done.stderr
    return folder / "corpus"


def test_the_numbers_add_up(prepared: Path) -> None:
    found = inspect(prepared)
    assert (found.files, found.total.songs, found.left_out) == (25, 24, 1)
    assert found.reasons == {"not readable as a MIDI file": 1}
    for name in ("songs", "records", "notes", "seconds"):
        parts = sum(getattr(amount, name) for amount in found.splits.values())
        assert parts == pytest.approx(getattr(found.total, name))
    by_title = {each.title: each for each in found.histograms}
    for histogram in found.histograms:
        if histogram.is_scale:
            assert sum(histogram.counts) == 24  # every song is in one bar
    channels = by_title["songs with a channel, from 0"]
    assert channels.counts == (24, 24, 24, *[0] * 6, 24, *[0] * 6)
    signatures = by_title["songs with a time signature"]
    assert set(signatures.labels) <= {"3/4", "4/4"}
    assert sum(signatures.counts) == 24


def test_the_command_prints_text_or_json_and_draws(
    prepared: Path, midirnn: Command, tmp_path: Path
) -> None:
    done = midirnn("inspect", prepared, "--picture", tmp_path / "corpus.svg")
    assert done.returncode == 0, done.stderr
    assert "1  not readable as a MIDI file" in done.stdout
    assert "songs with a channel, from 0: 0 (24), 1 (24), 2 (24), 9 (24)" in done.stdout
    svg = ElementTree.parse(tmp_path / "corpus.svg").getroot()
    titles = [title.text or "" for title in svg.iter("{http://www.w3.org/2000/svg}title")]
    assert "9: 24" in titles
    done = midirnn("inspect", prepared, "--json")
    assert json.loads(done.stdout) == json.loads(json.dumps(inspect(prepared).as_dict()))
    for wrong in (prepared.parent, prepared.parent / "nowhere"):
        done = midirnn("inspect", wrong)
        assert done.returncode == 2
        assert "is not a prepared corpus" in done.stderr


def test_a_picture_escapes_what_it_shows_and_needs_no_songs() -> None:
    empty, strange = Histogram("none", True, (), ()), Histogram('"<', False, ("<&>",), (0,))
    svg = picture("<a & b>", [empty, strange])
    texts = [each.text for each in ElementTree.fromstring(svg).iter() if each.text]
    assert {"<a & b>", '"<', "<&>"} <= {text.strip() for text in texts}
