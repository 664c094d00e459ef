"""The songs that ``evaluate --music`` compares: a corpus's, and those that a network made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from midirnn.console.progress import progress
from midirnn.console.say import say
from midirnn.corpus.inputs import find_inputs, read_pieces
from midirnn.corpus.reading import Corpus, open_corpus, settings_of
from midirnn.errors import CorpusError, UnusableError
from midirnn.generation.generator import Generator
from midirnn.generation.length import Length
from midirnn.generation.take import Take
from midirnn.music.notes import Notes
from midirnn.plugin.interfaces import Events
from midirnn.run.folder import Run
from midirnn.settings.config import CorpusConfig


@dataclass(frozen=True)
class Generated:
    """Songs that a network made, and what each is called."""

    names: list[str]
    notes: list[Notes]


def open_both(
    generated: Path, paths: Sequence[Path], *, songs: int, length: str, checkpoint: str
) -> tuple[Generated, Corpus]:
    """Return the songs of ``generated``, and the corpus that they are compared with.

    ``generated`` is MIDI files, or a run, which is let play ``songs`` songs of ``length``, with
    the seed 0. ``paths`` are a corpus as :func:`midirnn.corpus.reading.open_corpus` takes it: of
    files those are held back that training holds back, by the run's settings if there is one.
    Raises :class:`midirnn.errors.MidiRnnError` where either has no songs.
    """
    run, wanted = Run(generated), Length.parse(length)
    settings = run.config().corpus if run.started else CorpusConfig()
    corpus = open_corpus(paths, settings)
    if run.started:
        return _played(run, checkpoint, songs, wanted), corpus
    return _read(generated, settings_of(paths) or settings), corpus


def _played(run: Run, checkpoint: str, songs: int, length: Length) -> Generated:
    generator = Generator.of_run(run, checkpoint)
    made = Generated([], [])
    with progress(songs, "song", "generating") as report:
        for number, take in enumerate(generator.songs(length, seed=0, count=songs), 1):
            made.names.append(f"song {number}")
            made.notes.append(Notes.of(_notes_of(take)))
            report(number)
    say(f"{songs} songs generated from step {generator.step}, seed 0")
    return made


def _notes_of(take: Take) -> Events:
    """Return the notes of one song that a network plays."""
    events = [event for event in take.events if event.message.type in ("note_on", "note_off")]
    records = [(0, *event.message.bytes(), 3) for event in events]
    starts = np.array([event.start_seconds for event in events])
    return Events(np.array(records, np.uint8).reshape(-1, 5), np.diff(starts, prepend=0.0))


def _read(path: Path, settings: CorpusConfig) -> Generated:
    """Return the songs of files: the channels that the corpus has, whatever else it wants."""
    settings = CorpusConfig(
        types=(0, 1, 2), channels=settings.channels, drums=settings.drums, shortest_records=1
    )
    made, left_out = Generated([], []), list[tuple[Path, UnusableError]]()
    for each, outcome in read_pieces(find_inputs([path]), settings):
        if isinstance(outcome, UnusableError):
            left_out.append((each.path, outcome))
        else:
            made.names.append(str(each.path))
            made.notes.append(Notes.of(outcome.events))
    for file, error in left_out:
        say(f"left out: {file}: {error}")
    if not made.names:
        raise CorpusError(f"none of the {len(left_out)} MIDI files in {path} is usable")
    return made
