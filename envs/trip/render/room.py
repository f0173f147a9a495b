"""The room from above: floor, walls, hazards, people, and the avatar among them."""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import pygame
from numpy.typing import NDArray

from envs.engine.view import HEADINGS, OCCLUSION, OFFSETS, VIEW
from envs.trip.render import figures, glyphs
from envs.trip.render.eyes import Ground
from envs.trip.render.glyphs import CELL
from envs.trip.render.ink import (
    BAD,
    FLOOR,
    GROUT,
    INK,
    NIGHT,
    OTHER_FLOOR,
    WATCH,
    WHITE,
    Point,
    Sheet,
    stamp,
    stamp_centred,
    text,
    traffic_light,
)
from envs.trip.state import GRID, PAD, SPAN
from envs.trip.vocabulary import Mission, PersonState, Posture, Thing

ROOM = GRID * CELL  # pixels along each side of the map
_FINE = 2  # the floor is drawn so many times finer, for the eyes that come close to it
_KEPT = 8  # rooms kept drawn
_DIM = (*NIGHT, 92)

_HAZARDS = (Thing.CABLE, Thing.RUG_EDGE, Thing.ICE, Thing.KERB, Thing.WET, Thing.GRAVEL)


@dataclass(frozen=True, slots=True)
class DrawnRoom:
    """What of a room never changes."""

    map: pygame.Surface
    ground: Ground
    is_wall: NDArray[np.bool_]  # (SPAN, SPAN), beyond the room as well
    things: NDArray[np.uint8]  # (SPAN, SPAN)
    skins: NDArray[np.uint8]
    standing: list[tuple[int, int, float, float]]  # kind, skin and middle of what rises


class Rooms:
    """Draws each room once and keeps the last few."""

    def __init__(self):
        self._drawn: OrderedDict[bytes, DrawnRoom] = OrderedDict()

    def of(self, layout) -> DrawnRoom:
        """Return the room of one record of `state.LAYOUT`, drawn."""
        key = layout["cells"].tobytes()
        if key not in self._drawn:
            self._drawn[key] = _draw_room(layout["cells"])
            if len(self._drawn) > _KEPT:
                self._drawn.popitem(last=False)
        self._drawn.move_to_end(key)
        return self._drawn[key]


# ---- What never changes ----


def _draw_room(cells) -> DrawnRoom:
    things = (cells & 0xFF).astype(np.uint8)
    skins = (cells >> 8 & 0xFF).astype(np.uint8)
    fine = pygame.Surface((ROOM * _FINE, ROOM * _FINE))
    _draw_floor(fine)
    _draw_glyphs(fine, things, skins, _HAZARDS)
    ground = _ground(fine)
    _draw_wall_shadows(fine, things)
    standing = [thing for thing in Thing if glyphs.has_glyph(thing) and thing not in _HAZARDS]
    _draw_glyphs(fine, things, skins, standing)
    drawn = pygame.transform.smoothscale(fine, (ROOM, ROOM))
    is_wall = (things == Thing.WALL) | (things == Thing.UNSEEN)
    return DrawnRoom(_rounded(drawn), ground, is_wall, things, skins, _standing(things, skins))


def _standing(things, skins) -> list[tuple[int, int, float, float]]:
    kinds = [int(thing) for thing in Thing if glyphs.stands(thing)]
    return [
        (int(things[row, column]), int(skins[row, column]), column + 0.5, row + 0.5)
        for row, column in np.argwhere(np.isin(things, kinds)).tolist()
    ]


def _draw_floor(fine: pygame.Surface) -> None:
    fine.fill(GROUT)
    size = CELL * _FINE
    for column in range(GRID):
        for row in range(GRID):
            colour = FLOOR if (column + row) % 2 else OTHER_FLOOR
            tile = (column * size + 1, row * size + 1, size - 2, size - 2)
            pygame.draw.rect(fine, colour, tile, border_radius=5)


def _draw_glyphs(fine: pygame.Surface, things, skins, wanted) -> None:
    for row, column in np.argwhere(np.isin(things, [int(thing) for thing in wanted])):
        kind, skin = int(things[row, column]), int(skins[row, column])
        joins = (
            bool(things[row, column + 1] == kind),
            bool(things[row + 1, column] == kind),
            bool(things[row, column - 1] == kind),
            bool(things[row - 1, column] == kind),
        )
        variant = int(column * 7 + row * 13) % 4
        sheet = glyphs.from_above(kind, skin, joins, variant, float(_FINE))
        stamp(fine, sheet, ((column - PAD) * CELL * _FINE, (row - PAD) * CELL * _FINE))


