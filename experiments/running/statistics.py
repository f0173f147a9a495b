"""Statistics: what a sample of episodes says, with 95% intervals."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_Z = 1.96  # standard normal quantile of 97.5%
_RESAMPLES = 1000


class Estimate(NamedTuple):
    """A number and its 95% interval; all NaN where the sample says nothing about it."""

    value: float
    low: float
    high: float


def wilson(successes: int, count: int) -> tuple[float, float]:
    """Return Wilson's 95% interval of a share (Wilson 1927)."""
    share, doubt = successes / count, _Z * _Z / count
    middle = (share + doubt / 2) / (1 + doubt)
    half = _Z / (1 + doubt) * math.sqrt((share * (1 - share) + doubt / 4) / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def share_words(successes: int, count: int) -> str:
    """Return a share with its interval: ``"67% [59, 74]"``; a dash of nothing."""
    if not count:
        return "-"
    low, high = wilson(successes, count)
    return f"{successes / count:.0%} [{100 * low:.0f}, {100 * high:.0f}]"


def half_width(values: NDArray) -> float:
    """Return the half-width of the mean's 95% interval."""
    return _Z * float(values.std()) / len(values) ** 0.5


def share_interval(successes: NDArray) -> Estimate:
    """Return the share of successes, (N,) of truth values, and its interval by Wilson."""
    if not len(successes):
        return Estimate(math.nan, math.nan, math.nan)
    return Estimate(float(successes.mean()), *wilson(int(successes.sum()), len(successes)))


def ratio_interval(tops: NDArray, bottoms: NDArray, seed: int = 0) -> Estimate:
    """Return sum(tops) / sum(bottoms), and its bootstrap interval over episodes.

    With bottoms of 1 it is the mean. Where nothing varies in the sample the interval is a point,
    as a bootstrap cannot know better.

    Args:
        tops: (N,) one number for each episode, such as its falls.
        bottoms: (N,) what it is related to, such as its cells walked.
        seed: Of the resampling.
    """
    picks = _resampled(len(tops), seed)
    return _estimate(_ratio(tops, bottoms), _ratio(tops[picks], bottoms[picks]))


def paired_difference(
    one: tuple[NDArray, NDArray], other: tuple[NDArray, NDArray], seed: int = 0
) -> Estimate:
    """Return by how much one ratio exceeds the other, and its bootstrap interval over pairs.

    Args:
        one: Tops and bottoms, (N,) each, as for `ratio_interval`.
        other: The same of others in the same rooms: element i of both is a pair.
        seed: Of the resampling.

    Raises:
        ValueError: If they are not of the same length.
    """
    if len(one[0]) != len(other[0]):
        raise ValueError(f"pairs must be complete, got {len(one[0])} and {len(other[0])} of them")
    picks = _resampled(len(one[0]), seed)
    resampled = [_ratio(tops[picks], bottoms[picks]) for tops, bottoms in (one, other)]
    return _estimate(_ratio(*one) - _ratio(*other), resampled[0] - resampled[1])


def slope_interval(numbers: NDArray, values: NDArray, seed: int = 0) -> Estimate:
    """Return by how much a value grows with a number, and its bootstrap interval over episodes.

    It is the slope of the least-squares line. All NaN where there are not two different numbers.

    Args:
        numbers: (N,) of each episode, such as how many rooms it has.
        values: (N,) what is measured of it.
        seed: Of the resampling.
    """
    picks = _resampled(len(numbers), seed)
    numbers, values = np.asarray(numbers, np.float64), np.asarray(values, np.float64)
    return _estimate(_slope(numbers, values), _slope(numbers[picks], values[picks]))


def _slope(numbers: NDArray, values: NDArray) -> NDArray[np.float64]:
    """Return least-squares slopes over the last axis; NaN where the numbers are all the same."""
    if not numbers.shape[-1]:
        return np.full(numbers.shape[:-1], np.nan)
    away = numbers - numbers.mean(-1, keepdims=True)
    spread = np.asarray((away**2).sum(-1))
    return (away * values).sum(-1) / np.where(spread > 0, spread, np.nan)


def _resampled(count: int, seed: int) -> NDArray[np.int64]:
    """Return (resamples, N) indices, drawn with replacement."""
    size = (_RESAMPLES, count)
    return np.random.default_rng(seed).integers(max(1, count), size=size)


def _ratio(tops: NDArray, bottoms: NDArray) -> NDArray[np.float64]:
    """Return sums over the last axis, divided; NaN where there is nothing to divide by."""
    below = np.asarray(bottoms.sum(-1), np.float64)
    return tops.sum(-1) / np.where(below > 0, below, np.nan)


def _estimate(value: NDArray, resampled: NDArray) -> Estimate:
    known = resampled[~np.isnan(resampled)]
    if not len(known):
        return Estimate(math.nan, math.nan, math.nan)
    low, high = np.quantile(known, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high))
