"""The tables of a report: plain rows of words, which Markdown and the page both show."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from experiments.report.aggregation import (
    FEWEST_SEEDS,
    Measure,
    Scores,
    improvement_interval,
    interquartile_mean,
    interval,
    mean,
    median,
    optimality_gap,
)
from experiments.report.measures import judged_by, score_words
from experiments.report.sheet import in_parts
from experiments.report.sweeps import Run, Sweeps
from experiments.running.statistics import Estimate, ratio_interval, share_interval
from experiments.running.usable import money

_MEASURES: tuple[tuple[str, Measure], ...] = (
    ("IQM", interquartile_mean),
    ("mean", mean),
    ("median", median),
    ("optimality gap", optimality_gap),
)
# By world, further measures: their name, what is counted, and what it is divided by.
_FURTHER = {
    "trip": (("falls an episode", "fall", ""), ("pain seconds an episode", "pain_seconds", "")),
    "babyai": (("commands without effect", "no_effect", "actions"),),
}
_CSV = ("task", "agent", "kind", "seed", "episodes", "success", "judged_by", "score",
        "ticks", "decisions", "tokens",
        "prompt_tokens", "thinking_tokens", "cost", "safe_decisions", "wall_s", "parameters",
        "commit")  # fmt: skip
_COUNTED = ("ticks", "decisions", "tokens", "prompt_tokens", "thinking_tokens")
_SELDOM = {"tokens thought": "thinking_tokens", "cost": "cost"}  # shown where there are any


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table in words.

    Attributes:
        title: What it is of.
        header: Names of the columns; all but the first `words` of them hold numbers.
        rows: Cells, as many as there are columns.
        words: How many columns are words.
        note: What has to be known to read it.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1
    note: str = ""


def tables_of(sweeps: Sweeps) -> list[Table]:
    """Return all tables of a report that have any rows."""
    found = [_overall(sweeps), _by_task(sweeps), _by_episode(sweeps), _improvements(sweeps)]
    found.append(_costs(sweeps))
    found += [_further(sweeps, world) for world in _FURTHER]
    found.append(Table(title="Failed jobs", header=("job", "reason"), rows=sweeps.failed, words=2))
    return [table for table in found if table.rows]


def shared_tasks(sweeps: Sweeps) -> list[str]:
    """Return the tasks that all agents have runs of."""
    return [task for task in sweeps.tasks if all(sweeps.of(agent, task) for agent in sweeps.agents)]


def _overall(sweeps: Sweeps) -> Table:
    """Return all measures over the tasks that all agents share."""
    tasks = shared_tasks(sweeps)
    rows = [
        (agent, sweeps.of(agent)[0].kind, *_measured(sweeps.scores(agent, tasks)))
        for agent in sweeps.agents
        if tasks
    ]
    left_out = len(sweeps.tasks) - len(tasks)
    note = f"{score_words(sweeps.worlds)[1]}, over {len(tasks)} tasks"
    note += f"; {left_out} that not all have run are left out" if left_out else ""
    header = ("agent", "kind", "seeds a task", *(name for name, _ in _MEASURES))
    return Table(title="Overall", header=header, rows=tuple(rows), words=2, note=note)


def _by_task(sweeps: Sweeps) -> Table:
    rows = [
        (task, agent, sweeps.of(agent)[0].kind, *_measured(sweeps.scores(agent, [task]))[:3])
        for task in sweeps.tasks
        for agent in sweeps.agents
        if sweeps.of(agent, task)
    ]
    header = ("task", "agent", "kind", "seeds", *(name for name, _ in _MEASURES[:2]))
    return Table(
        title="By task",
        header=header,
        rows=tuple(rows),
        words=3,
        note=score_words(sweeps.worlds)[1],
    )


def _by_episode(sweeps: Sweeps) -> Table:
    """Return scores by how many episodes an avatar had lived before, where any lived several."""
    most = 1 + max(int(run.lived_before.max()) for run in sweeps.runs)
    parts = in_parts(most)
    rows = [
        (task, agent, *(words(mean_at(runs, part)) for _, part in parts))
        for task in sweeps.tasks
        for agent in sweeps.agents
        if (runs := sweeps.of(agent, task))
    ]
    return Table(
        title="By episode of an avatar",
        header=("task", "agent", *(name for name, _ in parts)),
        rows=tuple(rows) if most > 1 else (),
        words=2,
        note=f"{score_words(sweeps.worlds)[1]}; 95% intervals over episodes",
    )


def mean_at(runs: Sequence[Run], numbers: NDArray[np.int64]) -> Estimate:
    """Return the mean score of episodes with so many before: Wilson's interval if it is a share."""
    scores = np.concatenate([run.judged[np.isin(run.lived_before, numbers)] for run in runs])
    if np.isin(scores, (0.0, 1.0)).all():
        return share_interval(scores)
    return ratio_interval(scores, np.ones(len(scores)))


def _measured(scores: Scores) -> list[str]:
    seeds = sorted({len(one) for one in scores})
    counts = "-".join(str(one) for one in {seeds[0]: 0, seeds[-1]: 0})
    return [counts, *(words(interval(measure, scores)) for _, measure in _MEASURES)]


