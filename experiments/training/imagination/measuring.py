"""How well an imagination foresees attempts of other lifetimes, beside base rates and counts."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.planners.foods import PRIOR_MEALS
from body.types import Skill
from experiments.training.imagination.attempts import Attempt
from experiments.training.imagination.forks import Forecast
from mind.imagination.features import TELLING
from mind.imagination.outcomes import LATER, Imagined, Outcome

_LATE = 5  # episodes after which a lifetime is no longer young
_BINS = 10
_FEEDS = (Outcome.GAVE_ENERGY, Outcome.GAVE_PROTEIN, Outcome.GAVE_WATER)
_MEALS = tuple(event.name.lower() for event in LATER)
_MAY_COME = (  # name, of which skill, which outcomes, and what was lived of all that can come
    ("fall", Skill.CROSS, (Outcome.FELL,), ("fell", "got_across")),
    ("illness", Skill.EAT, (Outcome.MADE_ILL,), _MEALS),
    ("food", Skill.EAT, _FEEDS, _MEALS),
)
_OF_ITSELF = -3 * len(TELLING)  # where features begin that count what was lived of the thing itself

Chances = NDArray[Any]


def scores(
    imagine: Callable[[Chances], Imagined],
    attempts: Sequence[Attempt],
    base: Sequence[Attempt],
    forecast: Forecast | None = None,
) -> dict[str, float]:
    """Return Brier skills over the base rate of each skill, and calibration errors.

    Skills (Brier 1950) are 1 for certain truth and 0 for what the base rate says. They are given
    for things of which nothing was lived before (``new``), of which something was (``known``), and
    for what is known in later episodes (``late``); beside them those of counts of what was lived of
    just that thing (``counts``), with the base rate as prior, and those of exact forks (``forks``).

    Args:
        imagine: Foresees them, of their features (N, F).
        attempts: Of test contexts, each about something.
        base: Attempts of other lifetimes, whose rates are the base rates.
        forecast: What came of them in exact forks.
    """
    rows = list(attempts)
    imagined = imagine(np.stack([one.features for one in rows]))
    rates, done = _rates(rows, base, lambda one: one.done)
    chances = {"": _Chances(imagined.done)}
    if forecast:
        chances["forks_"] = _Chances.of(forecast.done)
    found = _scores("done", rows, done, rates, chances)
    for name, skill, kinds, lived in _MAY_COME:
        where = np.array([one.skill is skill for one in rows])
        if where.any():
            some = [one for one in rows if one.skill is skill]
            rates, truth = _rates(some, base, lambda one, kinds=kinds: one.outcome in kinds)
            chances = {
                "": _Chances(imagined.outcomes[where][:, list(kinds)].sum(axis=1)),
                "counts_": _Chances(_by_counts(some, rates, kinds, lived)),
            }
            if forecast:
                chances["forks_"] = _Chances.of(np.isin(forecast.outcomes[where], kinds))
            found |= _scores(name, some, truth, rates, chances)
    return found


@dataclass(frozen=True, slots=True)
class _Chances:
    """How probable something is, (N,), and by how much squared errors of tries are too large."""

    values: Chances
    excess: Chances | float = 0.0

    @classmethod
    def of(cls, came: Chances) -> "_Chances":
        """Return how often it came in T tries, (N, T).

        A frequency of T differs from the probability by a variance of p (1 - p) / T, which f (1 -
        f) / (T - 1) estimates without bias (Ferro 2014, the fair Brier score).
        """
        often = came.mean(axis=1)
        return cls(often, often * (1.0 - often) / (came.shape[1] - 1))

    def errors(self, truth: Chances) -> Chances:
        """Return squared errors, (N,)."""
        return (self.values - truth) ** 2 - self.excess


def _rates(
    rows: Sequence[Attempt], base: Sequence[Attempt], came: Callable[[Attempt], bool]
) -> tuple[Chances, Chances]:
    """Return how often it came of other attempts with the skill of each row, and if it did now."""
    groups: dict[Skill, list[bool]] = defaultdict(list)
    for one in base:
        groups[one.skill].append(came(one))
    rates = {skill: float(np.mean(all_of_it)) for skill, all_of_it in groups.items()}
    truth = [came(one) for one in rows]
    return np.array([rates.get(one.skill, 0.0) for one in rows]), np.array(truth, np.float64)


def _by_counts(
    rows: Sequence[Attempt], rates: Chances, kinds: Sequence[Outcome], lived: Sequence[str]
) -> Chances:
    """Return how probable it is by what was lived of just that thing."""
    features = np.stack([one.features for one in rows])[:, _OF_ITSELF:]
    counts = dict(zip(TELLING, np.expm1(features).T[: len(TELLING)], strict=True))
    came = sum(counts[kind.name.lower()] for kind in kinds)
    return (came + PRIOR_MEALS * rates) / (sum(counts[name] for name in lived) + PRIOR_MEALS)


def _scores(
    name: str,
    rows: Sequence[Attempt],
    truth: Chances,
    rates: Chances,
    chances: dict[str, _Chances],
) -> dict[str, float]:
    """Return the scores of one thing that may come, by whose chances they are."""
    known = np.array([one.known for one in rows])
    late = np.array([one.episode >= _LATE for one in rows])
    found: dict[str, float] = {}
    for which, where in (("new", ~known), ("known", known), ("late", known & late)):
        if where.sum() < _BINS or len(set(truth[where])) < 2:
            continue
        guessed = ((rates - truth) ** 2)[where].mean()
        for whose, chance in chances.items():
            skill = 1.0 - chance.errors(truth)[where].mean() / max(guessed, 1e-9)
            found[f"{name}_{which}_{whose}skill"] = float(skill)
    found[f"{name}_calibration_error"] = _calibration_error(chances[""].values, truth)
    found[f"{name}_attempts"] = float(len(rows))
    return found


def _calibration_error(chance: Chances, truth: Chances) -> float:
    """Return by how much chances and frequencies differ in ten bins, weighed by their sizes."""
    bins = np.minimum((chance * _BINS).astype(int), _BINS - 1)
    gaps = [
        abs(chance[bins == one].mean() - truth[bins == one].mean()) * (bins == one).sum()
        for one in np.unique(bins)
    ]
    return float(sum(gaps) / len(chance))
