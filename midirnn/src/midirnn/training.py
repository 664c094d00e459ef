"""From paths and settings to a trained run folder.

What needs TensorFlow is in ``trainer.py``: a wrong path or setting is told before it is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import tqdm

from midirnn.config import Config, CorpusConfig, differences, resolve, section_differences
from midirnn.corpus import Corpus, open_corpus, settings_of
from midirnn.errors import ConfigError, RunError
from midirnn.plugin.interfaces import Augmentation, LossTerm
from midirnn.plugin.manager import plugin_manager
from midirnn.quiet import import_tensorflow
from midirnn.run import Run
from midirnn.say import say
from midirnn.signals import stop_on_signals
from midirnn.tensorboard import TensorBoard


def train_run(
    paths: Sequence[Path],
    folder: Path,
    flags: Mapping[str, Any],
    config_file: Path | None = None,
    *,
    resume: bool = False,
    tensorboard: bool = False,
) -> bool:
    """Train in ``folder`` until the configured step; return False if it was interrupted.

    Everything that can be found wrong is found before the folder is touched.
    """
    run = Run(folder)
    config = _settle(run, flags, config_file, resume, settings_of(paths))
    augmentations, losses = make_plugins(config)
    if run.checkpoints.steps:
        run.checkpoints.find("best")  # reads the index, which saving needs
    if resume and run.started and _last_step(run) >= config.training.steps:
        say(f"{folder}: already trained for {_last_step(run)} steps")
        return True
    # A window is sequence_length inputs and, one later, as many targets.
    corpus = open_corpus(paths, config.corpus, shortest=config.training.sequence_length + 1)
    say(describe(corpus))
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(run.lock())
        _record(run, config, corpus, augmentations, losses)
        if tensorboard:
            url = stack.enter_context(TensorBoard(run.tensorboard_path)).url
            say(f"TensorBoard: {url}")
        stop = stack.enter_context(stop_on_signals())
        return _train(run, config, corpus, augmentations, losses, stop)


def _settle(
    run: Run,
    flags: Mapping[str, Any],
    config_file: Path | None,
    resume: bool,
    prepared: CorpusConfig | None,
) -> Config:
    """Return the settings of a new run, or of the old one where only some may change.

    Those of a ``prepared`` corpus stand in the preset's place.
    """
    if not run.started:
        if run.folder.exists() and not run.is_empty:
            raise RunError(f"{run.folder} exists and is not a run folder; give --run another name")
        return _agreed(resolve(config_file, flags, corpus=prepared), prepared)
    if not resume:
        raise RunError(
            f"{run.folder} holds a run already; go on with it (--resume) or give --run another name"
        )
    saved = run.config()
    config = resolve(config_file, flags, base=saved)
    changed = differences(saved, config)
    if changed:
        raise ConfigError(
            f"{run.folder} was trained with other settings ({'; '.join(changed)}); "
            "a run is resumed with its own, or started anew under another name"
        )
    return _agreed(config, prepared)


def _agreed(config: Config, prepared: CorpusConfig | None) -> Config:
    """Return the settings, which must not ask for another corpus than the one prepared."""
    changed = [] if prepared is None else section_differences(prepared, config.corpus)
    if changed:
        raise ConfigError(
            f"the corpus was prepared with other settings ({'; '.join(changed)}); "
            "leave them out, or prepare another corpus"
        )
    return config


def _last_step(run: Run) -> int:
    steps = run.checkpoints.steps
    return steps[-1] if steps else 0


def make_plugins(config: Config) -> tuple[list[Augmentation], list[LossTerm]]:
    """Make the augmentations, in their order, and the loss terms that the settings name.

    The sinks are made too, so that a wrong one is told now and not after the training.
    """
    losses, manager = make_losses(config), plugin_manager()
    for choice in config.sink:
        manager.create("sink", choice)
    return [manager.create("augmentation", choice) for choice in config.augment], losses


def make_losses(config: Config) -> list[LossTerm]:
    """Make the loss terms that the settings name."""
    names = [choice.name for choice in config.loss]
    if not names:
        raise ConfigError("a network cannot be trained without a loss; give at least one term")
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ConfigError(f"the loss term {min(twice)!r} is given twice; give it once")
    return [plugin_manager().create("loss", choice) for choice in config.loss]


def describe(corpus: Corpus) -> str:
    """Say in one line what is used and what is left out."""
    text = f"{len(corpus)} songs, {corpus.records} records"
    if corpus.validation or corpus.test:
        held = f"{len(corpus.validation)} for validation, {len(corpus.test)} for test"
        text += f"; held back: {held}"
    if corpus.left_out:
        reasons = ", ".join(f"{count} {reason}" for reason, count in corpus.reasons.items())
        text += f"; {len(corpus.left_out)} files left out: {reasons}"
    return text


def _record(
    run: Run,
    config: Config,
    corpus: Corpus,
    augmentations: Sequence[Augmentation],
    losses: Sequence[LossTerm],
) -> None:
    """Write the run folder's descriptions; a resumed run must have the same corpus."""
    if run.started and run.checkpoints.steps and run.corpus()["fingerprint"] != corpus.fingerprint:
        raise RunError(
            f"the songs are not those that {run.folder} was trained on; "
            "give the same paths and files, or start another run"
        )
    manager = plugin_manager()
    run.save_plugins(
        [manager.record("augmentation", each) for each in augmentations]
        + [manager.record("loss", each) for each in losses]
    )
    run.save_corpus(corpus.report())
    run.save_start(corpus.songs[0])
    run.save_config(config)  # the last: its presence says that this is a run


def _train(
    run: Run,
    config: Config,
    corpus: Corpus,
    augmentations: Sequence[Augmentation],
    losses: Sequence[LossTerm],
    stop: Any,
) -> bool:
    import_tensorflow()
    from midirnn.trainer import Progress, Trainer

    trainer = Trainer(run, config, corpus, augmentations, losses)
    if run.checkpoints.steps:
        trainer.restore(run.checkpoints.find("last"))
        say(f"resumed after step {trainer.step}")
    with tqdm.tqdm(
        total=config.training.steps, initial=trainer.step, unit="step", dynamic_ncols=True
    ) as bar:

        def report(progress: Progress) -> None:
            bar.set_postfix_str(
                f"loss {progress.loss:.4g}, {progress.events_per_second:.0f} events/s",
                refresh=False,
            )
            bar.update()

        outcome = trainer.train(stop, report)
    if outcome.interrupted:
        if outcome.step:
            say(f"interrupted after step {outcome.step}; saved, --resume goes on from there")
        else:
            say("interrupted before the first step; --resume begins again")
        return False
    say(f"trained {outcome.step} steps; midirnn generate {run.folder}")
    return True
