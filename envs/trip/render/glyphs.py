"""What lies and stands in the room, each with a shape of its own, in its own color.

Two pictures of each: from above for the map, and upright for the view through the avatar's eyes.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import pygame

from envs.engine.render.ink import (
    COLORS,
    FLESH,
    HAIR,
    INK,
    WALL_EDGE,
    WALL_FRONT,
    WALL_TOP,
    WHITE,
    Colour,
    Sheet,
    darker,
    lighter,
    mix,
)
from envs.trip.vocabulary import Object

CELL = 39  # pixels; an object seen from above is drawn in (0, 0) to (CELL, CELL)
_MIDDLE = CELL / 2.0
_SHADE = (60, 45, 30, 56)

Joins = tuple[bool, bool, bool, bool]  # whether the same goes on to the east, south, west, north
ALONE: Joins = (False, False, False, False)


def _scatter(variant: int, count: int, margin: float) -> list[tuple[float, float]]:
    """Return evenly spread places that look random, the same ones each time (R2 sequence)."""
    span = CELL - 2.0 * margin
    return [
        (
            margin + (0.7549 * (i + 1) + 0.31 * variant) % 1.0 * span,
            margin + (0.5698 * (i + 1) + 0.57 * variant) % 1.0 * span,
        )
        for i in range(count)
    ]


def _patch(joins: Joins, inset: float, reach: float) -> tuple[float, float, float, float]:
    """Return a box that runs beyond the cell by `reach` where the same object goes on."""
    left = -reach if joins[2] else inset
    top = -reach if joins[3] else inset
    right = CELL + reach if joins[0] else CELL - inset
    bottom = CELL + reach if joins[1] else CELL - inset
    return left, top, right - left, bottom - top


def _runs_north(joins: Joins) -> bool:
    return (joins[1] or joins[3]) and not (joins[0] or joins[2])


# ---- Hazards: flat on the floor ----


def _cable(sheet: Sheet, colour: Colour, joins: Joins, variant: int) -> None:
    del variant
    ticks = [CELL * i / 24.0 for i in range(-3, 28)]  # a little beyond, to meet what joins
    points = [(along, _MIDDLE - 6.0 * math.sin(math.tau * along / CELL)) for along in ticks]
    before, after = (joins[3], joins[1]) if _runs_north(joins) else (joins[2], joins[0])
    points = points if before else points[7:]
    points = points if after else points[:-7]
    if _runs_north(joins):
        points = [(aside, along) for along, aside in points]
    sheet.stroke([(x + 0.8, y + 2.2) for x, y in points], _SHADE, 5.0)
    sheet.stroke(points, darker(colour, 0.35), 5.2)
    sheet.stroke(points, colour, 3.0)
    for end, open_end in ((points[0], not before), (points[-1], not after)):
        if open_end:
            sheet.disc(end, 4.6, INK)
            sheet.disc(end, 2.0, lighter(colour))


def _rug_edge(sheet: Sheet, colour: Colour, joins: Joins, variant: int) -> None:
    del variant
    left, top, width, height = box = _patch(joins, 5.0, 8.0)
    fringe = lighter(colour, 0.55)
    for i in range(8):
        at = 6.5 + i * 3.75
        if not joins[2]:
            sheet.stroke([(left - 2.8, at), (left + 2, at)], fringe, 1.5)
        if not joins[0]:
            sheet.stroke([(left + width - 2, at), (left + width + 2.8, at)], fringe, 1.5)
        if not joins[3]:
            sheet.stroke([(at, top - 2.8), (at, top + 2)], fringe, 1.5)
        if not joins[1]:
            sheet.stroke([(at, top + height - 2), (at, top + height + 2.8)], fringe, 1.5)
    sheet.block(box, darker(colour, 0.18), 2.0)
    sheet.block(_patch(joins, 8.0, 8.0), lighter(colour, 0.6), 1.5, width=1.6)
    m = _MIDDLE
    sheet.shape([(m, m - 7), (m + 7, m), (m, m + 7), (m - 7, m)], lighter(colour, 0.25))
    sheet.shape([(m, m - 3), (m + 3, m), (m, m + 3), (m - 3, m)], darker(colour, 0.35))


def _ice(sheet: Sheet, colour: Colour, joins: Joins, variant: int) -> None:
    tint = mix((214, 238, 250), colour, 0.38)
    sheet.block(_patch(joins, 2.5, 12.0), darker(tint, 0.16), 9.0)
    sheet.block(_patch(joins, 4.0, 12.0), tint, 8.0)
    shift = variant % 2 * 5.0
    for start, length in ((9 + shift, 13), (16 + shift, 7)):
        sheet.stroke([(start, 9 + length), (start + length, 9)], lighter(tint, 0.8), 2.4)
    crack = [(33, 20 + shift), (26, 24), (22, 31), (15, 33 - shift)]
    sheet.stroke(crack, darker(tint, 0.24), 1.1)
    sheet.stroke([(26, 24), (29, 31)], darker(tint, 0.24), 1.1)


def _wet(sheet: Sheet, colour: Colour, joins: Joins, variant: int) -> None:
    tint = mix((120, 178, 214), colour, 0.55)
    del joins
    shift = (variant % 3 - 1) * 1.5
    for grow, shade in ((1.3, darker(tint, 0.22)), (0.0, lighter(tint, 0.12))):
        sheet.oval((4 - grow, 9 - grow + shift, 27 + 2 * grow, 22 + 2 * grow), shade)
        sheet.oval((14 - grow, 5 - grow, 20 + 2 * grow, 18 + 2 * grow), shade)
        sheet.disc((28, 28 + shift), 6.5 + grow, shade)
        sheet.disc((8, 33), 2.2 + grow * 0.7, shade)
    sheet.oval((9, 13 + shift, 11, 6), lighter(tint, 0.75))
    sheet.oval((22, 9, 6, 3.4), lighter(tint, 0.75))
    sheet.ring((25, 25 + shift), 4.5, lighter(tint, 0.45), 1.0)


def _gravel(sheet: Sheet, colour: Colour, joins: Joins, variant: int) -> None:
    del joins
    base = mix((150, 142, 132), colour, 0.5)
    places = _scatter(variant, 22, 6.0)
    for i, (x, y) in enumerate(places):
        radius = 2.3 + i * 7 % 5 * 0.45
        sheet.disc((x + 0.6, y + 1.2), radius, darker(base, 0.5))
    for i, (x, y) in enumerate(places):
        radius = 2.3 + i * 7 % 5 * 0.45
        shade = (base, lighter(base, 0.3), darker(base, 0.18))[i % 3]
        sheet.disc((x, y), radius, shade)
        sheet.disc((x - radius * 0.25, y - radius * 0.3), radius * 0.4, lighter(shade, 0.45))


def _kerb(sheet: Sheet, colour: Colour, joins: Joins, variant: int) -> None:
    """A raised stone, seen a little from the south: a bright top and a front in shade."""
    del variant
    stone = (206, 203, 200)
    if _runs_north(joins):
        left, top, width, height = _patch(joins, 1.0, 6.0)
        sheet.block((10.5, top + 1.5, 21, height), _SHADE, 1.0)
        sheet.block((9, top, 20, height), darker(stone, 0.42), 1.5)
        sheet.block((9, top, 15.5, height), stone, 1.5)
        for i in range(2):
            sheet.block((9, i * CELL / 2 + 5, 15.5, 10), colour)
        return
    left, top, width, height = _patch(joins, 1.0, 6.0)
    sheet.block((left, 14, width, 18), _SHADE, 1.0)
    sheet.block((left, 10, width, 20), darker(stone, 0.42), 1.5)
    sheet.block((left, 10, width, 13), stone, 1.5)
    for i in range(2):
        sheet.block((i * CELL / 2 + 5, 10, 10, 13), colour)
        sheet.block((i * CELL / 2 + 5, 23, 10, 7), darker(colour, 0.38))


# ---- Objects that stand ----


def _rail(sheet: Sheet, colour: Colour, joins: Joins, variant: int) -> None:
    del variant
    north = _runs_north(joins)
    ends = (-4 if joins[3] else 5, CELL + 4 if joins[1] else CELL - 5)
    if not north:
        ends = (-4 if joins[2] else 5, CELL + 4 if joins[0] else CELL - 5)

    def turned(along: float, aside: float) -> tuple[float, float]:
        return (aside, along) if north else (along, aside)

    sheet.stroke([turned(ends[0] + 2, 23.5), turned(ends[1] + 2, 23.5)], _SHADE, 5.0)
    for along in (9.0, 30.0):
        sheet.disc(turned(along, _MIDDLE), 5.4, darker(colour, 0.45))
        sheet.disc(turned(along, _MIDDLE), 3.6, mix(darker(colour, 0.45), WHITE, 0.2))
    bar = [turned(ends[0], _MIDDLE), turned(ends[1], _MIDDLE)]
    sheet.stroke(bar, darker(colour, 0.25), 6.4)
    sheet.stroke(bar, colour, 4.6)
    shine = [turned(ends[0], _MIDDLE - 1.1), turned(ends[1], _MIDDLE - 1.1)]
    sheet.stroke(shine, lighter(colour, 0.6), 1.2)


def _table(sheet: Sheet, colour: Colour, joins: Joins, variant: int) -> None:
    del variant
    sheet.block((4.5, 7.5, 33, 31), _SHADE, 6.0)
    left, top, width, height = _patch(joins, 3.0, 8.0)
    sheet.block((left, top + 3, width, height), darker(colour, 0.5), 5.5)
    sheet.block((left, top, width, height), mix(colour, (214, 160, 104), 0.18), 5.5)
    inner = _patch(joins, 6.5, 8.0)
    sheet.block(inner, lighter(mix(colour, (214, 160, 104), 0.18), 0.26), 3.5)
    for y in (14.0, 21.0, 28.0):
        sheet.stroke([(max(inner[0], 0) + 4, y), (CELL - 11, y)], mix(colour, WHITE, 0.16), 1.0)


def _goal(sheet: Sheet, colour: Colour, joins: Joins, variant: int) -> None:
    del joins, variant
    sheet.block((3, 3, 33, 33), mix(colour, WHITE, 0.68), 8.0)
    sheet.block((3, 3, 33, 33), colour, 8.0, width=2.6)
    sheet.oval((9.5, 28, 14, 5), darker(mix(colour, WHITE, 0.68), 0.22))
    sheet.stroke([(15, 30), (15, 8)], INK, 2.4)
    sheet.shape([(15.8, 7), (30.5, 12), (15.8, 18)], colour)
    sheet.shape([(15.8, 12.6), (30.5, 12), (15.8, 18)], darker(colour, 0.18))
    sheet.disc((15, 7), 1.9, INK)


def _cup(sheet: Sheet, colour: Colour, joins: Joins, variant: int) -> None:
    del joins, variant
    sheet.oval((9.5, 27, 24, 8), _SHADE)
    sheet.ring((28.5, 19.5), 6.6, darker(colour, 0.2), 3.0)
    sheet.block((9, 11, 19, 21), darker(colour, 0.12), 5.0)
    sheet.block((9, 11, 13, 21), colour, 5.0)
    sheet.oval((9, 7, 19, 9), lighter(colour, 0.55))
    sheet.oval((11.2, 8.6, 14.6, 6), (112, 72, 48))
    for x in (14.5, 20.0):
        sheet.stroke([(x, 5.4), (x + 1.2, 3.4), (x, 1.6)], mix((240, 233, 221), INK, 0.24), 1.3)


def _box(sheet: Sheet, colour: Colour, joins: Joins, variant: int) -> None:
    del joins, variant
    sheet.block((7.5, 10, 29, 26), _SHADE, 4.0)
    sheet.block((5, 6, 28, 27.5), darker(colour, 0.42), 4.0)
    sheet.block((5, 5, 28, 21), colour, 4.0)
    sheet.block((5, 22, 28, 4), colour)
    sheet.block((16, 5, 6, 21), lighter(colour, 0.55))
    sheet.block((16, 26, 6, 7.5), mix(colour, WHITE, 0.22))
    sheet.block((8, 8, 5, 2.2), lighter(colour, 0.5), 1.0)


def _ball(sheet: Sheet, colour: Colour, joins: Joins, variant: int) -> None:
    del joins, variant
    sheet.oval((8.5, 24, 25, 10), _SHADE)
    sheet.disc((_MIDDLE, 18.5), 12.2, darker(colour, 0.28))
    sheet.disc((_MIDDLE - 0.8, 17.6), 11.0, colour)
    sheet.disc((_MIDDLE - 3.6, 14), 5.4, lighter(colour, 0.3))
    sheet.disc((_MIDDLE - 4.8, 12.4), 2.4, lighter(colour, 0.85))


def _key(sheet: Sheet, colour: Colour, joins: Joins, variant: int) -> None:
    del joins, variant
    for drop, shade in ((2.2, _SHADE), (0.9, darker(colour, 0.45)), (0.0, colour)):
        sheet.stroke([(18, 19 + drop), (33, 19 + drop)], shade, 3.8)
        sheet.stroke([(28, 19 + drop), (28, 25.5 + drop)], shade, 3.4)
        sheet.stroke([(33, 19 + drop), (33, 26.5 + drop)], shade, 3.4)
        sheet.ring((12.5, 19 + drop), 8.4, shade, 4.0)
    sheet.stroke([(19, 18.2), (32, 18.2)], lighter(colour, 0.55), 1.0)


def _wall(sheet: Sheet, colour: Colour, joins: Joins, variant: int) -> None:
    """A wall's top, and its front where the floor begins to the south of it."""
    del colour, variant
    sheet.block((0, 0, CELL, CELL), WALL_TOP)
    if joins[1]:
        return
    sheet.block((0, CELL - 12, CELL, 12), WALL_FRONT)
    sheet.block((0, CELL - 13.2, CELL, 1.6), WALL_EDGE)
    sheet.block((0, CELL - 2.4, CELL, 2.4), darker(WALL_FRONT, 0.3))


