"""RandomAgent: motor commands drawn at random."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.types import Observation, Trace

_BLOCK = 1024  # commands drawn ahead for each avatar


class RandomAgent:
    """Gives each avatar commands from a stream of its own, so that the batch makes no difference.

    Args:
        num_avatars: B.
        num_actions: Commands are drawn uniformly from 0 to this, exclusive.
        seed: At least 0.
    """

    def __init__(self, num_avatars: int, *, num_actions: int = 14, seed: int = 0):
        if seed < 0:
            raise ValueError(f"seed must be at least 0, got {seed}")
        seeds = [np.random.SeedSequence(seed, spawn_key=(row,)) for row in range(num_avatars)]
        self._streams = [np.random.default_rng(seed) for seed in seeds]
        self._num_actions = num_actions
        self._drawn: NDArray[np.int64] = np.empty((0, num_avatars), np.int64)
        self._used = 0

    def begin(
        self, observation: Observation, rows: NDArray[np.intp], episodes: Sequence[int]
    ) -> None:
        """Do nothing: the commands do not depend on the episode."""

    def act(self, observation: Observation) -> NDArray[np.int64]:
        """Return one motor command for each avatar, (B,)."""
        if self._used == len(self._drawn):
            blocks = [stream.integers(self._num_actions, size=_BLOCK) for stream in self._streams]
            self._drawn, self._used = np.stack(blocks, axis=1), 0
        self._used += 1
        return self._drawn[self._used - 1].copy()

    def end(self, rows: NDArray[np.intp]) -> None:
        """Go on as before: it costs next to nothing."""

    def trace(self, row: int) -> Trace:
        """Return nothing: there is no inner life to show."""
        return Trace()

    def close(self) -> None:
        """Do nothing: there is nothing to release."""