def _draw_wall_shadows(fine: pygame.Surface, things) -> None:
    """Walls shade the floor to their south and east, softly."""
    size = CELL * _FINE
    wall = things == Thing.WALL
    for depth, strength in ((22, 18), (15, 20), (8, 24)):
        shade = pygame.Surface((size + depth, size + depth), pygame.SRCALPHA)
        shade.fill((60, 45, 30, strength))
        for row, column in np.argwhere(wall):
            below = row + 1 < SPAN and not wall[row + 1, column]
            beside = column + 1 < SPAN and not wall[row, column + 1]
            at = ((column - PAD) * size, (row - PAD) * size)
            if below:
                fine.blit(shade, (at[0], at[1] + size), (0, 0, size, depth))
            if beside:
                fine.blit(shade, (at[0] + size, at[1]), (0, 0, depth, size))


def _ground(fine: pygame.Surface) -> Ground:
    coarse = pygame.transform.smoothscale(fine, (GRID * 13, GRID * 13))
    return Ground(_pixels(fine), _pixels(coarse), PAD, GRID)


def _pixels(surface: pygame.Surface) -> NDArray[np.uint8]:
    return np.ascontiguousarray(pygame.surfarray.array3d(surface).swapaxes(0, 1))


def _rounded(drawn: pygame.Surface) -> pygame.Surface:
    """Return the picture with round corners, on transparent ground."""
    mask = Sheet(ROOM, ROOM)
    mask.block((0, 0, ROOM, ROOM), WHITE, 12.0)
    rounded = mask.finished()
    rounded.blit(drawn, (0, 0), special_flags=pygame.BLEND_RGB_MULT)
    return rounded


# ---- What changes ----


def place_of(body) -> Point:
    """Return where a body is, in padded cells; the middle of cell (8, 8) is (8.5, 8.5)."""
    east, south = HEADINGS[int(body["heading"]) % 4]
    progress = float(body["progress"])
    return int(body["x"]) + 0.5 + east * progress, int(body["y"]) + 0.5 + south * progress


def on_map(x: float, y: float) -> Point:
    """Return the map's pixel at a place in padded cells."""
    return (x - PAD) * CELL, (y - PAD) * CELL


def seen_cells(things, x: int, y: int, heading: int) -> list[tuple[int, int]]:
    """Return the cells (x, y) that are in view, with MiniGrid's occlusion by walls."""
    cells, reach = [], 1 << VIEW // 2
    for row in range(VIEW - 1, -1, -1):
        places = [
            (x + int(OFFSETS[heading, column, row, 0]), y + int(OFFSETS[heading, column, row, 1]))
            for column in range(VIEW)
        ]
        clear = sum((things[v, u] != Thing.WALL) << i for i, (u, v) in enumerate(places))
        seen, reach = (int(bits) for bits in OCCLUSION[reach, clear])
        cells += [place for i, place in enumerate(places) if seen >> i & 1]
    return cells


class MapPainter:
    """Draws the room with everything that moves in it."""

    def __init__(self, sight_cells: float):
        self._cone_radius = round((sight_cells + 0.5) * CELL)
        self._shade_key: tuple = ()
        self._shade = pygame.Surface((1, 1))

    def paint(self, surface: pygame.Surface, room: DrawnRoom, body, things) -> None:
        """Draw onto a surface of ROOM x ROOM pixels, whose corners stay as they are."""
        stamp(surface, room.map, (0, 0))
        persons = [thing for thing in things if thing["kind"] == Thing.PERSON and thing["x"] > 0]
        for one in persons:
            self._paint_cone(surface, one)
        stamp(surface, self._shade_beyond_view(room, body), (0, 0))
        _paint_targets(surface, room, body, things)
        _paint_movables(surface, things)
        for one in persons:
            _paint_person(surface, one)
        _paint_avatar(surface, room, body)
        for one in persons:
            _paint_reaction(surface, one)

    def _paint_cone(self, surface: pygame.Surface, one) -> None:
        cone = figures.view_cone(int(one["skin"]), int(one["heading"]), self._cone_radius)
        stamp_centred(surface, cone, _middle_of(one))

    def _shade_beyond_view(self, room: DrawnRoom, body) -> pygame.Surface:
        key = (id(room), int(body["x"]), int(body["y"]), int(body["heading"]) % 4)
        if key != self._shade_key:
            self._shade_key, self._shade = key, _shade(room, *key[1:])
        return self._shade


def _shade(room: DrawnRoom, x: int, y: int, heading: int) -> pygame.Surface:
    """Return a veil over the room that leaves free what the avatar sees."""
    step = 3  # pixels a cell before enlarging: the veil's edge is a third of a cell soft
    small = pygame.Surface((GRID * step, GRID * step), pygame.SRCALPHA)
    small.fill(_DIM)
    for u, v in seen_cells(room.things, x, y, heading):
        small.fill((*NIGHT, 0), ((u - PAD) * step, (v - PAD) * step, step, step))
    veil = pygame.transform.smoothscale(small.premul_alpha(), (ROOM, ROOM))
    veil.blit(room.map, (0, 0), special_flags=pygame.BLEND_RGBA_MIN)
    return veil


def _middle_of(thing) -> Point:
    return on_map(int(thing["x"]) + 0.5, int(thing["y"]) + 0.5)


