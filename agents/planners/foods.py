"""What foods do: expectations for the planner of `forage`, and counts of what was lived."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agents.planners.types import Watching
from body.types import NoticedEvent, PerceptBatch, WorldSpec
from envs.forage.vocabulary import DEALT, Effect

PRIOR = np.array([DEALT[effect] for effect in Effect]) / sum(DEALT.values())
PRIOR_MEALS = 0.3  # that what is expected beforehand counts for: one meal tells most of the truth
_TELLS = {
    NoticedEvent.GAVE_NOTHING: Effect.NOTHING,
    NoticedEvent.GAVE_ENERGY: Effect.ENERGY,
    NoticedEvent.GAVE_PROTEIN: Effect.PROTEIN,
    NoticedEvent.GAVE_WATER: Effect.WATER,
    NoticedEvent.MADE_ILL: Effect.ILLNESS,
}


class FoodExpectations(Watching, Protocol):
    """Says what foods will do to an avatar."""

    def effects(self, row: int, object: int, color: int) -> NDArray[np.float64]:
        """Return the probability of each `Effect`, (5,), for avatar `row`."""
        ...


class FixedFoods:
    """Expects of every food what foods do on the whole, whatever happens.

    Args:
        num_avatars: B.
        spec: Of the world.
    """

    def __init__(self, num_avatars: int, spec: WorldSpec):
        self._prior = PRIOR.copy()

    def begin(self, rows: NDArray[np.intp]) -> None:
        """Do nothing."""

    def notice(self, percept: PerceptBatch, executions: NDArray[np.void]) -> None:
        """Learn nothing."""

    def effects(self, row: int, object: int, color: int) -> NDArray[np.float64]:
        """Return what foods do on the whole, (5,)."""
        return self._prior


class FoodOutcomes:
    """Counts of what each food did to each of a batch of avatars, as far as they noticed.

    Dirichlet-multinomial, for each food by itself: no food says anything of another.

    Args:
        num_avatars: B.
        spec: Of the world.
    """

    def __init__(self, num_avatars: int, spec: WorldSpec):
        foods = (num_avatars, len(spec.objects), len(spec.colors))
        self._counts = np.zeros((*foods, len(Effect)))

    def begin(self, rows: NDArray[np.intp]) -> None:
        """Do nothing: what is in the gut at nightfall is never known."""

    def forget(self, rows: NDArray[np.intp]) -> None:
        """Know nothing, as at the beginning of a lifetime."""
        self._counts[rows] = 0.0

    def notice(self, percept: PerceptBatch, executions: NDArray[np.void]) -> None:
        """Take in one tick of all avatars; see `agents.planners.types.Watching`."""
        for event, effect in _TELLS.items():
            rows = np.flatnonzero(percept.events[:, event])
            obj, color = percept.event_objects[rows].T
            self._counts[rows, obj, color, effect] += 1.0

    def effects(self, row: int, object: int, color: int) -> NDArray[np.float64]:
        """Return the probability of each `Effect`, (5,)."""
        weights = self._counts[row, object, color] + PRIOR_MEALS * self._beforehand(
            row, object, color
        )
        return weights / weights.sum()

    def _beforehand(self, row: int, object: int, color: int) -> NDArray[np.float64]:
        return PRIOR