_FROM_ABOVE: dict[int, Callable[[Sheet, Colour, Joins, int], None]] = {
    Object.CABLE: _cable,
    Object.RUG_EDGE: _rug_edge,
    Object.ICE: _ice,
    Object.WET: _wet,
    Object.GRAVEL: _gravel,
    Object.KERB: _kerb,
    Object.RAIL: _rail,
    Object.TABLE: _table,
    Object.GOAL: _goal,
    Object.CUP: _cup,
    Object.BOX: _box,
    Object.BALL: _ball,
    Object.KEY: _key,
    Object.WALL: _wall,
}


def has_glyph(object: int) -> bool:
    """Return whether there is anything to draw for an object."""
    return object in _FROM_ABOVE


@lru_cache(maxsize=512)
def from_above(
    object: int, color: int, joins: Joins = ALONE, variant: int = 0, zoom: float = 1.0
) -> pygame.Surface:
    """Return an object as the map shows it, a finished sheet of `CELL * zoom` pixels."""
    sheet = Sheet(CELL, CELL, zoom)
    _FROM_ABOVE[object](sheet, COLORS[color % len(COLORS)], joins, variant)
    return sheet.finished()


# ---- Upright, for the view through the avatar's eyes: drawn at 100 pixels a metre ----

PIXELS_PER_METRE = 100.0


