"""What grows and stands on a field, each with a shape of its own, in its own color.

As `envs.trip.render.glyphs`: from above for the map, and upright for the avatar's eyes.
"""

from collections.abc import Callable
from functools import lru_cache

import pygame

from envs.engine.render.ink import COLORS, WHITE, Colour, Point, Sheet, darker, lighter, mix
from envs.forage.vocabulary import Object
from envs.trip.render import glyphs as trip
from envs.trip.render.glyphs import ALONE, CELL, Joins

_MIDDLE = CELL / 2.0
_SHADE = (40, 60, 25, 70)
_LEAF, _DRY_LEAF = (74, 140, 70), (142, 138, 84)
_HEDGE = (58, 112, 62)
_WOOD, _EARTH, _STONE = (120, 84, 54), (138, 108, 76), (172, 174, 180)
_WATER = (96, 176, 232)
_PLANT = 46  # pixels along each side of a plant's sheet: it spreads a little beyond its cell
_LEAVES = ((10, 0), (5, 9), (-5, 9), (-10, 0), (-5, -9), (5, -9))


# ---- Plants from above; three places for what is ripe ----


def _leaf_of(ripe: int) -> Colour:
    return _LEAF if ripe else mix(_LEAF, _DRY_LEAF, 0.75)


def _rim(colour: Colour) -> Colour:
    """Return what sets a fruit off from leaves, even a green one."""
    return lighter(colour, 0.65)


def _berry(sheet: Sheet, colour: Colour, ripe: int) -> None:
    leaf = _leaf_of(ripe)
    sheet.disc((24, 26.5), 17, _SHADE)
    for dx, dy in _LEAVES:
        sheet.disc((23 + dx * 0.85, 23 + dy * 0.85), 9, darker(leaf, 0.22))
    sheet.disc((23, 23), 13, leaf)
    for dx, dy in _LEAVES[::2]:
        sheet.disc((21.5 + dx * 0.7, 21 + dy * 0.7), 4.5, lighter(leaf, 0.16))
    _hang(sheet, colour, ripe, ((14.5, 18), (31.5, 19.5), (22.5, 32)), _berry_fruit)


def _berry_fruit(sheet: Sheet, colour: Colour, x: float, y: float) -> None:
    for dx, dy in ((-3.6, 1.6), (3.6, 1.6), (0, -3.2)):
        sheet.disc((x + dx, y + dy), 4.6, _rim(colour))
        sheet.disc((x + dx, y + dy), 3.5, colour)
        sheet.disc((x + dx - 1, y + dy - 1.1), 1.1, lighter(colour, 0.8))


def _apple(sheet: Sheet, colour: Colour, ripe: int) -> None:
    leaf = _leaf_of(ripe)
    sheet.disc((25, 27.5), 20, _SHADE)
    sheet.block((20.5, 30, 5, 14), darker(_WOOD, 0.2), 2.0)
    sheet.disc((23, 22), 20, darker(leaf, 0.3))
    sheet.disc((22, 21), 17.5, leaf)
    for x, y, radius in ((14, 13, 6), (27, 12, 5), (30, 25, 5.5), (15, 28, 5)):
        sheet.disc((x, y), radius, lighter(leaf, 0.13))
    _hang(sheet, colour, ripe, ((14, 17), (30.5, 18), (22, 31)), _apple_fruit)


def _apple_fruit(sheet: Sheet, colour: Colour, x: float, y: float) -> None:
    sheet.disc((x, y), 6.4, _rim(colour))
    sheet.disc((x, y), 5.3, colour)
    sheet.disc((x - 1.7, y - 1.8), 1.6, lighter(colour, 0.75))
    sheet.stroke([(x, y - 4.4), (x + 1.5, y - 7.4)], _WOOD, 1.6)


def _mushroom(sheet: Sheet, colour: Colour, ripe: int) -> None:
    sheet.oval((3, 12, 40, 29), _SHADE)
    sheet.oval((4, 10, 38, 28), mix(_EARTH, (110, 130, 70), 0.35))
    sheet.oval((8, 12, 29, 19), mix(_EARTH, (128, 148, 84), 0.35))
    places = ((14, 16), (31, 19), (21, 30))
    for x, y in places[ripe:]:
        sheet.oval((x - 3, y + 2, 6, 4), darker(_EARTH, 0.35))
    _hang(sheet, colour, ripe, places, _mushroom_fruit)


def _mushroom_fruit(sheet: Sheet, colour: Colour, x: float, y: float) -> None:
    sheet.block((x - 2.6, y, 5.2, 9), (236, 226, 206), 2.4)
    sheet.oval((x - 8.6, y - 7.6, 17.2, 12), darker(colour, 0.45))
    sheet.oval((x - 7.6, y - 6.8, 15.2, 10), colour)
    for dx, dy, radius in ((-3.4, -2.6, 1.5), (2.6, -4, 1.3), (2.2, 0, 1.2)):
        sheet.disc((x + dx, y + dy), radius, lighter(colour, 0.82))


