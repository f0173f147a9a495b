"""People from above: the avatar in every posture, and the others.

A pose is a handful of joints in the body's own directions, in pixels: (forward, right) of the
middle of its cell. One list of round strokes draws any pose; the same list, fattened and white,
is the outline that makes the avatar easy to find.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pygame

from envs.engine.body_senses import Posture
from envs.engine.render.ink import (
    BAD,
    COLORS,
    FLESH,
    HAIR,
    INK,
    JACKET,
    SHOE,
    WATCH,
    WHITE,
    Colour,
    Point,
    Sheet,
    darker,
    lighter,
    mix,
)
from envs.engine.view import HEADINGS
from envs.trip.vocabulary import Action, PersonState

FIGURE = 112  # pixels along each side of a figure's sheet; the cell's middle is its middle
_PIXELS_PER_METRE = 39.0 / 0.7
_TROUSERS = (52, 60, 88)
_SIZE = 1.16  # a figure is drawn a little larger than its pose, to be seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """Where the joints are."""

    hips: Point
    chest: Point
    head: Point
    hands: tuple[Point, Point]  # left, right
    feet: tuple[Point, Point]
    up: Point = (1.0, 0.0)  # from hips to head, of length 1, for a body that lies
    face_up: bool = False
    shoulders: float = 8.0


@dataclass(frozen=True, slots=True)
class _Stroke:
    points: tuple[Point, ...]
    colour: Colour
    width: float


# ---- Poses ----


def pose_of(body) -> Pose:
    """Return how a body, one record of `state.BODY`, holds itself."""
    lean = _lean_of(body)
    posture = int(body["posture"])
    if posture == Posture.DOWN:
        return _lying(*falling_direction(body))
    if posture == Posture.RISING:
        return _rising(min(1.0, int(body["ticks_to_rise"]) / 8.0))
    if posture == Posture.STUMBLE:
        return _stumbling(lean, int(body["stumble_ticks"]))
    if posture == Posture.CROUCH:
        return _tying(lean) if int(body["last_action"]) == Action.TIE_LACE else _braced(lean)
    return _upright(lean, *_feet_of(body))


def _lean_of(body) -> Point:
    forward, right = float(body["lean_forward"]), float(body["lean_right"])
    length = math.hypot(forward, right) * _PIXELS_PER_METRE
    shown = min(1.0, 30.0 / length) if length > 0.0 else 1.0
    return forward * _PIXELS_PER_METRE * shown, right * _PIXELS_PER_METRE * shown


def falling_direction(body) -> Point:
    """Return (forward, right), of length 1: which way a body that lies has fallen."""
    forward, right = float(body["lean_forward_before"]), float(body["lean_right_before"])
    if abs(right) > abs(forward):
        return (0.0, math.copysign(1.0, right))
    return (-1.0, 0.0) if forward < 0.0 else (1.0, 0.0)


def _feet_of(body) -> tuple[Point, Point]:
    """The swing foot goes from behind to the front as its phase goes from 0 to 1."""
    stride = 13.0 * min(1.3, float(body["speed"]) / 1.2)
    swing = stride * (2.0 * min(max(float(body["phase"]), 0.0), 1.0) - 1.0)
    right_swings = int(body["stance_foot"]) == 0
    return ((-swing, -5.5), (swing, 5.5)) if right_swings else ((swing, -5.5), (-swing, 5.5))


def _upright(lean: Point, left_foot: Point, right_foot: Point) -> Pose:
    chest = (lean[0] * 0.55, lean[1] * 0.55)
    reach = 0.55
    return Pose(
        hips=(0.0, 0.0),
        chest=chest,
        head=(lean[0] + 1.0, lean[1]),
        hands=(
            (chest[0] + 3.0 - left_foot[0] * reach, chest[1] - 12.5),
            (chest[0] + 3.0 - right_foot[0] * reach, chest[1] + 12.5),
        ),
        feet=(left_foot, right_foot),
    )


def _stumbling(lean: Point, ticks: int) -> Pose:
    """The feet are caught, the trunk goes where the lean takes it, the arms row."""
    row = 7.0 if ticks % 2 == 0 else -4.0
    chest = (lean[0] * 0.75, lean[1] * 0.75)
    caught = math.copysign(6.0, lean[0])
    return Pose(
        hips=(lean[0] * 0.3, lean[1] * 0.3),
        chest=chest,
        head=(lean[0] * 1.05 + math.copysign(3.0, lean[0]), lean[1] * 1.05),
        hands=((chest[0] + row, chest[1] - 20.0), (chest[0] + 3.0 - row, chest[1] + 20.0)),
        feet=((-caught, -5.5), (-caught * 0.2, 6.0)),
    )


def _braced(lean: Point) -> Pose:
    return Pose(
        hips=(-6.0, 0.0),
        chest=(lean[0] * 0.5 - 1.0, lean[1] * 0.5),
        head=(lean[0] * 0.7 + 4.0, lean[1] * 0.7),
        hands=((8.0, -15.0), (8.0, 15.0)),
        feet=((3.0, -9.0), (3.0, 9.0)),
    )


def _tying(lean: Point) -> Pose:
    return Pose(
        hips=(-8.0, 0.0),
        chest=(0.0, lean[1] * 0.5),
        head=(6.5, lean[1] * 0.5),
        hands=((15.0, -2.5), (15.0, 5.0)),
        feet=((-9.0, -6.0), (12.0, 5.5)),
        shoulders=7.0,
    )


def _lying(forward: float, right: float) -> Pose:
    def at(along: float, aside: float) -> Point:
        return forward * along - right * aside, right * along + forward * aside

    supine = forward < 0.0
    hands = (at(4.0, -20.0), at(9.0, 19.0)) if supine else (at(27.0, -12.0), at(24.0, 13.0))
    return Pose(
        hips=at(-5.0, 0.0),
        chest=at(8.0, 0.0),
        head=at(19.0, 1.0),
        hands=hands,
        feet=(at(-25.0, -6.0), at(-23.0, 8.0)),
        up=(forward, right),
        face_up=supine,
    )


def _rising(down: float) -> Pose:
    """On hands and knees, then on one knee; `down` goes from 1 to 0."""
    return Pose(
        hips=(-8.0 * down - 2.0, 0.0),
        chest=(3.0 + 3.0 * down, 0.0),
        head=(7.0 + 8.0 * down, 0.0),
        hands=((11.0 + 6.0 * down, -9.0), (11.0 + 6.0 * down, 9.0)),
        feet=((-15.0 * down - 4.0, -6.0), (-9.0 * down + 3.0, 7.0)),
    )


# ---- Strokes ----


def _shoe(foot: Point, up: Point, colour: Colour) -> _Stroke:
    toe = (foot[0] + 2.8 * up[0], foot[1] + 2.8 * up[1])
    heel = (foot[0] - 2.8 * up[0], foot[1] - 2.8 * up[1])
    return _Stroke((heel, toe), colour, 7.0)


def _untied(foot: Point, side: float) -> _Stroke:
    f, r = foot
    points = ((f + 2.0, r), (f + 1.0, r + 5.0 * side), (f - 3.0, r + 6.0 * side))
    return _Stroke((*points, (f - 4.0, r + 9.5 * side)), BAD, 1.7)


def _strokes(pose: Pose, clothes: Colour, shoe: Colour, hair: Colour) -> list[_Stroke]:
    across = (-pose.up[1], pose.up[0])
    wide = pose.shoulders
    left = (pose.chest[0] - wide * across[0], pose.chest[1] - wide * across[1])
    right = (pose.chest[0] + wide * across[0], pose.chest[1] + wide * across[1])
    toes = (1.0, 0.0) if pose.up == (1.0, 0.0) else pose.up
    strokes = [_Stroke((pose.hips, foot), _TROUSERS, 7.0) for foot in pose.feet]
    strokes += [_shoe(foot, toes, shoe) for foot in pose.feet]
    for shoulder, hand in zip((left, right), pose.hands, strict=True):
        strokes.append(_Stroke((shoulder, hand), darker(clothes, 0.22), 6.0))
        strokes.append(_Stroke((hand,), FLESH, 6.6))
    strokes.append(_Stroke((pose.hips, pose.chest), darker(clothes, 0.12), 12.0))
    strokes.append(_Stroke((left, right), clothes, 11.5))
    return strokes + _head(pose, hair)


def _head(pose: Pose, hair: Colour) -> list[_Stroke]:
    f, r = pose.head
    up = pose.up
    if pose.face_up:
        eyes = [
            _Stroke(((f + 2.6 * side * up[1], r + 2.6 * side * up[0]),), INK, 1.9)
            for side in (-1.0, 1.0)
        ]
        brow = (f + 2.5 * up[0], r + 2.5 * up[1])
        return [_Stroke((brow,), hair, 15.0), _Stroke((pose.head,), FLESH, 12.5), *eyes]
    nose = (f + 6.4 * up[0], r + 6.4 * up[1])
    face = (f + 2.2 * up[0], r + 2.2 * up[1])
    back = (f - 1.0 * up[0], r - 1.0 * up[1])
    return [
        _Stroke((nose,), darker(FLESH, 0.1), 4.6),
        _Stroke((face,), FLESH, 13.2),
        _Stroke((back,), hair, 13.6),
        _Stroke(((f - 2.5 * up[0], r - 2.5 * up[1]),), lighter(hair, 0.14), 6.5),
    ]


def _draw(strokes: list[_Stroke], heading: int, outline: float, zoom: float) -> pygame.Surface:
    sheet = Sheet(FIGURE, FIGURE, zoom)
    placed = [
        ([_placed(point, heading) for point in stroke.points], stroke.colour, stroke.width * _SIZE)
        for stroke in strokes
    ]
    for points, _, width in placed:
        lower = [(x + 1.6, y + 3.2) for x, y in points]
        sheet.stroke(lower, (50, 38, 28, 70), width + outline)
    if outline > 0.0:
        for points, _, width in placed:
            sheet.stroke(points, WHITE, width + outline)
    for points, colour, width in placed:
        sheet.stroke(points, colour, width)
    return sheet.finished()


def _placed(point: Point, heading: int) -> Point:
    """Return where (forward, right) of the middle lies on a figure's sheet, before zooming."""
    cosine, sine = HEADINGS[heading % 4]
    forward, right = point[0] * _SIZE, point[1] * _SIZE
    middle = FIGURE / 2.0
    return middle + forward * cosine - right * sine, middle + forward * sine + right * cosine


