"""The panel beside the map: time of day, balance, what is eaten and needed, who is looking."""

from functools import lru_cache

import pygame

from envs.engine.render.ink import (
    BAD,
    COLORS,
    GOOD,
    GROOVE,
    NIGHT,
    QUIET_WORDS,
    WATCH,
    WORDS,
    Colour,
    Sheet,
    mix,
    pill,
    stamp,
    text,
)
from envs.forage.contexts import object_of
from envs.forage.dynamics import is_night
from envs.forage.state import MEALS
from envs.forage.vocabulary import FOODS, Object, object_words
from envs.trip.render import panel
from envs.trip.render.panel import BARS, MISSION, RIGHT, WIDTH

_GAUGES = ("Speed", "Gut", "Does", "Air")
_NEEDS = ("Energy", "Protein", "Water", "Warmth", "Rest", "Belly")
_DUSK = (74, 70, 140)
_SUN = (255, 196, 74)
_MOON = (206, 214, 244)


def paint_cards(surface: pygame.Surface) -> None:
    """Draw what never changes: the cards' ground and their labels."""
    panel.paint_cards(surface, _GAUGES, _NEEDS)


def paint(surface: pygame.Surface, body, ahead: tuple[int, int], words: str, rules) -> None:
    """Draw all of the panel but the view through the eyes.

    Args:
        surface: The panel.
        body: One record of `state.BODY`.
        ahead: Object and color of what is ahead of it.
        words: What is asked of it.
        rules: Record of the world's constants.
    """
    _paint_day(surface, body, words, rules)
    fall_at_leg, side_share = float(rules["fall_at_leg"]), float(rules["fall_side_share"])
    panel.paint_balance(surface, body, fall_at_leg, side_share)
    panel.paint_speed(surface, body)
    _paint_gut(surface, body)
    stamp(surface, text(*_does(body, ahead)), (BARS, panel.balance_row(2)))
    stamp(surface, text(*_air(body, rules)), (BARS, panel.balance_row(3)))
    _paint_needs(surface, body, float(rules["level_least"]))
    panel.paint_others(surface, body)
    if body["ill_ticks"] > 0 and not (body["laughter"] > 0.0 or body["being_helped"] > 0.0):
        panel.tag(surface, "ill", BAD)


# ---- Time of day ----


def _paint_day(surface: pygame.Surface, body, words: str, rules) -> None:
    """Draw how much of the day has gone, and when night falls."""
    tick, limit = int(body["tick"]), max(1, int(body["time_limit"]))
    dark = bool(is_night(tick, rules))
    stamp(surface, _moon() if dark else _sun(), (14, MISSION.top + 8))
    title, colour = _title(body, dark)
    stamp(surface, text(title, 11, colour, bold=True), (34, MISSION.top + 9))
    seconds = float(rules["tick_s"])
    clock = f"{tick * seconds:.1f} s of {limit * seconds:.0f} s lived"
    panel.to_the_right(surface, text(clock, 12, QUIET_WORDS), RIGHT, MISSION.top + 8)
    panel.paint_words(surface, words)
    at, width, from_night = (14, MISSION.bottom - 10), WIDTH - 28, float(rules["night_from"])
    panel.bar(surface, at, width, 0.0, GROOVE, height=5)
    night = round(width * (1.0 - from_night))
    stamp(surface, pill(night, 5, _DUSK), (at[0] + width - night, at[1]))
    gone = max(5, round(width * min(1.0, tick / limit)))
    stamp(surface, pill(gone, 5, _MOON if dark else _SUN), at)


def _title(body, dark: bool) -> tuple[str, Colour]:
    if body["collapsed"]:
        return "COLLAPSED", BAD
    if body["tick"] >= body["time_limit"]:
        return "LIVED TO THE END", GOOD
    return ("NIGHT", _MOON) if dark else ("DAY", _SUN)


@lru_cache(maxsize=1)
def _sun() -> pygame.Surface:
    sheet = Sheet(14, 14)
    for turn in range(8):
        ray = pygame.Vector2(1, 0).rotate(turn * 45.0)
        sheet.stroke(
            [(7 + ray.x * 4.6, 7 + ray.y * 4.6), (7 + ray.x * 6, 7 + ray.y * 6)], _SUN, 1.5
        )
    sheet.disc((7, 7), 3.4, _SUN)
    return sheet.finished()


@lru_cache(maxsize=1)
def _moon() -> pygame.Surface:
    sheet = Sheet(14, 14)
    sheet.disc((7, 7), 5.6, _MOON)
    sheet.disc((9.6, 5.6), 4.8, (0, 0, 0, 0))
    return sheet.finished()


# ---- What it does, and what it has eaten ----


def _paint_gut(surface: pygame.Surface, body) -> None:
    """Draw a place for each meal that a gut holds, in the color of what was eaten."""
    top = panel.balance_row(1) + 3
    for place in range(MEALS):
        colour = GROOVE
        if place < body["meals"]:
            colour = COLORS[object_of(int(body["meal"][place]))[1]]
        stamp(surface, pill(22, 10, colour), (BARS + place * 26, top))
    count = f"{int(body['meals'])} of {MEALS}"
    panel.to_the_right(surface, text(count, 13, WORDS), RIGHT, panel.balance_row(1))


def _does(body, ahead: tuple[int, int]) -> tuple[str, int, Colour]:
    """Return what it does with what is ahead, in words, with their size and colour."""
    name = object_words(*ahead)
    if body["refused"] > 0.0:
        full = body["meals"] == MEALS
        return "is full" if full else f"finds {name} bare", 13, WATCH
    if body["mouth"] == 1.0:
        return f"eats {name}", 13, GOOD
    if not body["use_ticks"]:
        return "nothing", 13, QUIET_WORDS
    if ahead[0] in FOODS:
        return f"bites at {name}", 13, WORDS
    return {
        Object.SPRING: ("drinks", 13, COLORS[2]),
        Object.BED: ("sleeps", 13, WORDS),
        Object.FIRE: ("grasps the fire", 13, BAD),
    }.get(Object(ahead[0]), ("reaches ahead", 13, WORDS))


def _air(body, rules) -> tuple[str, int, Colour]:
    """Return how warm it is where the body is, in words, with their size and colour."""
    if body["heat"] > 0.0:
        return "warm by the fire", 13, _SUN
    if is_night(int(body["tick"]), rules):
        return "cold", 13, COLORS[2]
    return "mild", 13, QUIET_WORDS


# ---- Needs ----


def _paint_needs(surface: pygame.Surface, body, least: float) -> None:
    """Draw where it hurts, and the needs, with a notch at the least that they want."""
    belly = float(body["belly"])
    panel.paint_sore_body(surface, body, belly)
    levels = [float(body[name]) for name in ("energy", "protein", "water", "warmth")]
    for row, level in enumerate([*levels, 1.0 - float(body["fatigue"])]):
        top = panel.need_row(row, len(_NEEDS))
        panel.paint_level(surface, top, level, 1.0 - level)
        notch = pygame.Rect(BARS + round(124 * least), top + 3, 1, 10)
        surface.fill(mix(NIGHT, WORDS, 0.75), notch)
    row = len(_NEEDS) - 1
    panel.paint_level(surface, panel.need_row(row, len(_NEEDS)), belly, belly * 1.5)