def _nut(sheet: Sheet, colour: Colour, ripe: int) -> None:
    leaf = mix(_leaf_of(ripe), (96, 120, 40), 0.45)
    sheet.disc((24, 26), 17, _SHADE)
    for i, (dx, dy) in enumerate(_LEAVES):
        shade = darker(leaf, 0.12 + 0.14 * (i % 2))
        tip, side = (23 + dx * 1.95, 23 + dy * 1.95), (-dy * 0.62, dx * 0.62)
        middle = (23 + dx * 0.8, 23 + dy * 0.8)
        left = (middle[0] + side[0], middle[1] + side[1])
        right = (middle[0] - side[0], middle[1] - side[1])
        sheet.shape([(23, 23), left, tip, right], shade)
        sheet.stroke([(23, 23), tip], lighter(leaf, 0.2), 1.0)
    _hang(sheet, colour, ripe, ((15, 18), (31, 18), (23, 30)), _nut_fruit)


def _nut_fruit(sheet: Sheet, colour: Colour, x: float, y: float) -> None:
    sheet.oval((x - 5.2, y - 4.6, 10.4, 12.8), _rim(colour))
    sheet.oval((x - 4.1, y - 3.6, 8.2, 10.6), colour)
    sheet.disc((x - 1.4, y + 1.4), 1.3, lighter(colour, 0.7))
    sheet.block((x - 5.6, y - 6.4, 11.2, 5.2), darker(_WOOD, 0.3), 2.4)


_Fruit = Callable[[Sheet, Colour, float, float], None]


def _hang(
    sheet: Sheet, colour: Colour, ripe: int, places: tuple[Point, ...], fruit: _Fruit
) -> None:
    """Draw as many fruits as are ripe."""
    for x, y in places[:ripe]:
        fruit(sheet, colour, x, y)


_PLANTS: dict[int, Callable[[Sheet, Colour, int], None]] = {
    Object.BERRY: _berry,
    Object.APPLE: _apple,
    Object.MUSHROOM: _mushroom,
    Object.NUT: _nut,
}


@lru_cache(maxsize=256)
def plant(kind: int, color: int, ripe: int, zoom: float) -> pygame.Surface:
    """Return a plant as the map shows it; a ribbon round its foot tells its color when bare."""
    colour = COLORS[color % len(COLORS)]
    sheet = Sheet(_PLANT, _PLANT, zoom)
    _PLANTS[kind](sheet, colour, ripe)
    if not ripe:
        sheet.ring((23, 23), 8.0, darker(colour, 0.3), 3.6)
        sheet.ring((23, 23), 7.4, colour, 2.2)
    return sheet.finished()


# ---- The rest from above ----


def _hedge(sheet: Sheet, colour: Colour, joins: Joins, variant: int) -> None:
    """A hedge's top, and its front where grass begins to the south of it."""
    del colour
    sheet.block((0, 0, CELL, CELL), _HEDGE)
    for i in range(18):
        x = (0.7549 * (i + 1) + 0.31 * variant) % 1.0 * CELL
        y = (0.5698 * (i + 1) + 0.57 * variant) % 1.0 * CELL
        leaf = (lighter(_HEDGE, 0.14), darker(_HEDGE, 0.18), lighter(_HEDGE, 0.07))[i % 3]
        sheet.disc((x, y), 3.2 + i % 3, leaf)
    if joins[1]:
        return
    sheet.block((0, CELL - 11, CELL, 11), darker(_HEDGE, 0.4))
    for i in range(6):
        sheet.disc((i * 7.4 + 2, CELL - 11), 4.2, (_HEDGE, lighter(_HEDGE, 0.1))[i % 2])


def _spring(sheet: Sheet, colour: Colour, joins: Joins, variant: int) -> None:
    del colour, joins, variant
    sheet.oval((2, 6, 37, 33), _SHADE)
    for i in range(10):
        x, y = _round(i / 10.0, 15.0, 13.5)
        sheet.disc((x, y), 4.4, darker(_STONE, 0.25 + 0.1 * (i % 2)))
        sheet.disc((x - 0.6, y - 0.9), 3.5, lighter(_STONE, 0.12 * (i % 3)))
    sheet.oval((6.5, 8, 26, 23), darker(_WATER, 0.25))
    sheet.oval((7.5, 9.5, 24, 20.5), _WATER)
    for radius in (8.0, 4.4):
        sheet.ring((_MIDDLE, 19.5), radius, lighter(_WATER, 0.5), 1.3)
    sheet.oval((11, 12.5, 7, 3), lighter(_WATER, 0.8))


