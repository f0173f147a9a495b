"""The view through the avatar's eyes: level while it stands, the ground rushing up in a fall."""

import math
from functools import lru_cache

import pygame

from envs.engine.body_senses import Posture
from envs.engine.render.ink import (
    BAD,
    NIGHT,
    WHITE,
    Sheet,
    pill,
    stamp,
    stamp_centred,
    text,
)
from envs.engine.view import HEADINGS
from envs.trip.render import glyphs
from envs.trip.render.eyes import Eye, View
from envs.trip.render.figures import falling_direction
from envs.trip.render.room import DrawnRoom, place_of, round_corners

CELL_M = 0.7
_LEVEL_PITCH = math.radians(-17.0)
_EYES_PER_LEG = 1.72  # eye height when standing, per leg length
_FALLEN_HEIGHT_M = 0.2
_FALLEN = {  # pitch and roll of the head when lying, by (forward, right) of the fall
    (1, 0): (math.radians(-30.0), math.radians(16.0)),
    (-1, 0): (math.radians(27.0), math.radians(-7.0)),
    (0, 1): (math.radians(-4.0), math.radians(74.0)),
    (0, -1): (math.radians(-4.0), math.radians(-74.0)),
}
_FARTHEST_SPRITE = 12.0  # cells
_NEAREST_SPRITE = 0.35

Rising = tuple[int, int, int, float, float]  # kind, color, state and middle of what rises


def eye_of(body, fall_at_leg: float, side_share: float) -> Eye:
    """Return where the avatar's eye is and how it looks, from its posture and its lean."""
    x, y = place_of(body)
    east, south = HEADINGS[int(body["heading"]) % 4]
    tall = _EYES_PER_LEG * float(body["leg"])
    limit = fall_at_leg * float(body["leg"])
    forward = float(body["lean_forward"]) / limit if limit > 0.0 else 0.0
    right = float(body["lean_right"]) / (limit * side_share) if limit > 0.0 else 0.0
    height, pitch, roll = _head(body, forward, right, tall)
    lean_x = 0.6 * float(body["lean_forward"]) / CELL_M
    lean_y = 0.6 * float(body["lean_right"]) / CELL_M
    return Eye(
        x=x + east * lean_x - south * lean_y,
        y=y + south * lean_x + east * lean_y,
        height=height / CELL_M,
        yaw=math.atan2(south, east),
        pitch=pitch,
        roll=roll,
    )


def _head(body, forward: float, right: float, tall: float) -> tuple[float, float, float]:
    """Return the eye's height in metres, its pitch and its roll; leans are shares of a fall."""
    posture = int(body["posture"])
    if posture in (Posture.DOWN, Posture.RISING):
        up = 0.0
        if posture == Posture.RISING:
            up = 0.15 + 0.6 * (1.0 - min(1.0, int(body["ticks_to_rise"]) / 8.0))
        ahead, aside = falling_direction(body)
        low = _FALLEN_HEIGHT_M + (tall - _FALLEN_HEIGHT_M) * up
        pitch, roll = _FALLEN[(round(ahead), round(aside))]
        return low, pitch * (1.0 - up) + _LEVEL_PITCH * up, roll * (1.0 - up)
    tip = max(-1.0, min(1.0, forward))
    tilt = max(-1.0, min(1.0, right))
    sunk = 1.0 - 0.6 * max(abs(tip), abs(tilt)) ** 2
    sunk *= 0.6 if posture == Posture.CROUCH else 1.0
    pitch = _LEVEL_PITCH - math.radians(50.0 if tip > 0.0 else 34.0) * tip
    return tall * sunk, pitch, math.radians(48.0) * tilt


