"""What a situation has in common with others like it, in words: by that a habit knows it again."""

import re
from collections.abc import Sequence

from body.types import Goal
from mind.reasoning.choices import named
from mind.reasoning.narration import doing_words, feeling_words, object_words, scene
from mind.reasoning.situation import Situation

ROLES = ("<a>", "<b>", "<c>", "<d>")  # of the things that a mission names, in their order
_CLOSE = 4  # cells, within which a hazard is part of a situation
_NUMBER = re.compile(r"\s*\b\d+\b")


def sketch(now: Situation, goals: Sequence[Goal]) -> str:
    """Return what a situation has in common with others like it, in words.

    Things of the mission are told by their place in it, and nothing of how many or how far: what is
    asked, what is in the hand, how it goes, what is left of the plan, a loose lace, which things of
    the mission are in sight or remembered, and whether a hazard is close. Where a mission names no
    thing it is what is needed, and what there is to eat.
    """
    percept, context = now.percept, now.context
    shown = scene(percept)
    needs = [] if _roles(now) else _needs(now)
    parts = (
        shown.mission,
        shown.hand.partition(",")[0],
        doing_words(context, percept),
        "; ".join(goal.words(percept.spec) for goal in goals),
        *["loose lace"] * ("lace loose" in shown.body),
        *_things(now),
        *needs,
    )
    return "|".join(_NUMBER.sub("", in_roles(part, now)) for part in parts)


def _things(now: Situation) -> list[str]:
    """Return which things of the mission are there, with the state of doors, and hazards."""
    percept = now.percept
    rows = [row for row in percept.landmarks if row[0]]
    names = _roles(now)
    here = {name: row for row in rows if (name := object_words(percept, row)) in names}
    doors = percept.spec.doors
    states = [f"{name} {'abc'[row[2]]}" if row[0] in doors else name for name, row in here.items()]
    close = any(
        row[0] in percept.spec.hazards and abs(row[3]) + abs(row[4]) <= _CLOSE for row in rows
    )
    return [*sorted(states), *["hazard"] * close]


def _needs(now: Situation) -> list[str]:
    """Return what is needed, and the foods that are there."""
    foods = now.percept.spec.foods
    rows = [row for row in now.percept.landmarks if row[0] in foods and row[2] > 0]
    felt = [one for one in feeling_words(now.feeling).split(", ") if "needs " in one]
    return [*felt, *sorted({object_words(now.percept, row) for row in rows})]


def _roles(now: Situation) -> list[str]:
    """Return the things that a mission names with their color, in their order."""
    spec = now.percept.spec
    things = named(spec.mission_words(now.percept.mission), spec)
    return list(dict.fromkeys(one.words(spec) for one in things if one.color >= 0))[: len(ROLES)]


def in_roles(text: str, now: Situation) -> str:
    """Return a text with roles in place of the things that the mission names."""
    for number, name in enumerate(_roles(now)):
        text = re.sub(rf"\b{re.escape(name)}\b", ROLES[number], text)
    return text


def of_mission(text: str, now: Situation) -> str:
    """Return a text with the things of this mission in place of roles."""
    for number, name in enumerate(_roles(now)):
        text = text.replace(ROLES[number], name)
    return text
