"""Tables of what ways of deliberating come to, as Markdown."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from experiments.planning.measures import (
    Episodes,
    difference,
    episodes_of,
    gap,
    gap_slope,
    in_time,
    joined,
    success_slope,
)
from experiments.planning.places import LEVELS, Place
from experiments.report.sheet import Sheet
from experiments.running.statistics import Estimate, ratio_interval, share_interval

_NONE = "-"
CONTROL = "direct"  # to which ways of deliberating are compared

# By agent and place, in their order.
Lives = Mapping[str, Mapping[str, Episodes]]


def markdown(
    lived: Mapping[str, Mapping[str, Any]],
    plans: Mapping[str, Sequence[float | None]],
    places: Mapping[str, Place],
    deadlines: Sequence[float],
) -> str:
    """Return all tables of what has been lived so far.

    Args:
        lived: By agent and place, as `run.py` keeps it.
        plans: Ticks of the plan of each episode, by place.
        places: By name, in the order of the tables.
        deadlines: Factors of the plan's ticks.
    """
    lives = {
        agent: {
            name: episodes_of(kept[name], plans[name], place.n)
            for name, place in places.items()
            if name in kept and name in plans
        }
        for agent, kept in lived.items()
    }
    sheets = [sheet for axis in _axes(places, lives) for sheet in _of_axis(axis, places, lives)]
    sheets += [_deadlines(lives, places, deadlines), _pays(lives, places, deadlines)]
    sheets += [_costs(lives), _plans(plans, places)]
    return "\n".join(sheet.markdown() for sheet in sheets if sheet.rows)


def _axes(places: Mapping[str, Place], lives: Lives) -> list[str]:
    lived_in = {name for kept in lives.values() for name in kept}
    return list(dict.fromkeys(place.axis for name, place in places.items() if name in lived_in))


def _within(axis: str, places: Mapping[str, Place], kept: Mapping[str, Episodes]) -> list[Episodes]:
    return [episodes for name, episodes in kept.items() if places[name].axis == axis]


# ---- Along an axis, and in levels ----


def _of_axis(axis: str, places: Mapping[str, Place], lives: Lives) -> tuple[Sheet, Sheet]:
    """Return success and gap in each place of an axis, with their slopes."""
    if axis == LEVELS:
        return _by_level(places, lives, "success", _share), _by_level(places, lives, "gap", _gap)
    success = _by_number(axis, places, lives, "success", _share, success_slope, 100.0)
    return success, _by_number(axis, places, lives, "gap", _gap, gap_slope, 1.0)


def _by_number(
    axis: str,
    places: Mapping[str, Place],
    lives: Lives,
    title: str,
    told: Callable[[Episodes], str],
    slope: Callable[[Episodes], Estimate],
    scale: float,
) -> Sheet:
    names = [name for name, place in places.items() if place.axis == axis]
    unit, decimals = ("points", 1) if scale > 1 else ("times", 2)
    rows = []
    for agent, kept in lives.items():
        if within := _within(axis, places, kept):
            cells = [told(kept[name]) if name in kept else _NONE for name in names]
            found = _number(slope(joined(within)), scale, decimals=decimals, signed=True)
            rows.append((agent, *cells, found))
    return Sheet(
        title=f"{axis}: {title}",
        head=("", *(f"n = {places[name].n}" for name in names), f"{unit} for each one more"),
        rows=tuple(rows),
    )


def _by_level(
    places: Mapping[str, Place], lives: Lives, title: str, told: Callable[[Episodes], str]
) -> Sheet:
    """Return a table with agents as columns: names of levels are long."""
    agents = [agent for agent, kept in lives.items() if _within(LEVELS, places, kept)]
    names = [name for name, place in places.items() if place.axis == LEVELS]
    found = {name: [lives[agent].get(name) for agent in agents] for name in names}
    return Sheet(
        title=f"{LEVELS}: {title}",
        head=("", *agents),
        rows=tuple(
            (name, *(told(one) if one else _NONE for one in episodes))
            for name, episodes in found.items()
            if any(episodes)
        ),
    )


# ---- Over all places of an axis ----


def _deadlines(lives: Lives, places: Mapping[str, Place], deadlines: Sequence[float]) -> Sheet:
    rows = []
    for axis in _axes(places, lives):
        for agent, kept in lives.items():
            if within := _within(axis, places, kept):
                planned = _planned(joined(within))
                shares = [in_time(planned, factor) for factor in deadlines]
                told = [_percent(share_interval(one)) for one in (planned.success, *shares)]
                rows.append((axis, agent, *told))
    return Sheet(
        title="success in time",
        head=("", "", "any", *(f"{factor:g} x plan" for factor in deadlines)),
        rows=tuple(rows),
        note="Of the episodes that have a plan.",
    )


def _planned(episodes: Episodes) -> Episodes:
    """Return those for which there is a plan."""
    there = ~np.isnan(episodes.plan)
    names = Episodes.__dataclass_fields__
    return Episodes(**{name: getattr(episodes, name)[there] for name in names})


def _pays(lives: Lives, places: Mapping[str, Place], deadlines: Sequence[float]) -> Sheet:
    """Return by how much each agent exceeds the control in the episodes that both have lived."""
    rows = []
    for axis in _axes(places, lives):
        for agent, kept in lives.items():
            shared = [
                (kept[name], lives[CONTROL][name])
                for name in kept
                if agent != CONTROL and places[name].axis == axis and name in lives.get(CONTROL, ())
            ]
            if shared:
                one, other = (joined(part) for part in zip(*shared, strict=True))
                rows.append((axis, agent, *_exceeds(one, other, deadlines)))
    return Sheet(
        title=f"does thinking pay? More than {CONTROL} in the same episodes",
        head=(
            "", "", "success", *(f"in {factor:g} x plan" for factor in deadlines[:2]),
            "decisions an episode", "tokens an episode",
        ),
        rows=tuple(rows),
        note="Points, decisions and tokens; paired bootstrap over episodes.",
    )  # fmt: skip


def _exceeds(one: Episodes, other: Episodes, deadlines: Sequence[float]) -> list[str]:
    successes = [(one.success, other.success)]
    successes += [(in_time(one, factor), in_time(other, factor)) for factor in deadlines[:2]]
    told = [_number(difference(*pair), 100.0, signed=True) for pair in successes]
    costs = ((one.decisions, other.decisions), (one.tokens, other.tokens))
    return told + [_number(difference(*pair), 1.0, signed=True) for pair in costs]


def _costs(lives: Lives) -> Sheet:
    head = ("", "episodes", "decisions an episode", "tokens an episode", "CPU s an episode")
    rows = []
    for agent, kept in lives.items():
        if kept:
            whole = joined(list(kept.values()))
            each = np.ones(len(whole))
            spent = (ratio_interval(one, each) for one in (whole.decisions, whole.tokens))
            told = (_number(one, 1.0) for one in spent)
            rows.append((agent, str(len(whole)), *told, f"{whole.seconds.mean():.2f}"))
    return Sheet(title="what it took, over all places", head=head, rows=tuple(rows))


def _plans(plans: Mapping[str, Sequence[float | None]], places: Mapping[str, Place]) -> Sheet:
    rows = []
    for name in places:
        if name in plans:
            found = [one for one in plans[name] if one is not None]
            mean = f"{np.mean(found):.1f}" if found else _NONE
            rows.append((name, f"{len(found)} of {len(plans[name])}", mean))
    return Sheet(title="the plans", head=("", "found", "mean ticks"), rows=tuple(rows))


# ---- Words ----


def _share(episodes: Episodes) -> str:
    return _percent(share_interval(episodes.success))


def _gap(episodes: Episodes) -> str:
    return _number(gap(episodes), 1.0, decimals=2)


def _percent(found: Estimate) -> str:
    if np.isnan(found.value):
        return _NONE
    return f"{found.value:.0%} [{100 * found.low:.0f},{100 * found.high:.0f}]"


def _number(found: Estimate, scale: float, *, decimals: int = 1, signed: bool = False) -> str:
    """Return a number with its interval; a dash where nothing is known."""
    if np.isnan(found.value):
        return _NONE
    form = f"{'+' if signed else ''}.{decimals}f"
    rounded = (round(scale * one, decimals) + 0.0 for one in found)  # which has no minus before 0
    value, low, high = (format(one, form) for one in rounded)
    return f"{value} [{low},{high}]"
