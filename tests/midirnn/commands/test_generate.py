"""``midirnn generate`` as a user meets it, with a network that was never trained."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import mido
import pytest
from networks import save_run

from midirnn.settings.scales import pitch_classes

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_run(tmp_path_factory.mktemp("random") / "run", longest_wait_seconds=0.5)


def notes(path: Path) -> list[mido.Message]:
    return [each for each in mido.MidiFile(path).tracks[0] if each.type == "note_on"]


def test_several_songs_are_made_at_once_each_into_its_file(
    run: Path, midirnn: Command, tmp_path: Path
) -> None:
    flags = ("--length", "4bars", "--seed", 3, "--songs", 3)
    sink = ("--sink", "file:path=out.mid", "--sink", "file:path=again.mid")
    done = midirnn("generate", run, *flags, *sink, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names = [f"{stem}-0{n}.mid" for stem in ("again", "out") for n in (1, 2, 3)]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    for line in ("wrote out-02.mid", "song 3: ", "0 records skipped"):
        assert line in done.stderr
    songs = [(tmp_path / name).read_bytes() for name in names]
    assert songs[:3] == songs[3:]
    assert len(set(songs)) == 3
    alone = midirnn(
        "generate", run, "--length", "4bars", "--seed", 3, "--sink", "file:path=alone.mid",
        cwd=tmp_path,
    )  # fmt: skip
    assert alone.returncode == 0, alone.stderr
    assert (tmp_path / "alone.mid").read_bytes() == songs[0]


def test_what_is_asked_for_is_in_the_file(
    run: Path, midirnn: Command, tmp_path: Path, composed: Path
) -> None:
    done = midirnn(
        "generate", run, "--length", "8bars", "--tempo", 96, "--meter", "3/4", "--scale",
        "D minor", "--channels", "0-2", "--program", "0=violin", "--program", "1=48",
        "--keep-programs", "--most-notes", 3, "--longest-note", 2, "--top-p", 0.9, "--top-k", 50,
        "--temperature", 1, "--time-temperature", 0.5, "--most-repeats", 2,
        "--primer", f"{sorted(composed.iterdir())[0]}:1bar", "--only-new",
        "--sink", "file:path=out.mid", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (track,) = mido.MidiFile(tmp_path / "out.mid").tracks
    by_type = {each.type: each for each in reversed(track)}
    assert by_type["set_tempo"].tempo == 625_000
    signature = by_type["time_signature"]
    assert (signature.numerator, signature.denominator) == (3, 4)
    programs = {(m.channel, m.program) for m in track if m.type == "program_change"}
    assert {(0, 40), (1, 48)} <= programs
    played = notes(tmp_path / "out.mid")
    assert {each.channel for each in played} <= {0, 1, 2}
    assert {each.note % 12 for each in played if each.velocity} <= pitch_classes("D minor")
    assert sum(each.time for each in track) == 8 * 3 * 480


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--length", "4 bar s"], "32bars"),
        (["--scale", "H major"], "D minor"),
        (["--program", "violin"], "0=violin"),
        (["--program", "0=theremin"], "theremin"),
        (["--program", "16=violin"], "generation.programs"),
        (["--channels", "16"], "0-8,10"),
        (["--temperature", "nan"], "not a finite number"),
        (["--channels", "a"], "0-8,10"),
        (["--meter", "3/5"], "generation.meter"),
        (["--top-p", "0"], "--top-p"),
        (["--only-new"], "--primer"),
        (["--primer", "gone.mid:4bars"], "gone.mid"),
        (["--primer", "gone.mid:0s"], "more than nothing"),
        (["--songs", "0"], "--songs"),
        (["--songs", "2", "--sink", "file:path=none/out.mid"], "no folder none"),
        (["--sink", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_is_one_line(
    flags: list[str], said: str, run: Path, midirnn: Command, tmp_path: Path
) -> None:
    done = midirnn("generate", run, *flags, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_scale_without_rules_is_one_line(midirnn: Command, tmp_path: Path) -> None:
    run = save_run(tmp_path / "notebook", rules=False)
    done = midirnn("generate", run, "--scale", "D minor", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert "--scale is not kept without rules" in done.stderr