def avatar(body, rail_side: int, zoom: float) -> pygame.Surface:
    """Return the avatar's sheet.

    Args:
        body: One record of `state.BODY`.
        rail_side: -1 with the left hand on a rail, 1 with the right one, 0 without.
        zoom: Pixels on the map per pixel of a figure.
    """
    pose = pose_of(body)
    hands = list(pose.hands)
    if rail_side:
        hands[(rail_side + 1) // 2] = (2.0, 28.0 * rail_side)
    elif int(body["held_object"]):
        hands = [(hands[0][0] * 0.3 + 9.0, -7.0), (hands[1][0] * 0.3 + 9.0, 7.0)]
    pose = replace(pose, hands=(hands[0], hands[1]))
    strokes = _strokes(pose, JACKET, SHOE, HAIR)
    for foot, side in ((0, -1.0), (1, 1.0)):
        if float(body["lace"][foot]) < 0.2:
            strokes.insert(4, _untied(pose.feet[foot], side))
    return _draw(strokes, int(body["heading"]), 3.4, zoom)


def held_at(body, zoom: float) -> Point:
    """Return where on the avatar's sheet a held object is, between the hands."""
    lean = _lean_of(body)
    x, y = _placed((17.0 + lean[0] * 0.55, lean[1] * 0.55), int(body["heading"]))
    return x * zoom, y * zoom


@lru_cache(maxsize=128)
def person(color: int, heading: int, state: int, zoom: float) -> pygame.Surface:
    """Return another person's sheet."""
    hands = ((4.0, -12.0), (4.0, 12.0))
    head = (1.0, 0.0)
    if state == PersonState.LAUGHING:
        hands, head = ((9.0, -4.0), (9.0, 4.0)), (-3.0, 0.0)
    elif state == PersonState.HELPING:
        hands = ((17.0, -6.0), (17.0, 6.0))
    feet = ((1.0, -5.5), (1.0, 5.5))
    pose = Pose(hips=(0.0, 0.0), chest=(0.0, 0.0), head=head, hands=hands, feet=feet)
    colour = COLORS[color % len(COLORS)]
    hair = ((92, 60, 40), (48, 40, 48), (160, 112, 60))[color % 3]
    return _draw(_strokes(pose, colour, darker(colour, 0.55), hair), heading, 0.0, zoom)


@lru_cache(maxsize=64)
def view_cone(color: int, heading: int, radius: int) -> pygame.Surface:
    """Return the wedge that a person looks at, as the rules have it: as far aside as ahead."""
    size = 2 * radius + 1
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(np.float32)
    ahead, aside = ((x, y), (y, x), (-x, y), (-y, x))[heading % 4]
    edge = np.clip((ahead - np.abs(aside)) * 0.5 + 0.5, 0.0, 1.0)
    alpha = edge * np.clip(1.15 - ahead / radius, 0.0, 1.0) * np.clip((ahead - 6.0) / 8.0, 0.0, 1.0)
    alpha *= 0.3
    colour = np.array(mix(COLORS[color % len(COLORS)], WATCH, 0.25), np.float32)
    pixels = np.empty((size, size, 4), np.uint8)
    pixels[..., :3] = alpha[..., None] * colour
    pixels[..., 3] = alpha * 255.0
    return pygame.image.frombytes(pixels.tobytes(), (size, size), "RGBA")
