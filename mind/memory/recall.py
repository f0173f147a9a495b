"""RecallScore: what comes to mind first.

The score of Park et al. 2023 (Generative Agents, arXiv 2304.03442):

    score = w_recency * recency + w_importance * importance + w_relevance * relevance

each part min-max normalised over all that could be recalled. We differ in that time is ticks
lived by the body instead of hours of a game since the last access, and in that importance is
measured (see `importance.py`) instead of rated.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Scores(NamedTuple):
    """The score of each of N candidates and its three parts in [0, 1]; all (N,) float64."""

    score: NDArray[np.float64]
    recency: NDArray[np.float64]
    importance: NDArray[np.float64]
    relevance: NDArray[np.float64]

    def of_rows(self, rows: NDArray[np.intp]) -> list[dict[str, float]]:
        """Return the score and the parts of some candidates, by name."""
        values = np.stack([part[rows] for part in self], axis=1).tolist()
        return [dict(zip(self._fields, row, strict=True)) for row in values]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallScore:
    """Weighs how recent, important and relevant an experience is.

    Attributes:
        recency_weight: At least 0.
        importance_weight: At least 0.
        relevance_weight: At least 0.
        decay_per_hour: What is left of recency after an hour, in (0, 1].
        ticks_per_hour: Ticks lived that count as an hour, above 0.
    """

    recency_weight: float
    importance_weight: float
    relevance_weight: float
    decay_per_hour: float
    ticks_per_hour: float

    def __post_init__(self):
        """Refuse numbers outside their ranges."""
        for name in ("recency_weight", "importance_weight", "relevance_weight"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")
        if not 0 < self.decay_per_hour <= 1:
            raise ValueError(f"decay_per_hour must be in (0, 1], got {self.decay_per_hour}")
        if not self.ticks_per_hour > 0:
            raise ValueError(f"ticks_per_hour must be above 0, got {self.ticks_per_hour}")

    def of(
        self,
        lived_at: NDArray[np.int64],
        importance: NDArray[np.float64],
        cosine: NDArray[np.float32],
    ) -> Scores:
        """Score N candidates, at least one.

        Args:
            lived_at: (N,) ticks that the body had lived.
            importance: (N,) at least 0.
            cosine: (N,) similarity to what is asked for, in [-1, 1].
        """
        # Counted from the latest candidate: normalised, decay from any other moment gives the
        # same, but from a distant one it would underflow.
        hours_ago = (lived_at.max() - lived_at) / self.ticks_per_hour
        recency = normalised(self.decay_per_hour**hours_ago)
        importance = normalised(importance)
        relevance = normalised(cosine.astype(np.float64))
        score = (
            self.recency_weight * recency
            + self.importance_weight * importance
            + self.relevance_weight * relevance
        )
        return Scores(score, recency, importance, relevance)


def cosines(vectors: NDArray[np.float32], asked: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Return the cosines, (N,), of vectors of length one, (N, D), with (D,); 0 with nothing."""
    if asked is None:
        return np.zeros(len(vectors), np.float32)
    # As a matrix product each row would be rounded its own way, and equal texts would not tie.
    return np.vecdot(vectors, asked)


def normalised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values between 0, the smallest, and 1, the largest; all 0 where all are equal."""
    smallest, largest = values.min(), values.max()
    if smallest == largest:
        return np.zeros_like(values)
    return (values - smallest) / (largest - smallest)


def best(score: NDArray[np.float64], limit: int) -> NDArray[np.intp]:
    """Return the rows of the `limit` highest scores, best first; of equals the later row first."""
    rows = np.arange(len(score))
    if limit < len(score):
        threshold = np.partition(score, len(score) - limit)[len(score) - limit] if limit else np.inf
        rows = np.flatnonzero(score >= threshold)
    return rows[np.lexsort((-rows, -score[rows]))][:limit]
