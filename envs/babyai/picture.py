"""What a page needs to draw a grid: how everything is at a tick.

Plain numbers and lists, ready for JSON. It is the truth, which only those who watch may see.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.babyai.vocabulary import Object


def scene_of(grid: NDArray[np.uint8]) -> dict[str, Any]:
    """Return where the rooms of an episode are.

    Args:
        grid: (columns, rows, 3) uint8, as minigrid encodes it.

    Returns:
        ``left`` and ``top``: the cell in the corner of what is shown; ``size``: columns and rows.
    """
    left, top, columns, rows = extent(grid)
    return {"left": left, "top": top, "size": [columns, rows]}


def state_of(
    grid: NDArray[np.uint8], pose: tuple[int, int, int], held: tuple[int, int]
) -> dict[str, Any]:
    """Return how an avatar and its grid are at one tick.

    Args:
        grid: (columns, rows, 3) uint8, as minigrid encodes it.
        pose: x, y and heading of the avatar.
        held: Object and color of what is in hand.

    Returns:
        ``cell``: x, y and heading; ``held``: object and color; ``grid``: row by row, object, color
        << 8 and state << 16 of the part that `scene_of` names.
    """
    left, top, columns, rows = extent(grid)
    parts = grid[left : left + columns, top : top + rows].astype(np.int64)
    numbers = parts[..., 0] | parts[..., 1] << 8 | parts[..., 2] << 16
    return {
        "cell": [int(number) for number in pose],
        "held": [int(number) for number in held],
        "grid": numbers.T.tolist(),
    }


def extent(cells: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Return left, top, columns and rows of all that is not wall, and one wall around it."""
    inside = cells[..., 0] != Object.WALL
    across, down = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    left, top = max(int(across[0]) - 1, 0), max(int(down[0]) - 1, 0)
    right = min(int(across[-1]) + 1, cells.shape[0] - 1)
    bottom = min(int(down[-1]) + 1, cells.shape[1] - 1)
    return left, top, right - left + 1, bottom - top + 1
