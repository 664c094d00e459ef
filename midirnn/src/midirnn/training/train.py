"""From paths and settings to a trained run folder.

What needs TensorFlow is in ``trainer.py``: a wrong path or setting is told before it is loaded.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import tqdm

from midirnn.console.progress import ProgressBar
from midirnn.console.quiet import import_tensorflow
from midirnn.console.say import say
from midirnn.console.signals import stop_on_signals
from midirnn.corpus.reading import Corpus, open_corpus, settings_of
from midirnn.errors import ConfigError, RunError
from midirnn.plugin.choice import PluginChoice
from midirnn.plugin.interfaces import Augmentation, LossTerm
from midirnn.plugin.manager import plugin_manager
from midirnn.run.checkpoint import Arrays
from midirnn.run.folder import Run
from midirnn.run.models import find_run, model_names
from midirnn.settings.config import Config, CorpusConfig, differences, misfits, section_differences
from midirnn.settings.resolve import resolve, to_toml
from midirnn.training.choices import make_plugins
from midirnn.training.distribute import How, Workers, join, read_task
from midirnn.training.tensorboard import TensorBoard


def train_run(
    paths: Sequence[Path],
    folder: Path,
    flags: Mapping[str, Any],
    config_file: Path | None = None,
    *,
    resume: bool = False,
    tensorboard: bool = False,
    distribute: How = "none",
) -> bool:
    """Train in ``folder`` until the configured step; return False if it was interrupted.

    What paths and settings have wrong is found before the folder is touched.
    """
    task = read_task() if distribute == "multiworker" else None
    run = Run(folder)
    config, origin = _settle(run, flags, config_file, resume, settings_of(paths))
    weights = None if origin is None else _weights_of(origin)
    augmentations, losses = make_plugins(config)
    found = run.checkpoints.steps
    begin = _whole_step(run) if found else 0
    if begin >= config.training.steps:
        say(f"{folder}: already trained for {begin} steps")
        return True
    # A window is sequence_length inputs and, one later, as many targets.
    corpus = open_corpus(paths, config.corpus, shortest=config.training.sequence_length + 1)
    say(str(corpus))
    # No worker gets beyond this before all have looked at the folder, which the chief then writes.
    workers = join(distribute, task)
    with ExitStack() as stack:
        stack.enter_context(workers.loss_of_one_told())
        workers.lanes(config.training.lanes)  # which must be there to share
        workers.check_alike(
            settings=to_toml(config), songs=corpus.fingerprint, checkpoint=str(begin)
        )
        if workers.chief:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(run.lock())
            if run.checkpoints.steps != found:
                raise RunError(f"another process has trained in {folder} meanwhile; --resume that")
            _record(run, config, corpus, augmentations, losses, weights)
            if tensorboard:
                url = stack.enter_context(TensorBoard(run.tensorboard_path)).url
                say(f"TensorBoard: {url}")
        workers.wait()
        stop = stack.enter_context(stop_on_signals())
        return _train(run, config, corpus, augmentations, losses, begin, stop, workers)


def _settle(
    run: Run,
    flags: Mapping[str, Any],
    config_file: Path | None,
    resume: bool,
    prepared: CorpusConfig | None,
) -> tuple[Config, Run | None]:
    """Return the settings of a new run, or of the old one where only some may change.

    Those of a ``prepared`` corpus stand in the preset's place. A new run that begins with
    another's weights has some of its settings too; that other run is returned.
    """
    if not run.started or (run.is_blank and not resume):
        if not run.started and run.folder.exists() and not run.is_empty:
            raise RunError(f"{run.folder} exists and is not a run folder; give --run another name")
        config = resolve(config_file, flags, corpus=prepared)
        if config.training.begin_from is None:
            return _agreed(config, prepared), None
        origin = find_run(config.training.begin_from)
        return _agreed(_begun_from(origin, config_file, flags, prepared), prepared), origin
    if run.exported:
        raise RunError(
            f"{run.folder} was exported, with nothing to go on from; "
            "give --run another name, and --from this one"
        )
    if not resume:
        raise RunError(
            f"{run.folder} holds a run already; go on with it (--resume) or give --run another name"
        )
    saved = run.config()
    config = _absolute(resolve(config_file, flags, base=saved))
    changed = differences(saved, config)
    if changed and not run.is_blank:
        raise ConfigError(
            f"{run.folder} was trained with other settings ({'; '.join(changed)}); "
            "a run is resumed with its own, or started anew under another name"
        )
    return _agreed(config, prepared), None


def _begun_from(
    origin: Run, config_file: Path | None, flags: Mapping[str, Any], prepared: CorpusConfig | None
) -> Config:
    """Return the settings of a run that begins with another's weights, which must fit them."""
    theirs = origin.config()
    config = resolve(config_file, flags, corpus=prepared, origin=theirs)
    wrong = misfits(theirs, config)
    if wrong:
        raise ConfigError(
            f"the weights of {config.training.begin_from} are of other settings "
            f"({'; '.join(wrong)}); leave them out, or train without --from"
        )
    return _absolute(config)


