"""The panel beside the map: mission, balance, body and needs, who is looking."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

import pygame

from envs.engine.body_senses import Posture
from envs.engine.render.ink import (
    BAD,
    CARD,
    COLORS,
    GOOD,
    GROOVE,
    NIGHT,
    QUIET_WORDS,
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
    traffic_light,
    wrapped,
)
from envs.trip.vocabulary import Action, BodyPart, Object, object_words

WIDTH = 369
MISSION = pygame.Rect(0, 0, WIDTH, 72)
BALANCE = pygame.Rect(0, 80, WIDTH, 128)
BODY = pygame.Rect(0, 216, WIDTH, 128)
OTHERS = pygame.Rect(0, 352, WIDTH, 32)
EYES = pygame.Rect(0, 392, WIDTH, 154)
HEIGHT = EYES.bottom

LABELS = 132  # where the second column begins
BARS = 192
RIGHT = WIDTH - 14
_GAUGES = ("Speed", "Laces", "Cup", "Hands")
_NEEDS = ("Energy", "Water", "Warmth", "Fatigue", "Dignity")


def paint_cards(
    surface: pygame.Surface, gauges: Sequence[str] = _GAUGES, needs: Sequence[str] = _NEEDS
) -> None:
    """Draw what never changes: the cards' ground and their labels."""
    sheet = Sheet(WIDTH, HEIGHT)
    for card in (MISSION, BALANCE, BODY, OTHERS):
        sheet.block((card.left, card.top, card.width, card.height), CARD, 10.0)
    stamp(surface, sheet.finished(), (0, 0))
    for row, label in enumerate(gauges):
        stamp(surface, text(label, 13, QUIET_WORDS), (LABELS, balance_row(row)))
    for row, label in enumerate(needs):
        stamp(surface, text(label, 13, QUIET_WORDS), (LABELS, need_row(row, len(needs))))


def balance_row(row: int) -> int:
    """Return where a gauge is."""
    return BALANCE.top + 41 + row * 20


def need_row(row: int, of: int = len(_NEEDS)) -> int:
    """Return where one of so many needs is."""
    return BODY.top + 12 + row * 88 // (of - 1)


def bar(
    surface: pygame.Surface, at: Point, width: int, share: float, colour: Colour, height: int = 8
) -> None:
    """Draw a gauge filled to a share of its width."""
    stamp(surface, pill(width, height, GROOVE), at)
    filled = round(width * min(max(share, 0.0), 1.0))
    if filled > 0:
        stamp(surface, pill(max(filled, height), height, colour), at)


def to_the_right(surface: pygame.Surface, line: pygame.Surface, right: float, top: float) -> None:
    """Put a line of words so that it ends at `right`."""
    stamp(surface, line, (right - line.get_width(), top))


# ---- Mission ----


def paint_mission(surface: pygame.Surface, body, words: str, tick_seconds: float) -> None:
    """Draw what is asked for, and how much time has gone."""
    done, failed = bool(body["succeeded"]), bool(body["failed"])
    title, colour = ("MISSION", QUIET_WORDS)
    if done:
        title, colour = ("DONE", GOOD)
    elif failed:
        title, colour = ("FAILED", BAD)
    stamp(surface, text(title, 11, colour, bold=True), (14, MISSION.top + 9))
    limit = int(body["time_limit"])
    clock = f"{int(body['tick']) * tick_seconds:.1f} s"
    if limit > 0:
        clock += f" of {limit * tick_seconds:.0f} s"
    to_the_right(surface, text(f"{clock} lived", 12, QUIET_WORDS), RIGHT, MISSION.top + 8)
    paint_words(surface, words)
    if limit > 0:
        share = min(1.0, int(body["tick"]) / limit)
        colour = GOOD if done else mix(COLORS[2], BAD, max(0.0, share * 2.0 - 1.0))
        bar(surface, (14, MISSION.bottom - 7), WIDTH - 28, share, colour, height=3)