def _improvements(sweeps: Sweeps) -> Table:
    """Return how probable it is that a run of the one scores more than a run of the other."""
    tasks = shared_tasks(sweeps)
    scores = {agent: sweeps.scores(agent, tasks) for agent in sweeps.agents}
    rows = [
        (one, other, words(improvement_interval(scores[one], scores[other])))
        for one, other in combinations(sweeps.agents, 2)
        if tasks
    ]
    return Table(
        title="Probability of improvement",
        header=("this one", "is better than", "probability"),
        rows=tuple(rows),
        words=2,
        note="that a run of the one scores more than a run of the other, a tie being half",
    )


def _costs(sweeps: Sweeps) -> Table:
    seldom = [name for name in _SELDOM if any(r.column(_SELDOM[name]).any() for r in sweeps.runs)]
    rows = [
        (task, agent, *_cost(runs, seldom))
        for task in sweeps.tasks
        for agent in sweeps.agents
        if (runs := sweeps.of(agent, task))
    ]
    header = ("task", "agent", "episodes", "ticks", "decisions", "fell back", "tokens written",
              "tokens read", *seldom, "wall s", "parameters")  # fmt: skip
    note = "an episode, but for the first and the last column; parameters of the language model"
    return Table(title="What it cost", header=header, rows=tuple(rows), words=2, note=note)


def _cost(runs: Sequence[Run], seldom: Sequence[str]) -> list[str]:
    episodes = sum(len(run.episodes) for run in runs)
    names = ("ticks", "decisions", "safe_decisions", "tokens", "prompt_tokens")
    each, more = (
        {name: sum(float(run.column(name).sum()) for run in runs) / episodes for name in group}
        for group in (names, [_SELDOM[name] for name in seldom])
    )
    wall = sum(run.seconds for run in runs) / episodes  # as in the sweep's own table
    parameters = runs[0].parameters
    counts = [f"{value:,.1f}" for value in each.values()]
    counts += [money(value) if name == "cost" else f"{value:,.1f}" for name, value in more.items()]
    return [
        f"{episodes:,}",
        *counts,
        f"{wall:,.2f}",
        "-" if parameters is None else f"{parameters:,}",
    ]


def _further(sweeps: Sweeps, world: str) -> Table:
    """Return what else is measured in a world, with intervals over episodes."""
    rows = [
        (task, agent, *(_ratio(runs, top, bottom) for _, top, bottom in _FURTHER[world]))
        for task in sweeps.tasks
        for agent in sweeps.agents
        if (runs := sweeps.of(agent, task)) and runs[0].world == world
    ]
    header = ("task", "agent", *(name for name, _, _ in _FURTHER[world]))
    note = "95% intervals by bootstrap over episodes"
    return Table(title=f"Also in {world}", header=header, rows=tuple(rows), words=2, note=note)


def _ratio(runs: Sequence[Run], top: str, bottom: str) -> str:
    above = np.concatenate([run.column(top) for run in runs])
    below = np.concatenate([run.column(bottom) for run in runs]) if bottom else np.ones(len(above))
    return words(ratio_interval(above, below))


def words(estimate: Estimate) -> str:
    """Return an estimate as it is shown; without an interval where there is none."""
    if math.isnan(estimate.value):
        return "-"
    if math.isnan(estimate.low):
        return f"{estimate.value:.3f} (few seeds)"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def few_seeds(sweeps: Sweeps) -> str:
    """Return a warning where there are too few seeds to say anything; else nothing."""
    counts = [len(sweeps.of(agent, task)) for task in sweeps.tasks for agent in sweeps.agents]
    least = min(count for count in counts if count)
    if least >= FEWEST_SEEDS:
        return ""
    return (
        f"too few seeds to say: as few as {least} a task, and intervals are shown from "
        f"{FEWEST_SEEDS} on; run the sweep with more, such as 'seed=range(0,10)'"
    )


# ---- Markdown and CSV ----


def markdown(table: Table) -> str:
    """Return a table as Markdown, with what is under its title."""
    rule = ["---" if column < table.words else "--:" for column in range(len(table.header))]
    rows = [table.header, rule, *table.rows]
    lines = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    note = [table.note, ""] if table.note else []
    return "\n".join([f"## {table.title}", "", *note, *lines, ""])


def _cell(text: str) -> str:
    """Return text from elsewhere as a cell: in one line, and with nothing that ends it."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


def as_csv(sweeps: Sweeps) -> str:
    """Return a line for each task, agent and seed."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_CSV)
    for run in sweeps.runs:
        writer.writerow(
            [run.task, run.agent, run.kind, run.seed, len(run.episodes), round(run.success, 6),
             judged_by(run.world).name, round(run.score, 6),
             *(int(run.column(name).sum()) for name in _COUNTED),
             round(float(run.column("cost").sum()), 8), int(run.column("safe_decisions").sum()),
             run.seconds,
             "" if run.parameters is None else run.parameters, run.commit]
        )  # fmt: skip
    return file.getvalue()
