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
DIRECTIONS = 720  # compass directions in which walls are looked for
_FARTHEST = 60.0
_CLOSE_UNTIL = 1.4  # so near, single pixels of the floor would be seen
_SHARP_UNTIL = 4.0  # beyond, the coarser ground is used, or floor tiles would flicker

_HAZE = np.array((150, 160, 190), np.float32)
_WALLS = np.array(((118, 129, 161), (100, 111, 143)), np.float32)  # facing east-west, north-south
_PANELLING = 1.45  # up to here a wall is a little darker
_ABOVE_PANELLING = np.float32(1.16)
_WALL_FOOT = np.float32(0.86)  # light there, of what there is at the top
_SEAM = 0.03  # between boards, in boards; two boards a cell
_SEAM_SHADE = np.float32(0.9)
_STRIPE_LIGHT = np.float32(1.05)  # of the wallpaper's lozenges
_SKIRTING_SHADE = np.float32(0.66)
_CEILING_NEAR = np.array((47, 55, 78), np.float32)
_BEAM = 0.09  # half its width; beams run every two cells
_BEAM_SHADE = np.float32(0.82)
_LIT = np.array((0.97, 0.95, 0.93), np.float32)  # the floor, as lamps show it


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
    left: int  # padded cell in the picture's upper left corner
    top: int
    cells: int  # along each side

    def colours(self, x, y, sharp: bool) -> NDArray[np.uint8]:
        """Return (n, 3) uint8, the floor's colours at padded places."""
        picture = self.sharp if sharp else self.coarse
        column, row = self._pixels(x, y, picture)
        return picture[row.astype(np.int32), column.astype(np.int32)]

    def close_up(self, x, y) -> NDArray[np.float32]:
        """Return (n, 3) float32, the floor's colours where pixels would show: blended."""
        picture = self.sharp
        column, row = self._pixels(x, y, picture)
        left, top = column.astype(np.int32), row.astype(np.int32)
        right = np.minimum(left + 1, picture.shape[0] - 1)
        below = np.minimum(top + 1, picture.shape[0] - 1)
        across, down = (column - left)[:, None], (row - top)[:, None]
        upper = picture[top, left] * (1.0 - across) + picture[top, right] * across
        lower = picture[below, left] * (1.0 - across) + picture[below, right] * across
        return (upper * (1.0 - down) + lower * down).astype(np.float32)

    def _pixels(self, x, y, picture) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        last, scale = picture.shape[0] - 1, picture.shape[0] / self.cells
        column = np.clip((x - self.left) * scale, 0, last)
        return column, np.clip((y - self.top) * scale, 0, last)


class View:
    """A picture of fixed size through an eye, indoors; elsewhere a subclass draws what is seen."""

    wall_height = WALL_HEIGHT  # cells; above eyes

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
        to_wall, face = _walls_met(east, south, *distances_to_walls(eye.x, eye.y, is_wall))
        to_floor = np.where(slope < -1e-4, -eye.height / np.minimum(slope, -1e-4), _FARTHEST)
        height = eye.height + slope * to_wall
        floor, ceiling = to_floor < to_wall, height > self.wall_height
        wall = ~(floor | ceiling)
        picture = np.empty((self.height, self.width, 3), np.uint8)
        reach = (self.wall_height - eye.height) / up[ceiling]
        x, y = eye.x + east[ceiling] * reach, eye.y + south[ceiling] * reach
        picture[ceiling] = self._overhead(x, y, slope[ceiling])
        x, y = eye.x + east / level * to_wall, eye.y + south / level * to_wall
        picture[wall] = self._upright(face[wall], x[wall], y[wall], height[wall], to_wall[wall])
        reach = to_floor[floor] / level[floor]
        x, y = eye.x + east[floor] * reach, eye.y + south[floor] * reach
        picture[floor] = self._underfoot(x, y, to_floor[floor], ground)
        return picture

    def _overhead(self, x, y, slope) -> NDArray[np.float32]:
        """Return (n, 3), what is seen above the walls."""
        return _ceiling(x, y, slope)

    def _upright(self, face, x, y, height, distance) -> NDArray[np.float32]:
        """Return (n, 3), what is seen of walls at these places."""
        return _wall(face, np.where(face == 0, y, x), height, distance)

    def _underfoot(self, x, y, distance, ground: Ground) -> NDArray[np.float32]:
        """Return (n, 3), what is seen of the ground at these places."""
        return floor_seen(x, y, distance, ground)

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


