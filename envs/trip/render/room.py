"""The room from above: floor, walls, hazards, people, and the avatar among them."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pygame
from numpy.typing import NDArray

from envs.engine.body_senses import Posture
from envs.engine.render.ink import (
    BAD,
    FLOOR,
    GROUT,
    HELP,
    INK,
    NIGHT,
    OTHER_FLOOR,
    TERRAZZO,
    WATCH,
    WHITE,
    Colour,
    Point,
    Sheet,
    stamp,
    stamp_centred,
    text,
    traffic_light,
)
from envs.engine.view import HEADINGS, OCCLUSION, OFFSETS, VIEW
from envs.trip.render import figures, glyphs
from envs.trip.render.eyes import Ground
from envs.trip.state import GRID, PAD
from envs.trip.vocabulary import Mission, Object, PersonState, Verdict, said_words

SPEECH_TICKS = 25  # for which what a person says can be read
MAP = 546  # pixels along each side of the map
_FINE = 2  # the floor is drawn so many times finer, for the eyes that come close to it
_ROOMS_KEPT = 8
_UNSEEN_SHADE = (42, 40, 84, 66)

_HAZARDS = (Object.CABLE, Object.RUG_EDGE, Object.ICE, Object.KERB, Object.WET, Object.GRAVEL)
_LOOK = ("x", "y", "heading", "color")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnRoom:
    """What of a room never changes."""

    left: int  # padded cell in the map's upper left corner
    top: int
    cells: int  # shown along each side
    objects: NDArray[np.uint8]  # (SPAN, SPAN) by [y, x]
    colors: NDArray[np.uint8]
    is_wall: NDArray[np.bool_]
    is_beyond: NDArray[np.bool_]  # rock behind the walls, of which nothing is shown
    picture: pygame.Surface  # MAP x MAP pixels, opaque
    walls: pygame.Surface  # the walls alone, to lay over what must not cover them
    ground: Ground
    standing: list[tuple[int, int, float, float]]  # kind, color and middle of what rises

    @property
    def zoom(self) -> float:
        """Pixels on the map per pixel of a glyph."""
        return MAP / self.cells / glyphs.CELL

    def on_map(self, x: float, y: float) -> Point:
        """Return the map's pixel at a place in padded cells; the middle of a cell is at .5."""
        return (x - self.left) * MAP / self.cells, (y - self.top) * MAP / self.cells

    def middle_of(self, object) -> Point:
        """Return the map's pixel in the middle of an object's cell."""
        return self.on_map(int(object["x"]) + 0.5, int(object["y"]) + 0.5)


class Rooms:
    """Draws each room once and keeps the last few."""

    def __init__(self):
        self._drawn: OrderedDict[bytes, DrawnRoom] = OrderedDict()

    def of(self, layout) -> DrawnRoom:
        """Return the room of one record of `state.LAYOUT`, drawn."""
        key = layout["cells"].tobytes()
        if key not in self._drawn:
            self._drawn[key] = self._draw(layout)
            if len(self._drawn) > _ROOMS_KEPT:
                self._drawn.popitem(last=False)
        self._drawn.move_to_end(key)
        return self._drawn[key]

    def _draw(self, layout) -> DrawnRoom:
        return draw_room(layout["cells"], FloorPlan)


# ---- What never changes ----


def draw_room(cells, plan: "type[FloorPlan]") -> DrawnRoom:
    """Return a room drawn; (SPAN, SPAN) cells as a layout has them."""
    objects = (cells & 0xFF).astype(np.uint8)
    colors = (cells >> 8 & 0xFF).astype(np.uint8)
    left, top, shown = _part_shown(objects)
    floor = plan(objects, colors, left, top, shown)
    floor.draw_ground()
    floor.draw_glyphs(_HAZARDS)
    ground = floor.as_ground()
    floor.draw_wall_shadows()
    floor.draw_glyphs(floor.fixed())
    is_beyond = _beyond(objects)
    floor.hide(is_beyond)
    picture = pygame.transform.smoothscale(floor.surface, (MAP, MAP))
    return DrawnRoom(
        left=left,
        top=top,
        cells=shown,
        objects=objects,
        colors=colors,
        is_wall=(objects == Object.WALL) | (objects == Object.UNSEEN),
        is_beyond=is_beyond,
        picture=picture,
        walls=floor.walls_of(picture),
        ground=ground,
        standing=[
            (int(objects[row, column]), int(colors[row, column]), column + 0.5, row + 0.5)
            for row, column in places_of(objects, floor.rising())
        ],
    )


