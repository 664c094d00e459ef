"""The pygame sink is heard: SDL's disk driver writes what a loudspeaker would have played."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import mido
import numpy as np
import pytest
from networks import save_run

from midirnn.plugin import SinkError
from midirnn_pygame import soundfont as soundfonts

Command = Callable[..., subprocess.CompletedProcess[str]]
MakeSong = Callable[..., Path]

BAD_INPUT, INTERRUPTED = 2, 130
RATE = 44100
QUIET = 100  # of 32768; a synthesizer's dither is below it
# An ocarina: it holds its note, and its loudest frequency is the note's own.
OCARINA = mido.Message("program_change", program=79)


def note(number: int, milliseconds: int, after: int = 0) -> list[mido.Message]:
    return [
        mido.Message("note_on", note=number, velocity=100, time=after),
        mido.Message("note_off", note=number, velocity=0, time=milliseconds),
    ]


def environment(raw: Path, paced: bool = False) -> dict[str, str]:
    """SDL writes samples to ``raw``: as fast as it can, or ``paced`` like a loudspeaker."""
    without = {name: text for name, text in os.environ.items() if not name.startswith("SDL_")}
    delay = {} if paced else {"SDL_DISKAUDIODELAY": "0"}
    return without | delay | {"SDL_AUDIODRIVER": "disk", "SDL_DISKAUDIOFILE": str(raw)}


def samples(raw: Path) -> np.ndarray:
    """One channel of what was played so far."""
    both = np.fromfile(raw, "<i2")
    return both[: len(both) // 2 * 2].reshape(-1, 2)[:, 0].astype(float)


def heard(raw: Path) -> np.ndarray:
    """What was played, from its first sound to its last."""
    played = samples(raw)
    loud = np.flatnonzero(np.abs(played) > QUIET)
    assert len(loud), "silence"
    return played[loud[0] : loud[-1] + 1]


def loudness(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(sound**2)))


def cut(sound: np.ndarray, start: float, stop: float) -> np.ndarray:
    return sound[int(start * RATE) : int(stop * RATE)]


def pitch(sound: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(sound)).argmax() * RATE / len(sound))


@pytest.mark.usefixtures("soundfont")
def test_a_song_is_heard_in_its_time_and_pitch(
    make_song: MakeSong, midirnn: Command, tmp_path: Path
) -> None:
    song = make_song([OCARINA, *note(69, 1000), *note(81, 1000, after=1000)])
    raw = tmp_path / "raw"
    done = midirnn("play", song, env=environment(raw))  # pygame is where `play` sends by itself
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    sound = heard(raw)
    assert len(sound) / RATE == pytest.approx(3, abs=0.5)
    assert pitch(cut(sound, 0.2, 0.8)) == pytest.approx(440, rel=0.01)
    assert loudness(cut(sound, 1.4, 1.8)) < loudness(cut(sound, 0.2, 0.8)) / 20
    assert pitch(cut(sound, 2.2, 2.8)) == pytest.approx(880, rel=0.01)


@pytest.mark.usefixtures("soundfont")
def test_volume_goes_down_to_silence(make_song: MakeSong, midirnn: Command, tmp_path: Path) -> None:
    song, loud = make_song([OCARINA, *note(69, 500)]), {}
    for volume in (1, 0.25, 0):
        raw = tmp_path / f"{volume}"
        done = midirnn("play", song, "--sink", f"pygame:volume={volume}", env=environment(raw))
        assert done.returncode == 0, done.stderr
        loud[volume] = np.abs(samples(raw)).max()
    assert loud[1] > 20 * QUIET
    assert QUIET < loud[0.25] < loud[1] / 2
    assert loud[0] < QUIET


@pytest.mark.usefixtures("soundfont")
def test_a_generated_song_is_heard(
    trained: Path, make_song: MakeSong, midirnn: Command, tmp_path: Path
) -> None:
    """The primer's note is certain to be in it, whatever the network plays then."""
    primer, raw, written = make_song([*note(69, 1000)]), tmp_path / "raw", tmp_path / "out.mid"
    done = midirnn(
        "generate", trained, "--primer", primer, "--length", "3s", "--sink", "pygame",
        "--sink", f"file:path={written}", env=environment(raw),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    sound = heard(raw)
    assert loudness(cut(sound, 0, 1)) > QUIET
    # From first sound to last, so not the silence before and after; and a note may ring on.
    assert 0.9 < len(sound) / RATE < mido.MidiFile(written).length + 3


@pytest.mark.usefixtures("soundfont")
def test_ctrl_c_fades_out(make_song: MakeSong, tmp_path: Path) -> None:
    song, raw = make_song([OCARINA, *note(69, 60_000)]), tmp_path / "raw"
    process = subprocess.Popen(
        [sys.executable, "-m", "midirnn", "play", song], env=environment(raw, paced=True),
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not raw.exists() or np.sum(np.abs(samples(raw)) > QUIET) < RATE:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, process.kill()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (INTERRUPTED, "")
    sound = heard(raw)
    window = RATE // 20
    course = [loudness(each) for each in np.split(sound, range(window, len(sound), window))[:-1]]
    steady = np.median(course[:-12])
    assert course[-1] < steady * 0.4, "it was cut off"
    assert np.diff(course[-12:]).min() > steady * -0.4, "it was cut off, then something followed"


@pytest.mark.usefixtures("soundfont")
def test_ctrl_c_ends_a_jam_which_is_written_and_not_played_back(
    make_song: MakeSong, tmp_path: Path
) -> None:
    run, raw, written = save_run(tmp_path / "run"), tmp_path / "raw", tmp_path / "jam.mid"
    process = subprocess.Popen(
        [sys.executable, "-m", "midirnn", "jam", run, "--mode", "along",
         "--in", f"file:path={make_song(note(69, 60_000))}",
         "--out", "pygame", "--out", f"file:path={written}"],
        env=environment(raw, paced=True), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    assert process.stderr.readline() == "listening; Ctrl-C ends it\n"
    time.sleep(5)
    until_then = len(samples(raw))  # the device is open, and silent
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED, errors
    assert mido.MidiFile(written).length > 3
    assert len(samples(raw)) - until_then < 3 * RATE


WITHOUT_SOUNDFONTS = """
import sys
sys.modules["pretty_midi"] = None
import midirnn_pygame.soundfont
midirnn_pygame.soundfont.FOLDERS = ()
from midirnn.cli import main
main()
"""


@pytest.mark.parametrize(
    ("sink", "variables", "message"),
    [
        ("pygame:soundfont=none.sf2", {}, "cannot read the soundfont none.sf2: No such file"),
        ("pygame:soundfont=song.mid", {}, "song.mid is not a soundfont"),
        ("pygame:volume=2", {}, "volume=2: Input should be less than or equal to 1"),
        ("pygame", {"SDL_SOUNDFONTS": "gone.sf2"}, "cannot read the soundfont gone.sf2"),
        ("pygame", {}, "there is no soundfont, so nothing to sound with; install one"),
        (
            "pygame:soundfont=looks.sf2",  # a device is looked for when there is a soundfont
            {"SDL_AUDIODRIVER": "alsa", "ALSA_CONFIG_PATH": os.devnull},
            "there is no sound device to play through",
        ),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="the others bring sounds of their own")
def test_what_is_missing_is_one_line(
    sink: str, variables: dict[str, str], message: str, make_song: MakeSong, tmp_path: Path
) -> None:
    song = make_song(note(69, 100))
    (tmp_path / "looks.sf2").write_bytes(b"RIFF\x04\0\0\0sfbk")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_SOUNDFONTS, "play", song, "--sink", sink,
         "--sink", "file:path=never.mid"],
        env=environment(tmp_path / "raw") | variables, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == BAD_INPUT
    assert message in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert not (tmp_path / "never.mid").exists()


def soundfont_at(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"RIFF\x04\0\0\0sfbk")
    return path


@pytest.mark.parametrize(
    ("installed", "chosen"),
    [
        (["b/TimGM6mb.sf2", "a/Aardvark.sf2"], "b/TimGM6mb.sf2"),
        (["a/TimGM6mb.sf2", "b/FluidR3_GM.sf2"], "b/FluidR3_GM.sf2"),
        (["a/default-GM.sf2", "a/default.sf2"], "a/default-GM.sf2"),
        (["a/FluidR3_GS.sf2", "b/Piano.sf2"], "b/Piano.sf2"),  # the one holds too few sounds
        (["a/Piano.sf2", "pretty_midi/TimGM6mb.sf2"], "pretty_midi/TimGM6mb.sf2"),
        (["a/FluidR3_GS.sf2"], None),
    ],
)
def test_the_soundfont_that_is_chosen(
    installed: list[str], chosen: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soundfonts, "FOLDERS", (tmp_path / "a", tmp_path / "b"))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("SDL_SOUNDFONTS", raising=False)
    monkeypatch.setitem(sys.modules, "pretty_midi", None)
    for name in installed:
        soundfont_at(tmp_path / name)
    if any(name.startswith("pretty_midi") for name in installed):
        monkeypatch.delitem(sys.modules, "pretty_midi")
        (tmp_path / "pretty_midi" / "__init__.py").write_text("raise RuntimeError('imported')")
        monkeypatch.syspath_prepend(tmp_path)
    if chosen is not None:
        assert soundfonts.choose_soundfont(None) == tmp_path / chosen
        return
    with pytest.raises(SinkError, match="there is no soundfont"):
        soundfonts.choose_soundfont(None)
    for platform in ("win32", "darwin"):  # whose own synthesizers need none
        monkeypatch.setattr(sys, "platform", platform)
        assert soundfonts.choose_soundfont(None) is None


def test_what_the_user_names_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = soundfont_at(tmp_path / "one.sf2"), soundfont_at(tmp_path / "two.sf2")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("SDL_SOUNDFONTS", f"{one};{two}")  # SDL's own notation
    assert soundfonts.choose_soundfont(None) == one
    assert soundfonts.choose_soundfont(two) == two