def _round(turn: float, across: float, down: float) -> Point:
    at = pygame.Vector2(1, 0).rotate(turn * 360.0)
    return _MIDDLE + at.x * across, _MIDDLE + at.y * down


def _bed(sheet: Sheet, colour: Colour, joins: Joins, variant: int) -> None:
    del joins, variant
    sheet.block((5, 4, 32, 36), _SHADE, 4.0)
    sheet.block((4, 1.5, 31, 36), darker(_WOOD, 0.15), 4.0)
    sheet.block((6.5, 4, 26, 31), (244, 240, 230), 3.0)
    sheet.block((6.5, 14.5, 26, 20.5), colour, 3.0)
    sheet.block((6.5, 14.5, 26, 4.5), lighter(colour, 0.55))
    sheet.block((10, 5.5, 19, 7), WHITE, 3.0)
    sheet.block((10, 5.5, 19, 7), (206, 206, 214), 3.0, width=0.9)


_FROM_ABOVE: dict[int, Callable[[Sheet, Colour, Joins, int], None]] = {
    Object.WALL: _hedge,
    Object.SPRING: _spring,
    Object.BED: _bed,
}


@lru_cache(maxsize=128)
def from_above(
    kind: int, color: int, joins: Joins = ALONE, variant: int = 0, zoom: float = 1.0
) -> pygame.Surface:
    """Return a hedge, a spring or a bed as the map shows it."""
    sheet = Sheet(CELL, CELL, zoom)
    _FROM_ABOVE[kind](sheet, COLORS[color % len(COLORS)], joins, variant)
    return sheet.finished()


_FLAMES = (((255, 120, 48), 11.5), ((255, 176, 56), 8.0), ((255, 236, 150), 4.2))


@lru_cache(maxsize=8)
def fire(flicker: int, zoom: float) -> pygame.Surface:
    """Return the fire as the map shows it, in one of three moments."""
    sheet = Sheet(2 * CELL, 2 * CELL, zoom)
    for radius, alpha in ((34, 26), (26, 44), (19, 70)):
        sheet.disc((CELL, CELL), radius, (255, 170, 70, alpha))
    for i in range(9):
        x, y = _round(i / 9.0, 14.5, 14.0)
        sheet.disc((x + _MIDDLE, y + _MIDDLE), 4.2, darker(_STONE, 0.35))
        sheet.disc((x + _MIDDLE - 0.5, y + _MIDDLE - 0.8), 3.2, darker(_STONE, 0.1))
    sheet.disc((CELL, CELL), 12.0, (70, 48, 40))
    for ends in (((30, 46), (48, 34)), ((30, 34), (48, 46))):
        sheet.stroke(ends, darker(_WOOD, 0.35), 4.4)
    for colour, size in _FLAMES:
        _flame(sheet, (CELL, CELL + 4.0), size, colour, flicker)
    return sheet.finished()


def _flame(sheet: Sheet, foot: Point, size: float, colour: Colour, flicker: int) -> None:
    """Draw a drop with its tip upwards, a little to one side or the other."""
    x, y = foot
    tip = (x + (flicker - 1) * size * 0.3, y - size * 1.9)
    sheet.disc((x, y - size * 0.35), size * 0.75, colour)
    sheet.shape([(x - size * 0.72, y - size * 0.5), tip, (x + size * 0.72, y - size * 0.5)], colour)


# ---- Upright, for the view through the avatar's eyes: drawn at 100 pixels a metre ----


def _berry_upright(sheet: Sheet, colour: Colour, ripe: int) -> None:
    leaf = _leaf_of(ripe)
    for x, y, radius in ((22, 52, 20), (58, 52, 20), (40, 34, 26), (40, 58, 18)):
        sheet.disc((x, y), radius, darker(leaf, 0.15))
    for x, y in ((28, 28), (50, 36), (22, 50), (58, 54)):
        sheet.disc((x, y), 9, lighter(leaf, 0.1))
    _bear(sheet, colour, ripe, ((26, 38), (54, 34), (40, 56)), 8.0)


def _apple_upright(sheet: Sheet, colour: Colour, ripe: int) -> None:
    leaf = _leaf_of(ripe)
    sheet.block((53, 96, 14, 94), _WOOD, 4)
    for x, y, radius in ((38, 76, 34), (82, 76, 34), (60, 44, 42), (60, 86, 32)):
        sheet.disc((x, y), radius, darker(leaf, 0.15))
    for x, y in ((44, 34), (80, 52), (34, 70), (74, 90)):
        sheet.disc((x, y), 14, lighter(leaf, 0.1))
    _bear(sheet, colour, ripe, ((36, 66), (84, 62), (60, 96)), 10.0)