class SightPainter:
    """Paints the view through the eyes into a rectangle.

    Args:
        width: In pixels.
        height: In pixels.
        fall_at_leg: A body falls when it leans forward by this much of its leg length.
        side_share: It falls sideways at this share of that.
    """

    def __init__(self, width: int, height: int, fall_at_leg: float, side_share: float):
        self._view = self._new_view(width, height)
        self._fall_at_leg, self._side_share = fall_at_leg, side_share
        self._frame = round_corners(width, height, 10.0)

    def paint(self, surface: pygame.Surface, room: DrawnRoom, body, objects) -> None:
        """Draw onto a surface of the size given."""
        eye = eye_of(body, self._fall_at_leg, self._side_share)
        picture = self._view.picture(eye, room.ground, room.is_wall)
        pygame.surfarray.blit_array(surface, picture.swapaxes(0, 1))
        self._paint_standing(surface, room, eye, self._rising(room, body, objects))
        self._paint_alarm(surface, body)
        stamp(surface, self._frame, (0, 0))
        caption = text("Through its eyes", 11, WHITE, bold=True)
        stamp(surface, _tag(caption.get_width() + 16), (8, self._view.height - 26))
        stamp(surface, caption, (16, self._view.height - 17 - caption.get_height() / 2.0))

    # ---- What stands on the floor, the farthest first ----

    def _paint_standing(self, surface, room: DrawnRoom, eye: Eye, rising: list[Rising]) -> None:
        ahead = [(math.hypot(x - eye.x, y - eye.y), *what, x, y) for *what, x, y in rising]
        for away, kind, color, state, x, y in sorted(ahead, reverse=True):
            before = (x - eye.x) * math.cos(eye.yaw) + (y - eye.y) * math.sin(eye.yaw) > 0.2
            if not (before and _NEAREST_SPRITE < away < _FARTHEST_SPRITE):
                continue
            if _in_sight(room, eye, x, y, away):
                self._paint_upright(surface, eye, self._sheet(kind, color, state, x, y), x, y)

    def _paint_upright(self, surface, eye: Eye, sheet, x: float, y: float) -> None:
        half = sheet.get_height() / glyphs.PIXELS_PER_METRE / CELL_M / 2.0
        column, row, depth = self._view.spot(eye, x, y, half)
        if depth < _NEAREST_SPRITE:
            return
        scale = self._view.focal / (depth * CELL_M) / glyphs.PIXELS_PER_METRE
        turned = pygame.transform.rotozoom(sheet, math.degrees(eye.roll), min(scale, 4.0))
        stamp_centred(surface, turned, (column, row))

    # ---- What another world draws otherwise ----

    def _new_view(self, width: int, height: int) -> View:
        return View(width, height)

    def _rising(self, room: DrawnRoom, body, objects) -> list[Rising]:
        """Return all that rises from the floor."""
        found = [
            (int(obj["kind"]), int(obj["color"]), 0, int(obj["x"]) + 0.5, int(obj["y"]) + 0.5)
            for obj in objects
            if obj["x"] > 0 and glyphs.stands(int(obj["kind"]))
        ]
        return found + [(kind, color, 0, x, y) for kind, color, x, y in room.standing]

    def _sheet(self, kind: int, color: int, state: int, x: float, y: float) -> pygame.Surface:
        """Return how it looks where it is."""
        return glyphs.upright(kind, color)

    # ---- What a fall feels like ----

    def _paint_alarm(self, surface: pygame.Surface, body) -> None:
        limit = max(1e-6, self._fall_at_leg * float(body["leg"]))
        share = max(
            abs(float(body["lean_forward"])), abs(float(body["lean_right"])) / self._side_share
        )
        rush = round(8.0 * min(1.0, max(0.0, share / limit - 0.25) / 0.75))
        if body["posture"] == Posture.STUMBLE and rush > 0:
            stamp(surface, _streaks(self._view.width, self._view.height, rush), (0, 0))
        hurt = round(8.0 * min(1.0, float(max(body["pain"])) * 1.5))
        if body["posture"] == Posture.DOWN:
            hurt = max(hurt, 3)
        if hurt > 0:
            stamp(surface, _red_edge(self._view.width, self._view.height, hurt), (0, 0))


def _in_sight(room: DrawnRoom, eye: Eye, x: float, y: float, away: float) -> bool:
    """Return whether no wall stands between; looked up along the line, four times a cell."""
    steps = max(1, int(away * 4.0))
    for step in range(1, steps):
        share = step / steps
        u, v = eye.x + (x - eye.x) * share, eye.y + (y - eye.y) * share
        if room.is_wall[int(v), int(u)]:
            return False
    return True


# ---- Sheets laid over the picture ----


@lru_cache(maxsize=8)
def _tag(width: int) -> pygame.Surface:
    return pill(width, 18, NIGHT)


@lru_cache(maxsize=16)
def _streaks(width: int, height: int, strength: int) -> pygame.Surface:
    """Return lines that run away from the middle, as the ground does when it comes closer."""
    sheet = Sheet(width, height)
    middle = (width / 2.0, height * 0.56)
    for i in range(30):
        angle = math.tau * (i * 0.61803 % 1.0)
        near = 0.62 + 0.25 * (i * 0.7549 % 1.0) - 0.03 * strength
        reach = width * 0.62
        ends = [
            (
                middle[0] + math.cos(angle) * reach * share,
                middle[1] + math.sin(angle) * reach * share * 0.62,
            )
            for share in (near, 1.1)
        ]
        sheet.stroke(ends, (255, 255, 255, 12 + strength * 14), 1.0 + strength * 0.12)
    return sheet.finished()


@lru_cache(maxsize=16)
def _red_edge(width: int, height: int, strength: int) -> pygame.Surface:
    """Return a rim of red, fading inwards."""
    small = pygame.Surface((24, 12), pygame.SRCALPHA)
    for ring in range(4):
        alpha = round(strength * 22 * (1.0 - ring / 4.0) ** 2)
        pygame.draw.rect(small, (*BAD, alpha), (ring, ring, 24 - 2 * ring, 12 - 2 * ring), width=1)
    return pygame.transform.smoothscale(small.premul_alpha(), (width, height))
