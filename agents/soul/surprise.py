"""Surprise: how improbable this tick's change of the felt senses was, to this body.

Each avatar keeps a small predictive model of how balance, pain and needs change from one tick to
the next, and surprise is the negative log probability of what came, `-log p_world(o')`. The model
is a running mean and variance of each change, the changes taken as independent. What is unknown
is a variance too, so the prediction is Student's t, whose tails make a rare blow very surprising
without making it infinitely so.

Log probability is counted from the most probable change, so that it is at least 0, and divided by
its own running average, so that an ordinary tick of any body, in any world, is about 1. In a world
whose felt senses stay quite still, ordinary ticks are below that. To a careless walker in `trip` a
bump is about 6, a stumble about 17 and a fall about 60 (medians).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.soul.needs import DIGNITY, ENERGY, NEEDS, PROTEIN, REST, WARMTH, WATER
from body.types import PerceptBatch

# Pain is taken by body part, so freedom from pain would count it twice.
_NEEDS_FELT = (ENERGY, WATER, WARMTH, DIGNITY, PROTEIN, REST)
_MOST_PARTS = 6  # that can hurt, in any world
_FEATURES = (
    4 + _MOST_PARTS + len(_NEEDS_FELT)
)  # at most; the last are not used where there are less

TAIL = 4.0  # degrees of freedom of Student's t
FINEST = 0.005  # smallest deviation that can be told from none, in metres and shares of 1
FIRST_GUESS = 0.02  # deviation expected before anything was felt
FIRST_TICKS = 10.0  # as many ticks of evidence is that guess worth
MEMORY_TICKS = 500.0  # older ticks fade from the running averages
LARGEST_LESSON = 4.0  # in deviations: a blow must not teach that blows are ordinary
LEAST_ORDINARY = 1.0


class Surprise:
    """A predictive model of the felt senses for each avatar; it outlives episodes.

    Args:
        num_avatars: B.
    """

    def __init__(self, num_avatars: int):
        shape = (num_avatars, _FEATURES)
        self._last = np.zeros(shape, np.float32)
        self._mean = np.zeros(shape, np.float32)
        self._variance = np.full(shape, FIRST_GUESS**2, np.float32)
        self._ticks = np.full(num_avatars, FIRST_TICKS, np.float32)
        self._ordinary = np.full(num_avatars, LEAST_ORDINARY, np.float32)

    @property
    def traces(self) -> dict[str, NDArray[Any]]:
        """The arrays that are carried from tick to tick, live."""
        return {
            "last": self._last,
            "mean": self._mean,
            "variance": self._variance,
            "ticks": self._ticks,
            "ordinary": self._ordinary,
        }

    def measure(
        self, percept: PerceptBatch, levels: NDArray[np.float32], fresh: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Return how surprising this tick was, and learn from it.

        Args:
            percept: What is felt now.
            levels: (B, 7) levels of the needs now.
            fresh: (B,) whether this is the first tick of an episode, from which nothing can be
                predicted; its surprise is 1 and nothing is learnt.

        Returns:
            (B,) float32, at least 0; about 1 in an ordinary tick.
        """
        needs = [need for need in _NEEDS_FELT if NEEDS[need] in percept.spec.needs]
        felt = np.concatenate((percept.vestibular, percept.pain, levels[:, needs]), axis=1)
        features = felt.shape[1]
        deviation = felt - self._last[:, :features]
        deviation -= self._mean[:, :features]
        self._last[:, :features] = felt
        improbability = _improbability(deviation, self._variance[:, :features])
        surprise = np.where(fresh, np.float32(1.0), improbability / self._ordinary)
        self._learn(deviation, improbability, fresh)
        return surprise

    def _learn(
        self,
        deviation: NDArray[np.float32],
        improbability: NDArray[np.float32],
        fresh: NDArray[np.bool_],
    ) -> None:
        rate = np.where(fresh, np.float32(0.0), 1.0 / self._ticks)
        np.minimum(self._ticks + ~fresh, MEMORY_TICKS, out=self._ticks)
        mean, variance = (trace[:, : deviation.shape[1]] for trace in (self._mean, self._variance))
        bound = LARGEST_LESSON * np.sqrt(variance)
        lesson = np.clip(deviation, -bound, bound)
        mean += rate[:, None] * lesson
        variance += rate[:, None] * (lesson * lesson - variance)
        np.maximum(variance, FINEST**2, out=variance)
        usual = np.minimum(improbability, LARGEST_LESSON * self._ordinary)
        self._ordinary += rate * (usual - self._ordinary)
        np.maximum(self._ordinary, LEAST_ORDINARY, out=self._ordinary)


def _improbability(
    deviation: NDArray[np.float32], variance: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return log p(most probable) - log p(deviation) under Student's t, over all features."""
    odds = deviation * deviation
    odds /= variance * TAIL
    odds += 1.0
    return 0.5 * (TAIL + 1.0) * np.log(odds).sum(axis=1)
