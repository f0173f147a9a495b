"""The view through the avatar's eyes outdoors: grass, hedges, sky, and the dark of night."""

from typing import Any

import numpy as np
import pygame
from numpy.typing import NDArray

from envs.engine.render.ink import Colour
from envs.forage.render import glyphs
from envs.forage.render.light import Light, light_of
from envs.forage.vocabulary import Object
from envs.trip.render.eyes import Ground, View, fade, floor_seen
from envs.trip.render.sight import Rising, SightPainter

_HEDGES = np.array(((70, 128, 72), (58, 110, 62)), np.float32)  # facing east-west, north-south
_LEAVES = 11.0  # a cell
_HAZE, _NIGHT_HAZE = np.array((186, 208, 206), np.float32), np.array((16, 20, 38), np.float32)
_SKY, _ZENITH = np.array((196, 220, 240), np.float32), np.array((92, 154, 222), np.float32)
_NIGHT_SKY, _NIGHT_ZENITH = (
    np.array((34, 40, 72), np.float32),
    np.array((12, 14, 30), np.float32),
)


class _Outdoors(View):
    """A picture of a field through an eye; `light` is None by day."""

    wall_height = 2.9
    light: Light | None = None

    def _overhead(self, x, y, slope) -> NDArray[np.float32]:
        low, high = (_NIGHT_SKY, _NIGHT_ZENITH) if self.light else (_SKY, _ZENITH)
        share = np.clip(slope * 1.6, 0.0, 1.0)[..., None].astype(np.float32)
        return low + (high - low) * share

    def _upright(self, face, x, y, height, distance) -> NDArray[np.float32]:
        along = np.where(face == 0, y, x)
        leaf = np.floor(along * _LEAVES) * 12.9898 + np.floor(height * _LEAVES) * 78.233
        shade = 0.78 + 0.44 * (np.abs(np.sin(leaf) * 43758.55) % 1.0)
        blurred = np.clip(distance / 9.0, 0.0, 1.0)  # what is far is of one colour
        shade = shade + (1.0 - shade) * blurred
        colours = _HEDGES[face] * (shade * (0.7 + 0.3 * height / self.wall_height))[:, None]
        return self._lit(colours.astype(np.float32), x, y, distance)

    def _underfoot(self, x, y, distance, ground: Ground) -> NDArray[np.float32]:
        if self.light is None:
            return floor_seen(x, y, distance, ground, _HAZE)
        return floor_seen(x, y, distance, ground, _NIGHT_HAZE) * self.light.at(x, y)

    def _lit(self, colours, x, y, distance) -> NDArray[np.float32]:
        if self.light:
            colours *= self.light.at(x, y)
        fade(colours, distance, _NIGHT_HAZE if self.light else _HAZE)
        return colours


class FieldSight(SightPainter):
    """Paints the view through the eyes on a field.

    Args:
        width: In pixels.
        height: In pixels.
        fall_at_leg: A body falls when it leans forward by this much of its leg length.
        side_share: It falls sideways at this share of that.
        rules: Record of the world's constants.
    """

    _view: _Outdoors

    def __init__(self, width: int, height: int, fall_at_leg: float, side_share: float, rules):
        super().__init__(width, height, fall_at_leg, side_share)
        self._rules = rules

    def _new_view(self, width: int, height: int) -> View:
        return _Outdoors(width, height)

    def paint(self, surface: pygame.Surface, room: Any, body, objects) -> None:
        """Draw onto a surface of the size given."""
        self._view.light = light_of(body, room.fire, self._rules)
        super().paint(surface, room, body, objects)

    def _rising(self, room: Any, body, objects) -> list[Rising]:
        plants = zip(room.plants, body["ripe"].tolist(), strict=True)
        grown = [(kind, color, ripe, x + 0.5, y + 0.5) for (kind, color, x, y), ripe in plants]
        fire = (int(Object.FIRE), 0, int(body["tick"]) // 2 % 3, *room.fire)
        return [*super()._rising(room, body, objects), *grown, fire]

    def _sheet(self, kind: int, color: int, state: int, x: float, y: float) -> pygame.Surface:
        sheet = glyphs.upright(kind, color, state)
        if self._view.light is None or kind == Object.FIRE:
            return sheet
        return _dimmed(sheet, tuple(self._view.light.at(x, y) * 255.0))


def _dimmed(sheet: pygame.Surface, light: Colour) -> pygame.Surface:
    dim = sheet.copy()
    dim.fill([round(share) for share in light], special_flags=pygame.BLEND_RGB_MULT)
    return dim
