"""RecallScore: what comes to mind first.

The score of Park et al. 2023 (Generative Agents, arXiv 2304.03442):

    score = w_recency * recency + w_importance * importance + w_relevance * relevance

each part min-max normalised over all that could be recalled. We differ in that time is ticks
lived by the body instead of hours of a game since the last access, and in that importance is
measured (see `importance.py`) instead of rated.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_GAPS = 4096  # ticks between two experiences up to which decay is looked up


class Best(NamedTuple):
    """The best of the candidates, best first: row, score and its three parts in [0, 1]; (K,)."""

    row: NDArray[np.int64]
    score: NDArray[np.float64]
    recency: NDArray[np.float64]
    importance: NDArray[np.float64]
    relevance: NDArray[np.float64]

    def parts(self) -> list[dict[str, float]]:
        """Return score and parts of each, by name."""
        values = np.stack(self[1:], axis=1).tolist()
        return [dict(zip(self._fields[1:], row, strict=True)) for row in values]


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

    def best(
        self,
        candidates: NDArray[np.int64],
        lived_at: NDArray[np.int64],
        importance: NDArray[np.float64],
        relevance: NDArray[np.float32],
        limit: int,
    ) -> Best:
        """Return the candidates with the highest scores; of equals the later row first.

        Args:
            candidates: Which of the N rows, rising, at least one.
            lived_at: (N,) ticks that the body had lived.
            importance: (N,) at least 0.
            relevance: (N,) similarity to what is asked for, in [-1, 1].
            limit: How many, at most.
        """
        from mind.memory.search import best  # compiled code is loaded when it is needed

        weights = (self.recency_weight, self.importance_weight, self.relevance_weight)
        per_tick = math.log(self.decay_per_hour) / self.ticks_per_hour
        decays = np.exp(per_tick * np.arange(_GAPS))
        limit = min(limit, len(candidates))
        found = best(candidates, lived_at, importance, relevance, weights, per_tick, decays, limit)
        return Best(*found)


class Codes(NamedTuple):
    """N vectors of length one or zero in whole numbers, an eighth of the size.

    A vector is its codes times its scale. Cosines are right to about 0.002, and equal vectors have
    equal ones, wherever they lie.

    Attributes:
        code: (N, D) int8.
        scale: (N,) float32.
    """

    code: NDArray[np.int8]
    scale: NDArray[np.float32]


def coded(vectors: NDArray[np.float32]) -> Codes:
    """Return vectors (N, D) in whole numbers."""
    scale = np.abs(vectors).max(axis=1) / 127
    whole = np.divide(vectors, scale[:, None], out=np.zeros_like(vectors), where=scale[:, None] > 0)
    return Codes(np.rint(whole).astype(np.int8), scale.astype(np.float32))


def cosines(
    codes: Codes, candidates: NDArray[np.int64], asked: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """Return the cosines of the candidates among N vectors with one, (D,); 0 of all others, (N,).

    Without anything asked for all of them are 0.
    """
    if asked is None:
        return np.zeros(len(codes.code), np.float32)
    from mind.memory.search import dots

    one = coded(asked[None])
    scales = codes.scale * one.scale[0]
    return dots(codes.code, scales, one.code[0].astype(np.float32), candidates)
