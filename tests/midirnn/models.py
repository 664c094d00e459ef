"""A distribution that carries a network with random weights, for tests of what models are for."""

import importlib.metadata
import sys
from pathlib import Path

import pytest
from networks import DENSE, HIDDEN, START, weights

from midirnn.corpus.reading import Corpus
from midirnn.plugin.manager import plugin_manager
from midirnn.run.card import TO_SAY
from midirnn.run.export import export_run
from midirnn.run.folder import Run
from midirnn.settings.resolve import resolve

SIZES = {"hidden_size": HIDDEN, "dense_size": DENSE}

PLUGIN = '''
from pathlib import Path
from midirnn.plugin import Model, hookimpl

class Tiny(Model):
    """Plays at random."""

    name = "{name}"

    def folder(self):
        return Path(__file__).parent / "{name}-model"

@hookimpl
def midirnn_register_models():
    return [Tiny]
'''


def source_run(folder: Path, seed: int = 0, **settings: object) -> Run:
    """A run as training leaves one, of a network that plays notes."""
    run = Run(folder)
    folder.mkdir(parents=True)
    run.save_config(resolve(None, {"model": SIZES, **settings}))
    run.save_starts(START)
    corpus = Corpus([START], [Path("a.mid")], [], validation=[START])
    run.save_corpus(corpus.report())
    optimizer = {"0": weights(0)["fork/bias"]}  # which nobody needs who does not go on
    run.checkpoints.save(3, 1.5, {"weights": weights(seed), "optimizer": optimizer})
    return run


def install(site: Path, name: str, seed: int = 0) -> Path:
    """Put a distribution with the model ``name`` into ``site``; return the model's folder."""
    folder = site / f"{name}-model"
    made = export_run(source_run(site / f"{name}-source", seed), folder)
    made.run.save_card(made.run.card().replace(TO_SAY, "MIT; nobody's songs"))
    module = f"{name}_module"
    (site / f"{module}.py").write_text(PLUGIN.format(name=name))
    info = site / f"midirnn_{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: midirnn-{name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[midirnn]\n{name} = {module}\n")
    return folder


ONLY_THESE = """
import importlib.metadata, sys
sys.path.insert(0, {site!r})
importlib.metadata.entry_points = lambda group: [
    each for of in importlib.metadata.distributions(path=[{site!r}]) for each in of.entry_points
]
"""
"""Lets a new process find the plugins in ``site``, and no others but those built in."""


def only_these(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process find the plugins in ``site`` only; the caller clears the manager again."""
    found = importlib.metadata.distributions(path=[str(site)])
    points = [each for distribution in found for each in distribution.entry_points]
    monkeypatch.syspath_prepend(site)
    for each in points:  # another test's module of the same name
        monkeypatch.delitem(sys.modules, each.value, raising=False)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points)
    plugin_manager.cache_clear()
