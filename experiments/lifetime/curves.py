"""Adaptation curves: scores by the number of the episode in its lifetime, with intervals."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from experiments.report.measures import Columns
from experiments.running.statistics import Estimate, paired_difference

_RESAMPLES = 2000
_NO_GAP = 1e-9  # means that differ by less are equal but for rounding


def scores_of(columns: Columns) -> NDArray[np.float64]:
    """Return (lifetimes, episodes) scores of the columns of a rollout of lifetimes."""
    episodes = int(columns["episode"].max()) + 1 if "episode" in columns else 1
    return by_lifetime(columns["score"], episodes)


def by_lifetime(values: ArrayLike, episodes: int) -> NDArray[np.float64]:
    """Return (lifetimes, episodes) of a column of a rollout, which has episode by episode."""
    return np.asarray(values, np.float64).reshape(episodes, -1).T


def share_of_gap(
    one: NDArray[np.float64], newborn: NDArray[np.float64], knowing: NDArray[np.float64]
) -> Estimate:
    """Return which share of the gap from newborn to knowing somebody closes, with its interval.

    Args:
        one: (L,) mean score of each of its lifetimes.
        newborn: (L,) of the same lifetimes.
        knowing: (L,) of the same lifetimes.

    Returns:
        The share; its interval is a bootstrap over lifetimes, which are resampled together. All NaN
        where newborn and knowing score the same: there is no gap.
    """
    share = float(_share(one, newborn, knowing))
    if np.isnan(share):
        return Estimate(share, share, share)
    picks = np.random.default_rng(0).integers(len(one), size=(_RESAMPLES, len(one)))
    low, high = np.nanquantile(_share(one[picks], newborn[picks], knowing[picks]), [0.025, 0.975])
    return Estimate(share, float(low), float(high))


def mean_difference(one: NDArray[np.float64], other: NDArray[np.float64]) -> Estimate:
    """Return by how much one mean score exceeds another in the same lifetimes, (L,) each."""
    each = np.ones(len(one))
    return paired_difference((one, each), (other, each))


def _share(one: NDArray, newborn: NDArray, knowing: NDArray) -> NDArray:
    """Return shares of the gap between means over the last axis; NaN where there is no gap."""
    below = newborn.mean(-1)
    gap = knowing.mean(-1) - below
    return (one.mean(-1) - below) / np.where(np.abs(gap) > _NO_GAP, gap, np.nan)
