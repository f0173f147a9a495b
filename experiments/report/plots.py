"""The plots of a report, drawn with matplotlib: one picture, as SVG for the page and as PNG."""

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.report.aggregation import (
    FEWEST_SEEDS,
    fewest,
    interquartile_mean,
    interval,
    profile_band,
)
from experiments.report.measures import score_words
from experiments.report.sweeps import Run, Sweeps
from experiments.report.tables import mean_at, shared_tasks

THRESHOLDS = np.linspace(0.0, 1.0, 101)
_COLOURS = ("#2f7fd6", "#e0782f", "#3a9d5d", "#b5539c", "#c9a227", "#5fb3b3", "#8a6fd1", "#d64545")
_INK = "#7a8496"  # legible on a light page and on a dark one
_STYLE: dict[Any, Any] = {
    "axes.edgecolor": _INK, "axes.labelcolor": _INK, "text.color": _INK, "xtick.color": _INK,
    "ytick.color": _INK, "axes.titlecolor": _INK, "axes.spines.top": False,
    "axes.spines.right": False, "font.size": 9.0, "svg.fonttype": "path", "svg.hashsalt": "report",
    "legend.frameon": False, "legend.markerscale": 3.0, "axes.facecolor": "none",
}  # fmt: skip


def draw(sweeps: Sweeps) -> tuple[bytes, bytes]:
    """Return the plots of some sweeps as SVG and as PNG; the same sweeps give the same bytes.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    tasks = shared_tasks(sweeps)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(10.0, 7.2), layout="constrained")
        axes = figure.subplots(2, 2)
        if tasks:
            _means(axes[0, 0], sweeps, tasks)
            _profiles(axes[0, 1], sweeps, tasks)
        _tasks(axes[1, 0], sweeps)
        _curves(axes[1, 1], sweeps, tasks or sweeps.tasks)
        handles, labels = axes[1, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=min(4, len(labels)))
        return _saved(figure, "svg", {"Date": None}), _saved(figure, "png", {"Software": None})


def _saved(figure: Any, kind: str, metadata: dict[str, None]) -> bytes:
    file = io.BytesIO()
    background = "none" if kind == "svg" else "white"
    figure.savefig(file, format=kind, dpi=160, facecolor=background, metadata=metadata)
    return file.getvalue()


def _means(axis: Any, sweeps: Sweeps, tasks: Sequence[str]) -> None:
    """Draw the interquartile mean of each agent, with its interval."""
    for row, (agent, colour) in enumerate(_coloured(sweeps)):
        found = interval(interquartile_mean, sweeps.scores(agent, tasks))
        if not math.isnan(found.low):
            axis.barh(row, found.high - found.low, left=found.low, color=colour, alpha=0.35)
        axis.plot([found.value], [row], "o", color=colour)
    axis.set_yticks(range(len(sweeps.agents)), sweeps.agents)
    axis.invert_yaxis()
    axis.set_xlim(-0.02, 1.02)
    axis.set_title(f"{score_words(sweeps.worlds)[0]}, interquartile mean", loc="left")


def _profiles(axis: Any, sweeps: Sweeps, tasks: Sequence[str]) -> None:
    """Draw which share of runs scores more than so much."""
    for agent, colour in _coloured(sweeps):
        value, low, high = profile_band(sweeps.scores(agent, tasks), THRESHOLDS)
        axis.step(THRESHOLDS, value, color=colour, where="post")
        axis.fill_between(THRESHOLDS, low, high, color=colour, alpha=0.15, step="post", lw=0)
    axis.set_xlim(0.0, 1.0)
    axis.set_ylim(-0.02, 1.02)
    axis.set_xlabel(f"{score_words(sweeps.worlds)[0]} above")
    axis.set_title("share of runs (performance profile)", loc="left")


def _tasks(axis: Any, sweeps: Sweeps) -> None:
    """Draw each agent's score in each task, a point for each seed and a line at the mean."""
    agents = _coloured(sweeps)
    for at, task in enumerate(sweeps.tasks):
        for number, (agent, colour) in enumerate(agents):
            scores = np.array([run.score for run in sweeps.of(agent, task)])
            y = at + (number - (len(agents) - 1) / 2) * 0.8 / len(agents)
            label = agent if at == 0 else None
            if len(scores):
                axis.plot([scores.mean()] * 2, [y - 0.09, y + 0.09], color=colour, lw=2.5)
            axis.plot(scores, [y] * len(scores), ".", color=colour, alpha=0.5, ms=5, label=label)
    axis.set_yticks(range(len(sweeps.tasks)), [task.replace(", ", "\n") for task in sweeps.tasks])
    axis.invert_yaxis()
    axis.set_xlim(-0.03, 1.03)
    axis.set_title(f"{score_words(sweeps.worlds)[0]} by task, a point for each seed", loc="left")


def _curves(axis: Any, sweeps: Sweeps, tasks: Sequence[str]) -> None:
    """Draw scores by number of the episode, over tasks and seeds, with their 95% band."""
    for agent, colour in _coloured(sweeps):
        runs = [run for run in sweeps.of(agent) if run.task in tasks]
        numbers, shares, bounds = _by_episode(runs)
        axis.plot(numbers, shares, color=colour, marker=".", lw=1.2)
        if fewest(sweeps.scores(agent, sorted({run.task for run in runs}))) >= FEWEST_SEEDS:
            axis.fill_between(numbers, bounds[:, 0], bounds[:, 1], color=colour, alpha=0.15, lw=0)
    axis.set_ylim(-0.03, 1.03)
    axis.locator_params(axis="x", integer=True)
    axis.set_xlabel("episodes that an avatar has lived before")
    axis.set_title(f"{score_words(sweeps.worlds)[0]} by what was lived before", loc="left")


def _by_episode(runs: Sequence[Run]) -> tuple[list[int], list[float], NDArray[np.float64]]:
    """Return numbers of episodes, the mean over avatars of each, and the bounds of its interval."""
    numbers = np.unique(np.concatenate([run.lived_before for run in runs]))
    found = [mean_at(runs, number) for number in numbers]
    bounds = np.array([one[1:] for one in found])
    return numbers.tolist(), [one.value for one in found], bounds


def _coloured(sweeps: Sweeps) -> list[tuple[str, str]]:
    """Return each agent with its colour, the same one in all plots."""
    return [(name, _COLOURS[at % len(_COLOURS)]) for at, name in enumerate(sweeps.agents)]
