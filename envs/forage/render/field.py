"""The field from above: grass and hedges, plants with what is ripe on them, the fire, the night."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import pygame

from envs.engine.render.ink import BAD, HELP, WHITE, Colour, Point, Sheet, stamp_centred, text
from envs.forage.render import glyphs
from envs.forage.render.light import Light, light_of
from envs.forage.vocabulary import FOODS, Object, Verdict, said_words
from envs.trip.dynamics import HANDS, front_of
from envs.trip.render import figures
from envs.trip.render.glyphs import CELL, Joins
from envs.trip.render.room import (
    MAP,
    DrawnRoom,
    FloorPlan,
    MapPainter,
    Rooms,
    brackets,
    draw_room,
    place_of,
)

_GRASS = ((150, 190, 104), (143, 184, 99))
_BLADES = ((126, 168, 84), (168, 205, 122), (136, 178, 92), (182, 212, 134))
_TONES = MappingProxyType(
    {Verdict.ILLNESS: BAD, Verdict.NO_USE: (104, 112, 132)}
)  # of what is said
_BURNED_ABOVE = 0.1  # pain of the hands
_USABLE = (*FOODS, Object.SPRING, Object.FIRE, Object.BED)
_FINE = 5  # steps of light in a cell


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnField(DrawnRoom):
    """What of a field never changes, and where that is which does."""

    plants: tuple[tuple[int, int, int, int], ...]  # kind, color, x, y
    fire: Point  # the middle of its cell


class Fields(Rooms):
    """Draws each field once and keeps the last few."""

    def _draw(self, layout) -> DrawnField:
        room = draw_room(layout["cells"], _Meadow)
        parts = {part.name: getattr(room, part.name) for part in fields(DrawnRoom)}
        fire = (int(layout["fire_x"]) + 0.5, int(layout["fire_y"]) + 0.5)
        return DrawnField(**parts, plants=tuple(_plants_of(room, layout)), fire=fire)


def _plants_of(room: DrawnRoom, layout) -> Iterator[tuple[int, int, int, int]]:
    for x, y in zip(layout["plant_x"].tolist(), layout["plant_y"].tolist(), strict=True):
        yield int(room.objects[y, x]), int(room.colors[y, x]), x, y


class _Meadow(FloorPlan):
    """Draws the unchanging part of a field."""

    def fixed(self) -> Iterable[int]:
        return (Object.WALL, Object.SPRING, Object.BED)

    def rising(self) -> Iterable[int]:
        return (Object.SPRING, Object.BED)

    def sheet(self, kind: int, color: int, joins: Joins, variant: int) -> pygame.Surface:
        if kind not in self.fixed():
            return super().sheet(kind, color, joins, variant)
        return glyphs.from_above(kind, color, joins, variant, self._cell / CELL)

    def draw_ground(self) -> None:
        """Draw grass, in two tones."""
        for row in range(self._top, self._top + self._cells):
            for column in range(self._left, self._left + self._cells):
                box = (*self._corner(row, column), self._cell, self._cell)
                self.surface.fill(_GRASS[(column + row) % 2], box)
        for row in range(self._top, self._top + self._cells):
            for column in range(self._left, self._left + self._cells):
                self._draw_blades(row, column)

    def _draw_blades(self, row: int, column: int) -> None:
        """Draw blades of grass on a cell, the same ones each time."""
        x, y = self._corner(row, column)
        for i in range(22):
            blade = (column * 73 + row * 151 + i * i * 37 + i * 11) % 997
            across = x + round((0.7549 * blade) % 1.0 * self._cell)
            down = y + round((0.5698 * blade + 0.31 * i) % 1.0 * self._cell)
            tip = (across + blade % 5 - 2, down - 4 - blade % 4)
            pygame.draw.line(self.surface, _BLADES[blade % 4], (across, down), tip, 2)


class FieldPainter(MapPainter):
    """Draws the field, which is a `DrawnField`, with everything that moves and grows in it.

    Args:
        rules: Record of the world's constants.
    """

    def __init__(self, rules):
        super().__init__(float(rules["sight_cells"]))
        self._rules = rules

    def _seen(self, room: Any, body) -> list[tuple[int, int]]:
        seen = super()._seen(room, body)
        if light_of(body, room.fire, self._rules) is None:
            return seen
        lights = (
            ((int(body["x"]), int(body["y"])), self._rules["dark_sees"]),
            ((int(room.fire[0]), int(room.fire[1])), self._rules["fire_cells"]),
        )
        return [cell for cell in seen if any(_apart(cell, at) <= far for at, far in lights)]

    def _paint_own(self, surface: pygame.Surface, room: Any, body) -> None:
        for (kind, color, x, y), ripe in zip(room.plants, body["ripe"].tolist(), strict=True):
            sheet = glyphs.plant(kind, color, ripe, room.zoom)
            stamp_centred(surface, sheet, room.on_map(x + 0.5, y + 0.5))
        sheet = glyphs.fire(int(body["tick"]) // 2 % 3, room.zoom)
        stamp_centred(surface, sheet, room.on_map(*room.fire))
        x, y = front_of(body)
        if body["use_ticks"] > 0 and room.objects[y, x] in _USABLE:
            stamp_centred(surface, brackets(room.zoom), room.on_map(x + 0.5, y + 0.5))

    def _paint_avatar(self, surface: pygame.Surface, room: Any, body) -> None:
        super()._paint_avatar(surface, room, body)
        middle = room.on_map(*place_of(body))
        if body["pain"][HANDS] > _BURNED_ABOVE:
            stamp_centred(surface, _sting(room.zoom), _hands_of(body, room, middle))
        if body["ill_ticks"] > 0:
            stamp_centred(surface, _queasy(int(body["tick"]) // 5 % 3, room.zoom), middle)
        x, y = front_of(body)
        if body["use_ticks"] > 0 and room.objects[y, x] == Object.BED:
            stamp_centred(surface, _asleep(int(body["tick"]) // 5 % 3, room.zoom), middle)

    def _paint_light(self, surface: pygame.Surface, room: Any, body) -> None:
        if light := light_of(body, room.fire, self._rules):
            veil = _veil(light, room)
            surface.blit(veil, (0, 0), special_flags=pygame.BLEND_MULT)

    def _said(self, tokens) -> tuple[str, Colour]:
        return said_words(tokens), _TONES.get(Verdict(int(tokens[1])), HELP)


def _apart(one: tuple[int, int], other: tuple[int, int]) -> int:
    return max(abs(one[0] - other[0]), abs(one[1] - other[1]))


def _veil(light: Light, room: Any) -> pygame.Surface:
    """Return what the map is multiplied by, MAP x MAP pixels."""
    steps = room.cells * _FINE
    along = (np.arange(steps) + 0.5) / _FINE
    x, y = np.meshgrid(room.left + along, room.top + along, indexing="ij")
    small = pygame.Surface((steps, steps), depth=32)
    pygame.surfarray.blit_array(small, light.at(x, y) * 255.0)
    return pygame.transform.smoothscale(small, (MAP, MAP))


# ---- How the avatar is ----


def _hands_of(body, room: Any, middle: Point) -> Point:
    """Return where on the map the avatar's hands are."""
    half = figures.FIGURE * room.zoom / 2.0
    x, y = figures.held_at(body, room.zoom)
    return middle[0] + x - half, middle[1] + y - half


