"""Comparison of several agents in the same episodes, as tables and as JSON."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from envs.engine.spec import find
from experiments.report.measures import Columns, Measure, measures_of
from experiments.report.sheet import fits, in_parts
from experiments.running.statistics import (
    Estimate,
    paired_difference,
    ratio_interval,
)

_SCORE = Measure(name="score", top="score", decimals=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Episode statistics of one agent.

    Attributes:
        name: Of the agent.
        label: What it is called in tables.
        world: Name of the world they were lived in.
        columns: (N,) for each episode, by name: the world's score and the measures' columns.
        seconds: Wall time all of it took.
        problem: That no reply of its language model could be used, in a sentence; else empty.
    """

    name: str
    label: str
    world: str
    columns: Columns
    seconds: float
    problem: str = ""


# ---- Tables ----


def fitting(
    console: Console, make: Callable[[Sequence[Outcome]], Table], outcomes: Sequence[Outcome]
) -> list[Table]:
    """Return the table of all agents; where the console is too narrow, several of some of them.

    Args:
        console: Where they are printed, below each other.
        make: Makes a table of some agents.
        outcomes: Of all agents.
    """
    whole = make(outcomes)
    if fits(console, whole):
        return [whole]
    tables = []
    for count in range(1, len(outcomes) + 1):
        parts = np.array_split(np.arange(len(outcomes)), count)
        tables = [_wrapping(make([outcomes[at] for at in part])) for part in parts]
        if all(fits(console, table) for table in tables):
            break
    return tables


def _wrapping(table: Table) -> Table:
    """Return a table whose names of rows wrap where it is too narrow."""
    table.columns[0].no_wrap = False
    return table


def overall(outcomes: Sequence[Outcome]) -> Table:
    """Return the table of all measures: a row for each, a column for each agent."""
    table = _table("", outcomes)
    for measure in _shown(outcomes):
        cells = (measure.words(measure.estimate(outcome.columns)) for outcome in outcomes)
        table.add_row(measure.name, *cells)
    table.add_row("wall s", *(f"{outcome.seconds:.1f}" for outcome in outcomes))
    return table


def by_mission(outcomes: Sequence[Outcome]) -> Table:
    """Return the table of the missions: two measures of each, a column for each agent."""
    table = _table("mission (episodes)", outcomes)
    world = outcomes[0].world
    first, second = measures_of(world).shown[:2]
    for mission in _missions(outcomes[0].columns):
        parts = [_of_mission(outcome.columns, mission) for outcome in outcomes]
        title = f"{find(world).missions[mission]} ({len(parts[0]['success'])})"
        for name, measure in ((title, first), (f"  {second.name}", second)):
            table.add_row(name, *(measure.words(measure.estimate(part)) for part in parts))
        table.add_section()
    return table


def by_episode(outcomes: Sequence[Outcome]) -> Table:
    """Return the table of lifetimes: a row for each number of an episode in its lifetime."""
    table = _table("score, episode of its lifetime", outcomes)
    episodes = int(outcomes[0].columns["episode"].max()) + 1
    for title, part in in_parts(episodes):
        cells = []
        for outcome in outcomes:
            score = _score(outcome.columns)[np.isin(outcome.columns["episode"], part)]
            cells.append(_SCORE.words(ratio_interval(score, np.ones(len(score)))))
        table.add_row(title, *cells)
    return table


def _score(columns: Columns) -> NDArray[np.float64]:
    """Return what a lifetime is judged by; success where the world has nothing else."""
    return np.asarray(columns.get("score", columns["success"]), np.float64)


def difference(one: Outcome, other: Outcome) -> Table:
    """Return the table of by how much one exceeds the other in the same episodes."""
    table = _table("in the same rooms, with the same luck", ())
    table.add_column(f"{one.name} - {other.name}")
    for measure, estimate in _differences(one, other):
        table.add_row(measure.name, measure.words(estimate, sign="+"))
    return _wrapping(table)


def _table(title: str, outcomes: Sequence[Outcome]) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column(title, style="dim", no_wrap=True)
    for outcome in outcomes:
        table.add_column(outcome.label.replace(" (", "\n("), overflow="fold")
    return table


def _differences(one: Outcome, other: Outcome) -> list[tuple[Measure, Estimate]]:
    """Return those measures that both have."""
    found = []
    for measure in _shown([one, other]):
        pairs = measure.columns(one.columns), measure.columns(other.columns)
        if pairs[0] and pairs[1]:
            found.append((measure, paired_difference(pairs[0], pairs[1])))
    return found


def _shown(outcomes: Sequence[Outcome]) -> list[Measure]:
    """Return what is measured, without what nobody has any of."""
    return [
        measure
        for measure in measures_of(outcomes[0].world).shown
        if not measure.seldom
        or any(outcome.columns.get(measure.top, np.zeros(1)).any() for outcome in outcomes)
    ]


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
    names = find(outcome.world).missions
    missions = {
        names[mission]: _measured(_of_mission(outcome.columns, mission), outcome.world)
        for mission in _missions(outcome.columns)
    }
    return {
        "label": outcome.label,
        "seconds": round(outcome.seconds, 3),
        **({"problem": outcome.problem} if outcome.problem else {}),
        "measures": _measured(outcome.columns, outcome.world),
        "missions": missions,
        "episodes": {name: values.tolist() for name, values in outcome.columns.items()},
    }


def _measured(columns: Columns, world: str) -> dict[str, list[float] | None]:
    return {measure.name: _plain(measure.estimate(columns)) for measure in measures_of(world).shown}


def _plain(estimate: Estimate) -> list[float] | None:
    return None if math.isnan(estimate.value) else [round(number, 6) for number in estimate]
