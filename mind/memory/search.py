"""Search: the loops over all that a body has lived, compiled.

The codes of a million experiences are a quarter of a gigabyte: reading them once is most of it.
"""

# numba compiles functions into values without types:
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True, fastmath=True)
def dots(
    codes: NDArray[np.int8],
    scales: NDArray[np.float32],
    asked: NDArray[np.float32],
    candidates: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Return the scaled inner products of the candidates among N rows with one, else 0; (N,).

    The sums are of whole numbers below 2**24, which float32 holds exactly, in whatever order they
    are added up; processors multiply these faster than small integers.
    """
    found = np.zeros(len(codes), np.float32)
    for row in candidates:
        total = np.float32(0.0)
        for place in range(len(asked)):
            total += np.float32(codes[row, place]) * asked[place]
        found[row] = total * scales[row]
    return found


@njit(cache=True, nogil=True)
def _range(values: NDArray[Any], rows: NDArray[np.int64]) -> tuple[Any, Any]:
    """Return the smallest and the largest value of some rows."""
    smallest = largest = values[rows[0]]
    for row in rows:
        smallest, largest = min(smallest, values[row]), max(largest, values[row])
    return smallest, largest


@njit(cache=True, nogil=True)
def best(
    candidates: NDArray[np.int64],
    lived_at: NDArray[np.int64],
    importance: NDArray[np.float64],
    relevance: NDArray[np.float32],
    weights: tuple[float, float, float],
    per_tick: float,
    decays: NDArray[np.float64],
    limit: int,
) -> tuple[
    NDArray[np.int64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
]:
    """Return row, score, recency, importance and relevance of the best, (limit,) each.

    Args:
        candidates: (C,) rows, rising, at least one.
        lived_at: (N,) ticks that the body had lived.
        importance: (N,).
        relevance: (N,).
        weights: Of the three.
        per_tick: Logarithm of what is left of recency after a tick.
        decays: (G,) what is left after 0, 1, ... ticks.
        limit: At most C.
    """
    earliest, latest = _range(lived_at, candidates)
    least, most = _range(importance, candidates)
    far, near = _range(relevance, candidates)
    oldest = math.exp(per_tick * (latest - earliest))
    rows = np.empty(limit, np.int64)
    scores = np.empty((4, limit))
    kept = 0
    recency, before = 1.0, latest
    for at in range(len(candidates) - 1, -1, -1):  # so that decay goes on from the one before
        row = candidates[at]
        gap = before - lived_at[row]
        if 0 <= gap < len(decays):
            recency *= decays[gap]
        else:
            recency = math.exp(per_tick * (latest - lived_at[row]))
        before = lived_at[row]
        recent = (recency - oldest) / (1.0 - oldest) if lived_at[row] > earliest else 0.0
        important = (importance[row] - least) / (most - least) if most > least else 0.0
        relevant = float(relevance[row] - far) / float(near - far) if near > far else 0.0
        score = weights[0] * recent + weights[1] * important + weights[2] * relevant
        if kept == limit and (limit == 0 or score <= scores[0, limit - 1]):
            continue
        place = min(kept, limit - 1)
        while place > 0 and scores[0, place - 1] < score:
            rows[place] = rows[place - 1]
            scores[:, place] = scores[:, place - 1]
            place -= 1
        rows[place] = row
        scores[0, place], scores[1, place] = score, recent
        scores[2, place], scores[3, place] = important, relevant
        kept = min(kept + 1, limit)
    return rows, scores[0], scores[1], scores[2], scores[3]
