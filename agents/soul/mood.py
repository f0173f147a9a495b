"""Mood and momentary happiness: two slow accounts of the same reward errors.

Which of the two predicts behaviour better is an open question (Blain and Rutledge 2020, eLife
9:e57977, find that happiness follows what is learnt rather than what is got), so both are kept.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.soul.temperament import Temperament, kept_per_tick

HAPPINESS_HALF_LIFE_TICKS = 30.0
EXPECTATION_WEIGHT = 0.5  # of expected reward, beside a reward error's 1


class Mood:
    """The momentum of reward, and how happy one is just now.

    `mood` is tanh of a leaky sum of reward errors, after Eldar, Rutledge, Dolan and Niv (2016),
    doi:10.1016/j.tics.2015.07.010: `mood' = (1 - eta) mood + eta error`, whose leaky average
    is here in units of `mood_scale` and squashed. It goes on from one episode to the next.

    `happiness` follows Rutledge et al. (2014), PNAS: `w0 + w1 sum g^(t-j) CR_j +
    w2 sum g^(t-j) EV_j + w3 sum g^(t-j) RPE_j`. Nothing in a tick is a certain reward, so there
    is no first sum; the baseline is 0; weights and forgetting are ours. It begins anew with an
    episode.

    Args:
        num_avatars: B.
        temperament: How long a mood lasts, and how easily it comes.
    """

    def __init__(self, num_avatars: int, temperament: Temperament):
        self._kept = kept_per_tick(temperament.mood_half_life_ticks)
        self._scale = temperament.mood_scale
        self._errors = np.zeros(num_avatars, np.float32)
        self._recent = np.zeros(num_avatars, np.float32)

    @property
    def traces(self) -> dict[str, NDArray[Any]]:
        """The arrays that are carried from tick to tick, live."""
        return {"errors": self._errors, "recent": self._recent}

    def begin(self, rows: NDArray[np.intp]) -> None:
        """Start an episode: happiness begins anew, mood goes on."""
        self._recent[rows] = 0.0

    def update(
        self, reward: NDArray[np.float32], reward_error: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Take one tick into account and return mood and happiness, each (B,) in [-1, 1]."""
        self._errors *= self._kept
        self._errors += reward_error
        expected = reward - reward_error
        self._recent *= kept_per_tick(HAPPINESS_HALF_LIFE_TICKS)
        self._recent += EXPECTATION_WEIGHT * expected + reward_error
        return np.tanh(self._errors / self._scale), np.tanh(self._recent / self._scale)
