"""What the avatar's own eyes would see: the ground in true perspective, walls, horizon.

One ray per pixel, all at once in NumPy. A ray meets the floor where its slope says so, unless a
wall stands nearer in that compass direction. Lengths are in cells, angles in radians.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FIELD_OF_VIEW = math.radians(84.0)  # across the picture
WALL_HEIGHT = 3.2  # cells
SKIRTING = 0.22
DIRECTIONS = 1440  # compass directions in which walls are looked for
_FARTHEST = 60.0
_SHARP_UNTIL = 4.0  # beyond, the coarser ground is used, or floor tiles would flicker

_HAZE = np.array((176, 184, 205), np.float32)
_WALLS = np.array(((126, 137, 168), (109, 120, 151)), np.float32)  # facing east-west, north-south
_SKIRTINGS = np.float32(0.72)
_CEILING_NEAR = np.array((47, 55, 78), np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Eye:
    """Where an eye is and how it looks; x, y in padded cells, south being +y."""

    x: float
    y: float
    height: float
    yaw: float  # 0 east, growing clockwise
    pitch: float  # above the horizon
    roll: float  # head tilted to the right


@dataclass(frozen=True, slots=True)
class Ground:
    """The floor seen from above, sharp and coarse: (pixels, pixels, 3) uint8 each."""

    sharp: NDArray[np.uint8]
    coarse: NDArray[np.uint8]
    left: int  # padded cell at the picture's edge; the room is square
    cells: int

    def colours(self, x, y, sharp: bool) -> NDArray[np.uint8]:
        """Return (n, 3) uint8, the floor's colours at padded places."""
        picture = self.sharp if sharp else self.coarse
        size = picture.shape[0]
        column = np.clip((x - self.left) * (size / self.cells), 0, size - 1).astype(np.int32)
        row = np.clip((y - self.left) * (size / self.cells), 0, size - 1).astype(np.int32)
        return picture[row, column]


