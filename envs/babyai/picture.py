"""What a page needs to draw a grid: how everything is at a tick.

Plain numbers and lists, ready for JSON. It is the truth, which only those who watch may see.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.babyai.vocabulary import Thing


def scene_of(grid: NDArray[np.uint8]) -> dict[str, Any]:
    """Return where the rooms of an episode are.

    Args:
        grid: (columns, rows, 3) uint8, as minigrid encodes it.

    Returns:
        ``left`` and ``top``: the cell in the corner of what is shown; ``size``: columns and rows.
    """
    inside = grid[..., 0] != Thing.WALL
    across, down = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    left, top = max(int(across[0]) - 1, 0), max(int(down[0]) - 1, 0)
    right, bottom = int(across[-1]) + 1, int(down[-1]) + 1
    return {"left": left, "top": top, "size": [right - left + 1, bottom - top + 1]}


def state_of(
    grid: NDArray[np.uint8], pose: tuple[int, int, int], held: tuple[int, int]
) -> dict[str, Any]:
    """Return how an avatar and its grid are at one tick.

    Args:
        grid: (columns, rows, 3) uint8, as minigrid encodes it.
        pose: x, y and heading of the avatar.
        held: Thing and skin of what is in hand.

    Returns:
        ``cell``: x, y and heading; ``held``: thing and skin; ``grid``: row by row, thing, skin
        << 8 and state << 16 of the part that `scene_of` names.
    """
    scene = scene_of(grid)
    (left, top), (columns, rows) = (scene["left"], scene["top"]), scene["size"]
    parts = grid[left : left + columns, top : top + rows].astype(np.int64)
    numbers = parts[..., 0] | parts[..., 1] << 8 | parts[..., 2] << 16
    return {
        "cell": [int(number) for number in pose],
        "held": [int(number) for number in held],
        "grid": numbers.T.tolist(),
    }