def paint_words(surface: pygame.Surface, words: str) -> None:
    """Draw what is asked for, in two lines at most."""
    sentence = words[:1].upper() + words[1:]
    size, room = 16, WIDTH - 28.0
    lines = wrapped(sentence, size, room, bold=True)
    if len(lines) > 1:
        size = 14
        lines = wrapped(sentence, size, room, bold=True)
    top = MISSION.top + (33 if len(lines) == 1 else 26)
    for line in lines[:2]:
        stamp(surface, text(line, size, WORDS, bold=True), (14, top))
        top += size + 3


# ---- Balance ----

_MIDDLE = (66.0, BALANCE.top + 64.0)
_BOARD_MIDDLE = 60.0
_REACH = 52.0  # pixels from the middle to where a fall forward begins
_POSTURES: Mapping[int, tuple[str, Colour]] = MappingProxyType(
    {
        Posture.STUMBLE: ("Stumbling!", WATCH),
        Posture.DOWN: ("Down", BAD),
        Posture.RISING: ("Getting up", lighter(COLORS[2], 0.3)),
    }
)


def paint_balance(surface: pygame.Surface, body, fall_at_leg: float, side_share: float) -> None:
    """Draw where the extrapolated centre of mass is between standing and falling.

    Args:
        surface: The panel.
        body: One record of `state.BODY`.
        fall_at_leg: A body falls when it leans forward by this much of its leg length.
        side_share: It falls sideways at this share of that.
    """
    limit = fall_at_leg * float(body["leg"])
    stamp_centred(surface, _balance_board(round(limit, 2), round(side_share, 2)), _MIDDLE)
    spots = [
        _spot(body["lean_forward" + when], body["lean_right" + when], limit, side_share)
        for when in ("_before", "")
    ]
    unsteady = max(abs(float(body["lean_forward"])), abs(float(body["lean_right"])) / side_share)
    share = min(1.0, unsteady / limit) if limit > 0.0 else 0.0
    if body["posture"] == Posture.STUMBLE:
        pygame.draw.aaline(surface, WORDS, spots[0], spots[1], 2)
    if body["posture"] not in (Posture.DOWN, Posture.RISING):
        stamp_centred(surface, _dot(round(share * 12.0)), spots[1])
    word, colour = _in_words(body)
    stamp(surface, text(word, 17, colour, bold=True), (LABELS, BALANCE.top + 13))


def _spot(forward, right, limit: float, side_share: float) -> Point:
    scale = _REACH / limit if limit > 0.0 else 0.0
    side = _REACH * side_share
    across = min(max(float(right) * scale, -side), side)
    ahead = min(max(float(forward) * scale, -_REACH), _REACH)
    return _MIDDLE[0] + across, _MIDDLE[1] - ahead


def _in_words(body) -> tuple[str, Colour]:
    """Return what the body is doing, and the colour to say it in."""
    posture = int(body["posture"])
    return _POSTURES[posture] if posture in _POSTURES else (_gait(body), WORDS)


def _gait(body) -> str:
    if body["posture"] == Posture.CROUCH:
        return "Tying a lace" if body["last_action"] == Action.TIE_LACE else "Braced"
    if float(body["speed"]) < 0.1:
        return "Standing"
    if float(body["speed"]) > 1.6:
        return "Running"
    return ("Walking", "Walking carefully", "Stepping high")[int(body["foot_height"]) % 3]


@lru_cache(maxsize=32)
def _balance_board(limit: float, side_share: float) -> pygame.Surface:
    """Return the ground that the dot moves on, to scale: inside the feet, stumbling, fallen."""
    side = _REACH * side_share
    half = 0.13 / limit * _REACH if limit > 0.0 else 10.0
    sheet = Sheet(120, 120)
    _board_block(sheet, side + 3.0, _REACH + 3.0, BAD, 20.0)
    _board_block(sheet, side + 1.0, _REACH + 1.0, CARD, 18.0)
    for step in range(7):
        grown = 1.0 - step / 7.0
        colour = mix(GROOVE, BAD, 0.42 * grown**3)
        inner = (side * grown, half * 1.3 + (_REACH - half * 1.3) * grown)
        _board_block(sheet, max(inner[0], half), inner[1], colour, 17.0 * grown + 3.0)
    _board_block(sheet, half * 1.15, half * 1.15, mix(GROOVE, GOOD, 0.75), 6.0)
    for foot in (-1, 1):
        print_of_foot = (_BOARD_MIDDLE + foot * half * 0.5 - 2.8, _BOARD_MIDDLE - half * 0.75)
        sheet.block((*print_of_foot, 5.6, half * 1.5), mix(GROOVE, GOOD, 0.3), 2.8)
    top = _BOARD_MIDDLE - _REACH + 5.0
    sheet.shape(
        [(_BOARD_MIDDLE, top), (_BOARD_MIDDLE - 4, top + 5), (_BOARD_MIDDLE + 4, top + 5)], WORDS
    )
    return sheet.finished()