def _person_upright(sheet: Sheet, colour: Colour) -> None:
    for x in (24, 40):
        sheet.stroke([(x, 100), (x, 164)], INK, 13)
        sheet.stroke([(x - 1, 166), (x + 1, 166)], darker(INK, 0.5), 12)
    sheet.stroke([(12, 58), (9, 96)], darker(colour, 0.2), 10)
    sheet.stroke([(52, 58), (55, 96)], darker(colour, 0.2), 10)
    sheet.disc((9, 100), 5.5, FLESH)
    sheet.disc((55, 100), 5.5, FLESH)
    sheet.block((12, 46, 40, 66), colour, 14)
    sheet.block((27, 36, 10, 14), darker(FLESH, 0.12))
    sheet.disc((32, 24), 16, HAIR)
    sheet.disc((32, 28), 13, FLESH)
    for x in (27, 37):
        sheet.disc((x, 27), 1.8, INK)
    sheet.stroke([(28, 34), (32, 35.5), (36, 34)], darker(FLESH, 0.45), 1.6)


def _table_upright(sheet: Sheet, colour: Colour) -> None:
    for x in (8, 58):
        sheet.block((x, 8, 7, 62), darker(colour, 0.45), 2)
    sheet.block((0, 0, 72, 13), darker(colour, 0.2), 4)
    sheet.block((0, 0, 72, 7), lighter(colour, 0.25), 4)


