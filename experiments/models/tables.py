"""Tables of what minds come to, as Markdown."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from experiments.report.sheet import Sheet
from experiments.running.statistics import ratio_interval, wilson

_NONE = "-"

Lived = Mapping[str, Mapping[str, Mapping[str, Any]]]  # by mind and place, as `run.py` keeps them


def markdown(lived: Lived) -> str:
    """Return success by place, and what living took."""
    places = list(dict.fromkeys(place for mind in lived.values() for place in mind))
    return "\n".join(sheet.markdown() for sheet in (_success(lived, places), _cost(lived)))


def _success(lived: Lived, places: list[str]) -> Sheet:
    return Sheet(
        title="success in each place",
        head=("mind", *places),
        rows=tuple(
            (mind, *(_share(kept.get(place)) for place in places)) for mind, kept in lived.items()
        ),
    )


def _share(kept: Mapping[str, Any] | None) -> str:
    if kept is None:
        return _NONE
    success = kept["columns"]["success"]
    low, high = wilson(int(sum(success)), len(success))
    return f"{np.mean(success):.0%} [{100 * low:.0f},{100 * high:.0f}]"


def _cost(lived: Lived) -> Sheet:
    return Sheet(
        title="over all places",
        head=(
            "mind",
            "decisions an episode",
            "actions without effect",
            "first replies refused",
            "tokens a decision",
            "CPU s a decision",
        ),
        rows=tuple((mind, *_costs(list(kept.values()))) for mind, kept in lived.items()),
    )


def _costs(kept: list[Mapping[str, Any]]) -> tuple[str, ...]:
    decisions = _column(kept, "decisions")
    seconds = sum(one["cpu_s"] for one in kept)
    return (
        _ratio(decisions, np.ones(len(decisions))),
        _ratio(_column(kept, "no_effect"), _column(kept, "actions"), percent=True),
        _ratio(_column(kept, "refused"), decisions, percent=True),
        _ratio(_column(kept, "tokens"), decisions),
        f"{seconds / decisions.sum():.2f}" if decisions.sum() else _NONE,
    )


def _column(kept: Iterable[Mapping[str, Any]], name: str) -> np.ndarray:
    """Return a column over all places that have it."""
    found = [one["columns"][name] for one in kept if name in one["columns"]]
    return np.concatenate(found) if found else np.zeros(0)


def _ratio(top: np.ndarray, bottom: np.ndarray, *, percent: bool = False) -> str:
    if not len(top) or not bottom.sum():
        return _NONE
    found = ratio_interval(top, bottom)
    scale, unit = (100.0, "%") if percent else (1.0, "")
    low, high = scale * found.low, scale * found.high
    return f"{scale * found.value:.1f}{unit} [{low:.1f},{high:.1f}]"
