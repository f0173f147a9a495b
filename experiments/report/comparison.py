"""Comparison: what the same episodes came to for several agents, as tables and as JSON."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from envs.trip.vocabulary import Mission
from experiments.running.statistics import (
    Estimate,
    paired_difference,
    ratio_interval,
    share_interval,
)
from experiments.running.worlds import BY_NAME

Columns = dict[str, NDArray]
_UNKNOWN = Estimate(math.nan, math.nan, math.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What is compared: the ratio of two columns, summed over episodes.

    Attributes:
        name: What it is called in tables.
        top: Column above the line.
        bottom: Column below it.
        decimals: How many are shown.
        percent: Whether it is shown in percent.
    """

    name: str
    top: str
    bottom: str = "episodes"
    decimals: int = 2
    percent: bool = False

    def columns(self, columns: Columns) -> tuple[NDArray, NDArray] | None:
        """Return both columns, or None for those of whom this cannot be said."""
        if self.top not in columns or self.bottom not in columns:
            return None
        return columns[self.top], columns[self.bottom]

    def estimate(self, columns: Columns) -> Estimate:
        """Return the measure with its interval; NaN where it cannot be said."""
        pair = self.columns(columns)
        if pair is None:
            return _UNKNOWN
        return share_interval(pair[0]) if self is SUCCESS else ratio_interval(*pair)

    def words(self, estimate: Estimate, sign: str = "") -> str:
        """Return an estimate as it is shown, without a space in the interval: ``85% [77,91]``."""
        if math.isnan(estimate.value):
            return "-"
        scale, unit = (100.0, " pp" if sign else "%") if self.percent else (1.0, "")
        value, low, high = (
            f"{scale * number + 0.0:{sign}.{self.decimals}f}" for number in estimate
        )
        return f"{value}{unit} [{low},{high}]"


