"""Which lanes of the whole batch a replica has, and randomness that does not depend on that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True, slots=True, eq=False)
class Share:
    """A replica's lanes: ``lanes`` of them from ``first`` (a scalar) on, of ``of`` altogether."""

    # Not a tuple: what Keras knows to be nested must hold tensors only.
    first: tf.Tensor
    lanes: int
    of: int

    def cut(self, whole: tf.Tensor) -> tf.Tensor:
        """Return this replica's lanes of what was made for all of them."""
        return whole[self.first : self.first + self.lanes]

    def changed(
        self, change: Callable[..., Sequence[tf.Tensor]], *tensors: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        """Return what ``change`` makes of these lanes among all, the others being zeros.

        What it draws at random it draws for the whole batch: a lane gets the same numbers however
        many replicas there are.
        """
        after = self.of - self.first - self.lanes
        whole = [
            tf.pad(each, [[self.first, after]] + [[0, 0]] * (each.shape.rank - 1))
            for each in tensors
        ]
        return tuple(self.cut(each) for each in change(*whole))
