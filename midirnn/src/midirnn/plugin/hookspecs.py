"""The hooks: each registers classes, nothing more. Configuration selects, orders and sets them."""

from collections.abc import Iterable

import pluggy

from midirnn.plugin.interfaces import Augmentation, LossTerm, Model, Sink, Source

PROJECT = "midirnn"
"""The name that pluggy's markers and the entry-point group share."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def midirnn_register_augmentations() -> Iterable[type[Augmentation]]:  # type: ignore[empty-body]
    """Return the augmentation classes that this plugin offers to ``--augment``."""


@hookspec
def midirnn_register_losses() -> Iterable[type[LossTerm]]:  # type: ignore[empty-body]
    """Return the loss term classes that this plugin offers to ``--loss``."""


@hookspec
def midirnn_register_sinks() -> Iterable[type[Sink]]:  # type: ignore[empty-body]
    """Return the sink classes that this plugin offers to ``--sink``."""


@hookspec
def midirnn_register_sources() -> Iterable[type[Source]]:  # type: ignore[empty-body]
    """Return the source classes that this plugin offers to ``jam --in``."""


@hookspec
def midirnn_register_models() -> Iterable[type[Model]]:  # type: ignore[empty-body]
    """Return the trained networks that this plugin offers to ``generate`` and ``train --from``."""
