"""Which run is meant: a folder, an installed model's name, or neither."""

from __future__ import annotations

from pathlib import Path

from midirnn.errors import PluginError, RunError
from midirnn.plugin.border import blamed_on
from midirnn.plugin.choice import PluginChoice
from midirnn.plugin.interfaces import Model
from midirnn.plugin.manager import plugin_manager
from midirnn.run.folder import Run

FIRST = "start"
"""Of several models, the one that is taken where none is named."""


def find_run(text: str | Path | None = None) -> Run:
    """Return the run that ``text`` means: its folder, or the name of a model that is installed.

    A run folder goes before a model of the same name. Without ``text`` it is the only model, or
    of several the one called ``start``. Raises :class:`RunError` where there is none, and
    :class:`PluginError` where a model is broken. Takes no TensorFlow along.
    """
    if text is None:
        name = default_model()
        if name is None and FIRST in {each.entry_point for each in plugin_manager().broken}:
            name = FIRST  # which tells what is wrong with it
        if name is None:
            several = model_names()
            raise RunError(
                f"there are several models ({', '.join(several)}): name one"
                if several
                else "no run was named, and no model is installed: pip install midirnn-start "
                "brings one, midirnn train makes a run"
            )
        return Run(model_folder(name))
    run, name, names = Run(Path(text)), str(text), model_names()
    if run.started:
        return run
    if name in names or name in {each.entry_point for each in plugin_manager().broken}:
        return Run(model_folder(name))
    if not run.folder.exists():
        listed = f"there are: {', '.join(names)}" if names else "none is installed"
        raise RunError(
            f"there is no run folder {name}, nor a model of that name ({listed}); "
            "midirnn train makes a run"
        )
    return run


def model_names() -> list[str]:
    """Return the names of the models that are installed."""
    return [each.name for each in plugin_manager().registered("model")]


def default_model() -> str | None:
    """Return the model that is taken where none is named; None where none can be."""
    names = model_names()
    if len(names) == 1:
        return names[0]
    return FIRST if FIRST in names else None


def model_folder(name: str) -> Path:
    """Return the run folder of an installed model."""
    return folder_of(plugin_manager().create("model", PluginChoice(name=name)))


def folder_of(model: Model) -> Path:
    """Return a model's run folder; raises :class:`PluginError` where it has none."""
    with blamed_on(model):
        folder = model.folder()
    if not isinstance(folder, Path) or not Run(folder).started:
        raise PluginError(f"{model.name}: its folder {folder} is no run folder; install it again")
    return folder
