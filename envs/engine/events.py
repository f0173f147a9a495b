"""Records of what happened in a tick, as Gymnasium's infos have them: by row, and plain."""

from collections.abc import Mapping

import numpy as np
from numba import njit
from numpy.typing import NDArray


def by_row(events: NDArray, num_rows: int) -> tuple[NDArray, NDArray[np.bool_]]:
    """Return (N,) records of events as (B, K), by their field `row`, and (B,) who has any.

    Those of a row keep their order; what is left of K, at least 1, is zero.
    """
    if not len(events):  # as in most ticks of a few rows
        return np.zeros((num_rows, 1), events.dtype), np.zeros(num_rows, np.bool_)
    rows = np.ascontiguousarray(events["row"], np.int64)
    counts = np.zeros(num_rows, np.int64)
    most = _count(rows, counts)
    spread = np.zeros((num_rows, most), events.dtype)
    size = events.dtype.itemsize
    _spread(
        np.ascontiguousarray(events).view(np.uint8).reshape(len(events), size),
        rows,
        spread.view(np.uint8).reshape(num_rows, most, size),
    )
    return spread, counts > 0


@njit(cache=True)
def _count(rows, counts):
    most = 0
    for row in rows:
        counts[row] += 1
        most = max(most, counts[row])
    return most


@njit(cache=True)
def _spread(events, rows, spread):
    filled = np.zeros(len(spread), np.int64)
    for i in range(len(rows)):
        row = rows[i]
        for byte in range(events.shape[1]):  # as a slice it takes 2 s more to compile
            spread[row, filled[row], byte] = events[i, byte]
        filled[row] += 1


def events_of_row(events: Mapping[str, NDArray], row: int) -> tuple[dict[str, int | float], ...]:
    """Return the events of one row of a batch's info, as a single env has them."""
    columns = (values[row].tolist() for values in events.values())
    told = (dict(zip(events, event, strict=True)) for event in zip(*columns, strict=True))
    return tuple(event for event in told if event["kind"])


def plain_events(events: NDArray) -> tuple[dict[str, int | float], ...]:
    """Return records of events as dicts of plain numbers, in their order."""
    names = events.dtype.names or ()
    return tuple(dict(zip(names, event, strict=True)) for event in events.tolist())
