"""Bank: the layouts of a world, each made when it is first needed."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray


class Bank:
    """The layouts of one kind; what has been made of them never changes.

    Deep copies of a world share it; a pickle holds what it is made from, and no layouts.

    Attributes:
        layouts: (L,) records of the world's layout.
        made: (L,) which of them have been made.

    Args:
        make: Returns one layout as a () record, given the kind, a number and the constants.
        layout: Of a layout's record.
        kind: What layouts they are, by name: ``{"level": 4, "split": "train"}``.
        count: How many.
        constants: Of the world, one record.
    """

    def __init__(
        self,
        make: Callable[..., NDArray],
        layout: np.dtype,
        kind: dict[str, int | str],
        count: int,
        constants: NDArray,
    ):
        self._make, self._kind, self._constants = make, kind, constants
        self.layouts = np.zeros(count, layout)
        self.made = np.zeros(count, bool)

    @property
    def words(self) -> str:
        """What layouts they are: ``"level 4, split train"``."""
        return ", ".join(f"{name} {value}" for name, value in self._kind.items())

    def make(self, wanted: Iterable[int]) -> None:
        """Make those of the wanted layouts that have not been made yet."""
        for index in wanted:
            if not self.made[index]:
                self.layouts[index] = self._make(
                    **self._kind, index=int(index), constants=self._constants[0]
                )
                self.made[index] = True

    def __deepcopy__(self, memo: dict) -> "Bank":
        return self

    def __reduce__(self):
        made_of = (self._make, self.layouts.dtype, self._kind, len(self.layouts))
        return Bank, (*made_of, self._constants)
