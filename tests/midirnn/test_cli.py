"""The command as a user meets it: what it says, what it leaves, its exit status."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import mido
import numpy as np
import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]

BAD_INPUT, INTERRUPTED = 2, 130
Small = tuple[str, ...]


def sounding_at_the_end(path: Path) -> set[tuple[int, int]]:
    notes: set[tuple[int, int]] = set()
    for message in mido.MidiFile(path):
        if message.type == "note_on" and message.velocity:
            notes.add((message.channel, message.note))
        elif message.type in ("note_on", "note_off"):
            notes.discard((message.channel, message.note))
    return notes


def test_a_run_folder_tells_all_about_its_run(trained: Path, composed: Path) -> None:
    assert sorted(path.name for path in (trained / "checkpoints").iterdir()) == [
        "step-00000020.npz", "step-00000040.npz",
    ]  # fmt: skip
    corpus = json.loads((trained / "corpus.json").read_text())
    held_back = corpus["validation_songs"], corpus["test_songs"]
    assert min(held_back) > 0
    assert (corpus["songs"] + sum(held_back), corpus["left_out"]) == (24, [])
    plugins = json.loads((trained / "plugins.json").read_text())
    names = [each["name"] for each in plugins]
    assert names == ["transpose", "tempo", "negative_log_likelihood"]
    assert all(each["distribution"] == "midirnn" and each["version"] for each in plugins)
    lines = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [20, 20, 40, 40]
    assert lines[2]["loss/loss"] < lines[0]["loss/loss"]
    assert 0 < lines[3]["validation/bits_per_message"] < lines[1]["validation/bits_per_message"]
    assert "seed = 7" in (trained / "config.toml").read_text()


def test_tensorboard_holds_scalars_histograms_and_the_graph(trained: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(trained / "tensorboard"))
    events.Reload()
    tags = events.Tags()
    assert {"loss/loss", "loss/negative_log_likelihood", "gradients/nonfinite", "gradients/norm",
            "gradients/norm_of_lstm1", "gradients/norm_of_time_out",
            "validation/time_bits_per_message"} <= set(tags["tensors"])  # fmt: skip
    assert {"outputs/bits", "targets/bits", "outputs/time", "targets/time", "sample"} <= set(
        tags["tensors"]
    )
    assert tags["graph"]


def test_an_interrupted_run_resumed_is_the_run_undisturbed(
    trained: Path, composed: Path, midirnn: Command, small: Small, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    flags = ("--checkpoint-every", 20, *small)
    first = midirnn("train", composed, "--run", folder, "--steps", 20, *flags)
    assert first.returncode == 0, first.stderr
    done = midirnn("train", composed, "--run", folder, "--steps", 40, *flags, "--resume")
    assert done.returncode == 0, done.stderr
    assert "resumed after step 20" in done.stderr
    name = "checkpoints/step-00000040.npz"
    with np.load(folder / name) as mine, np.load(trained / name) as whole:
        assert mine.files == whole.files
        for array in whole.files:
            np.testing.assert_array_equal(mine[array], whole[array], err_msg=array)
    again = midirnn("train", composed, "--run", folder, "--steps", 40, *flags, "--resume")
    assert again.returncode == 0
    assert "already trained for 40 steps" in again.stderr


def test_ctrl_c_saves_and_resume_goes_on(
    composed: Path, midirnn: Command, small: Small, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    arguments = ["train", composed, "--run", folder, "--steps", 100000, "--resume", *small]
    process = subprocess.Popen(
        [sys.executable, "-m", "midirnn", *map(str, arguments)],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    metrics = folder / "metrics.jsonl"
    while not (metrics.exists() and metrics.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    found = re.search(r"interrupted after step (\d+); saved", errors)
    assert found is not None, errors
    step = int(found[1])
    assert (folder / "checkpoints" / f"step-{step:08d}.npz").exists()
    done = midirnn("train", composed, "--run", folder, "--steps", step + 2, "--resume", *small)
    assert done.returncode == 0, done.stderr
    assert f"resumed after step {step}" in done.stderr


def test_a_killed_run_resumed_is_the_run_undisturbed(
    trained: Path, composed: Path, midirnn: Command, small: Small, tmp_path: Path
) -> None:
    """Killed just after a checkpoint was written, or while the next steps were under way."""
    folder = tmp_path / "run"
    flags = ("--checkpoint-every", 20, *small)
    arguments = ["train", composed, "--run", folder, "--steps", 100000, *flags]
    process = subprocess.Popen(
        [sys.executable, "-m", "midirnn", *map(str, arguments)], stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not list(folder.glob("checkpoints/*.npz")) and time.monotonic() < deadline:
        time.sleep(0.002)
    process.kill()
    process.wait()
    done = midirnn("train", composed, "--run", folder, "--steps", 40, *flags, "--resume")
    assert done.returncode == 0, done.stderr
    name = "checkpoints/step-00000040.npz"
    with np.load(folder / name) as mine, np.load(trained / name) as whole:
        assert mine.files == whole.files
        for array in whole.files:
            np.testing.assert_array_equal(mine[array], whole[array], err_msg=array)
    losses = [
        [(line["step"], line.get("loss/loss")) for line in map(json.loads, text.splitlines())]
        for text in ((path / "metrics.jsonl").read_text() for path in (folder, trained))
    ]
    assert losses[0] == losses[1]


def test_generate_writes_the_same_whole_song_for_the_same_seed(
    trained: Path, midirnn: Command, tmp_path: Path
) -> None:
    songs = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        sink = f"file:path={tmp_path / name}.mid"
        done = midirnn("generate", trained, "--length", 300, "--seed", seed, "--temperature", 1,
                       "--sink", sink)  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "300 records" in done.stderr
        songs.append((tmp_path / f"{name}.mid").read_bytes())
        assert sounding_at_the_end(tmp_path / f"{name}.mid") == set()
    assert songs[0] == songs[1]
    assert songs[0] != songs[2]


def test_generate_needs_no_tensorflow(trained: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['midirnn', 'generate', sys.argv[1], '--length', '20', '--sink', "
        "'file:path=' + sys.argv[2]]\n"
        "from midirnn.cli import main\nmain()\n"
        "print(sorted({'tensorflow', 'keras', 'tensorboard'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(trained), str(tmp_path / "x.mid")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


def test_a_primer_begins_the_song(
    trained: Path, composed: Path, midirnn: Command, tmp_path: Path
) -> None:
    primer, out = sorted(composed.iterdir())[0], tmp_path / "out.mid"
    done = midirnn("generate", trained, "--primer", primer, "--length", 50,
                   "--sink", f"file:path={out}")  # fmt: skip
    assert done.returncode == 0, done.stderr

    def notes(path: Path) -> list[tuple[int, int]]:
        return [(m.channel, m.note) for m in mido.MidiFile(path) if m.type == "note_on"]

    assert notes(out)[: len(notes(primer))] == notes(primer)


def test_a_length_in_seconds_is_kept_to(trained: Path, midirnn: Command, tmp_path: Path) -> None:
    out = tmp_path / "out.mid"
    done = midirnn("generate", trained, "--length", "3.5s", "--sink", f"file:path={out}")
    assert done.returncode == 0, done.stderr
    assert 1 < mido.MidiFile(out).length <= 3.6


def test_several_sinks_get_the_same_song(trained: Path, midirnn: Command, tmp_path: Path) -> None:
    one, two = tmp_path / "one.mid", tmp_path / "two.mid"
    done = midirnn("generate", trained, "--length", 50, "--sink", f"file:path={one}",
                   "--sink", f"file:path={two}")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert one.read_bytes() == two.read_bytes()


def test_play_sends_a_file_to_a_sink_in_real_time_units(
    composed: Path, midirnn: Command, tmp_path: Path
) -> None:
    song, out = sorted(composed.iterdir())[0], tmp_path / "out.mid"
    done = midirnn("play", song, "--sink", f"file:path={out}")
    assert done.returncode == 0, done.stderr
    assert mido.MidiFile(out).length == pytest.approx(mido.MidiFile(song).length, abs=0.01)


def test_evaluate_scores_songs_the_same_every_time(
    trained: Path, composed: Path, midirnn: Command
) -> None:
    runs = [midirnn("evaluate", trained, composed, "--json") for _ in range(2)]
    assert runs[0].returncode == 0, runs[0].stderr
    scores = json.loads(runs[0].stdout)
    assert runs[0].stdout == runs[1].stdout
    assert scores["songs"] == 24
    assert 0 < scores["bits_per_message"] < 40
    assert 0 < scores["time_bits_per_message"] < 10
    assert set(scores["losses"]) == {"negative_log_likelihood"}
    early = midirnn("evaluate", trained, composed, "--json", "--checkpoint", 20)
    assert json.loads(early.stdout)["bits_per_message"] > scores["bits_per_message"]


def test_plugins_are_listed_for_people_and_for_machines(midirnn: Command) -> None:
    people, machines = midirnn("plugins"), midirnn("plugins", "--json", "--check")
    assert people.returncode == machines.returncode == 0
    listed = json.loads(machines.stdout)
    assert listed["broken"] == []
    for each in listed["plugins"]:
        assert each["name"] in people.stdout


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory, trained: Path) -> Path:
    """A folder of things that go wrong."""
    folder = tmp_path_factory.mktemp("odd")
    (folder / "empty").mkdir()
    (folder / "junk").mkdir()
    (folder / "junk" / "not.mid").write_bytes(b"MThd but not really")
    (folder / "junk" / "empty.mid").write_bytes(b"")
    (folder / "text.txt").write_text("hello")
    (folder / "bad.toml").write_text("[training]\nlanes = 0\n")
    (folder / "used").mkdir()
    (folder / "used" / "file").write_text("")
    for name in ("no-checkpoint", "bad-checkpoint", "bad-config", "bad-start"):
        shutil.copytree(trained, folder / name)
    shutil.rmtree(folder / "no-checkpoint" / "checkpoints")
    last = folder / "bad-checkpoint" / "checkpoints" / "step-00000040.npz"
    last.write_bytes(last.read_bytes()[:1000])
    (folder / "bad-config" / "config.toml").write_text("lanes = 3\n")
    (folder / "bad-start" / "start.npz").write_bytes(b"PK")
    return folder


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train {odd}/nowhere --run {new}", "there is no file or folder"),
        ("train {odd}/empty --run {new}", "there is no MIDI file in"),
        (
            "train {odd}/junk --run {new}",
            "none of the 2 MIDI files in .* is usable: 2 not readable",
        ),
        ("train {songs} --run {new} --preset best", "--preset"),
        ("train {songs} --run {new} --config {odd}/bad.toml", r"bad\.toml: training\.lanes = 0"),
        ("train {songs} --run {new} --config {odd}/none.toml", r"cannot read .*none\.toml"),
        ("train {songs} --run {new} --augment nois", "no augmentation named 'nois'; there are:"),
        ("train {songs} --run {new} --augment noise:size=1", r"unknown option 'size' \(options: d"),
        ("train {songs} --run {new} --loss mse:weight=big", "loss 'mse': weight=big"),
        ("train {songs} --run {new} --loss mse --loss mse", "given twice"),
        ("train {songs} --run {new} --types 0,7", r"corpus\.types\.1 = '7'"),
        ("train {songs} --run {trained}", "holds a run already; go on with it"),
        ("train {songs} --run {trained} --resume --steps 50 --lanes 3", "lanes: 4 → 3"),
        ("train {songs} --run {odd}/used", "exists and is not a run folder"),
        ("train {songs} --run {odd}/text.txt", "exists and is not a run folder"),
        ("generate {odd}/nowhere", "there is no run folder"),
        ("generate {odd}/empty", "is not a run folder: it has no config.toml"),
        ("generate {odd}/no-checkpoint", "there is no checkpoint in"),
        ("generate {odd}/bad-checkpoint", "is damaged .* use another of this run's: 20"),
        ("generate {odd}/bad-config", "there is no key 'lanes'"),
        ("generate {odd}/bad-start", r"start\.npz is missing or damaged"),
        ("generate {trained} --length lots", "expected a length such as 2500"),
        ("generate {trained} --length 0", "more than nothing"),
        ("generate {trained} --checkpoint 33", "there are: best, last, 20, 40"),
        ("generate {trained} --primer {odd}/none.mid", r"none\.mid"),
        ("generate {trained} --primer {odd}/junk/not.mid", r"not\.mid: not readable as a MIDI"),
        ("generate {trained} --sink nosuch", "no sink named 'nosuch'; there are:"),
        ("generate {trained} --sink file:pth=x", r"unknown option 'pth' \(options: path\)"),
        ("generate {trained} --sink file:path={odd}/no/x.mid", "there is no folder"),
        ("generate {trained} --sink file:path={odd}/empty", "is a folder"),
        ("play {odd}/none.mid --sink file", r"none\.mid: No such file"),
        ("play {odd}/text.txt --sink file", r"text\.txt: byte 0: expected"),
        ("evaluate {trained} {odd}/empty", "there is no MIDI file in"),
        ("evaluate {odd}/empty {songs}", "is not a run folder"),
        ("demo --out {odd}/empty", "exists already"),
        ("nonsense", "No such command"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_status_2(
    arguments: str, message: str, odd: Path, trained: Path, composed: Path, midirnn: Command,
    tmp_path: Path,
) -> None:  # fmt: skip
    new = tmp_path / "new"
    places = {"odd": odd, "trained": trained, "songs": composed, "new": new}
    done = midirnn(*arguments.format(**places).split(), cwd=tmp_path)
    assert done.returncode == BAD_INPUT, done.stderr
    assert re.search(message, done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    complaint = [line for line in done.stderr.splitlines() if not line.startswith(("Usage", "Try"))]
    assert len([line for line in complaint if line.strip()]) == 1, done.stderr
    assert list(tmp_path.iterdir()) == [], "something was left behind"


def test_debug_shows_the_traceback(midirnn: Command, tmp_path: Path) -> None:
    done = midirnn("--debug", "generate", tmp_path)
    assert done.returncode != 0
    assert "Traceback" in done.stderr
    assert "RunError" in done.stderr


def test_files_left_out_are_counted_and_listed(
    composed: Path, odd: Path, midirnn: Command, small: Small, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    done = midirnn("train", composed, odd / "junk", "--run", folder, "--steps", 1, *small)
    assert done.returncode == 0, done.stderr
    assert re.search(
        r"\d+ songs, \d+ records; held back: \d for validation, \d for test", done.stderr
    )
    assert "2 files left out: 2 not readable as a MIDI file" in done.stderr
    report = json.loads((folder / "corpus.json").read_text())
    assert report["reasons"] == {"not readable as a MIDI file": 2}
    assert {Path(each["path"]).name for each in report["left_out"]} == {"not.mid", "empty.mid"}
    assert all("byte" in each["detail"] for each in report["left_out"])


def test_the_notebook_preset_trains_and_generates(
    composed: Path, midirnn: Command, tmp_path: Path
) -> None:
    folder, out = tmp_path / "run", tmp_path / "out.mid"
    done = midirnn("train", composed, "--run", folder, "--preset", "notebook", "--steps", 3)
    assert done.returncode == 0, done.stderr
    done = midirnn("generate", folder, "--length", 100, "--sink", f"file:path={out}")
    assert done.returncode == 0, done.stderr
    assert mido.MidiFile(out).type == 0


def test_tensorboard_runs_while_training_and_stops_after(
    composed: Path, midirnn: Command, small: Small, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    done = midirnn("train", composed, "--run", folder, "--steps", 2, "--tensorboard", *small)
    assert done.returncode == 0, done.stderr
    assert re.search(r"TensorBoard: http://localhost:\d+", done.stderr)
    assert str(folder) not in subprocess.run(["ps", "-ef"], capture_output=True, text=True).stdout


def test_help_starts_at_once(midirnn: Command) -> None:
    """It imports nothing heavy; a time would be this machine's, so the modules are looked at."""
    code = (
        "import sys; sys.argv = ['midirnn', '--help']\n"
        "from midirnn.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'tensorflow', 'keras', 'pygame', 'mido'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    for verb in ("train", "generate", "play", "evaluate", "plugins", "demo"):
        assert verb in done.stdout
        assert midirnn(verb, "--help").returncode == 0


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="where memory can be limited")
def test_too_little_memory_is_one_line(trained: Path, tmp_path: Path) -> None:
    code = (
        "import resource, sys, midirnn.playback.perform\n"
        "from midirnn.cli import main\n"
        "pages = int(open('/proc/self/statm').read().split()[0])\n"
        "limit = pages * resource.getpagesize() + (32 << 20)\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "main()"
    )
    arguments = [
        "generate",
        trained,
        "--songs",
        20_000,
        "--sink",
        f"file:path={tmp_path / 'x.mid'}",
    ]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("midirnn: there is not enough memory (")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
