"""How well an imagination foresees attempts of other lifetimes, beside base rates and counts."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.planners.foods import PRIOR_MEALS
from body.types import Skill
from experiments.training.imagination.attempts import Attempt
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
    imagine: Callable[[Chances], Imagined], attempts: Sequence[Attempt], base: Sequence[Attempt]
) -> dict[str, float]:
    """Return Brier skills over the base rate of each skill, and calibration errors.

    Skills (Brier 1950) are 1 for certain truth and 0 for what the base rate says. They are given
    for things of which nothing was lived before (``new``), of which something was (``known``), and
    for what is known in later episodes (``late``); beside them those of counts of what was lived of
    just that thing (``counts``), with the base rate as prior.

    Args:
        imagine: Foresees them, of their features (N, F).
        attempts: Of test contexts.
        base: Attempts of other lifetimes, whose rates are the base rates.
    """
    rows = [one for one in attempts if one.about]
    imagined = imagine(np.stack([one.features for one in rows]))
    rates, done = _rates(rows, base, lambda one: one.done)
    found = _scores("done", rows, done, rates, {"": imagined.done})
    for name, skill, kinds, lived in _MAY_COME:
        where = np.array([one.skill is skill for one in rows])
        if where.any():
            some = [one for one in rows if one.skill is skill]
            rates, truth = _rates(some, base, lambda one, kinds=kinds: one.outcome in kinds)
            chances = {
                "": imagined.outcomes[where][:, list(kinds)].sum(axis=1),
                "counts_": _by_counts(some, rates, kinds, lived),
            }
            found |= _scores(name, some, truth, rates, chances)
    return found


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
    chances: dict[str, Chances],
) -> dict[str, float]:
    """Return the scores of one thing that may come, by whose chances they are."""
    known = np.array([one.known for one in rows])
    late = np.array([one.episode >= _LATE for one in rows])
    found: dict[str, float] = {}
    for which, where in (("new", ~known), ("known", known), ("late", known & late)):
        if where.sum() < _BINS or len(set(truth[where])) < 2:
            continue
        for whose, chance in chances.items():
            skill = _brier_skill(chance[where], truth[where], rates[where])
            found[f"{name}_{which}_{whose}skill"] = skill
    found[f"{name}_calibration_error"] = _calibration_error(chances[""], truth)
    found[f"{name}_attempts"] = float(len(rows))
    return found


def _brier_skill(chance: Chances, truth: Chances, guess: Chances) -> float:
    """Return 1 less the mean squared error as a share of that of the guess."""
    reference = float(((guess - truth) ** 2).mean())
    return 1.0 - float(((chance - truth) ** 2).mean()) / max(reference, 1e-9)


def _calibration_error(chance: Chances, truth: Chances) -> float:
    """Return by how much chances and frequencies differ in ten bins, weighed by their sizes."""
    bins = np.minimum((chance * _BINS).astype(int), _BINS - 1)
    gaps = [
        abs(chance[bins == one].mean() - truth[bins == one].mean()) * (bins == one).sum()
        for one in np.unique(bins)
    ]
    return float(sum(gaps) / len(chance))
