"""Planner: what a world's scripted planner is to those who use one."""

from collections.abc import Iterable
from typing import Protocol

from body.types import Intent, Percept, SkillStatus


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