def places_of(objects, wanted: Iterable[int]) -> list[tuple[int, int]]:
    """Return (row, column) of all cells within the grid that show one of the objects wanted."""
    inside = objects[PAD : PAD + GRID, PAD : PAD + GRID]
    found = np.argwhere(np.isin(inside, [int(obj) for obj in wanted])) + PAD
    return [(row, column) for row, column in found.tolist()]


def _part_shown(objects) -> tuple[int, int, int]:
    """Return (left, top, cells) of the smallest square around the room and its walls."""
    inside = np.argwhere((objects != Object.WALL) & (objects != Object.UNSEEN))
    if len(inside) == 0:
        return PAD, PAD, GRID
    (top, left), (bottom, right) = inside.min(axis=0) - 1, inside.max(axis=0) + 1
    cells = int(max(bottom - top, right - left)) + 1
    spare_x, spare_y = cells - int(right - left) - 1, cells - int(bottom - top) - 1
    return int(left) - spare_x // 2, int(top) - spare_y // 2, cells


def _beyond(objects) -> NDArray[np.bool_]:
    """Return where no floor is beside: what is not even one of the room's walls."""
    beside = (objects != Object.WALL) & (objects != Object.UNSEEN)
    for axis in (0, 1):
        beside |= np.roll(beside, 1, axis) | np.roll(beside, -1, axis)
    return ~beside


