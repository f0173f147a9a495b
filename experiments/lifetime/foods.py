"""What the yardsticks of a lifetime in `forage` expect of foods."""

import numpy as np
from numpy.typing import NDArray

from agents.planners.foods import FoodExpectations, FoodOutcomes
from body.types import PerceptBatch, WorldSpec
from envs.engine.faces import WorldVectorEnv
from envs.forage.contexts import JOKERS, MISTAKEN, food_of
from envs.forage.vocabulary import Effect
from envs.forage.world import ForageWorld

_EFFECTS = len(Effect)


class Newborn(FoodOutcomes):
    """Learns within an episode, and forgets at its end."""

    def begin(self, rows: NDArray[np.intp]) -> None:
        """Be born."""
        self.forget(rows)


class Knowing:
    """Knows the context, which is in no observation.

    Args:
        world: Whose truth is read.
    """

    def __init__(self, world: ForageWorld):
        self._world = world

    def begin(self, rows: NDArray[np.intp]) -> None:
        """Do nothing: all is known already."""

    def notice(self, percept: PerceptBatch, executions: NDArray[np.void]) -> None:
        """Do nothing: there is nothing to learn."""

    def effects(self, row: int, object: int, color: int) -> NDArray[np.float64]:
        """Return 1 for what the food does, else 0."""
        return np.eye(_EFFECTS)[self._world.bodies["effects"][row, food_of(object, color)]]


class Reader(Newborn):
    """Understands whatever it is told, weighs it rightly, and forgets it when the episode ends.

    It knows how persons come to say what they say, and so how much a word of theirs is worth.

    Args:
        num_avatars: B.
        spec: Of the world.
    """

    def __init__(self, num_avatars: int, spec: WorldSpec):
        super().__init__(num_avatars, spec)
        self._words = np.ones_like(self._counts)  # likelihood of what was said, by effect

    def begin(self, rows: NDArray[np.intp]) -> None:
        """Have heard nothing."""
        super().begin(rows)
        self._words[rows] = 1.0

    def notice(self, percept: PerceptBatch, executions: NDArray[np.void]) -> None:
        """Listen, and feel what comes of meals."""
        super().notice(percept, executions)
        for row in np.flatnonzero(percept.heard[:, 0]).tolist():
            _, verdict, obj, color, _ = percept.heard[row].tolist()
            self._words[row, obj, color] *= _SAID[:, verdict - 1]

    def _beforehand(self, row: int, object: int, color: int) -> NDArray[np.float64]:
        weights = super()._beforehand(row, object, color) * self._words[row, object, color]
        return weights / weights.sum()


def chances_of_words() -> NDArray[np.float64]:
    """Return the probability that somebody says of a food that does one thing that it does another.

    Returns:
        (5, 5) by what it does and what is said, both in the order of `Effect`.
    """
    lived = (1.0 - MISTAKEN) * np.eye(_EFFECTS) + MISTAKEN / _EFFECTS
    joke = np.zeros((_EFFECTS, _EFFECTS))
    joke[:, Effect.ILLNESS] = 1.0
    joke[Effect.ILLNESS] = np.eye(_EFFECTS)[Effect.ENERGY]
    return lived @ ((1.0 - JOKERS) * np.eye(_EFFECTS) + JOKERS * joke)


_SAID = chances_of_words()


def expectations(name: str, env: WorldVectorEnv) -> FoodExpectations:
    """Return what a yardstick expects of foods.

    Args:
        name: "newborn", "reader", "counting" or "knowing".
        env: A world of `forage`.
    """
    count, spec = env.num_envs, env.world.spec
    if name == "knowing":
        assert isinstance(env.world, ForageWorld), f"knowing reads forage's truth, got {spec.name}"
        return Knowing(env.world)
    kinds = {"newborn": Newborn, "reader": Reader, "counting": FoodOutcomes}
    return kinds[name](count, spec)
