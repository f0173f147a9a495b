"""What is made of a bad meal in `forage`: is the same food eaten on another day?"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from envs.forage.contexts import FOOD_COUNT, PLANTS
from envs.forage.vocabulary import Effect
from experiments.running.statistics import Estimate, share_interval

_MOST = 3  # bad days that are told apart; more count as so many
_FEEDS = (Effect.ENERGY, Effect.PROTEIN, Effect.WATER)
_COLUMNS = ("food", "eaten", "effect")


def eaten_again(columns: Mapping[str, Sequence[float]], episodes: int) -> dict[str, Estimate]:
    """Return how often a food that grows is eaten in a day, by what it had done on earlier days.

    Args:
        columns: Of a rollout of lifetimes in `forage`.
        episodes: Of each lifetime.
    """
    groups: dict[str, list[bool]] = {name: [] for name in _names()}
    table = np.array(
        [[columns[f"{name}_{plant}"] for plant in range(PLANTS)] for name in _COLUMNS], np.int64
    ).reshape(len(_COLUMNS), PLANTS, episodes, -1)
    for lifetime in range(table.shape[3]):
        _add_lifetime(table[:, :, :, lifetime], groups)
    return {name: share_interval(np.array(taken, bool)) for name, taken in groups.items()}


def _names() -> list[str]:
    ill = [f"made ill on {days} day" + "s" * (days > 1) for days in range(1, _MOST)]
    return ["was never eaten", "fed", "did nothing", *ill, f"made ill on {_MOST} days or more"]


def _add_lifetime(table: NDArray[np.int64], groups: dict[str, list[bool]]) -> None:
    """Add each food of each day, in order; what is eaten tells from the next day on."""
    days = np.zeros(FOOD_COUNT, np.int64)  # on which it was eaten
    names = _names()
    for day in range(table.shape[2]):
        for food, eaten, effect in table[:, :, day].T.tolist():
            groups[_group(names, int(days[food]), Effect(effect))].append(eaten > 0)
        for food, eaten, _ in table[:, :, day].T.tolist():
            days[food] += eaten > 0


def _group(names: Sequence[str], days: int, effect: Effect) -> str:
    if days == 0:
        return names[0]
    if effect in _FEEDS:
        return names[1]
    return names[2] if effect is Effect.NOTHING else names[2 + min(days, _MOST)]