def _goal_upright(sheet: Sheet, colour: Colour) -> None:
    sheet.block((10, 4, 5, 124), INK, 2.5)
    sheet.shape([(15, 6), (68, 24), (15, 44)], colour)
    sheet.shape([(15, 26), (68, 24), (15, 44)], darker(colour, 0.18))
    sheet.oval((2, 120, 22, 8), darker(colour, 0.4))


def _rail_upright(sheet: Sheet, colour: Colour) -> None:
    for x in (10, 58):
        sheet.block((x, 6, 6, 84), darker(colour, 0.4), 2)
    sheet.block((0, 0, 72, 9), colour, 3)
    sheet.block((0, 1, 72, 3), lighter(colour, 0.5), 1.5)
    sheet.block((8, 40, 58, 5), darker(colour, 0.2), 2)


def _box_upright(sheet: Sheet, colour: Colour) -> None:
    sheet.block((0, 0, 46, 40), colour, 4)
    sheet.block((0, 28, 46, 12), darker(colour, 0.2), 4)
    sheet.block((18, 0, 10, 40), lighter(colour, 0.5))


def _ball_upright(sheet: Sheet, colour: Colour) -> None:
    sheet.disc((18, 18), 18, darker(colour, 0.22))
    sheet.disc((17, 16.5), 15.5, colour)
    sheet.disc((11, 10), 4.5, lighter(colour, 0.7))