def _board_block(sheet: Sheet, half: float, tall: float, colour: Colour, radius: float) -> None:
    box = (_BOARD_MIDDLE - half, _BOARD_MIDDLE - tall, 2.0 * half, 2.0 * tall)
    sheet.block(box, colour, radius)


@lru_cache(maxsize=16)
def _dot(step: int) -> pygame.Surface:
    colour = traffic_light(step / 12.0)
    sheet = Sheet(26, 26)
    sheet.disc((13, 13), 11.5, (*colour, 70))
    sheet.disc((13, 13), 7.0, WHITE)
    sheet.disc((13, 13), 5.0, colour)
    return sheet.finished()


def paint_speed(surface: pygame.Surface, body) -> None:
    """Draw how fast it walks, in the first row."""
    speed = float(body["speed"])
    bar(surface, (BARS, balance_row(0) + 4), 100, speed / 2.6, COLORS[2])
    to_the_right(surface, text(f"{speed:.1f} m/s", 13, WORDS), RIGHT, balance_row(0))


def paint_gauges(surface: pygame.Surface, body) -> None:
    """Draw speed, laces, the cup and what is in its hands."""
    paint_speed(surface, body)
    _paint_laces(surface, body)
    if body["held_object"] == Object.CUP:
        level = float(body["cup"])
        colour = BAD if level < 0.4 else (WATCH if level < 0.7 else COLORS[2])
        bar(surface, (BARS, balance_row(2) + 4), 100, level, colour)
        to_the_right(surface, text(f"{level:.0%}", 13, WORDS), RIGHT, balance_row(2))
    else:
        stamp(surface, text("not in hand", 13, QUIET_WORDS), (BARS, balance_row(2)))
    stamp(surface, text(_in_hands(body), 13, WORDS), (BARS, balance_row(3)))


def _paint_laces(surface: pygame.Surface, body) -> None:
    for foot, (left, name) in enumerate(((BARS, "L"), (BARS + 86, "R"))):
        tight = float(body["lace"][foot])
        untied = tight < 0.2
        colour = BAD if untied else (WATCH if tight < 0.45 else GOOD)
        stamp(surface, text(name, 12, BAD if untied else WORDS, bold=True), (left, balance_row(1)))
        bar(surface, (left + 15, balance_row(1) + 4), 56, tight, colour)


def _in_hands(body) -> str:
    if body["rail_in_hand"]:
        return "on the rail"
    if not body["held_object"]:
        return "empty"
    obj = object_words(body["held_object"], body["held_color"])
    return f"{obj}, {float(body['held_mass']):.1f} kg"


# ---- Body and needs ----


def paint_body(surface: pygame.Surface, body) -> None:
    """Draw where it hurts, and the needs."""
    paint_sore_body(surface, body)
    for row, name in enumerate(_NEEDS):
        level = float(body[name.lower()])
        lack = level if name == "Fatigue" else 1.0 - level
        paint_level(surface, need_row(row), level, lack)


def paint_level(surface: pygame.Surface, top: int, level: float, lack: float) -> None:
    """Draw a level, the redder the more is lacking."""
    bar(surface, (BARS, top + 4), 124, level, traffic_light(max(0.0, lack * 1.4 - 0.4)))
    to_the_right(surface, text(f"{level:.0%}", 13, WORDS), RIGHT, top)


def paint_sore_body(surface: pygame.Surface, body, belly: float = 0.0) -> None:
    """Draw where it hurts."""
    hurts = tuple(round(float(pain) * 10.0) for pain in body["pain"])
    bruises = tuple(round(float(bruise) * 10.0) for bruise in body["bruise"])
    sheet = _sore_body(hurts, bruises, round(belly * 10.0))
    stamp_centred(surface, sheet, (66, BODY.top + 64))


