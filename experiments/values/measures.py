"""What values show in choices of meals: satiation, tastes, foresight, a life by either reward."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.planners.forage import Value, in_good_time
from agents.soul.needs import ENERGY, PROTEIN, Needs
from envs.forage.constants import load_constants
from envs.forage.vocabulary import Effect
from experiments.running.statistics import Estimate, ratio_interval
from experiments.values.meals import AT_LEISURE, Meal, live_at_leisure, live_days
from experiments.values.valuing import added_up, drop_of_drive

CHOICES = 50  # from which tastes are inferred
_BOTH = frozenset({Effect.ENERGY, Effect.PROTEIN})
_BITE = AT_LEISURE["gives_energy"]
_NOBODY = np.zeros(1)
_BITES = np.zeros((2, 7))  # what a meal of energy changes, and one of protein
_BITES[0, ENERGY] = _BITES[1, PROTEIN] = _BITE
_GRID = np.linspace(-3.0, 3.0, 241)  # of the log of how much more protein weighs than energy


@dataclass(frozen=True, slots=True)
class Persons:
    """Who differ in what they need, and how much of it they have in the morning; (B,) each."""

    energy: NDArray[np.float64]
    protein: NDArray[np.float64]
    taste: NDArray[np.float64]  # log of how much more protein weighs than energy

    @property
    def needs(self) -> Needs:
        """What they need."""
        weights = {
            "energy": [0.3] * len(self.taste),
            "protein": (0.3 * np.exp(self.taste)).tolist(),
        }
        return Needs(weights=weights)


# ---- Satiation ----


def satiation(persons: int, seed: int) -> dict[str, float]:
    """Return how well the drive foretells after how many meals of one kind the other is taken.

    Returns:
        ``r`` and ``slope`` of the observed on the foretold number of meals; ``switches`` and
        ``switches, added up``: of those who by the drive would switch before they are full of the
        first kind, the shares that do, by drive and by an additive reward; ``persons``: how many
        were hungry for the first kind.
    """
    rng = np.random.default_rng(seed)
    who = Persons(
        rng.uniform(0.1, 0.5, persons), rng.uniform(0.4, 0.9, persons), rng.uniform(-1, 1, persons)
    )
    drive = drop_of_drive(who.needs, persons)
    foretold, observed, full = _switches(drive, drive, who, seed)
    slope, _ = np.polyfit(foretold, observed, 1)
    by_drive = _early(foretold, observed, full)
    added = _early(*_switches(added_up(who.needs, persons), drive, who, seed))
    return {
        "r": float(np.corrcoef(foretold, observed)[0, 1]),
        "slope": float(slope),
        "switches": by_drive,
        "switches, added up": added,
        "persons": len(foretold),
    }


def _early(foretold: NDArray, observed: NDArray, full: NDArray) -> float:
    should = (foretold < full) & (observed > 0)
    return float((observed < full)[should].mean())


def _switches(value: Value, drive: Value, who: Persons, seed: int) -> NDArray[np.int64]:
    """Return how many meals of energy come before the first of protein, (3, N).

    As the drive foretells it, as it was, and how many would fill one up: from the first meal on
    that was chosen where both kinds were known, of those for whom it was one of energy.
    """
    lived = live_at_leisure(value, who.energy, who.protein, seed)
    found = []
    for row, meals in enumerate(lived):
        chosen = [meal for meal in meals if meal.others == _BOTH]
        if chosen and (foretold := _foretold(drive, row, chosen[0].levels)):
            full = int((1.0 - chosen[0].levels[ENERGY]) / _BITE)
            found.append((foretold, _switch_of(chosen), full))
    return np.array(found).T


def _foretold(value: Value, row: int, levels: NDArray) -> int:
    """Return after how many meals of energy one of protein is worth more, by a value alone."""
    for count in range(20):
        worth = value(row, levels, np.minimum(levels + _BITES, 1.0))
        if worth[1] > worth[0]:
            return count
        levels = np.minimum(levels + _BITES[0], 1.0)
    return 20


def _switch_of(meals: list[Meal]) -> int:
    kinds = [meal.effect for meal in meals]
    return kinds.index(Effect.PROTEIN) if Effect.PROTEIN in kinds else len(kinds)


# ---- Tastes ----


def tastes(persons: int, seed: int) -> dict[str, float]:
    """Return how well what weighs more is inferred from 50 choices: a rank correlation."""
    rng = np.random.default_rng(seed + 1)
    taste, found = rng.uniform(-2, 2, persons), [[] for _ in range(persons)]
    for day in range(20):
        energy, protein = rng.uniform(0.1, 0.9, (2, persons))
        who = Persons(energy, protein, taste)
        lived = live_at_leisure(
            drop_of_drive(who.needs, persons), who.energy, who.protein, seed + day
        )
        for row, meals in enumerate(lived):
            found[row] += [meal for meal in meals if meal.others == _BOTH]
        if min(map(len, found)) >= CHOICES:
            break
    inferred = np.array([inferred_taste(meals[:CHOICES]) for meals in found])
    return {
        "rank correlation": _rank_correlation(taste, inferred),
        "choices of a person": min(len(meals[:CHOICES]) for meals in found),
    }


def inferred_taste(meals: list[Meal]) -> float:
    """Return the taste that explains most of the choices; the mean of several such."""
    levels = np.array([meal.levels for meal in meals])
    took_protein = np.array([meal.effect is Effect.PROTEIN for meal in meals])
    explained = np.empty(len(_GRID))
    for i, taste in enumerate(_GRID):
        value = drop_of_drive(Persons(_NOBODY, _NOBODY, np.array([taste])).needs, 1)
        energy, protein = (value(0, levels, np.minimum(levels + bite, 1.0)) for bite in _BITES)
        explained[i] = ((protein > energy) == took_protein).mean()
    return float(_GRID[explained == explained.max()].mean())


def _rank_correlation(one: NDArray, other: NDArray) -> float:
    """Return Spearman's rank correlation."""
    first, second = (np.argsort(np.argsort(values)).astype(np.float64) for values in (one, other))
    return float(np.corrcoef(first, second)[0, 1])


# ---- Foresight, and a life by either reward ----


def lives(days: int, seed: int) -> dict[str, tuple[Estimate, Estimate, Estimate]]:
    """Return how days go by each value: share of time well, days survived, meals in good time.

    A meal is in good time if the need that it serves was still within its range.
    """
    values = {
        "drive": drop_of_drive(Needs(), days),
        "added up": added_up(Needs(), days),
        "the planner's own": in_good_time,
    }
    return {name: _life(value, days, seed) for name, value in values.items()}


def _life(value: Value, days: int, seed: int) -> tuple[Estimate, Estimate, Estimate]:
    columns, lived = live_days(value, days, seed)
    each = np.ones(days)
    early = np.array([sum(map(_is_in_good_time, meals)) for meals in lived], np.float64)
    counts = np.array([len(meals) for meals in lived], np.float64)
    return (
        ratio_interval(columns["well"], each),
        ratio_interval(columns["success"].astype(np.float64), each),
        ratio_interval(early, counts),
    )


def _is_in_good_time(meal: Meal) -> bool:
    least = float(load_constants()["level_least"][0])
    need = {Effect.ENERGY: ENERGY, Effect.PROTEIN: PROTEIN}.get(meal.effect)
    return need is None or bool(meal.levels[need] >= least)
