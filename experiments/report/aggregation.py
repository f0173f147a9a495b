"""Aggregates of several runs on several tasks, with intervals over seeds.

Few seeds say little, and means of few seeds say less than they seem to. These are the measures of
Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice"
(arXiv 2108.13264): the interquartile mean, the optimality gap, performance profiles and the
probability of improvement, each with a stratified bootstrap that resamples the runs of each task.

Scores are given as one array for each task, with one score for each seed; tasks may have different
numbers of them.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from experiments.running.statistics import Estimate

FEWEST_SEEDS = 5  # below which an interval says nothing
RESAMPLES = 2000
_TRIMMED = 0.25  # of the scores, at either end

Scores = Sequence[NDArray[np.float64]]  # (runs,) for each task
Measure = Callable[[Sequence[NDArray[np.float64]]], NDArray[np.float64]]


def interquartile_mean(scores: Scores) -> NDArray[np.float64]:
    """Return the mean of the middle half of all scores.

    Args:
        scores: (..., runs) for each task.

    Returns:
        (...), as of all functions here that are given to `interval`.
    """
    every = np.sort(np.concatenate(scores, axis=-1), axis=-1)
    cut = int(_TRIMMED * every.shape[-1])
    return every[..., cut : every.shape[-1] - cut].mean(axis=-1)


def mean(scores: Scores) -> NDArray[np.float64]:
    """Return the mean of the tasks' means."""
    return np.mean([one.mean(axis=-1) for one in scores], axis=0)


def median(scores: Scores) -> NDArray[np.float64]:
    """Return the median of the tasks' means."""
    return np.median([one.mean(axis=-1) for one in scores], axis=0)


def optimality_gap(scores: Scores) -> NDArray[np.float64]:
    """Return by how much all scores fall short of 1, on average; what exceeds it does not count."""
    every = np.concatenate(scores, axis=-1)
    return 1.0 - np.minimum(every, 1.0).mean(axis=-1)


def profile(scores: Scores, thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return which share of runs scores more than each of T thresholds, (..., T).

    Each task counts as much as any other.
    """
    shares = [(one[..., None, :] > thresholds[:, None]).mean(axis=-1) for one in scores]
    return np.mean(shares, axis=0)


def improvement(one: Scores, other: Scores) -> NDArray[np.float64]:
    """Return the probability that a run of one scores more than one of the other, a tie being half.

    The mean over tasks of what Mann and Whitney (1947) count, divided by the number of pairs.
    """
    each = [
        np.sign(mine[..., :, None] - others[..., None, :]).mean(axis=(-2, -1)) / 2 + 0.5
        for mine, others in zip(one, other, strict=True)
    ]
    return np.mean(each, axis=0)


def interval(measure: Measure, scores: Scores, *, seed: int = 0) -> Estimate:
    """Return a measure with its 95% interval; without one where there are too few seeds.

    Args:
        measure: From scores to (...) numbers.
        scores: Of each task.
        seed: Of the resampling.
    """
    value = float(measure(scores))
    if fewest(scores) < FEWEST_SEEDS:
        return Estimate(value, math.nan, math.nan)
    return Estimate(value, *_bounds(measure(resampled(scores, seed))).tolist())


def improvement_interval(one: Scores, other: Scores, *, seed: int = 0) -> Estimate:
    """Return the probability of improvement with its 95% interval, both sides resampled."""
    value = float(improvement(one, other))
    if min(fewest(one), fewest(other)) < FEWEST_SEEDS:
        return Estimate(value, math.nan, math.nan)
    drawn = improvement(resampled(one, seed), resampled(other, seed + 1))
    return Estimate(value, *_bounds(drawn).tolist())


def profile_band(
    scores: Scores, thresholds: NDArray[np.float64], *, seed: int = 0
) -> NDArray[np.float64]:
    """Return a profile and its 95% band: value, low and high, (3, T); NaN without enough seeds."""
    value = profile(scores, thresholds)
    if fewest(scores) < FEWEST_SEEDS:
        return np.stack([value, *np.full((2, len(thresholds)), np.nan)])
    return np.stack([value, *_bounds(profile(resampled(scores, seed), thresholds))])


def resampled(scores: Scores, seed: int) -> list[NDArray[np.float64]]:
    """Return (resamples, runs) for each task: its own runs, drawn with replacement."""
    rng = np.random.default_rng(seed)
    return [one[rng.integers(len(one), size=(RESAMPLES, len(one)))] for one in scores]


def fewest(scores: Scores) -> int:
    """Return the number of runs of the task that has fewest."""
    return min(map(len, scores))


def _bounds(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the 2.5% and the 97.5% quantile over the resamples, (2, ...)."""
    return np.quantile(drawn, [0.025, 0.975], axis=0)
