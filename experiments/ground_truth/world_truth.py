"""WorldTruth: the exact truth of one world, behind a face that all worlds share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from body.types import Percept
from experiments.ground_truth.graph import Fact
from mind.claims.language import Attribute


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueEvent:
    """How an event that a body can notice comes about in a world.

    Attributes:
        said_as: What the world says when it happens; None where it follows from exact states.
        counted: Whether to ask how often it happened, whether it did at all, and before what.
        witnesses: Whether it is known who looked.
        forked: Whether exact forks say what would have been.
    """

    said_as: IntEnum | None = None
    counted: bool = True
    witnesses: bool = False
    forked: bool = False


def names_of(events: Mapping[str, TrueEvent]) -> dict[int, str]:
    """Return the events of a table by what the world says."""
    return {int(event.said_as): name for name, event in events.items() if event.said_as is not None}


class WorldTruth(Protocol):
    """What is exactly true of a batch of avatars in a world.

    Attributes:
        EVENTS: Every event that can happen there, by its name among `mind.claims.language.EVENTS`.
    """

    EVENTS: ClassVar[Mapping[str, TrueEvent]]

    def begin(self, rows: NDArray[np.intp]) -> None:
        """Note where these avatars stand; their world has been reset."""
        ...

    def stepped(self, actions: NDArray[np.int64]) -> None:
        """Keep what happened in a step with these motor commands, (B,)."""
        ...

    def happened(self, rows: Sequence[int]) -> dict[int, dict[str, float]]:
        """Return the true events of the last step in these rows: kinds, and how severe each was.

        Each is returned once.
        """
        ...

    def position(self, row: int) -> tuple[int, int]:
        """Return column and row of the world's grid where an avatar stands."""
        ...

    def facts(self, row: int, kind: str, before: Percept, now: Percept) -> dict[Attribute, Fact]:
        """Return what is true of an event of this tick, beside what the body's side tells."""
        ...

    def remember(self, row: int, number: int, kind: str) -> None:
        """Keep what is needed to fork an event, by its number in the episode's graph."""
        ...

    def forked(self, rows: Sequence[int]) -> list[tuple[int, int, dict[Attribute, str]]]:
        """Return row, number and counterfactual facts of the forked events of these rows."""
        ...
