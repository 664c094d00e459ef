"""From a run, or a file, to sinks: what ``midirnn generate`` and ``midirnn play`` do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import tqdm

import midicodec
from midicodec.records import CHANNELS
from midirnn.console.say import say
from midirnn.console.signals import stop_on_signals
from midirnn.errors import GenerationError, MidiRnnError, SinkError
from midirnn.generation.generator import Generator
from midirnn.generation.length import Length
from midirnn.generation.primer import PrimerChoice
from midirnn.generation.take import Take
from midirnn.messages import song_events
from midirnn.playback.play import PlaybackReport, play
from midirnn.plugin.choice import PluginChoice
from midirnn.plugin.interfaces import Event, Sink, StreamInfo
from midirnn.plugin.manager import plugin_manager
from midirnn.run.folder import Run
from midirnn.settings.config import Config, GenerationConfig

_PYGAME = PluginChoice(name="pygame")
_RULED = {
    "scale": ("--scale", None),
    "channels": ("--channels", tuple(range(CHANNELS))),
    "program_changes": ("--keep-programs", True),
    "most_notes": ("--most-notes", None),
    "longest_note_seconds": ("--longest-note", None),
    "most_repeats": ("--most-repeats", 0),
}
"""Settings that only the rules keep to: their flags, and the values that ask for nothing."""
_OF_BYTES = {"top_p": ("--top-p", 1.0), "top_k": ("--top-k", 0)}
"""Those that independent bits are not drawn by, unless the rules have them drawn as bytes."""


def generate_song(
    folder: Path,
    length: str,
    seed: int,
    sinks: Sequence[PluginChoice],
    *,
    songs: int = 1,
    primer: str | None = None,
    only_new: bool = False,
    checkpoint: str = "best",
    settings: Mapping[str, Any] | None = None,
) -> bool:
    """Generate songs from a run into ``sinks``, or where its settings say, one after another.

    ``settings`` are those of ``[generation]`` that are otherwise than the run's. Returns False if
    it was interrupted.
    """
    wanted, begin = Length.parse(length), PrimerChoice.parse(primer) if primer else None
    if only_new and begin is None:
        raise GenerationError("--only-new leaves the primer out, and there is none: give --primer")
    make_sinks(sinks)  # what is wrong with them is told before anything is read
    generator = Generator.of_run(Run(folder), checkpoint).with_settings(**(settings or {}))
    _check_kept(generator.config, settings or {}, Run(folder).config_path)
    chosen = sinks or generator.config.sink
    takes = generator.songs(
        wanted,
        seed,
        songs,
        primer=None if begin is None else begin.read(generator.config.corpus),
        only_new=only_new,
    )
    for number, take in enumerate(takes, 1):
        info = replace(take.info, song=number, songs=songs)
        events = _with_progress(take, wanted)
        report = _play(events, make_sinks(chosen), info)
        tally = take.tally
        of_song = f"song {number}: " if songs > 1 else ""
        say(
            f"{of_song}{tally.records} records from step {generator.step}, seed {seed}: "
            f"{tally.messages} messages, {tally.seconds:.1f} s; "
            f"{tally.skipped.total()} records skipped"
        )
        for reason, count in tally.skipped.most_common(3):
            say(f"  {count} × {reason}")
        if not finished(report):
            return False
    return True


def play_file(path: Path, sinks: Sequence[PluginChoice]) -> bool:
    """Send a MIDI file to ``sinks``, or to pygame; return False if it was interrupted."""
    song = midicodec.load(path)
    try:
        song.delta_seconds  # noqa: B018 — a song without time is told before any sink is opened
    except midicodec.MidiCodecError as error:
        raise MidiRnnError(f"{path}: {error}") from error
    info = StreamInfo(title=path.stem)
    return finished(_play(song_events(song, info), make_sinks(sinks or [_PYGAME]), info))


def make_sinks(choices: Iterable[PluginChoice]) -> list[Sink]:
    """Make the sinks that the user chose."""
    return [plugin_manager().create("sink", choice) for choice in choices]


def _check_kept(config: Config, given: Mapping[str, Any], path: Path) -> None:
    """Raise :class:`GenerationError` for what is asked for and would not be kept without rules.

    ``given`` is asked for whatever it is; of other settings, those that are not the default.
    """
    if config.generation.rules:
        return
    default = GenerationConfig()
    kept_by_rules = _RULED | (_OF_BYTES if config.model.head == "bits" else {})
    for key, (flag, nothing) in kept_by_rules.items():
        value, of_flag = getattr(config.generation, key), given.get(key) is not None
        if value != nothing and (of_flag or value != getattr(default, key)):
            raise GenerationError(
                f"{flag if of_flag else f'generation.{key}'} is not kept without rules, and this "
                f"run draws without them: set generation.rules = true in {path}"
            )


def _play(events: Iterable[Event], sinks: Sequence[Sink], info: StreamInfo) -> PlaybackReport:
    with stop_on_signals() as stop:
        return play(events, sinks, info, stop)


def finished(report: PlaybackReport) -> bool:
    """Tell how each sink fared; raise :class:`SinkError` if any failed."""
    for each in report.sinks:
        if each.lateness is not None:
            say(
                f"{each.name}: {each.sent} messages, late by {each.lateness.p50_ms:.1f} ms (p50), "
                f"{each.lateness.p99_ms:.1f} (p99), {each.lateness.max_ms:.1f} (max)"
            )
    if report.failures:
        raise SinkError("; ".join(each.error or "" for each in report.failures))
    return not report.interrupted


def _with_progress(take: Take, length: Length) -> Iterator[Event]:
    """Show how far the song is, in what its length was given in; bars as seconds."""
    tally, records = take.tally, length.records
    total, unit = (records, "record") if records is not None else (take.seconds, "s")
    with tqdm.tqdm(
        total=total, unit=unit, dynamic_ncols=True, leave=False, delay=0.5, disable=None
    ) as bar:
        for event in take.events:
            done = tally.records if records is not None else round(tally.seconds, 1)
            bar.update(done - bar.n)
            yield event
