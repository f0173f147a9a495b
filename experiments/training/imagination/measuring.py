"""How well an imagination foresees attempts of other lifetimes, beside the base rate."""

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from body.types import Skill
from experiments.training.imagination.attempts import Attempt
from mind.imagination.network import Network
from mind.imagination.outcomes import Outcome

_LATE = 5  # episodes after which a lifetime is no longer young
_BINS = 10
_FEEDS = (Outcome.GAVE_ENERGY, Outcome.GAVE_PROTEIN, Outcome.GAVE_WATER)
_MAY_COME = (  # name, of which skill, and which outcomes
    ("fall", Skill.CROSS, (Outcome.FELL,)),
    ("illness", Skill.EAT, (Outcome.MADE_ILL,)),
    ("food", Skill.EAT, _FEEDS),
)


def scores(
    network: Network, attempts: Sequence[Attempt], base: Sequence[Attempt]
) -> dict[str, float]:
    """Return Brier skills over the base rate of each skill, and calibration errors.

    Skills (Brier 1950) are 1 for certain truth and 0 for what the base rate says. They are given
    for things of which nothing was lived before (``new``), of which something was (``known``), and
    for what is known in later episodes (``late``).

    Args:
        network: What foresees them.
        attempts: Of test contexts.
        base: Attempts of other lifetimes, whose rates are the base rates.
    """
    rows = [one for one in attempts if one.about]
    imagined = network.imagine(np.stack([one.features for one in rows]))
    found = _scores("done", imagined.done, rows, base, lambda one: one.done)
    for name, skill, kinds in _MAY_COME:
        of_skill = np.array([one.skill is skill for one in rows])
        if of_skill.any():
            chance = imagined.outcomes[np.ix_(of_skill, kinds)].sum(axis=1)
            some = [one for one in rows if one.skill is skill]
            found |= _scores(
                name, chance, some, base, lambda one, kinds=kinds: one.outcome in kinds
            )
    return found


def _scores(
    name: str,
    chance: NDArray[np.float32],
    rows: Sequence[Attempt],
    base: Sequence[Attempt],
    came: Callable[[Attempt], bool],
) -> dict[str, float]:
    """Return the scores of one thing that may come of some attempts."""
    rates = _base_rates(base, came)
    truth = np.array([came(one) for one in rows], np.float64)
    guess = np.array([rates[one.skill] for one in rows])
    known = np.array([one.known for one in rows])
    late = np.array([one.episode >= _LATE for one in rows])
    found: dict[str, float] = {}
    for which, where in (("new", ~known), ("known", known), ("late", known & late)):
        if where.sum() >= _BINS and len(set(truth[where])) > 1:
            found[f"{name}_{which}_skill"] = _brier_skill(chance[where], truth[where], guess[where])
    found[f"{name}_calibration_error"] = _calibration_error(chance, truth)
    found[f"{name}_attempts"] = float(len(rows))
    return found


def _base_rates(base: Sequence[Attempt], came: Callable[[Attempt], bool]) -> dict[Skill, float]:
    groups: dict[Skill, list[bool]] = defaultdict(list)
    for one in base:
        groups[one.skill].append(came(one))
    return defaultdict(float, {skill: float(np.mean(all)) for skill, all in groups.items()})


def _brier_skill(chance: NDArray, truth: NDArray, guess: NDArray) -> float:
    """Return 1 less the mean squared error as a share of that of the guess."""
    reference = float(((guess - truth) ** 2).mean())
    return 1.0 - float(((chance - truth) ** 2).mean()) / max(reference, 1e-9)


def _calibration_error(chance: NDArray, truth: NDArray) -> float:
    """Return by how much chances and frequencies differ in ten bins, weighed by their sizes."""
    bins = np.minimum((chance * _BINS).astype(int), _BINS - 1)
    gaps = [
        abs(chance[bins == one].mean() - truth[bins == one].mean()) * (bins == one).sum()
        for one in np.unique(bins)
    ]
    return float(sum(gaps) / len(chance))