@lru_cache(maxsize=256)
def _sore_body(hurts: tuple[int, ...], bruises: tuple[int, ...], belly: int = 0) -> pygame.Surface:
    """Return a small body from the front; what hurts goes from white to red, bruises are purple."""
    sheet = Sheet(110, 120)
    cloth, limb = (86, 97, 128), (104, 116, 148)
    for side in (-1, 1):
        sheet.stroke([(55 + side * 8, 66), (55 + side * 10, 106)], limb, 11)
        sheet.stroke([(55 + side * 15, 36), (55 + side * 25, 64)], limb, 8.5)
    sheet.block((38, 28, 34, 42), cloth, 11)
    sheet.block((51, 22, 8, 10), limb)
    sheet.disc((55, 15), 12, limb)
    places = {
        BodyPart.HEAD: [(55, 14)],
        BodyPart.HANDS: [(29, 68), (81, 68)],
        BodyPart.HIPS: [(47, 65), (63, 65)],
        BodyPart.KNEES: [(46, 87), (64, 87)],
        BodyPart.FEET: [(43, 109), (67, 109)],
    }
    for part, spots in places.items():
        for spot in spots:
            _sore_spot(sheet, spot, hurts[part] / 10.0, bruises[part] / 10.0)
    if belly:
        _sore_spot(sheet, (55, 48), belly / 10.0, 0.0)
    return sheet.finished()


def _sore_spot(sheet: Sheet, spot: Point, hurt: float, bruise: float) -> None:
    if hurt > 0.0:
        sheet.disc(spot, 6.5 + 4.5 * hurt, (*BAD, 90))
    if bruise > 0.0:
        sheet.disc(spot, 7.4, mix(CARD, COLORS[3], 0.5 + 0.5 * bruise))
    sheet.disc(spot, 5.0, mix((232, 235, 243), BAD, min(1.0, hurt * 1.5)))


# ---- Others ----

_LOOKING = MappingProxyType({0: "nobody is looking", 1: "one is looking"})


def paint_others(surface: pygame.Surface, body) -> None:
    """Draw how many are looking, and whether they laugh or help."""
    lookers = round(float(body["seen_by"]) * 3.0)
    top = OTHERS.top + 8
    middle = OTHERS.centery
    for i in range(max(1, min(lookers, 6))):
        stamp_centred(surface, _eye(lookers > 0), (26 + i * 30, middle))
    left = 44 + (max(1, min(lookers, 6)) - 1) * 30
    words = _LOOKING.get(lookers, f"{lookers} are looking")
    stamp(surface, text(words, 13, WORDS if lookers else QUIET_WORDS), (left, top))
    if body["laughter"] > 0.0:
        tag(surface, "laughter", BAD)
    elif body["being_helped"] > 0.0:
        tag(surface, "being helped", GOOD)


def tag(surface: pygame.Surface, words: str, colour: Colour) -> None:
    """Draw a word at the right end of the card of the others."""
    line = text(words, 12, NIGHT, bold=True)
    width = line.get_width() + 18
    stamp(surface, pill(width, 20, colour), (WIDTH - 8 - width, OTHERS.top + 6))
    stamp(surface, line, (WIDTH - 8 - width + 9, OTHERS.top + 16 - line.get_height() / 2.0))


@lru_cache(maxsize=2)
def _eye(open_eye: bool) -> pygame.Surface:
    sheet = Sheet(24, 18)
    lid = [(1.5, 9), (6, 4.8), (12, 3.2), (18, 4.8), (22.5, 9), (18, 13.2), (12, 14.8), (6, 13.2)]
    if not open_eye:
        sheet.stroke([(2, 7), (7, 11), (12, 12.3), (17, 11), (22, 7)], QUIET_WORDS, 2.0)
        return sheet.finished()
    sheet.shape(lid, WHITE)
    sheet.disc((12, 9), 4.8, COLORS[2])
    sheet.disc((12, 9), 2.3, darker(NIGHT, 0.3))
    sheet.disc((10.6, 7.4), 1.2, WHITE)
    return sheet.finished()
