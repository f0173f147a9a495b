"""Where something was, as a body would say it: in cells from where its episode began."""

from collections.abc import Sequence

from body.types import Percept
from experiments.ground_truth.graph import Fact
from mind.reasoning.narration import place_words

EAST, SOUTH = (1, 0, -1, 0), (0, 1, 0, -1)  # by heading: east, south, west, north


def cells_from(start: Sequence[int], position: Sequence[int]) -> tuple[int, int]:
    """Return cells ahead and to the right of a start, as somebody stood there.

    Args:
        start: Column, row and heading.
        position: Column and row.
    """
    column, row, heading = (int(number) for number in start)
    east, south = int(position[0]) - column, int(position[1]) - row
    ahead = east * EAST[heading] + south * SOUTH[heading]
    aside = (heading + 1) % 4
    return ahead, east * EAST[aside] + south * SOUTH[aside]


def place_of(start: Sequence[int], position: Sequence[int], now: Percept) -> Fact:
    """Return where a body is, and whether its own reckoning is right about it."""
    where = cells_from(start, position)
    return Fact(value=place_words(*where), sensed=where == tuple(now.position.tolist()))
