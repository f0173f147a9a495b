"""Which way? The scripted planner for rooms of `trip` with several ways through.

It looks round, takes the short way that it expects to go well, and then goes to what was asked for;
or, where it may, the long way. What a way is like is somebody else's to say: see `Expectations`.
"""

from collections.abc import Iterable

from agents.planners.trip import next_intent
from agents.planners.types import Expectations
from body.types import Failure, Intent, Manner, Percept, Skill, SkillStatus, Status, Target
from envs.trip.vocabulary import Mission

LONG_WAY_BELOW = 0.7

_ONE_OF_SEVERAL = (Mission.CHOOSE_WAY, Mission.HURRY)
_LOOK_AROUND = Intent(skill=Skill.LOOK_AROUND)


class WayPlanner:
    """The table of `trip`, with a choice between ways in the missions that are about them.

    Args:
        num_avatars: B.
        expectations: What the choice is made by.
        long_way_below: Where it may, it takes the long way rather than a short one that is less
            likely to go well.
    """

    def __init__(
        self,
        num_avatars: int,
        expectations: Expectations,
        *,
        long_way_below: float = LONG_WAY_BELOW,
    ):
        self._expectations, self._long_way_below = expectations, long_way_below
        self._ways: list[Target | None] = [None] * num_avatars  # that each has chosen
        self._last: list[Intent | None] = [None] * num_avatars
        self._across = [False] * num_avatars

    def begin(self, rows: Iterable[int]) -> None:
        """Stand on the near side again."""
        for row in rows:
            self._ways[row], self._last[row], self._across[row] = None, None, False

    def did(self, row: int, intent: Intent) -> None:
        """Take it that avatar `row` did this last, where somebody else decides for it."""
        self._last[row] = intent
        if intent.skill is Skill.CROSS:
            self._ways[row] = intent.target

    def next_intent(self, row: int, percept: Percept, status: SkillStatus) -> Intent:
        """Return what avatar `row` shall do next; arguments as in `agents.planners.trip`."""
        intent = next_intent(percept, status)
        chooses = intent.skill is not Skill.GET_UP and percept.mission[0] in _ONE_OF_SEVERAL
        if chooses:
            intent = self._next(row, percept, status)
        self._last[row] = intent
        return intent

    def _next(self, row: int, percept: Percept, status: SkillStatus) -> Intent:
        last, way = self._last[row], self._ways[row]
        if last is None:
            return _LOOK_AROUND
        self._across[row] |= last.skill is Skill.CROSS and status.status is Status.DONE
        if self._across[row] or status.failure is Failure.BLOCKED:
            return _go_to_goal(percept, Manner.NORMAL)
        if way is None:
            way = self._ways[row] = self._choose(row, percept)
        return Intent(skill=Skill.CROSS, target=way) if way else _go_the_long_way(percept)

    def _choose(self, row: int, percept: Percept) -> Target | None:
        """Return the short way to take; None is the long one."""
        seen = {(int(obj), int(color)) for obj, color, *_ in percept.landmarks}
        ways = sorted(way for way in seen if way[0] in percept.spec.hazards)
        hopes = {way: self._expectations.goes_well(row, *way) for way in ways}
        best = max(hopes, key=lambda way: hopes[way], default=None)
        may_be_long = percept.mission[0] == Mission.CHOOSE_WAY
        if best is None or (may_be_long and hopes[best] < self._long_way_below):
            return None
        return Target(object=best[0], color=best[1])


def _go_the_long_way(percept: Percept) -> Intent:
    return _go_to_goal(percept, Manner.CAREFUL)  # round all that could be bad, however far


def _go_to_goal(percept: Percept, manner: Manner) -> Intent:
    obj, color = (int(token) for token in percept.mission[1:3])
    return Intent(skill=Skill.GO_TO, target=Target(object=obj, color=color), manner=manner)
