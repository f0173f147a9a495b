"""Tables of lifetimes, as Markdown: adaptation curves, lived gain, and what thinking took."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.lifetime.choices import offers, taken_again
from experiments.lifetime.curves import by_lifetime, mean_difference, share_of_gap
from experiments.lifetime.meals import eaten_again
from experiments.report.sheet import Sheet, in_parts
from experiments.running.statistics import Estimate, half_width

BEING = "being"  # of configs/lifetime.yaml, of whom the other beings lack something
_NONE = "-"

Lived = Mapping[str, Mapping[str, Any]]  # by who lived, as `run.py` keeps it


def markdown(lived: Lived, episodes: int) -> str:
    """Return the tables of who has lived so far."""
    scores = {name: scores_kept(kept, episodes) for name, kept in lived.items()}
    parts = (_against(scores), _ways(lived, episodes), _meals(lived, episodes))
    found = [sheet for sheet in parts if sheet.rows]
    sheets = (_curves(scores, episodes), _gains(scores), *found, _cost(lived))
    return "\n".join(sheet.markdown() for sheet in sheets)


def scores_kept(kept: Mapping[str, Any], episodes: int) -> NDArray[np.float64]:
    """Return (lifetimes, episodes) scores as they are kept."""
    return by_lifetime(kept["columns"]["score"], episodes)


def _curves(scores: Mapping[str, NDArray], episodes: int) -> Sheet:
    parts = in_parts(episodes)
    return Sheet(
        title="score, by the number of the episode in its lifetime",
        head=("who", *(name for name, _ in parts)),
        rows=tuple(
            (name, *(_mean(some[:, part].mean(1)) for _, part in parts))
            for name, some in scores.items()
        ),
    )


def _mean(values: NDArray) -> str:
    return f"{values.mean():.2f} ±{half_width(values):.2f}"


def _gains(scores: Mapping[str, NDArray]) -> Sheet:
    """Return which share of the gap between newborn and knowing everybody closes."""
    judged = scores if {"newborn", "knowing"} <= scores.keys() else {}
    return Sheet(
        title="share of the gap from newborn to knowing (lived gain: in the last third)",
        head=("who", "first episode", "first ten", "lived gain"),
        rows=tuple((name, *_shares(some, scores)) for name, some in judged.items()),
    )


def _shares(some: NDArray, scores: Mapping[str, NDArray]) -> list[str]:
    newborn, knowing = scores["newborn"].mean(1), scores["knowing"].mean(1)
    first, _, last = _first_all_last(some)
    parts = (first, some[:, :10], last)
    return [_interval(share_of_gap(part.mean(1), newborn, knowing)) for part in parts]


def _interval(estimate: Estimate) -> str:
    value, low, high = estimate
    return _NONE if np.isnan(value) else f"{value:.2f} [{low:.2f},{high:.2f}]"


def _against(scores: Mapping[str, NDArray]) -> Sheet:
    """Return by how much the being's score exceeds that of everybody else in the same lifetimes."""
    pairs = [(who, scores[BEING], some) for who, some in scores.items() if BEING in scores]
    return Sheet(
        title=f"score of {BEING} above that of others, in the same lifetimes",
        head=("above", "first episode", "all episodes", "last third"),
        rows=tuple((who, *_above(own, some)) for who, own, some in pairs if who != BEING),
    )


def _above(own: NDArray, other: NDArray) -> list[str]:
    parts = zip(_first_all_last(own), _first_all_last(other), strict=True)
    return [_interval(mean_difference(one.mean(1), another.mean(1))) for one, another in parts]


def _first_all_last(some: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    return some[:, :1], some, some[:, -max(1, some.shape[1] // 3) :]


def _ways(lived: Lived, episodes: int) -> Sheet:
    """Return how often a way is taken, by what had come of such ways before."""
    found = {
        name: taken_again(list(offers(kept["columns"], episodes)))
        for name, kept in lived.items()
        if "way" in kept["columns"]
    }
    return _choices("way is taken that is there, by what had come of such ways", "way", found)


def _meals(lived: Lived, episodes: int) -> Sheet:
    """Return how often a food is eaten, by what it had done before."""
    found = {
        name: eaten_again(kept["columns"], episodes)
        for name, kept in lived.items()
        if "food_0" in kept["columns"]
    }
    return _choices("food is eaten that grows, by what it did on earlier days", "food", found)


def _choices(of_what: str, thing: str, found: Mapping[str, Mapping[str, Estimate]]) -> Sheet:
    return Sheet(
        title=f"how often a {of_what}",
        head=(thing, *found),
        rows=tuple(
            (group, *(_percent(one[group]) for one in found.values()))
            for group in next(iter(found.values()), {})
        ),
    )


def _percent(estimate: Estimate) -> str:
    value, low, high = (100.0 * number for number in estimate)
    return _NONE if np.isnan(value) else f"{value:.0f}% [{low:.0f},{high:.0f}]"


def _cost(lived: Lived) -> Sheet:
    return Sheet(
        title="what it took",
        head=("who", "decisions an episode", "tokens a decision", "CPU s a decision"),
        rows=tuple((name, *_costs(kept)) for name, kept in lived.items()),
    )


def _costs(kept: Mapping[str, Any]) -> tuple[str, ...]:
    columns = kept["columns"]
    if "decisions" not in columns:
        return _NONE, _NONE, _NONE
    decisions = sum(columns["decisions"])
    return (
        f"{decisions / len(columns['decisions']):.1f}",
        f"{sum(columns['tokens']) / max(1, decisions):.1f}",
        f"{kept['cpu_s'] / max(1, decisions):.2f}",
    )
