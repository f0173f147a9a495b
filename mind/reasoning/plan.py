"""Plan: the goals that a mind has set itself, in order, for the rest of an episode."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

from body.types import Condition, Goal, Percept, Target, still_open


class Plan:
    """Goals in order; those at the front are done with as soon as a percept shows them true.

    The others wait, until a new plan or a new episode takes their place.
    """

    def __init__(self):
        """Begin without goals."""
        self._episode = -1
        self._goals: tuple[Goal, ...] = ()

    def open_goals(self, percept: Percept, episode: int) -> tuple[Goal, ...]:
        """Return what is left of the plan; it does not outlive its episode."""
        if episode != self._episode:
            self._episode, self._goals = episode, ()
        self._goals = still_open(self._goals, percept)
        return self._goals

    def replace(self, goals: tuple[Goal, ...], percept: Percept) -> tuple[Goal, ...]:
        """Take over new goals, and return the open ones."""
        self._goals = still_open(goals, percept)
        return self._goals

    def state(self) -> dict[str, Any]:
        """Return the episode and its goals as plain values, fit for JSON."""
        return {"episode": self._episode, "goals": [asdict(goal) for goal in self._goals]}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned.

        Raises:
            ValueError: If it is not such a state; nothing is changed.
        """
        try:
            episode, goals = int(state["episode"]), tuple(map(_goal, _list(state["goals"])))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"state of a plan must hold an episode and goals as `Plan.state` wrote them, got "
                f"{state!r} ({type(error).__name__}: {error})"
            ) from None
        self._episode, self._goals = episode, goals


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("goals must be a list")
    return cast(list[Any], value)


def _goal(record: Mapping[str, Any]) -> Goal:
    other = record["other"]
    return Goal(
        condition=Condition(record["condition"]),
        object=_target(record["object"]),
        other=None if other is None else _target(other),
    )


def _target(record: Mapping[str, Any]) -> Target:
    return Target(object=int(record["object"]), color=int(record["color"]))
