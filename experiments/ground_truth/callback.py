"""A batch callback that keeps the truth of what a being lives, episode by episode."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.being import Being
from envs.engine.faces import WorldVectorEnv
from experiments.ground_truth.chronicle import Chronicle


class ChronicleCallback:
    """Writes a chronicle of a being; a subclass says what becomes of the episodes that end.

    Args:
        being: Whose senses say what was felt.
        env: The world it lives in.
    """

    def __init__(self, being: Being, env: WorldVectorEnv):
        self._being = being
        self._ids = tuple(mind.body_id for mind in being.minds)
        self._chronicle = Chronicle(env.world, body_ids=self._ids)

    def on_episode_start(self, rows: NDArray[np.intp], episodes: Sequence[int]) -> None:
        """Begin an episode in these rows."""
        self._chronicle.begin(rows, episodes)

    def on_perceive(self) -> None:
        """Note what the being has just noticed."""
        percept = self._being.percept
        assert percept is not None, "the being has not acted"
        self._chronicle.sensed(percept, self._being.feelings, self._being.intents)

    def on_step(self, actions: NDArray[np.int64]) -> None:
        """Note what happened in the world."""
        self._chronicle.stepped(actions)
