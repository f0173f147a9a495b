"""What is made of a bad experience: is the same way taken again, and one in the same color?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.trip.contexts import WAYS
from envs.trip.vocabulary import Color
from experiments.running.statistics import Estimate, share_interval

_MOST = 3  # bad times that are told apart; more count as so many
_COLORS = len(Color)


@dataclass(frozen=True, slots=True)
class Offer:
    """A way that somebody could take.

    Attributes:
        taken: Whether it was.
        bad: How often it had gone wrong on a way that looked like this, in this lifetime.
        bad_in_color: How often on others in its color.
        good: How often one like this had been crossed without a fall.
    """

    taken: bool
    bad: int
    bad_in_color: int
    good: int


def offers(columns: Mapping[str, Sequence[float]], episodes: int) -> Iterator[Offer]:
    """Return every way of every episode in which one was taken.

    Args:
        columns: Of a rollout of lifetimes in level 5 of `trip`.
        episodes: Of each lifetime.
    """
    names = ("way", "falls", *(f"way_{i}" for i in range(WAYS)))
    table = np.array([columns[name] for name in names], np.int64).reshape(len(names), episodes, -1)
    for lifetime in range(table.shape[2]):
        yield from _of_lifetime(table[:, :, lifetime])


def _of_lifetime(table: NDArray[np.int64]) -> Iterator[Offer]:
    bad, good = np.zeros(64, np.int64), np.zeros(64, np.int64)
    for way, falls, *offered in table.T.tolist():
        if way not in offered:
            continue
        for look in offered:
            color = bad[look % _COLORS :: _COLORS].sum() - bad[look]
            yield Offer(look == way, int(bad[look]), int(color), int(good[look]))
        (bad if falls else good)[way] += 1


def taken_again(found: Sequence[Offer]) -> dict[str, Estimate]:
    """Return how often a way is taken that is offered, by what had come of such ways before."""
    new = [one for one in found if not one.bad and not one.good]
    groups = {
        "never tried, nor its color": [one for one in new if not one.bad_in_color],
        "its color was bad once": [one for one in new if one.bad_in_color == 1],
        "its color was bad more often": [one for one in new if one.bad_in_color > 1],
        "was good": [one for one in found if one.good and not one.bad],
    }
    for times in range(1, _MOST + 1):
        name = f"was bad {times} times" + (" or more" if times == _MOST else "")
        groups[name] = [one for one in found if min(one.bad, _MOST) == times and not one.good]
    return {
        name: share_interval(np.array([one.taken for one in some], bool))
        for name, some in groups.items()
    }
