"""The scripted planner of BabyAI's language: goals of a mission, and intents that serve them.

The language is that of BabyAI (Chevalier-Boisvert et al. 2019, arXiv 1810.08272, section 3), with
the missions of MiniGrid's own levels besides. The table looks at the percept alone. Baselines are
driven by it, and body and mind are trained on it.
"""

import re
from collections.abc import Iterable, Iterator

from body.ego_map import EMPTY, KEY
from body.types import (
    DOOR_LOCKED,
    Condition,
    Failure,
    Goal,
    Intent,
    Percept,
    Skill,
    SkillStatus,
    Status,
    Target,
    WorldSpec,
    still_open,
)

_LOST = (Failure.BLOCKED, Failure.LOST_SIGHT, Failure.REFUSED)
_ORDER = re.compile(r",? (?:and )?then | and ")
_AFTER = " after you "
_WHERE = re.compile(r" (?:in front of you|behind you|on your (?:left|right))")
_PUT = re.compile(r"put (.+) (?:next to|near) (.+)")
_VERBS = (
    (re.compile(r"(?:go to|reach) (.+)"), Condition.FACE),
    (re.compile(r"(?:pick up|(?:.*\b)?(?:fetch|get)(?! to)) (.+)"), Condition.HOLD),
    (re.compile(r"(?:open|unlock) (.+)"), Condition.OPEN),
)
_TO_THE_GOAL = re.compile(r"\bgoal\b")


# ---- From words to goals ----


def plan_of(mission: str, percept: Percept) -> tuple[Goal, ...]:
    """Return the goals of a mission, in the order in which they are to be reached.

    Places such as "on your left" are left out, and what is only called "object" is whatever of its
    colour is remembered now; what is not understood is left out.

    Args:
        mission: Such as ``"put the red ball next to the blue box"``.
        percept: Of one avatar, without the leading axis.
    """
    mission = _WHERE.sub("", mission.lower())
    if _TO_THE_GOAL.search(mission):
        objects = percept.spec.objects
        return (Goal(condition=Condition.FACE, object=Target(object=objects.index("goal"))),)
    later, after, first = mission.partition(_AFTER)
    clauses = [*_ORDER.split(first), *_ORDER.split(later)] if after else _ORDER.split(mission)
    return tuple(goal for clause in clauses for goal in _goals_of(clause, percept))


def _goals_of(clause: str, percept: Percept) -> Iterator[Goal]:
    if put := _PUT.fullmatch(clause):
        moved, fixed = (_named(words, percept) for words in put.groups())
        if moved and fixed:
            yield Goal(condition=Condition.HOLD, object=moved)
            yield Goal(condition=Condition.BESIDE, object=moved, other=fixed)
        return
    for pattern, condition in _VERBS:
        if (found := pattern.fullmatch(clause)) and (obj := _named(found[1], percept)):
            yield Goal(condition=condition, object=obj)
            return
    if obj := _named(clause, percept):  # "open the red door, then the blue door"
        yield Goal(condition=_usual(obj, percept.spec), object=obj)


def _usual(object: Target, spec: WorldSpec) -> Condition:
    return Condition.OPEN if object.object in spec.doors else Condition.FACE


def _named(words: str, percept: Percept) -> Target | None:
    spec = percept.spec
    parts = words.removeprefix("the ").removeprefix("an ").removeprefix("a ").split()
    if not parts:
        return None
    has_color = parts[0] in spec.colors
    color = spec.colors.index(parts[0]) if has_color else -1
    name = " ".join(parts[has_color:])
    if name in spec.objects:
        return Target(object=spec.objects.index(name), color=color)
    return _remembered(color, percept) if name == "object" else None


def _remembered(color: int, percept: Percept) -> Target | None:
    """Return the nearest object to name, of this color."""
    for obj, its_color, *_ in percept.landmarks.tolist():
        if obj in percept.spec.targets and color in (-1, its_color):
            return Target(object=obj, color=its_color)
    return None


# ---- From a goal to an intent ----


def intent_for(goal: Goal, percept: Percept, status: SkillStatus) -> Intent:
    """Return what serves a goal next.

    Args:
        goal: What is to be true.
        percept: Of one avatar, without the leading axis.
        status: How its present intent is going.
    """
    if status.status is Status.FAILED and status.failure in _LOST:
        return _way_out(percept)
    if goal.condition is Condition.HOLD:
        return _take(goal.object, percept)
    if goal.condition is Condition.FACE:
        return Intent(skill=Skill.GO_TO, target=goal.object)
    if goal.condition is Condition.OPEN:
        return _open(goal.object, percept)
    if goal.condition is Condition.SEE:
        return Intent(skill=Skill.FIND, target=goal.object)
    assert goal.other is not None
    if goal.object.is_like(*percept.held):
        return Intent(skill=Skill.PUT_NEXT_TO, target=goal.other)
    return _take(goal.object, percept)


def _take(object: Target, percept: Percept) -> Intent:
    if percept.held[0] > EMPTY:
        return Intent(skill=Skill.PUT_DOWN)
    return Intent(skill=Skill.PICK_UP, target=object)


def _open(door: Target, percept: Percept) -> Intent:
    """Open the door, with its key where it is known to be locked."""
    for obj, color, state, *_ in percept.landmarks.tolist():
        if state == DOOR_LOCKED and door.is_like(obj, color):
            key = Target(object=KEY, color=color)
            if key.is_like(*percept.held):
                return Intent(skill=Skill.UNLOCK, target=door)
            return _take(key, percept)
    return Intent(skill=Skill.OPEN, target=door)


def _way_out(percept: Percept) -> Intent:
    """Return what helps where one does not get on: a door to unlock, or another look."""
    spec = percept.spec
    locked = [
        Target(object=obj, color=color)
        for obj, color, state, *_ in percept.landmarks.tolist()
        if obj in spec.doors and state == DOOR_LOCKED
    ]
    seen = {(obj, color) for obj, color, *_ in percept.landmarks.tolist()} | {percept.held}
    for door in locked:
        if (KEY, door.color) in seen:
            return _open(door, percept)
    return Intent(skill=Skill.LOOK_AROUND)


class BabyAIPlanner:
    """The goals of a batch of avatars, and the intents that the table says serve them.

    Args:
        num_avatars: B.
    """

    def __init__(self, num_avatars: int):
        self._goals: list[tuple[Goal, ...] | None] = [None] * num_avatars

    def begin(self, rows: Iterable[int]) -> None:
        """Forget the goals of these avatars: another mission begins."""
        for row in rows:
            self._goals[row] = None

    def next_intent(self, row: int, percept: Percept, status: SkillStatus) -> Intent:
        """Return what avatar `row` shall do next; to wait, where nothing is left to do.

        Args:
            row: The avatar.
            percept: Its percept, without the leading axis.
            status: How its present intent is going.
        """
        goals = self._goals[row]
        if goals is None:
            goals = plan_of(percept.spec.mission_words(percept.mission), percept)
        goals = self._goals[row] = still_open(goals, percept)
        return intent_for(goals[0], percept, status) if goals else Intent(skill=Skill.WAIT)
