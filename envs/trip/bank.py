"""Bank: the layouts of a world, each made when it is first needed."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from envs.trip.state import LAYOUT
from envs.trip.worldgen import make_layout


class Bank:
    """The layouts of a level, shift and split; what has been made of them never changes.

    Deep copies of a world share it; a pickle holds what it is made from, and no layouts.

    Attributes:
        layouts: (L,) records of `state.LAYOUT`.
        made: (L,) which of them have been made.

    Args:
        level: See `TripWorld`, as for the others.
        shift: Which shift.
        split: Which split.
        count: How many layouts.
        constants: Of the world, one record.
    """

    def __init__(self, level: int, shift: str, split: str, count: int, constants: NDArray):
        self._kind, self._constants = (level, shift, split), constants
        self.layouts = np.zeros(count, LAYOUT)
        self.made = np.zeros(count, bool)

    def make(self, wanted: Iterable[int]) -> None:
        """Make those of the wanted layouts that have not been made yet."""
        for index in wanted:
            if not self.made[index]:
                self.layouts[index] = make_layout(*self._kind, int(index), self._constants[0])
                self.made[index] = True

    def __deepcopy__(self, memo: dict) -> "Bank":
        return self

    def __reduce__(self):
        return Bank, (*self._kind, len(self.layouts), self._constants)