def _paint_movables(surface: pygame.Surface, things) -> None:
    for thing in things:
        kind = int(thing["kind"])
        if kind != Thing.PERSON and glyphs.has_glyph(kind) and thing["x"] > 0:
            stamp_centred(surface, glyphs.from_above(kind, int(thing["skin"])), _middle_of(thing))


# ---- What the mission is about ----


def _paint_targets(surface: pygame.Surface, room: DrawnRoom, body, things) -> None:
    tokens = [int(token) for token in body["mission"]]
    wanted = [(tokens[1], tokens[2])]
    if tokens[0] in (Mission.CARRY_CUP, Mission.DELIVER):
        wanted.append((tokens[3], tokens[4]))
    for kind, skin in wanted:
        for x, y in _whereabouts(room, things, kind, skin):
            stamp_centred(surface, _brackets(), on_map(x + 0.5, y + 0.5))


def _whereabouts(room: DrawnRoom, things, kind: int, skin: int) -> list[tuple[int, int]]:
    fixed = np.argwhere((room.things == kind) & (room.skins == skin))
    places = [(int(column), int(row)) for row, column in fixed]
    return places + [
        (int(thing["x"]), int(thing["y"]))
        for thing in things
        if thing["kind"] == kind and thing["skin"] == skin and thing["x"] > 0
    ]


_BRACKETS: list[pygame.Surface] = []


def _brackets() -> pygame.Surface:
    """Return four corners around a cell: here is what the mission is about."""
    if not _BRACKETS:
        sheet = Sheet(CELL + 14, CELL + 14)
        near, far, arm = 3.0, CELL + 11.0, 9.0
        for colour, width in ((INK, 4.6), (WATCH, 2.6)):
            for x, sx in ((near, 1), (far, -1)):
                for y, sy in ((near, 1), (far, -1)):
                    corner = [(x + sx * arm, y), (x, y), (x, y + sy * arm)]
                    sheet.stroke(corner, colour, width)
        _BRACKETS.append(sheet.finished())
    return _BRACKETS[0]


# ---- People ----


def _paint_person(surface: pygame.Surface, one) -> None:
    sheet = figures.person(int(one["skin"]), int(one["heading"]) % 4, int(one["state"]))
    stamp_centred(surface, sheet, _middle_of(one))


def _paint_reaction(surface: pygame.Surface, one) -> None:
    if one["state"] not in (PersonState.LAUGHING, PersonState.HELPING):
        return
    laughs = one["state"] == PersonState.LAUGHING
    x, y = _middle_of(one)
    bubble = _bubble("ha ha!" if laughs else "let me help", BAD if laughs else (38, 140, 100))
    left = min(max(x - bubble.get_width() / 2.0, 4.0), ROOM - bubble.get_width() - 4.0)
    above = y - 46.0 if y > 60.0 else y + 18.0
    stamp(surface, bubble, (left, above))


def _bubble(words: str, colour) -> pygame.Surface:
    line = text(words, 12, colour, bold=True)
    width = line.get_width() + 18
    sheet = Sheet(width, 26)
    sheet.block((1, 3, width - 2, 22), (40, 30, 20, 60), 11.0)
    sheet.block((1, 1, width - 2, 22), WHITE, 11.0)
    bubble = sheet.finished()
    stamp(bubble, line, (9, 12 - line.get_height() / 2.0))
    return bubble


def _paint_avatar(surface: pygame.Surface, room: DrawnRoom, body) -> None:
    middle = on_map(*place_of(body))
    if body["posture"] == Posture.STUMBLE:
        stamp_centred(surface, _alarm(_severity(body)), middle)
    sheet = figures.avatar(body, rail_side(room, body))
    held = int(body["held_thing"])
    if glyphs.has_glyph(held):
        x, y = figures.held_at(body)
        small = glyphs.from_above(held, int(body["held_skin"]), zoom=0.56)
        stamp_centred(sheet, small, (x, y))
    stamp_centred(surface, sheet, middle)


def rail_side(room: DrawnRoom, body) -> int:
    """Return -1 or 1 for the hand (left, right) that holds something beside it, else 0."""
    if not body["rail_in_hand"]:
        return 0
    east, south = HEADINGS[int(body["heading"]) % 4]
    right = int(room.things[int(body["y"]) + east, int(body["x"]) - south])
    return 1 if right in (Thing.RAIL, Thing.WALL, Thing.TABLE) else -1


def _severity(body) -> float:
    lean = max(abs(float(body["lean_forward"])), abs(float(body["lean_right"])))
    return min(1.0, lean / 0.5)


def _alarm(severity: float) -> pygame.Surface:
    """Return rings around one who stumbles, redder and wider as it gets worse."""
    step = round(severity * 8)
    colour = traffic_light(0.5 + step / 16.0)
    radius = 24.0 + step
    sheet = Sheet(84, 84)
    sheet.disc((42, 42), radius, (*colour, 60))
    sheet.ring((42, 42), radius, (*colour, 200), 2.0)
    sheet.ring((42, 42), radius + 6.0, (*colour, 90), 1.5)
    return sheet.finished()