class View:
    """A picture of fixed size through an eye."""

    def __init__(self, width: int, height: int):
        self.width, self.height = width, height
        self.focal = width / 2.0 / math.tan(FIELD_OF_VIEW / 2.0)
        across = (np.arange(width, dtype=np.float32) + 0.5 - width / 2.0) / self.focal
        down = (np.arange(height, dtype=np.float32) + 0.5 - height / 2.0) / self.focal
        self._across, self._down = np.meshgrid(across, down)

    def picture(self, eye: Eye, ground: Ground, is_wall: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Return (height, width, 3) uint8.

        Args:
            eye: Whose sight it is.
            ground: The floor's picture.
            is_wall: (cells, cells) by [y, x], padded; true beyond the room as well.
        """
        east, south, up = self._rays(eye)
        level = np.sqrt(east * east + south * south) + np.float32(1e-6)
        slope = up / level
        turn = np.arctan2(south, east) * np.float32(DIRECTIONS / math.tau)
        direction = turn.astype(np.int32) % DIRECTIONS
        to_wall, faces = distances_to_walls(eye.x, eye.y, is_wall)
        wall_at = to_wall[direction]
        to_floor = np.where(slope < -1e-4, -eye.height / np.minimum(slope, -1e-4), _FARTHEST)
        height = eye.height + slope * wall_at
        picture = self._walls(height, faces[direction])
        _mist(picture, wall_at)
        over = height > WALL_HEIGHT
        picture[over] = _ceiling(slope[over])
        on_floor = to_floor < wall_at
        reach = to_floor[on_floor] / level[on_floor]
        x, y = eye.x + east[on_floor] * reach, eye.y + south[on_floor] * reach
        picture[on_floor] = _floor(x, y, to_floor[on_floor], ground)
        return picture.astype(np.uint8)

    def spot(self, eye: Eye, x: float, y: float, height: float) -> tuple[float, float, float]:
        """Return (column, row, depth) at which a point shows; depth at most 0 is behind."""
        forward, right, down = _axes(eye)
        away = np.array((x - eye.x, y - eye.y, height - eye.height))
        depth = float(away @ forward)
        nearest = max(depth, 1e-3)
        across, below = float(away @ right) / nearest, float(away @ down) / nearest
        cosine, sine = math.cos(eye.roll), math.sin(eye.roll)
        column = (across * cosine + below * sine) * self.focal + self.width / 2.0
        row = (below * cosine - across * sine) * self.focal + self.height / 2.0
        return column, row, depth

    def _rays(self, eye: Eye):
        cosine, sine = np.float32(math.cos(eye.roll)), np.float32(math.sin(eye.roll))
        across = self._across * cosine - self._down * sine
        below = self._down * cosine + self._across * sine
        forward, right, down = (axis.astype(np.float32) for axis in _axes(eye))
        return (forward[i] + across * right[i] + below * down[i] for i in range(3))

    @staticmethod
    def _walls(height, faces) -> NDArray[np.float32]:
        colours = _WALLS[faces]
        colours[height < SKIRTING] *= _SKIRTINGS
        return colours


def _axes(eye: Eye):
    """Return the unit vectors forward, right and down of a head that is not rolled."""
    cosine, sine = math.cos(eye.pitch), math.sin(eye.pitch)
    east, south = math.cos(eye.yaw), math.sin(eye.yaw)
    forward = np.array((cosine * east, cosine * south, sine))
    right = np.array((-south, east, 0.0))
    down = np.array((sine * east, sine * south, -cosine))
    return forward, right, down


def _mist(colours, distance) -> None:
    """Let what is far fade, in place."""
    share = np.minimum(distance * np.float32(0.045), np.float32(0.75))[..., None]
    colours += (_HAZE - colours) * share


def _ceiling(slope) -> NDArray[np.float32]:
    share = np.clip(1.0 - slope * np.float32(0.9), 0.0, 0.8)[..., None].astype(np.float32)
    return _CEILING_NEAR + (_HAZE - _CEILING_NEAR) * share


def _floor(x, y, distance, ground: Ground) -> NDArray[np.float32]:
    colours = np.empty((len(x), 3), np.float32)
    near = distance < _SHARP_UNTIL
    colours[near] = ground.colours(x[near], y[near], sharp=True)
    colours[~near] = ground.colours(x[~near], y[~near], sharp=False)
    _mist(colours, distance)
    return colours


def distances_to_walls(x: float, y: float, is_wall: NDArray[np.bool_]):
    """Return how far the walls are, and which way they face, in `DIRECTIONS` compass directions.

    Args:
        x: Place to look from, in padded cells.
        y: Likewise.
        is_wall: (cells, cells) by [y, x]; rays end at its border at the latest.

    Returns:
        Distances (DIRECTIONS,) float32, and (DIRECTIONS,) int8: 0 for a wall met going east or
        west, 1 going north or south.
    """
    angles = np.arange(DIRECTIONS) * (math.tau / DIRECTIONS)
    east, south = np.cos(angles), np.sin(angles)
    across = _first_wall(x, y, east, south, is_wall)
    along = _first_wall(y, x, south, east, is_wall.T)
    nearest = np.minimum(np.minimum(across, along), _FARTHEST)
    return nearest.astype(np.float32), (along < across).astype(np.int8)


def _first_wall(x, y, step_x, step_y, is_wall) -> NDArray[np.float64]:
    """Return the distance to the first wall entered through a line x = integer."""
    size = is_wall.shape[0]
    sign = np.where(step_x < 0.0, -1, 1)[:, None]
    lines = math.floor(x) + (sign > 0) + sign * np.arange(size // 2 + 6)
    speed = np.where(np.abs(step_x) < 1e-9, 1e-9, step_x)[:, None]
    distance = (lines - x) / speed
    column = lines - (sign < 0)
    row = np.floor(y + distance * step_y[:, None]).astype(np.int64)
    inside = (column >= 0) & (column < size) & (row >= 0) & (row < size)
    met = is_wall[np.clip(row, 0, size - 1), np.clip(column, 0, size - 1)]
    distance = np.where((inside & met) & (distance >= 0.0), distance, _FARTHEST)
    return distance.min(axis=1)
