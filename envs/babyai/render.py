"""One picture of everything: the grid, the avatar in it, and what its hand and shins feel.

Objects have MiniGrid's shapes and `trip`'s colours. A frame is drawn from plain arrays, so that the
compiled world and the package's own environments are drawn by the same function.
"""

from functools import lru_cache
from types import MappingProxyType

import numpy as np
import pygame
from numpy.typing import NDArray

from envs.babyai.picture import extent
from envs.babyai.spec import BABYAI
from envs.babyai.vocabulary import Color, DoorState, Object
from envs.engine.render.ink import (
    BAD,
    CARD,
    COLORS,
    GOOD,
    GROOVE,
    NIGHT,
    QUIET_WORDS,
    WALL_TOP,
    WATCH,
    WHITE,
    WORDS,
    Colour,
    Point,
    Sheet,
    darker,
    lighter,
    mix,
    pill,
    stamp,
    stamp_centred,
    text,
    wrapped,
)
from envs.engine.view import OFFSETS, VIEW

__all__ = ["HEIGHT", "WIDTH", "frame"]

WIDTH, HEIGHT = 960, 576  # multiples of 16, as video codecs like them
_MARGIN = 15
_MAP = 546  # pixels along each side
_PANEL = pygame.Rect(2 * _MARGIN + _MAP, _MARGIN, 369, _MAP)
_MISSION = pygame.Rect(_PANEL.left, _PANEL.top, _PANEL.width, 92)
_TOUCH = pygame.Rect(_PANEL.left, _MISSION.bottom + 8, _PANEL.width, 190)
_VIEW = pygame.Rect(_PANEL.left, _TOUCH.bottom + 8, _PANEL.width, 248)
_MISSION_SIZES = ((16, 2), (13, 3), (11, 4))  # height of the words, and the most lines of them
_VIEW_CELL = 29
_LARGEST_CELL = 72
_HAND_MIDDLE = _VIEW.left + 14 + VIEW * _VIEW_CELL + (_VIEW.width - 14 - 203) // 2

_GROUND = (37, 43, 60)
_LIT_GROUND = (70, 79, 104)
_SHADE = 0.2  # over what is out of view
_AVATAR = (255, 92, 78)
_LAVA = (255, 136, 32)


def frame(
    cells: NDArray[np.uint8],
    pose: tuple[int, int, int],
    held: tuple[int, int],
    image: NDArray[np.uint8],
    touch: NDArray[np.float32],
    mission: str,
) -> NDArray[np.uint8]:
    """Return a picture of one avatar in its grid, (576, 960, 3) uint8; needs no screen.

    Args:
        cells: (columns, rows, 3) uint8, the grid as minigrid encodes it; walls beyond its rooms are
            left out of the picture.
        pose: x, y and heading of the avatar, in the grid's coordinates.
        held: Object and color of what is in hand; an object of 0 or 1 is an empty hand.
        image: (7, 7, 3) uint8, its view, as observed.
        touch: (19,) what is felt, in the order of `BABYAI.columns`.
        mission: What is asked of it, in words.
    """
    surface = _empty().copy()
    _paint_map(surface, cells, pose, image)
    _paint_mission(surface, mission)
    _paint_touch(surface, touch)
    _paint_view(surface, image)
    _paint_hand(surface, *held)
    pixels = pygame.image.tobytes(surface, "RGB")
    return np.frombuffer(pixels, np.uint8).reshape(HEIGHT, WIDTH, 3).copy()


@lru_cache(maxsize=1)
def _empty() -> pygame.Surface:
    """Return what never changes: the ground, the cards and their labels."""
    surface = pygame.Surface((WIDTH, HEIGHT), depth=32)
    surface.fill(NIGHT)
    sheet = Sheet(WIDTH, HEIGHT)
    for card in (_MISSION, _TOUCH, _VIEW):
        sheet.block((card.left, card.top, card.width, card.height), CARD, 10.0)
    stamp(surface, sheet.finished(), (0, 0))
    _label(surface, "MISSION", (_MISSION.left + 14, _MISSION.top + 9))
    _label(surface, "TOUCH", (_TOUCH.left + 14, _TOUCH.top + 9))
    _label(surface, "WHAT IT SEES", (_VIEW.left + 14, _VIEW.top + 9))
    _label(surface, "IN ITS HAND", (_HAND_MIDDLE - 46, _VIEW.top + 9))
    return surface


