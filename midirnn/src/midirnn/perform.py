"""From a run, or a file, to sinks: what ``midirnn generate`` and ``midirnn play`` do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import tqdm

import midicodec
from midirnn.corpus import read_events
from midirnn.errors import MidiRnnError, SinkError
from midirnn.generation import Generator, Length, Tally
from midirnn.messages import song_events
from midirnn.playback import PlaybackReport, play
from midirnn.plugin.choice import PluginChoice
from midirnn.plugin.interfaces import Event, Sink, StreamInfo
from midirnn.plugin.manager import plugin_manager
from midirnn.run import Run
from midirnn.say import say
from midirnn.signals import stop_on_signals

_PYGAME = PluginChoice(name="pygame")


def generate_song(
    folder: Path,
    length: str,
    seed: int,
    sinks: Sequence[PluginChoice],
    *,
    primer: Path | None = None,
    temperature: float | None = None,
    checkpoint: str = "best",
) -> bool:
    """Generate a song from a run into ``sinks``, or where its settings say.

    Returns False if it was interrupted.
    """
    wanted = Length.parse(length)
    made = make_sinks(sinks) if sinks else None
    generator = Generator.of_run(Run(folder), checkpoint)
    if made is None:
        made = make_sinks(generator.config.sink)
    events = None if primer is None else read_events(primer, generator.config.corpus)
    info, tally = StreamInfo(), Tally()
    stream = generator.events(
        wanted, seed, info, primer=events, temperature=temperature, tally=tally
    )
    report = _play(_with_progress(stream, wanted, tally), made, info)
    say(
        f"{tally.records} records from step {generator.step}, seed {seed}: {tally.messages} "
        f"messages, {tally.seconds:.1f} s; {tally.skipped.total()} records skipped"
    )
    for reason, count in tally.skipped.most_common(3):
        say(f"  {count} × {reason}")
    return _finished(report)


def play_file(path: Path, sinks: Sequence[PluginChoice]) -> bool:
    """Send a MIDI file to ``sinks``, or to pygame; return False if it was interrupted."""
    song = midicodec.load(path)
    try:
        song.delta_seconds  # noqa: B018 — a song without time is told before any sink is opened
    except midicodec.MidiCodecError as error:
        raise MidiRnnError(f"{path}: {error}") from error
    info = StreamInfo(title=path.stem)
    return _finished(_play(song_events(song, info), make_sinks(sinks or [_PYGAME]), info))


def make_sinks(choices: Iterable[PluginChoice]) -> list[Sink]:
    """Make the sinks that the user chose."""
    return [plugin_manager().create("sink", choice) for choice in choices]


def _play(events: Iterable[Event], sinks: Sequence[Sink], info: StreamInfo) -> PlaybackReport:
    with stop_on_signals() as stop:
        return play(events, sinks, info, stop)


def _finished(report: PlaybackReport) -> bool:
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


def _with_progress(events: Iterator[Event], length: Length, tally: Tally) -> Iterator[Event]:
    """Show how far the song is, in what its length was given in."""
    total, unit = (
        (length.records, "record") if length.records is not None else (length.seconds, "s")
    )
    with tqdm.tqdm(total=total, unit=unit, dynamic_ncols=True, leave=False, delay=0.5) as bar:
        for event in events:
            done = tally.records if length.records is not None else round(tally.seconds, 1)
            bar.update(done - bar.n)
            yield event