@lru_cache(maxsize=8)
def _sting(zoom: float) -> pygame.Surface:
    """Return what burned hands look like."""
    sheet = Sheet(CELL, CELL, zoom)
    middle = CELL / 2.0
    for x, y in ((0, -1), (0.87, 0.5), (-0.87, 0.5), (0.87, -0.5), (-0.87, 0.5), (0, 1)):
        ends = [(middle + x * reach, middle + y * reach) for reach in (6.0, 11.0)]
        sheet.stroke(ends, WHITE, 4.6)
        sheet.stroke(ends, BAD, 2.6)
    return sheet.finished()


@lru_cache(maxsize=8)
def _queasy(step: int, zoom: float) -> pygame.Surface:
    """Return bubbles that rise from who is ill."""
    sheet = Sheet(2 * CELL, 2 * CELL, zoom)
    for i, (x, y) in enumerate(((52, 30), (60, 22), (56, 12))):
        radius = (4.0, 5.2, 3.4)[(i + step) % 3]
        sheet.disc((x, y), radius + 1.4, WHITE)
        sheet.disc((x, y), radius, (122, 176, 60))
        sheet.disc((x - 1.2, y - 1.4), radius * 0.3, (214, 236, 170))
    return sheet.finished()


@lru_cache(maxsize=8)
def _asleep(step: int, zoom: float) -> pygame.Surface:
    sheet = Sheet(2 * CELL, 2 * CELL, zoom).finished()
    for i, (x, y) in enumerate(((50, 28), (58, 19), (65, 11))[: step + 1]):
        letter = text("z", 13 + 3 * i, WHITE, bold=True)
        stamp_centred(sheet, letter, (x * zoom, y * zoom))
    return sheet
