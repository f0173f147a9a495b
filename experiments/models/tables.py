"""Tables of what minds come to, as Markdown."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from experiments.report.sheet import Sheet
from experiments.running.statistics import ratio_interval, wilson

_NONE = "-"

# By mind and place, and by mind and world, as `run.py` keeps them.
Lived = Mapping[str, Mapping[str, Mapping[str, Any]]]
Asked = Mapping[str, Mapping[str, Mapping[str, float]]]

_STEPS = {  # what is measured of first replies, by its name
    "trip: next step right": "trip_step",
    "babyai: next step right": "babyai_agreement",
    "in words held out": "babyai_held_out_words_agreement",
}
_ERRORS = {"ECE trip": "trip_step_ece", "ECE babyai": "babyai_ece"}


def markdown(lived: Lived, asked: Asked) -> str:
    """Return how often the first step is right, success by place, and what living took."""
    places = list(dict.fromkeys(place for mind in lived.values() for place in mind))
    sheets = ([_steps(asked)] if asked else []) + [_success(lived, places), _cost(lived)]
    return "\n".join(sheet.markdown() for sheet in sheets)


def _steps(asked: Asked) -> Sheet:
    rows = []
    for mind, worlds in asked.items():
        found = {name: rate for rates in worlds.values() for name, rate in rates.items()}
        rates = (_rate(found, name) for name in _STEPS.values())
        errors = (f"{found[name]:.2f}" if name in found else _NONE for name in _ERRORS.values())
        rows.append((mind, *rates, *errors))
    return Sheet(
        title="at held-out moments of decision",
        head=("mind", *_STEPS, *_ERRORS),
        rows=tuple(rows),
    )


def _rate(found: Mapping[str, float], name: str) -> str:
    if name not in found:
        return _NONE
    return _with_interval(found[name], found[f"{name}_low"], found[f"{name}_high"])


def _with_interval(share: float, low: float, high: float) -> str:
    return f"{share:.0%} [{100 * low:.0f},{100 * high:.0f}]"


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
    return _with_interval(float(np.mean(success)), *wilson(int(sum(success)), len(success)))


def _cost(lived: Lived) -> Sheet:
    return Sheet(
        title="over all places",
        head=(
            "mind",
            "decisions an episode",
            "actions without effect",
            "same again after it",
            "decisions with a refused reply",
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
        _ratio(_column(kept, "repeats"), _column(kept, "no_effect"), percent=True),
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
