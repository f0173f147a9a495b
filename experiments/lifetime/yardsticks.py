"""Yardsticks of a lifetime: planners that know what no agent can know. Not agents.

All of them choose by the world's own planner, and differ in what they expect (here of the ways of
`trip`; of the foods of `forage` in `experiments.lifetime.foods`). Beside them stand `counting`,
which is an agent, and the fixed table.
"""

from math import comb

import numpy as np
from numpy.typing import NDArray

from agents.counting import Expecting, Outcomes
from agents.planners.types import Expectations
from agents.reactive import Reactive
from agents.types import Agent
from body.body import Body
from body.motor import default_motor
from body.types import PerceptBatch
from envs.engine.faces import WorldVectorEnv
from envs.trip.contexts import (
    CROSSINGS,
    GOES_WRONG,
    GOES_WRONG_ANYWAY,
    JOKERS,
    LOOKS,
    WAYS,
    is_worse,
    look_of,
)
from envs.trip.vocabulary import Verdict
from envs.trip.world import TripWorld


class Newborn(Outcomes):
    """Learns within an episode, and forgets at its end."""

    def begin(self, rows: NDArray[np.intp]) -> None:
        """Be born."""
        self.forget(rows)


class Knowing:
    """Knows the context, which is in no observation.

    Args:
        world: Whose truth is read.
    """

    def __init__(self, world: TripWorld):
        self._world = world

    def begin(self, rows: NDArray[np.intp]) -> None:
        """Do nothing: all is known already."""

    def notice(self, percept: PerceptBatch, executions: NDArray[np.void]) -> None:
        """Do nothing: there is nothing to learn."""

    def goes_well(self, row: int, object: int, color: int) -> float:
        """Return 1 for what is better than it looks, else 0."""
        return 0.0 if is_worse(self._world.bodies["looks"][row], look_of(object, color)) else 1.0


class Reader:
    """Understands whatever it is told, weighs it rightly, and forgets it when the episode ends.

    It knows how persons come to say what they say, and so how much a word of theirs is worth; and
    it learns nothing from what it lives.

    Args:
        num_avatars: B.
    """

    def __init__(self, num_avatars: int):
        self._log_odds = np.zeros((num_avatars, LOOKS))  # that a look is better

    def begin(self, rows: NDArray[np.intp]) -> None:
        """Have heard nothing, and know that one way in three is good."""
        self._log_odds[rows] = np.log(1.0 / (WAYS - 1))

    def notice(self, percept: PerceptBatch, executions: NDArray[np.void]) -> None:
        """Listen."""
        for row in np.flatnonzero(percept.heard[:, 0]).tolist():
            _, verdict, obj, color, _ = percept.heard[row].tolist()
            self._log_odds[row, look_of(obj, color)] += weight_of_word(Verdict(verdict))

    def goes_well(self, row: int, object: int, color: int) -> float:
        """Return the probability that this is better than it looks."""
        return float(1.0 / (1.0 + np.exp(-self._log_odds[row, look_of(object, color)])))


def weight_of_word(verdict: Verdict, jokes: float = JOKERS) -> float:
    """Return by how much a word of somebody changes the log odds that a look is better.

    Args:
        verdict: What is said of it.
        jokes: How probable it is that whoever says it is a joker.
    """
    if verdict is Verdict.NOTHING:
        return 0.0
    return float(np.log(says(verdict, False, jokes) / says(verdict, True, jokes)))


def says(verdict: Verdict, worse: bool, jokes: float) -> float:
    """Return the probability that somebody says so of such a look, who says anything of it."""
    chance = GOES_WRONG if worse else GOES_WRONG_ANYWAY
    mostly = sum(
        comb(CROSSINGS, wrong) * chance**wrong * (1.0 - chance) ** (CROSSINGS - wrong)
        for wrong in range(CROSSINGS // 2 + 1, CROSSINGS + 1)
    )
    bad = (1.0 - jokes) * mostly + jokes * (1.0 - mostly)
    return bad if verdict is Verdict.BAD else 1.0 - bad


def expectations(name: str, env: WorldVectorEnv) -> Expectations:
    """Return what a yardstick expects of the ways of `trip`.

    Args:
        name: "newborn", "reader", "counting" or "knowing".
        env: A world of `trip`.
    """
    count, spec = env.num_envs, env.world.spec
    if name == "knowing":
        assert isinstance(env.world, TripWorld), f"knowing reads trip's truth, got {spec.name}"
        return Knowing(env.world)
    if name == "reader":
        return Reader(count)
    return Newborn(count, spec) if name == "newborn" else Outcomes(count, spec)


# ---- By name ----


def yardstick(name: str, env: WorldVectorEnv) -> Agent:
    """Return who lives in a world as that yardstick, in a body of that world.

    Args:
        name: "table", "newborn", "reader", "counting" or "knowing".
        env: The world.
    """
    spec = env.world.spec
    body = Body(env.num_envs, spec, default_motor(spec.name))
    if name == "table":
        return Reactive(body)
    return Expecting(body, spec.load("expectations")(name, env))
