"""Measures: statistics of the episodes of a condition, by task and of all together."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.report.measures import SUCCESS, Columns, Measure
from experiments.running.statistics import Estimate, paired_difference

TRAINING = "training"  # column: of which training an episode was lived, where there are several
_RESAMPLES = 1000
_UNKNOWN = Estimate(math.nan, math.nan, math.nan)

NO_EFFECT = Measure(name="no effect", top="no_effect", bottom="actions", decimals=1, percent=True)
MEASURES = (
    SUCCESS,
    NO_EFFECT,
    Measure(name="same again", top="repeats", bottom="no_effect", decimals=0, percent=True),
    Measure(name="tokens", top="tokens", decimals=0),
    Measure(name="decisions", top="decisions", decimals=1),
    Measure(name="unusable", top="safe", bottom="decisions", decimals=0, percent=True),
    Measure(name="steps a decision", top="ticks", bottom="decisions", decimals=1),
    Measure(name="ticks", top="ticks", decimals=1),
    Measure(name="tokens a success", top="tokens", bottom="success", decimals=0),
    Measure(name="ticks a success", top="ticks", bottom="success", decimals=1),
)


@dataclass(slots=True, kw_only=True)
class ConditionEpisodes:
    """The episodes of one condition.

    Attributes:
        name: Of the condition.
        columns: Of each task that was finished, (N,) for each episode, by name.
        seconds: Of each such task, the wall time all its episodes took.
    """

    name: str
    columns: dict[str, Columns] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def together(self, tasks: list[str]) -> Columns | None:
        """Return the episodes of all these tasks as one, or None if one of them is missing."""
        if any(task not in self.columns for task in tasks):
            return None
        parts = [self.columns[task] for task in tasks]
        shared = [name for name in parts[0] if all(name in part for part in parts)]
        return {name: np.concatenate([part[name] for part in parts]) for name in shared}


def joined(trainings: Sequence[Columns]) -> Columns:
    """Return the same episodes as several trainings lived them, with which it was."""
    counts = [len(columns["success"]) for columns in trainings]
    together = {name: np.concatenate([each[name] for each in trainings]) for name in trainings[0]}
    return together | {TRAINING: np.repeat(np.arange(len(trainings)), counts)}


def estimate(measure: Measure, columns: Columns) -> Estimate:
    """Return a measure with its 95% interval; NaN where it cannot be said.

    The interval is Wilson's for success, and a bootstrap over episodes for the rest. Where the
    episodes come from several trainings it is at least as wide as a bootstrap over trainings and
    their episodes, as it shall tell of a training and not of these.
    """
    within = measure.estimate(columns)
    pair = measure.columns(columns)
    if TRAINING not in columns or pair is None or math.isnan(within.value):
        return within
    order = np.argsort(columns[TRAINING], kind="stable")
    trainings = len(np.unique(columns[TRAINING]))
    tops, bottoms = (np.asarray(part, np.float64)[order].reshape(trainings, -1) for part in pair)
    low, high = _over_trainings(tops, bottoms)
    return Estimate(within.value, min(low, within.low), max(high, within.high))


def _over_trainings(tops: NDArray, bottoms: NDArray, seed: int = 0) -> tuple[float, float]:
    """Return the two-level bootstrap interval of sum(tops) / sum(bottoms), (S, N) each."""
    trainings, episodes = tops.shape
    random = np.random.default_rng(seed)
    sums = np.empty((_RESAMPLES, 2))
    for i in range(_RESAMPLES):
        rows = random.integers(trainings, size=(trainings, 1))
        picks = random.integers(episodes, size=(trainings, episodes))
        sums[i] = tops[rows, picks].sum(), bottoms[rows, picks].sum()
    ratios = sums[sums[:, 1] > 0, 0] / sums[sums[:, 1] > 0, 1]
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(low), float(high)


def difference(measure: Measure, one: Columns, other: Columns) -> Estimate:
    """Return by how much a measure of one condition exceeds another's in the same episodes."""
    pairs = measure.columns(one), measure.columns(other)
    if pairs[0] is None or pairs[1] is None:
        return _UNKNOWN
    return paired_difference(pairs[0], pairs[1])


# ---- JSON, there and back ----


def to_record(episodes: ConditionEpisodes, tasks: list[str]) -> dict[str, Any]:
    """Return a condition as what goes into JSON; estimates are [value, low, high], or null."""
    together = episodes.together(tasks)
    return {
        "all": None if together is None else _measured(together),
        "tasks": {
            task: {
                "seconds": round(episodes.seconds[task], 3),
                "measures": _measured(columns),
                "episodes": {name: values.tolist() for name, values in columns.items()},
            }
            for task, columns in episodes.columns.items()
        },
    }


def from_record(name: str, record: Mapping[str, Any]) -> ConditionEpisodes:
    """Return the condition of which `to_record` made a record."""
    episodes = ConditionEpisodes(name=name)
    for task, part in record["tasks"].items():
        episodes.columns[task] = {key: np.array(values) for key, values in part["episodes"].items()}
        episodes.seconds[task] = part["seconds"]
    return episodes


def _measured(columns: Columns) -> dict[str, list[float] | None]:
    return {measure.name: plain(estimate(measure, columns)) for measure in MEASURES}


def plain(estimate: Estimate) -> list[float] | None:
    """Return an estimate as what goes into JSON."""
    return None if math.isnan(estimate.value) else [round(number, 6) for number in estimate]


def differences(one: Columns, other: Columns) -> Iterator[tuple[Measure, Estimate]]:
    """Yield the measures that both have, with by how much one exceeds the other."""
    for measure in MEASURES:
        found = difference(measure, one, other)
        if not math.isnan(found.value):
            yield measure, found