def _mushroom_upright(sheet: Sheet, colour: Colour, ripe: int) -> None:
    sheet.oval((2, 36, 66, 16), mix(_EARTH, (110, 130, 70), 0.4))
    if not ripe:
        sheet.block((26, 41, 18, 6), colour, 3)
    for x, foot in ((16, 44), (54, 44), (35, 49))[:ripe]:
        sheet.block((x - 5, foot - 22, 10, 24), (236, 226, 206), 4)
        sheet.oval((x - 15, foot - 34, 30, 20), darker(colour, 0.3))
        sheet.oval((x - 14, foot - 34, 28, 17), colour)
        sheet.disc((x - 4, foot - 28), 3, lighter(colour, 0.8))


def _nut_upright(sheet: Sheet, colour: Colour, ripe: int) -> None:
    leaf = mix(_leaf_of(ripe), (96, 120, 40), 0.45)
    for x in (-26, -13, 0, 13, 26):
        sheet.stroke([(44, 118), (44 + x, 40)], darker(_WOOD, 0.1), 4)
    for x, y in ((18, 40), (70, 40), (44, 18), (28, 64), (60, 64)):
        sheet.shape([(x, y - 24), (x + 15, y), (x, y + 24), (x - 15, y)], darker(leaf, 0.1))
        sheet.stroke([(x, y - 18), (x, y + 18)], lighter(leaf, 0.2), 2)
    _bear(sheet, colour, ripe, ((24, 48), (64, 46), (44, 74)), 8.5)


def _bear(sheet: Sheet, colour: Colour, ripe: int, places: tuple[Point, ...], size: float) -> None:
    """Draw what is ripe, or, where nothing is, a ribbon in the plant's color."""
    for x, y in places[:ripe]:
        sheet.disc((x, y), size + 1.5, _rim(colour))
        sheet.disc((x, y), size, colour)
        sheet.disc((x - size * 0.3, y - size * 0.35), size * 0.3, lighter(colour, 0.75))
    if not ripe:
        x, y = places[2]
        sheet.block((x - 9, y - 3, 18, 6), colour, 3)


def _spring_upright(sheet: Sheet, colour: Colour, state: int) -> None:
    del colour, state
    sheet.oval((0, 8, 80, 30), darker(_STONE, 0.3))
    sheet.oval((4, 4, 72, 24), _STONE)
    sheet.oval((10, 7, 60, 17), _WATER)
    sheet.oval((22, 10, 18, 4), lighter(_WATER, 0.7))


def _fire_upright(sheet: Sheet, colour: Colour, state: int) -> None:
    del colour
    for ends in (((10, 92), (58, 78)), ((10, 78), (58, 92))):
        sheet.stroke(ends, darker(_WOOD, 0.3), 10)
    for flame, size in _FLAMES:
        _flame(sheet, (34, 86), size * 2.6, flame, state)
    for x in (8, 22, 36, 50, 62):
        sheet.disc((x, 94), 7, darker(_STONE, 0.3))


def _bed_upright(sheet: Sheet, colour: Colour, state: int) -> None:
    del state
    for x in (2, 62):
        sheet.block((x, 10, 6, 44), darker(_WOOD, 0.2), 2)
    sheet.block((0, 22, 70, 20), _WOOD, 4)
    sheet.block((3, 14, 64, 16), (244, 240, 230), 5)
    sheet.block((24, 14, 43, 17), colour, 5)
    sheet.block((6, 9, 18, 9), WHITE, 4)
    sheet.stroke([(24, 16), (24, 29)], lighter(colour, 0.6), 3)


# Width and height in hundredths of a metre, and who draws it.
_UPRIGHT: dict[int, tuple[int, int, Callable[[Sheet, Colour, int], None]]] = {
    Object.BERRY: (80, 76, _berry_upright),
    Object.APPLE: (120, 190, _apple_upright),
    Object.MUSHROOM: (70, 52, _mushroom_upright),
    Object.NUT: (88, 120, _nut_upright),
    Object.SPRING: (80, 40, _spring_upright),
    Object.FIRE: (68, 102, _fire_upright),
    Object.BED: (70, 54, _bed_upright),
}


@lru_cache(maxsize=128)
def upright(kind: int, color: int, state: int) -> pygame.Surface:
    """Return an object as it stands before the eyes; state is what is ripe, or a fire's moment."""
    if kind not in _UPRIGHT:
        return trip.upright(kind, color)
    width, height, draw = _UPRIGHT[kind]
    sheet = Sheet(width, height)
    draw(sheet, COLORS[color % len(COLORS)], state)
    return sheet.finished()