def _cup_upright(sheet: Sheet, colour: Colour) -> None:
    sheet.ring((25, 15), 8, darker(colour, 0.2), 3.5)
    sheet.block((2, 2, 22, 26), colour, 5)
    sheet.oval((2, 0, 22, 7), lighter(colour, 0.55))


def _key_upright(sheet: Sheet, colour: Colour) -> None:
    sheet.ring((9, 9), 9, colour, 4)
    sheet.stroke([(17, 9), (36, 9)], colour, 4)
    sheet.stroke([(30, 9), (30, 15)], colour, 4)


# Width and height in hundredths of a metre, and who draws it.
_UPRIGHT: dict[int, tuple[int, int, Callable[[Sheet, Colour], None]]] = {
    Object.PERSON: (64, 172, _person_upright),
    Object.TABLE: (72, 70, _table_upright),
    Object.GOAL: (72, 128, _goal_upright),
    Object.RAIL: (72, 90, _rail_upright),
    Object.BOX: (46, 40, _box_upright),
    Object.BALL: (36, 36, _ball_upright),
    Object.CUP: (34, 28, _cup_upright),
    Object.KEY: (40, 18, _key_upright),
}


def stands(object: int) -> bool:
    """Return whether an object rises from the floor so far that eyes see it upright."""
    return object in _UPRIGHT


@lru_cache(maxsize=64)
def upright(object: int, color: int) -> pygame.Surface:
    """Return an object as it stands before the eyes, `PIXELS_PER_METRE` pixels a metre."""
    width, height, draw = _UPRIGHT[object]
    sheet = Sheet(width, height)
    draw(sheet, COLORS[color % len(COLORS)])
    return sheet.finished()
