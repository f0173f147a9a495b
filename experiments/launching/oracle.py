"""The oracle that a world names in its spec, in the place of an agent."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.types import Observation, Trace
from envs.engine.faces import WorldVectorEnv


class Oracle:
    """Shows what can be reached by reading the truth; it is not an agent.

    Args:
        env: Whose truth is read.
    """

    def __init__(self, env: WorldVectorEnv):
        self._world = env.world
        self._actions = env.world.spec.load("oracle")

    def begin(
        self, observation: Observation, rows: NDArray[np.intp], episodes: Sequence[int]
    ) -> None:
        """Do nothing: it has no memory."""

    def act(self, observation: Observation) -> NDArray[np.int64]:
        """Return the oracle's motor commands, (B,)."""
        return self._actions(self._world)

    def end(self, rows: NDArray[np.intp]) -> None:
        """Do nothing: going on costs nothing."""

    def trace(self, row: int) -> Trace:
        """Return nothing: there is no inner life to show."""
        return Trace()

    def close(self) -> None:
        """Do nothing: there is nothing to release."""
