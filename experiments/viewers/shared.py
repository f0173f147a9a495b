"""What a replay page holds many times, kept once: lines of prompts, and cells that are seen.

Prompts of a run share most of their lines, and views most of their cells. A page has one list of
each, and says of a prompt or a view by numbers which of them it is made of.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

_FIRST = ord("=")  # the first letter of a view: "<", before it, takes six in a data block


class SharedLines:
    r"""Texts as numbers of their lines.

    >>> lines = SharedLines()
    >>> lines.add("so\nit goes"), lines.add("so\nso")
    ([0, 1], [0, 0])
    >>> lines.all
    ['so', 'it goes']
    """

    def __init__(self):
        self._numbers: dict[str, int] = {}

    def add(self, text: str) -> list[int]:
        """Return the numbers of a text's lines; what was not there before is added."""
        return [self._numbers.setdefault(line, len(self._numbers)) for line in text.split("\n")]

    @property
    def all(self) -> list[str]:
        """Every line, by its number."""
        return list(self._numbers)


class SharedCells:
    """Views as words, of which each letter is a cell: object, color << 8 and state << 16.

    >>> cells = SharedCells()
    >>> cells.add(np.array([[[1, 0, 0], [5, 2, 0]], [[1, 0, 0], [1, 0, 0]]], np.uint8))
    '==>='
    >>> cells.all
    [1, 517]
    """

    def __init__(self):
        self._letters: dict[int, str] = {}

    def add(self, image: NDArray[np.uint8]) -> str:
        """Return the word of an image (7, 7, 3), row by row from the farthest, left to right."""
        object_type, color, state = image.astype(np.int64).transpose(2, 1, 0)
        return "".join(map(self._letter, (object_type | color << 8 | state << 16).flat))

    def _letter(self, cell: np.int64) -> str:
        return self._letters.setdefault(int(cell), chr(_FIRST + len(self._letters)))

    @property
    def all(self) -> list[int]:
        """Every cell, in the order of the letters from "="."""
        return list(self._letters)


def compact(numbers: Iterable[int]) -> list[int | list[int]]:
    """Return numbers with runs of three and more that count up as ``[first, last]``.

    >>> compact([4, 5, 6, 7, 2, 3, 9])
    [[4, 7], 2, 3, 9]
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    found: list[int | list[int]] = []
    for run in runs:
        found += [[run[0], run[-1]]] if len(run) > 2 else run
    return found
