"""Planner: what a scripted planner is to its users; Expectations: what it may ask."""

from collections.abc import Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from body.types import Intent, Percept, PerceptBatch, SkillStatus


class Planner(Protocol):
    """Chooses intents for a batch of avatars by a fixed table; made with the number of avatars.

    A world names its own as ``"planner"`` in the entry points of its spec.
    """

    def begin(self, rows: Iterable[int]) -> None:
        """Forget the missions of these avatars: others begin."""
        ...

    def next_intent(self, row: int, percept: Percept, status: SkillStatus) -> Intent:
        """Return what avatar `row` shall do next.

        Args:
            row: The avatar.
            percept: Its percept, without the leading axis.
            status: How its present intent is going.
        """
        ...


class Watching(Protocol):
    """Watches what becomes of avatars, to say how what can be chosen will turn out.

    A world names a planner that takes such expectations as ``"choosing_planner"`` in the entry
    points of its spec, made with the number of avatars and them; and as ``"outcomes"`` those that
    rest on counts, made with the number of avatars and the spec. What they are asked is between
    these two: see `Expectations`, and `agents.planners.foods.FoodExpectations`.
    """

    def begin(self, rows: NDArray[np.intp]) -> None:
        """Note that episodes of these avatars begin."""
        ...

    def notice(self, percept: PerceptBatch, executions: NDArray[np.void]) -> None:
        """Take in one tick of all avatars.

        Args:
            percept: Of the batch.
            executions: (B,) records of `body.skills.execution.SKILL_EXECUTION`: what each was
                doing in that tick.
        """
        ...


class Expectations(Watching, Protocol):
    """Says of things that can be crossed whether that will go well."""

    def goes_well(self, row: int, object: int, color: int) -> float:
        """Return the probability, for avatar `row`, that such a thing turns out well."""
        ...
