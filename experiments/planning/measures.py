"""What is measured of episodes for which there is a plan: gaps, slopes, deadlines, differences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.running.statistics import (
    Estimate,
    paired_difference,
    ratio_interval,
    slope_interval,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Episodes:
    """Episodes of one agent, of one place or several.

    Attributes:
        n: (N,) the number that grows along the axis.
        success: (N,) truth values.
        ticks: (N,) how long they took.
        plan: (N,) ticks that the plan takes; NaN where there is none.
        decisions: (N,) how many took effect; 0 of who does not decide in words.
        tokens: (N,) written for them.
        seconds: (N,) CPU seconds, of each the mean of those lived side by side with it.
    """

    n: NDArray[np.float64]
    success: NDArray[np.bool_]
    ticks: NDArray[np.float64]
    plan: NDArray[np.float64]
    decisions: NDArray[np.float64]
    tokens: NDArray[np.float64]
    seconds: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.n)


def joined(parts: Sequence[Episodes]) -> Episodes:
    """Return the episodes of several places as one, in their order."""
    names = Episodes.__dataclass_fields__
    return Episodes(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})


def gap(episodes: Episodes) -> Estimate:
    """Return how many times the plan's ticks the successful episodes took, and its interval.

    It is a ratio of sums over the episodes that succeeded and have a plan; all NaN of none.
    """
    counted = episodes.success & ~np.isnan(episodes.plan)
    return ratio_interval(episodes.ticks[counted], episodes.plan[counted])


def success_slope(episodes: Episodes) -> Estimate:
    """Return by how much success grows with each one more of n."""
    return slope_interval(episodes.n, episodes.success)


def gap_slope(episodes: Episodes) -> Estimate:
    """Return by how much the gap of a successful episode grows with each one more of n."""
    counted = episodes.success & ~np.isnan(episodes.plan)
    return slope_interval(episodes.n[counted], episodes.ticks[counted] / episodes.plan[counted])


def in_time(episodes: Episodes, factor: float) -> NDArray[np.bool_]:
    """Return which episodes succeed within so many times their plan's ticks; none without one."""
    with np.errstate(invalid="ignore"):  # NaN is no plan
        return episodes.success & (episodes.ticks <= factor * episodes.plan)


def difference(one: NDArray, other: NDArray) -> Estimate:
    """Return by how much one mean exceeds another in the same episodes, (N,) each."""
    each = np.ones(len(one))
    return paired_difference((one, each), (other, each))


def episodes_of(kept: Mapping, plan: Sequence[float | None], n: int) -> Episodes:
    """Return what `run.py` keeps of an agent in a place as episodes.

    Args:
        kept: With `columns` and `cpu_s`.
        plan: Ticks of each plan; None is none.
        n: Of the place.
    """
    columns, count = kept["columns"], len(plan)
    nothing = [0.0] * count
    return Episodes(
        n=np.full(count, float(n)),
        success=np.array(columns["success"], np.float64) > 0,
        ticks=np.array(columns["ticks"], np.float64),
        plan=np.array([np.nan if one is None else one for one in plan], np.float64),
        decisions=np.array(columns.get("decisions", nothing), np.float64),
        tokens=np.array(columns.get("tokens", nothing), np.float64),
        seconds=np.full(count, kept["cpu_s"] / count),
    )