def _absolute(config: Config) -> Config:
    """Return the settings with the folder that they begin from said so that it can be found."""
    begin_from = config.training.begin_from
    if begin_from is None or not Run(Path(begin_from)).started:
        return config
    training = config.training.model_copy(update={"begin_from": str(Path(begin_from).resolve())})
    return config.model_copy(update={"training": training})


def _weights_of(origin: Run) -> Arrays:
    """Return the weights of a run's best checkpoint."""
    return origin.checkpoints.load(origin.checkpoints.find("best"), "weights")


def _agreed(config: Config, prepared: CorpusConfig | None) -> Config:
    """Return the settings, which must not ask for another corpus than the one prepared."""
    changed = [] if prepared is None else section_differences(prepared, config.corpus)
    if changed:
        raise ConfigError(
            f"the corpus was prepared with other settings ({'; '.join(changed)}); "
            "leave them out, or prepare another corpus"
        )
    return config


def _whole_step(run: Run) -> int:
    """Return the step of the newest checkpoint that is whole, naming those that are not."""
    step, damage = run.checkpoints.newest_whole()
    if step is None:
        raise damage[-1]
    for error in damage:
        say(f"{error}: going on from step {step}")
    return step


def _record(
    run: Run,
    config: Config,
    corpus: Corpus,
    augmentations: Sequence[Augmentation],
    losses: Sequence[LossTerm],
    weights: Arrays | None,
) -> None:
    """Write the run folder's descriptions; a resumed run must have the same corpus.

    A new run keeps the ``weights`` that it begins with, if these are another's.
    """
    if run.checkpoints.steps and run.corpus()["fingerprint"] != corpus.fingerprint:
        raise RunError(
            f"the songs are not those that {run.folder} was trained on; "
            "give the same paths and files, or start another run"
        )
    manager = plugin_manager()
    run.save_plugins(
        [manager.record("augmentation", each) for each in augmentations]
        + [manager.record("loss", each) for each in losses]
        + [
            manager.record("model", manager.create("model", PluginChoice(name=name)))
            for name in model_names()
            if name == config.training.begin_from
        ]
    )
    run.save_corpus(corpus.report())
    run.save_starts(corpus.starts())
    if weights is not None:
        run.save_begin(weights)
    run.save_config(config)  # the last: its presence says that this is a run


def _train(
    run: Run,
    config: Config,
    corpus: Corpus,
    augmentations: Sequence[Augmentation],
    losses: Sequence[LossTerm],
    begin: int,
    stop: threading.Event,
    workers: Workers,
) -> bool:
    import_tensorflow()
    from midirnn.training.trainer import Trainer

    trainer = Trainer(run, config, corpus, augmentations, losses, workers)
    if begin:
        trainer.restore(begin)
        say(f"resumed after step {begin}")
    elif config.training.begin_from is not None:
        trainer.begin(run.begin())
        say(f"begins with the weights of {config.training.begin_from}")
    if not workers.chief:
        return not trainer.train(stop, lambda _: None).interrupted
    began = time.monotonic()
    with ProgressBar(config.training.steps, begin, config.training.minutes) as bar:
        outcome = trainer.train(stop, bar.show)
    if outcome.interrupted:
        if outcome.step:
            say(f"interrupted after step {outcome.step}; saved, --resume goes on from there")
        else:
            say("interrupted before the first step; --resume begins again")
        return False
    seconds = time.monotonic() - began
    events = (outcome.step - begin) * config.training.lanes * config.training.sequence_length
    taken, rate = tqdm.tqdm.format_interval(seconds), events / seconds
    say(f"trained {outcome.step} steps: {events} events in {taken}, {rate:.0f} a second")
    if outcome.out_of_time:
        say(f"its {config.training.minutes:g} minutes are over; --resume gives it as many again")
    if outcome.stopped_early:
        patience = config.training.early_stopping_patience
        say(f"stopped early: {patience} validations in a row were no better than the best")
    best, score = run.checkpoints.best_whole()
    if corpus.validation and score is not None:
        say(f"best validation score: {score:.3f} bits a message, after step {best}")
    say(f"midirnn generate {run.folder}")
    return True