SUCCESS = Measure(name="success", top="success", decimals=0, percent=True)
FALLS = Measure(name="falls per 100 cells", top="falls", bottom="hundred_cells")
NO_EFFECT = Measure(
    name="actions without effect", top="no_effect", bottom="actions", decimals=1, percent=True
)
_THINKING = (
    Measure(name="decisions an episode", top="decisions", decimals=1),
    Measure(name="tokens an episode", top="tokens", decimals=0),
    Measure(
        name="refused first replies", top="refused", bottom="decisions", decimals=1, percent=True
    ),
    Measure(name="safe intents taken", top="safe", bottom="decisions", decimals=1, percent=True),
)
# By the name of the world; the first two are told of each mission too.
MEASURES = {
    "trip": (
        SUCCESS,
        FALLS,
        Measure(name="pain suffered", top="pain_suffered"),
        Measure(
            name="cup level delivered", top="cup_delivered", bottom="cups", decimals=0, percent=True
        ),
        Measure(name="times seen falling", top="times_seen_falling"),
        *_THINKING,
    ),
    "babyai": (
        SUCCESS,
        NO_EFFECT,
        Measure(
            name="same again after it", top="repeats", bottom="no_effect", decimals=1, percent=True
        ),
        Measure(name="ticks an episode", top="ticks", decimals=1),
        *_THINKING,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the episodes came to for one agent.

    Attributes:
        name: Of the agent.
        label: What it is called in tables.
        world: Name of the world they were lived in.
        columns: (N,) for each episode, by name: the world's score and the measures' columns.
        seconds: Wall time all of it took.
    """

    name: str
    label: str
    world: str
    columns: Columns
    seconds: float


def with_derived(scores: Columns, world: str = "trip") -> Columns:
    """Return a world's scores with the columns that its measures are made of."""
    episodes = {"episodes": np.ones(len(scores["mission"]))}
    return scores | episodes | (_of_walking(scores) if world == "trip" else {})


def _of_walking(scores: Columns) -> Columns:
    carries = scores["mission"] == Mission.CARRY_CUP
    return {
        "hundred_cells": scores["cells_walked"] / 100.0,
        "cups": carries.astype(np.float64),
        "cup_delivered": np.where(carries & scores["success"], scores["cup"], 0.0),
    }


# ---- Tables ----


def overall(outcomes: Sequence[Outcome]) -> Table:
    """Return the table of all measures: a row for each, a column for each agent."""
    table = _table("", outcomes)
    for measure in MEASURES[outcomes[0].world]:
        cells = (measure.words(measure.estimate(outcome.columns)) for outcome in outcomes)
        table.add_row(measure.name, *cells)
    table.add_row("seconds", *(f"{outcome.seconds:.1f}" for outcome in outcomes))
    return table


def by_mission(outcomes: Sequence[Outcome]) -> Table:
    """Return the table of the missions: two measures of each, a column for each agent."""
    table = _table("mission (episodes)", outcomes)
    world = outcomes[0].world
    first, second = MEASURES[world][:2]
    for mission in _missions(outcomes[0].columns):
        parts = [_of_mission(outcome.columns, mission) for outcome in outcomes]
        title = f"{BY_NAME[world].missions[mission]} ({len(parts[0]['success'])})"
        for name, measure in ((title, first), (f"  {second.name}", second)):
            table.add_row(name, *(measure.words(measure.estimate(part)) for part in parts))
        table.add_section()
    return table


def difference(one: Outcome, other: Outcome) -> Table:
    """Return the table of by how much one exceeds the other in the same episodes."""
    table = _table("in the same rooms, with the same luck", ())
    table.add_column(f"{one.name} - {other.name}")
    for measure, estimate in _differences(one, other):
        table.add_row(measure.name, measure.words(estimate, sign="+"))
    return table


def _table(title: str, outcomes: Sequence[Outcome]) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column(title, style="dim", no_wrap=True)
    for outcome in outcomes:
        table.add_column(outcome.label.replace(" (", "\n("), overflow="fold")
    return table


def _differences(one: Outcome, other: Outcome) -> list[tuple[Measure, Estimate]]:
    """Return those measures that can be told of both."""
    found = []
    for measure in MEASURES[one.world]:
        pairs = measure.columns(one.columns), measure.columns(other.columns)
        if pairs[0] and pairs[1]:
            found.append((measure, paired_difference(pairs[0], pairs[1])))
    return found


def _missions(columns: Columns) -> list[int]:
    return np.unique(columns["mission"]).tolist()


def _of_mission(columns: Columns, mission: int) -> Columns:
    chosen = columns["mission"] == mission
    return {name: values[chosen] for name, values in columns.items()}


# ---- JSON ----


def to_record(outcomes: Sequence[Outcome], pair: tuple[Outcome, Outcome] | None) -> dict[str, Any]:
    """Return all outcomes, and the difference of a pair of them, as what goes into JSON.

    An estimate is [value, low, high] of its 95% interval, or null where there is none.
    """
    record: dict[str, Any] = {"agents": {o.name: _outcome_record(o) for o in outcomes}}
    if pair:
        measured = {measure.name: _plain(value) for measure, value in _differences(*pair)}
        record["difference"] = {"of": [outcome.name for outcome in pair], "measures": measured}
    return record


def _outcome_record(outcome: Outcome) -> dict[str, Any]:
    names = BY_NAME[outcome.world].missions
    missions = {
        names[mission]: _measured(_of_mission(outcome.columns, mission), outcome.world)
        for mission in _missions(outcome.columns)
    }
    return {
        "label": outcome.label,
        "seconds": round(outcome.seconds, 3),
        "measures": _measured(outcome.columns, outcome.world),
        "missions": missions,
        "episodes": {name: values.tolist() for name, values in outcome.columns.items()},
    }


def _measured(columns: Columns, world: str) -> dict[str, list[float] | None]:
    return {measure.name: _plain(measure.estimate(columns)) for measure in MEASURES[world]}


def _plain(estimate: Estimate) -> list[float] | None:
    return None if math.isnan(estimate.value) else [round(number, 6) for number in estimate]