class FloorPlan:
    """Draws the unchanging part of a room, `_FINE` times finer than the map shows it."""

    def __init__(self, objects, colors, left: int, top: int, cells: int):
        self._objects, self._colors = objects, colors
        self._left, self._top, self._cells = left, top, cells
        self._cell = round(MAP / cells * _FINE)
        self.surface = pygame.Surface((self._cell * cells, self._cell * cells), depth=32)

    def _corner(self, row: int, column: int) -> tuple[int, int]:
        return (column - self._left) * self._cell, (row - self._top) * self._cell

    def fixed(self) -> Iterable[int]:
        """Return what is drawn on the floor once and for all, hazards apart."""
        return [obj for obj in Object if glyphs.has_glyph(obj) and obj not in _HAZARDS]

    def rising(self) -> Iterable[int]:
        """Return what of it eyes see upright."""
        return filter(glyphs.stands, Object)

    def sheet(self, kind: int, color: int, joins: glyphs.Joins, variant: int) -> pygame.Surface:
        """Return what is drawn for an object."""
        return glyphs.from_above(kind, color, joins, variant, self._cell / glyphs.CELL)

    def draw_ground(self) -> None:
        """Draw the floor: two tones of terrazzo."""
        self.surface.fill(GROUT)
        for row in range(self._top, self._top + self._cells):
            for column in range(self._left, self._left + self._cells):
                colour = FLOOR if (column + row) % 2 else OTHER_FLOOR
                x, y = self._corner(row, column)
                tile = (x + 1, y + 1, self._cell - 2, self._cell - 2)
                pygame.draw.rect(self.surface, colour, tile, border_radius=5)
                self._draw_chips(row, column)

    def _draw_chips(self, row: int, column: int) -> None:
        """Strew chips of stone over a tile, the same ones each time."""
        x, y = self._corner(row, column)
        for i in range(16):
            chip = (column * 73 + row * 151 + i * i * 37 + i * 11) % 997
            across = 6 + (0.7549 * chip) % 1.0 * (self._cell - 12)
            down = 6 + (0.5698 * chip + 0.31 * i) % 1.0 * (self._cell - 12)
            box = (x + round(across), y + round(down), 2 + chip % 3, 2 + chip // 3 % 2)
            pygame.draw.ellipse(self.surface, TERRAZZO[chip % len(TERRAZZO)], box)

    def draw_glyphs(self, wanted: Iterable[int]) -> None:
        """Draw these objects, each joined to its like beside it."""
        for row, column in places_of(self._objects, wanted):
            kind, color = int(self._objects[row, column]), int(self._colors[row, column])
            beside = ((row, column + 1), (row + 1, column), (row, column - 1), (row - 1, column))
            east, south, west, north = (bool(self._objects[place] == kind) for place in beside)
            variant = (column * 7 + row * 13) % 4
            sheet = self.sheet(kind, color, (east, south, west, north), variant)
            stamp(self.surface, sheet, self._corner(row, column))

    def hide(self, is_beyond: NDArray[np.bool_]) -> None:
        """Leave only the walls that the room has."""
        for row, column in np.argwhere(is_beyond).tolist():
            self.surface.fill(NIGHT, (*self._corner(row, column), self._cell, self._cell))

    def draw_wall_shadows(self) -> None:
        """Let walls shade the floor to their south and east, softly."""
        size = self._cell
        wall = self._objects == Object.WALL
        for depth, strength in ((size // 4, 18), (size // 6, 20), (size // 10, 24)):
            shade = pygame.Surface((size, size), pygame.SRCALPHA)
            shade.fill((60, 45, 30, strength))
            for row, column in places_of(self._objects, [Object.WALL]):
                x, y = self._corner(row, column)
                if not wall[row + 1, column]:
                    self.surface.blit(shade, (x, y + size), (0, 0, size, depth))
                if not wall[row, column + 1]:
                    self.surface.blit(shade, (x + size, y), (0, 0, depth, size))

    def as_ground(self) -> Ground:
        """Return what is drawn so far as the floor that eyes see."""
        coarse = pygame.transform.smoothscale(self.surface, (self._cells * 13, self._cells * 13))
        return Ground(
            pixels_of(self.surface), pixels_of(coarse), self._left, self._top, self._cells
        )

    def walls_of(self, picture: pygame.Surface) -> pygame.Surface:
        """Return a picture of the map with all but the walls, and what is beyond, cut away."""
        cut = pygame.Surface((MAP, MAP), pygame.SRCALPHA)
        cut.blit(picture, (0, 0))
        scale = MAP / self._cells
        for row, column in np.argwhere(self._objects != Object.WALL).tolist():
            left, top = (column - self._left) * scale, (row - self._top) * scale
            cut.fill((0, 0, 0, 0), pygame.Rect(left, top, scale + 1, scale + 1))
        return cut


def pixels_of(surface: pygame.Surface) -> NDArray[np.uint8]:
    """Return the pixels of a surface, (height, width, 3)."""
    return np.ascontiguousarray(pygame.surfarray.array3d(surface).swapaxes(0, 1))


# ---- What changes ----


def place_of(body) -> Point:
    """Return where a body is, in padded cells; the middle of cell (8, 8) is (8.5, 8.5)."""
    east, south = HEADINGS[int(body["heading"]) % 4]
    progress = float(body["progress"])
    return int(body["x"]) + 0.5 + east * progress, int(body["y"]) + 0.5 + south * progress


def seen_cells(objects, x: int, y: int, heading: int) -> list[tuple[int, int]]:
    """Return the cells (x, y) that are in view, with MiniGrid's occlusion by walls."""
    cells, reach = [], 1 << VIEW // 2
    for row in range(VIEW - 1, -1, -1):
        offsets = [OFFSETS[heading, column, row] for column in range(VIEW)]
        places = [(x + int(east), y + int(south)) for east, south in offsets]
        clear = sum(int(objects[v, u] != Object.WALL) << i for i, (u, v) in enumerate(places))
        seen, reach = (int(bits) for bits in OCCLUSION[reach, clear])
        cells += [place for i, place in enumerate(places) if seen >> i & 1]
    return cells


class MapPainter:
    """Draws the room with everything that moves in it.

    Args:
        sight_cells: How far others see.
    """

    def __init__(self, sight_cells: float):
        self._sight_cells = sight_cells
        self._corners = round_corners(MAP, MAP, 12.0)
        self._backdrop = pygame.Surface((MAP, MAP), depth=32)
        self._backdrop_key: tuple = ()

    def paint(self, surface: pygame.Surface, room: DrawnRoom, body, objects) -> None:
        """Draw onto a surface of MAP x MAP pixels."""
        persons = [obj for obj in objects if obj["kind"] == Object.PERSON and obj["x"] > 0]
        surface.blit(self._behind(room, body, persons), (0, 0))
        _paint_targets(surface, room, body, objects)
        _paint_movables(surface, room, objects)
        self._paint_own(surface, room, body)
        for one in persons:
            _paint_person(surface, room, one)
        self._paint_avatar(surface, room, body)
        self._paint_light(surface, room, body)
        for one in persons:
            self._paint_reaction(surface, room, one, int(body["tick"]))
        stamp(surface, self._corners, (0, 0))

    def _behind(self, room: DrawnRoom, body, persons) -> pygame.Surface:
        """Return the room, what others look at, and a shade over what the avatar does not see.

        It changes only when somebody comes to another cell or turns, so it is kept.
        """
        lookers = tuple(tuple(int(one[name]) for name in _LOOK) for one in persons)
        seen = tuple(self._seen(room, body))
        key = (id(room), seen, lookers)
        if key != self._backdrop_key:
            self._backdrop_key = key
            self._backdrop.blit(room.picture, (0, 0))
            radius = round((self._sight_cells + 0.5) * MAP / room.cells)
            for x, y, heading, color in lookers:
                cone = figures.view_cone(color, heading, radius)
                stamp_centred(self._backdrop, cone, room.on_map(x + 0.5, y + 0.5))
            stamp(self._backdrop, room.walls, (0, 0))
            stamp(self._backdrop, _shade(room, seen), (0, 0))
        return self._backdrop

    def _paint_reaction(self, surface: pygame.Surface, room: DrawnRoom, one, tick: int) -> None:
        if one["state"] == PersonState.LAUGHING:
            bubble = _bubble("ha ha!", BAD)
        elif one["state"] == PersonState.HELPING:
            bubble = _bubble("let me help", HELP)
        elif one["said"][0] and tick - one["said_at"] < SPEECH_TICKS:
            bubble = _bubble(*self._said(one["said"]))
        else:
            return
        x, y = room.middle_of(one)
        left = min(max(x - bubble.get_width() / 2.0, 4.0), MAP - bubble.get_width() - 4.0)
        away = 17.0 * room.zoom
        stamp(surface, bubble, (left, y - away - 28.0 if y > away + 40.0 else y + away))

    # ---- What another world draws otherwise ----

    def _seen(self, room: DrawnRoom, body) -> list[tuple[int, int]]:
        """Return the cells (x, y) that the avatar sees."""
        x, y, heading = (int(body[name]) for name in ("x", "y", "heading"))
        return seen_cells(room.objects, x, y, heading % 4)

    def _paint_own(self, surface: pygame.Surface, room: DrawnRoom, body) -> None:
        """Draw what is fixed in its place, and yet changes."""

    def _paint_avatar(self, surface: pygame.Surface, room: DrawnRoom, body) -> None:
        _paint_avatar(surface, room, body)

    def _paint_light(self, surface: pygame.Surface, room: DrawnRoom, body) -> None:
        """Lay light and shade over all that is drawn."""

    def _said(self, tokens) -> tuple[str, Colour]:
        """Return what somebody says, and the colour to write it in."""
        return said_words(tokens), HELP if tokens[1] == Verdict.FINE else BAD


def _shade(room: DrawnRoom, seen: Iterable[tuple[int, int]]) -> pygame.Surface:
    """Return a shade over the room that leaves free what the avatar sees."""
    step = 3  # pixels a cell before enlarging: the shade's edge is a third of a cell soft
    small = pygame.Surface((room.cells * step, room.cells * step), pygame.SRCALPHA)
    small.fill(_UNSEEN_SHADE)
    lit = [(column, row) for row, column in np.argwhere(room.is_beyond).tolist()]
    for u, v in (*lit, *seen):
        small.fill((0, 0, 0, 0), ((u - room.left) * step, (v - room.top) * step, step, step))
    return pygame.transform.smoothscale(small.premul_alpha(), (MAP, MAP))


@lru_cache(maxsize=8)
def round_corners(width: int, height: int, radius: float) -> pygame.Surface:
    """Return a mask that gives a picture round corners on the frame's ground."""
    sheet = Sheet(width, height)
    sheet.block((0, 0, width, height), NIGHT)
    sheet.block((0, 0, width, height), (0, 0, 0, 0), radius)
    return sheet.finished()


def _paint_movables(surface: pygame.Surface, room: DrawnRoom, objects) -> None:
    for obj in objects:
        kind = int(obj["kind"])
        if kind != Object.PERSON and glyphs.has_glyph(kind) and obj["x"] > 0:
            sheet = glyphs.from_above(kind, int(obj["color"]), zoom=room.zoom)
            stamp_centred(surface, sheet, room.middle_of(obj))


# ---- What the mission is about ----


def _paint_targets(surface: pygame.Surface, room: DrawnRoom, body, objects) -> None:
    mission, kind, color, place_kind, place_color = (int(token) for token in body["mission"])
    wanted = [(kind, color)]
    if mission in (Mission.CARRY_CUP, Mission.DELIVER):
        wanted.append((place_kind, place_color))
    for obj, its_color in wanted:
        for x, y in _whereabouts(room, objects, obj, its_color):
            stamp_centred(surface, brackets(room.zoom), room.on_map(x + 0.5, y + 0.5))


def _whereabouts(room: DrawnRoom, objects, kind: int, color: int) -> list[tuple[int, int]]:
    fixed = places_of(room.objects, [kind])
    places = [(column, row) for row, column in fixed if room.colors[row, column] == color]
    return places + [
        (int(obj["x"]), int(obj["y"]))
        for obj in objects
        if obj["kind"] == kind and obj["color"] == color and obj["x"] > 0
    ]


@lru_cache(maxsize=16)
def brackets(zoom: float) -> pygame.Surface:
    """Return four corners around a cell: here is what the mission is about."""
    side = glyphs.CELL + 14.0
    sheet = Sheet(side, side, zoom)
    near, far, arm = 3.0, side - 3.0, 9.0
    for colour, width in ((INK, 4.4), (WATCH, 2.4)):
        for x, inwards in ((near, arm), (far, -arm)):
            for y, down in ((near, arm), (far, -arm)):
                sheet.stroke([(x + inwards, y), (x, y), (x, y + down)], colour, width)
    return sheet.finished()


# ---- People ----


def _paint_person(surface: pygame.Surface, room: DrawnRoom, one) -> None:
    heading, state = int(one["heading"]) % 4, int(one["state"])
    sheet = figures.person(int(one["color"]), heading, state, room.zoom)
    stamp_centred(surface, sheet, room.middle_of(one))


@lru_cache(maxsize=64)
def _bubble(words: str, colour: Colour) -> pygame.Surface:
    line = text(words, 12, colour, bold=True)
    width = line.get_width() + 18
    sheet = Sheet(width, 26)
    sheet.block((1, 3, width - 2, 22), (40, 30, 20, 60), 11.0)
    sheet.block((1, 1, width - 2, 22), WHITE, 11.0)
    bubble = sheet.finished()
    stamp(bubble, line, (9, 12 - line.get_height() / 2.0))
    return bubble


def _paint_avatar(surface: pygame.Surface, room: DrawnRoom, body) -> None:
    middle = room.on_map(*place_of(body))
    if body["posture"] == Posture.STUMBLE:
        lean = max(abs(float(body["lean_forward"])), abs(float(body["lean_right"])))
        stamp_centred(surface, _alarm(round(min(1.0, lean / 0.5) * 8), room.zoom), middle)
    sheet = figures.avatar(body, _rail_side(room, body), room.zoom)
    held = int(body["held_object"])
    if glyphs.has_glyph(held):
        small = glyphs.from_above(held, int(body["held_color"]), zoom=0.6 * room.zoom)
        stamp_centred(sheet, small, figures.held_at(body, room.zoom))
    stamp_centred(surface, sheet, middle)


def _rail_side(room: DrawnRoom, body) -> int:
    """Return -1 or 1 for the hand (left, right) that holds something beside it, else 0."""
    if not body["rail_in_hand"]:
        return 0
    east, south = HEADINGS[int(body["heading"]) % 4]
    on_the_right = int(room.objects[int(body["y"]) + east, int(body["x"]) - south])
    return 1 if on_the_right in (Object.RAIL, Object.WALL, Object.TABLE) else -1


@lru_cache(maxsize=64)
def _alarm(severity: int, zoom: float) -> pygame.Surface:
    """Return rings around a stumbling body, redder and wider as `severity` goes from 0 to 8."""
    colour = traffic_light(0.5 + severity / 16.0)
    radius = 23.0 + severity
    sheet = Sheet(84, 84, zoom)
    sheet.disc((42, 42), radius, (*colour, 60))
    sheet.ring((42, 42), radius, (*colour, 200), 2.0)
    sheet.ring((42, 42), radius + 6.0, (*colour, 90), 1.5)
    return sheet.finished()
