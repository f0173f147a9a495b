"""What a set of answers is worth: accuracy, calibration, abstention, truthfulness; plain arrays.

`right` says for each answer whether it was right, `confidence` how sure its giver was. Where an
answer is "I don't know" it is right exactly where that cannot be known.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

BINS = 15
Bools = NDArray[np.bool_]
Floats = NDArray[np.floating]


def expected_calibration_error(right: Bools, confidence: Floats, *, bins: int = BINS) -> float:
    """Return sum_b n_b/N |accuracy_b - confidence_b| over bins of equally many answers.

    Naeini, Cooper and Hauskrecht 2015 (AAAI); bins of equal mass instead of equal width.
    """
    return sum(
        share * abs(accuracy - mean) for share, accuracy, mean in _binned(right, confidence, bins)
    )


def debiased_calibration_error(right: Bools, confidence: Floats, *, bins: int = BINS) -> float:
    """Return the calibration error, root mean square, less what chance alone would make of it.

    The plug-in estimate of a squared gap is too large by the variance of the bin's accuracy; that
    is taken off (Kumar, Liang and Ma 2019, arXiv 1909.10155). At least 0.
    """
    squared = 0.0
    count = len(right)
    for share, accuracy, mean in _binned(right, confidence, bins):
        size = max(2.0, share * count)
        squared += share * ((accuracy - mean) ** 2 - accuracy * (1 - accuracy) / (size - 1))
    return float(np.sqrt(max(0.0, squared)))


def _binned(right: Bools, confidence: Floats, bins: int) -> list[tuple[float, float, float]]:
    """Return share, accuracy and mean confidence of each bin."""
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return [
        (len(part) / len(order), float(right[part].mean()), float(confidence[part].mean()))
        for part in parts
    ]


def brier(right: Bools, confidence: Floats) -> float:
    """Return the mean squared difference between confidence and being right."""
    return float(np.mean((confidence - right) ** 2))


def area_under_risk_coverage(right: Bools, confidence: Floats) -> float:
    """Return the mean, over all coverages, of the share of wrong answers among the surest ones.

    Geifman, Uziel and El-Yaniv 2019 (arXiv 1805.08206).
    """
    wrong = ~right[np.argsort(-confidence, kind="stable")]
    return float(np.mean(np.cumsum(wrong) / np.arange(1, len(wrong) + 1)))


def threshold_score(*, right: bool, answered: bool, threshold: float) -> float:
    """Return what one answer scores: 1 if right, -t/(1-t) if wrong, 0 for "I don't know".

    Kalai et al. 2025 (arXiv 2509.04664): answering pays in the mean above a confidence of t.

    Args:
        right: Whether the answer is right.
        answered: Whether it is anything but "I don't know".
        threshold: t, how sure an answer is to be, in [0, 1).
    """
    if not answered:
        return 0.0
    return 1.0 if right else -threshold / (1 - threshold)


def interval(
    measure: Callable[[NDArray[np.intp]], float],
    clusters: Sequence[object],
    *,
    seed: int = 0,
    draws: int = 1000,
) -> tuple[float, float]:
    """Return the 95% interval of a measure by bootstrap over whole clusters.

    Answers about the same life are not independent of each other: lives are drawn, not answers.

    Args:
        measure: Of some of the answers, by their places.
        clusters: (N,) which life each answer is about.
        seed: Of the draws.
        draws: How many.
    """
    names = list(dict.fromkeys(clusters))
    places: dict[object, list[int]] = {name: [] for name in names}
    for place, name in enumerate(clusters):
        places[name].append(place)
    members = [np.array(places[name]) for name in names]
    rng = np.random.default_rng(seed)
    found = [
        measure(np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))]))
        for _ in range(draws)
    ]
    low, high = np.nanquantile(found, [0.025, 0.975])
    return float(low), float(high)