def _label(surface: pygame.Surface, words: str, at: Point) -> None:
    stamp(surface, text(words, 11, QUIET_WORDS, bold=True), at)


# ---- The map ----


def _paint_map(surface: pygame.Surface, cells, pose: tuple[int, int, int], image) -> None:
    left, top, columns, rows = extent(cells)
    size = min(_MAP // max(columns, rows), _LARGEST_CELL)
    corner = (_MARGIN + (_MAP - columns * size) // 2, _MARGIN + (_MAP - rows * size) // 2)
    lit = _lit(cells.shape[:2], pose, image)
    shown, is_lit = cells.tolist(), lit.tolist()  # plain numbers are looked up far more quickly
    for x in range(columns):
        for y in range(rows):
            tile = _tile(*shown[left + x][top + y], is_lit[left + x][top + y], size)
            surface.blit(tile, (corner[0] + x * size, corner[1] + y * size))
    x, y, heading = pose
    middle = (corner[0] + (x - left + 0.5) * size, corner[1] + (y - top + 0.5) * size)
    stamp_centred(surface, _avatar(heading, size), middle)


def _lit(shape: tuple[int, int], pose: tuple[int, int, int], image) -> NDArray[np.bool_]:
    """Return (columns, rows) which cells of the grid are in view."""
    lit = np.zeros(shape, bool)
    x, y, heading = pose
    places = OFFSETS[heading % 4][image[..., 0] != Object.UNSEEN] + (x, y)
    places = places[((places >= 0) & (places < shape)).all(1)]
    lit[places[:, 0], places[:, 1]] = True
    return lit


@lru_cache(maxsize=2048)
def _tile(object_type: int, color: int, state: int, lit: bool, size: int) -> pygame.Surface:
    """Return a cell with what is in it, `size` pixels along each side, opaque."""
    sheet = Sheet(1.0, 1.0, size)
    sheet.block((0.0, 0.0, 1.0, 1.0), mix(_GROUND, NIGHT, 0.7))
    sheet.block((0.02, 0.02, 0.96, 0.96), _LIT_GROUND if lit else _GROUND)
    colour = COLORS[color % len(COLORS)]
    if object_type in _DRAWN:
        _DRAWN[object_type](sheet, colour if lit else mix(colour, NIGHT, _SHADE), state)
    if object_type == Object.WALL:
        _draw_wall(sheet, colour, lit)
    tile = pygame.Surface((size, size), depth=32)
    tile.blit(sheet.finished(), (0, 0))
    return tile


def _draw_wall(sheet: Sheet, colour: Colour, lit: bool) -> None:
    paint = mix(colour, WALL_TOP, 0.8)
    sheet.block((0.0, 0.0, 1.0, 1.0), lighter(paint, 0.14) if lit else darker(paint, 0.12))


def _draw_floor(sheet: Sheet, colour: Colour, state: int) -> None:
    sheet.block((0.02, 0.02, 0.96, 0.96), mix(colour, _GROUND, 0.5))


def _draw_goal(sheet: Sheet, colour: Colour, state: int) -> None:
    sheet.block((0.02, 0.02, 0.96, 0.96), colour)


def _draw_lava(sheet: Sheet, colour: Colour, state: int) -> None:
    sheet.block((0.02, 0.02, 0.96, 0.96), _LAVA)
    for row in range(3):
        high, low = 0.27 + 0.2 * row, 0.36 + 0.2 * row
        wave = [(0.14, low), (0.32, high), (0.5, low), (0.68, high), (0.86, low)]
        sheet.stroke(wave, darker(_LAVA, 0.6), 0.05)


def _draw_key(sheet: Sheet, colour: Colour, state: int) -> None:
    sheet.ring((0.5, 0.29), 0.18, colour, 0.1)
    sheet.block((0.44, 0.42, 0.12, 0.44), colour, 0.04)
    for top in (0.58, 0.74):
        sheet.block((0.30, top, 0.18, 0.09), colour, 0.03)


def _draw_ball(sheet: Sheet, colour: Colour, state: int) -> None:
    sheet.disc((0.5, 0.5), 0.31, colour)
    sheet.disc((0.41, 0.40), 0.07, lighter(colour, 0.45))


def _draw_box(sheet: Sheet, colour: Colour, state: int) -> None:
    sheet.block((0.14, 0.14, 0.72, 0.72), colour, 0.07)
    sheet.block((0.21, 0.21, 0.58, 0.58), darker(colour, 0.62), 0.04)
    sheet.block((0.17, 0.46, 0.66, 0.08), colour)


def _draw_door(sheet: Sheet, colour: Colour, state: int) -> None:
    if state == DoorState.OPEN:
        sheet.block((0.84, 0.0, 0.16, 1.0), colour)
        sheet.block((0.89, 0.05, 0.06, 0.9), darker(colour, 0.7))
        return
    sheet.block((0.0, 0.0, 1.0, 1.0), colour)
    if state == DoorState.LOCKED:
        sheet.block((0.08, 0.08, 0.84, 0.84), darker(colour, 0.5))
        sheet.disc((0.5, 0.43), 0.11, colour)
        sheet.shape([(0.5, 0.42), (0.59, 0.70), (0.41, 0.70)], colour)
        return
    sheet.block((0.06, 0.06, 0.88, 0.88), darker(colour, 0.7))
    sheet.block((0.12, 0.12, 0.76, 0.76), darker(colour, 0.25))
    sheet.disc((0.74, 0.5), 0.08, lighter(colour, 0.5))


_DRAWN = MappingProxyType(
    {
        int(Object.FLOOR): _draw_floor,
        int(Object.GOAL): _draw_goal,
        int(Object.LAVA): _draw_lava,
        int(Object.KEY): _draw_key,
        int(Object.BALL): _draw_ball,
        int(Object.BOX): _draw_box,
        int(Object.DOOR): _draw_door,
    }
)


@lru_cache(maxsize=64)
def _avatar(heading: int, size: int) -> pygame.Surface:
    """Return MiniGrid's triangle, pointing where it looks."""
    sheet = Sheet(1.0, 1.0, size)
    corners = [_turned(corner, heading) for corner in ((-0.3, -0.29), (0.36, 0.0), (-0.3, 0.29))]
    sheet.stroke([*corners, corners[0]], WHITE, 0.11)
    sheet.shape(corners, _AVATAR)
    return sheet.finished()


def _turned(point: Point, heading: int) -> Point:
    x, y = point
    for _ in range(heading % 4):
        x, y = -y, x
    return 0.5 + x, 0.5 + y


# ---- The panel ----


def _paint_mission(surface: pygame.Surface, words: str) -> None:
    sentence, room = words[:1].upper() + words[1:], _MISSION.width - 28.0
    for size, most in _MISSION_SIZES:
        lines = wrapped(sentence, size, room, bold=True)
        if len(lines) <= most:
            break
    middle = _MISSION.top + 55
    for i, line in enumerate(lines[:most]):
        top = middle + (i - min(len(lines), most) / 2.0) * (size + 4)
        stamp(surface, text(line, size, WORDS, bold=True), (_MISSION.left + 14, top))


_LAMP_HEIGHT = 24
# Where each lamp hangs: row, left edge and width within the card; what it says, and its colour.
_LAMPS = MappingProxyType(
    {
        "bump": (0, 62, 62, "bump", BAD),
        "blocked_by_wall": (0, 130, 66, "wall", WATCH),
        "blocked_by_door": (0, 202, 66, "door", WATCH),
        "blocked_by_thing": (0, 274, 81, "thing", WATCH),
        "nothing_there": (1, 62, 112, "nothing there", BAD),
        "refused": (1, 180, 80, "refused", BAD),
        "still_full": (1, 266, 89, "still full", BAD),
        "got_it": (2, 62, 112, "got it", GOOD),
        "put_down": (2, 180, 80, "put down", GOOD),
        "locked": (3, 62, 112, "locked", BAD),
        "opened": (3, 180, 80, "opened", GOOD),
        "shut": (3, 266, 89, "shut", GOOD),
    }
)
_LAMP_ROWS = ("Way", "Hand", "", "Door")


def _paint_touch(surface: pygame.Surface, touch) -> None:
    for row, label in enumerate(_LAMP_ROWS):
        at = (_TOUCH.left + 14, _lamp_top(row) + 4)
        stamp(surface, text(label, 13, QUIET_WORDS), at)
    felt = dict(zip(BABYAI.senses["touch"], touch, strict=True))
    for name, (row, left, width, words, colour) in _LAMPS.items():
        at = (_TOUCH.left + left, _lamp_top(row))
        stamp(surface, _lamp(words, width, colour, bool(felt[name] > 0.0)), at)


def _lamp_top(row: int) -> int:
    return _TOUCH.top + 34 + row * 37


@lru_cache(maxsize=64)
def _lamp(words: str, width: int, colour: Colour, lit: bool) -> pygame.Surface:
    """Return a named lamp, lit or not."""
    lamp = pill(width, _LAMP_HEIGHT, colour if lit else GROOVE).copy()
    line = text(words, 12, NIGHT if lit else QUIET_WORDS, bold=True)
    stamp_centred(lamp, line, (width / 2.0, _LAMP_HEIGHT / 2.0))
    return lamp


def _paint_view(surface: pygame.Surface, image) -> None:
    """Draw what the avatar sees, itself below, looking up."""
    left, top = _VIEW.left + 14, _VIEW.top + 32
    shown = image.tolist()
    shown[VIEW // 2][VIEW - 1] = [int(Object.EMPTY), 0, 0]  # there it shows what is held
    for column in range(VIEW):
        for row in range(VIEW):
            at = (left + column * _VIEW_CELL, top + row * _VIEW_CELL)
            surface.blit(_seen(*shown[column][row]), at)
    middle = (left + 3.5 * _VIEW_CELL, top + 6.5 * _VIEW_CELL)
    stamp_centred(surface, _avatar(3, _VIEW_CELL), middle)


@lru_cache(maxsize=512)
def _seen(object_type: int, color: int, state: int) -> pygame.Surface:
    if object_type != Object.UNSEEN:
        return _tile(object_type, color, state, True, _VIEW_CELL)
    dark = pygame.Surface((_VIEW_CELL, _VIEW_CELL), depth=32)
    dark.fill(NIGHT)
    return dark


def _paint_hand(surface: pygame.Surface, object_type: int, color: int) -> None:
    middle = (_HAND_MIDDLE, _VIEW.top + 120)
    stamp_centred(surface, pill(92, 92, NIGHT, 12.0), middle)
    words, colour = "empty", QUIET_WORDS
    if object_type > Object.EMPTY:
        stamp_centred(surface, _in_hand(int(object_type), int(color)), middle)
        words, colour = f"{Color(color).name.lower()} {Object(object_type).name.lower()}", WORDS
    stamp_centred(surface, text(words, 14, colour, bold=True), (middle[0], _VIEW.top + 188))


@lru_cache(maxsize=64)
def _in_hand(object_type: int, color: int) -> pygame.Surface:
    sheet = Sheet(1.0, 1.0, 84)
    _DRAWN[object_type](sheet, COLORS[color], 0)
    return sheet.finished()
