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
_FALLS, _ILLNESS = [Outcome.FELL], [Outcome.MADE_ILL]
_FEEDS = [Outcome.GAVE_ENERGY, Outcome.GAVE_PROTEIN, Outcome.GAVE_WATER]


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
    rows = [one for one in attempts if one.outcome is not None]
    imagined = network.imagine(np.stack([one.features for one in rows]))
    found: dict[str, float] = {}
    for name, kinds in (("fall", _FALLS), ("illness", _ILLNESS), ("food", _FEEDS)):
        chance = imagined.outcomes[:, kinds].sum(axis=1)
        found |= _scores(name, chance, rows, base, lambda one, kinds=kinds: one.outcome in kinds)
    found |= _scores("done", imagined.done, rows, base, lambda one: one.done)
    return found


def _scores(
    name: str,
    chance: NDArray[np.float32],
    rows: Sequence[Attempt],
    base: Sequence[Attempt],
    came: Callable[[Attempt], bool],
) -> dict[str, float]:
    """Return the scores of one thing that may come, where it ever comes of skills about things."""
    rates = _base_rates(base, came)
    bears = np.array([0.0 < rates[one.skill] < 1.0 and one.about != "" for one in rows])
    if not bears.any():
        return {}
    truth = np.array([came(one) for one in rows], np.float64)
    guess = np.array([rates[one.skill] for one in rows])
    known = np.array([one.known for one in rows])
    late = np.array([one.episode >= _LATE for one in rows])
    found = {}
    for which, chosen in (("new", ~known), ("known", known), ("late", known & late)):
        where = bears & chosen
        if where.sum() >= _BINS:
            skill = _brier_skill(chance[where], truth[where], guess[where])
            found[f"{name}_{which}_skill"] = skill
    found[f"{name}_calibration_error"] = _calibration_error(chance[bears], truth[bears])
    found[f"{name}_attempts"] = float(bears.sum())
    return found


def _base_rates(base: Sequence[Attempt], came: Callable[[Attempt], bool]) -> dict[Skill, float]:
    groups: dict[Skill, list[bool]] = defaultdict(list)
    for one in base:
        if one.outcome is not None:
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