def _axes(eye: Eye):
    """Return the unit vectors forward, right and down of a head that is not rolled."""
    cosine, sine = math.cos(eye.pitch), math.sin(eye.pitch)
    east, south = math.cos(eye.yaw), math.sin(eye.yaw)
    forward = np.array((cosine * east, cosine * south, sine))
    right = np.array((-south, east, 0.0))
    down = np.array((sine * east, sine * south, -cosine))
    return forward, right, down


def _walls_met(east, south, distances, faces):
    """Return the distance to the wall and its face along each ray.

    Between two compass directions it is the inverse of the distance that runs straight.
    """
    turn = np.arctan2(south, east) * np.float32(DIRECTIONS / math.tau) + np.float32(DIRECTIONS)
    lower = turn.astype(np.int32)
    share = turn - lower
    lower %= DIRECTIONS
    inverse = np.float32(1.0) / distances
    growth = np.roll(inverse, -1) - inverse
    return np.float32(1.0) / (inverse[lower] + growth[lower] * share), faces[lower]


def fade(colours, distance, haze=_HAZE) -> None:
    """Let what is far fade, in place."""
    share = np.minimum(distance * np.float32(0.04), np.float32(0.7))[..., None]
    colours += (haze - colours) * share


def _wall(face, along, height, distance) -> NDArray[np.float32]:
    colours = _WALLS[face] * (_WALL_FOOT + (1.0 - _WALL_FOOT) * height / WALL_HEIGHT)[:, None]
    low = height < _PANELLING
    colours[low & (along * 2.0 % 1.0 < _SEAM)] *= _SEAM_SHADE
    colours[~low & ((along + height) * 2.0 % 1.0 < _SEAM)] *= _STRIPE_LIGHT
    colours[~low & ((along - height) * 2.0 % 1.0 < _SEAM)] *= _STRIPE_LIGHT
    colours[np.abs(height - _PANELLING) < _SEAM] *= _SEAM_SHADE
    colours[height < SKIRTING] *= _SKIRTING_SHADE
    colours[height > _PANELLING] *= _ABOVE_PANELLING
    fade(colours, distance)
    return colours


def _ceiling(x, y, slope) -> NDArray[np.float32]:
    share = np.clip(1.0 - slope * np.float32(0.9), 0.0, 0.8)[..., None].astype(np.float32)
    colours = _CEILING_NEAR + (_HAZE - _CEILING_NEAR) * share
    beam = np.abs(x - np.rint(x * 0.5) * 2.0) < _BEAM
    colours[beam | (np.abs(y - np.rint(y * 0.5) * 2.0) < _BEAM)] *= _BEAM_SHADE
    return colours


def floor_seen(x, y, distance, ground: Ground, haze=_HAZE) -> NDArray[np.float32]:
    """Return (n, 3), the ground as it looks from so far, fading into the haze."""
    colours = np.empty((len(x), 3), np.float32)
    close, far = distance < _CLOSE_UNTIL, distance >= _SHARP_UNTIL
    between = ~(close | far)
    colours[close] = ground.close_up(x[close], y[close])
    colours[between] = ground.colours(x[between], y[between], sharp=True)
    colours[far] = ground.colours(x[far], y[far], sharp=False)
    colours *= _LIT
    fade(colours, distance, haze)
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
