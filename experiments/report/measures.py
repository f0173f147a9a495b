"""What is measured of episodes: for every world the same, and what a world adds."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.engine.spec import find
from envs.trip.vocabulary import Mission
from experiments.running.statistics import Estimate, ratio_interval, share_interval

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
        seldom: Whether it is shown only where somebody has any of it.
    """

    name: str
    top: str
    bottom: str = "episodes"
    decimals: int = 2
    percent: bool = False
    seldom: bool = False

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
    Measure(
        name="decisions out of habit",
        top="habitual",
        bottom="decisions",
        percent=True,
        decimals=0,
        seldom=True,
    ),
    Measure(name="tokens an episode", top="tokens", decimals=0),
    Measure(name="of these, thoughts", top="thinking_tokens", decimals=0, seldom=True),
    Measure(name="cost an episode", top="cost", decimals=4, seldom=True),
    Measure(
        name="decisions with a refused reply",
        top="refused",
        bottom="decisions",
        decimals=1,
        percent=True,
    ),
    Measure(name="safe intents taken", top="safe", bottom="decisions", decimals=1, percent=True),
)


def _of_walking(scores: Columns) -> Columns:
    carries = scores["mission"] == Mission.CARRY_CUP
    return {
        "score": scores["success"] & (scores["falls"] == 0),
        "hundred_cells": scores["cells_walked"] / 100.0,
        "cups": carries.astype(np.float64),
        "cup_delivered": np.where(carries & scores["success"], scores["cup"], 0.0),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What is measured in a world; its spec names them as ``"measures"`` in its entry points.

    Attributes:
        shown: In the order of tables; the first two of each mission, too.
        derived: Returns columns that these need from those of the world's own score; `score`, in
            [0, 1], is what a lifetime is judged by.
    """

    shown: tuple[Measure, ...]
    derived: Callable[[Columns], Columns] = lambda scores: {}

    @property
    def first(self) -> Measure:
        """What an episode is judged by: a share that its record holds under the name of `top`."""
        return self.shown[0]


_TICKS = Measure(name="ticks an episode", top="ticks", decimals=1)
ANYWHERE = Measures(shown=(SUCCESS, _TICKS, *_THINKING))
TRIP = Measures(
    shown=(
        SUCCESS,
        FALLS,
        Measure(name="success without a fall", top="score", decimals=0, percent=True),
        Measure(name="pain suffered", top="pain_suffered"),
        Measure(
            name="cup level delivered", top="cup_delivered", bottom="cups", decimals=0, percent=True
        ),
        Measure(name="times seen falling", top="times_seen_falling"),
        *_THINKING,
    ),
    derived=_of_walking,
)
FORAGE = Measures(
    shown=(
        Measure(name="well", top="well", decimals=0, percent=True),
        SUCCESS,
        Measure(name="meals a day", top="meals_eaten", decimals=1),
        Measure(name="illnesses a day", top="times_ill"),
        FALLS,
        Measure(name="pain suffered", top="pain_suffered"),
        *_THINKING,
    ),
    derived=lambda scores: {
        "score": scores["well"],
        "hundred_cells": scores["cells_walked"] / 100.0,
    },
)
BABYAI = Measures(
    shown=(
        SUCCESS,
        NO_EFFECT,
        Measure(
            name="same again after it", top="repeats", bottom="no_effect", decimals=1, percent=True
        ),
        _TICKS,
        *_THINKING,
    ),
)


def measures_of(world: str) -> Measures:
    """Return what is measured in a world, by its name."""
    spec = find(world)
    return spec.load("measures") if "measures" in spec.entry_points else ANYWHERE


def judged_by(world: str) -> Measure:
    """Return what episodes of a world are judged by; success, of a world that is not here."""
    try:
        return measures_of(world).first
    except LookupError:
        return SUCCESS


def score_words(worlds: Iterable[str]) -> tuple[str, str]:
    """Return what scores in some worlds are called together, and what they are in each of them.

    Example:
        >>> score_words(["trip"]), score_words(["trip", "forage"])
        (('success', 'success'), ('score', 'success in trip, well in forage'))
    """
    names = {world: judged_by(world).name for world in worlds}
    if len(set(names.values())) == 1:
        (one,) = set(names.values())
        return one, one
    return "score", ", ".join(f"{name} in {world}" for world, name in names.items())


def judged(world: str, episodes: Sequence[Mapping[str, Any]]) -> Estimate:
    """Return what recorded episodes of a world come to, with its interval.

    Args:
        world: In which they were lived.
        episodes: Records of `summary.json`.

    Raises:
        KeyError: If a record lacks what they are judged by.
    """
    measure = judged_by(world)
    kind = np.bool_ if measure is SUCCESS else np.float64
    values = np.array([episode[measure.top] for episode in episodes], kind)
    return measure.estimate({measure.top: values, measure.bottom: np.ones(len(values))})


def with_derived(scores: Columns, world: str) -> Columns:
    """Return a world's scores with the columns that its measures are made of."""
    episodes = {"episodes": np.ones(len(scores["mission"]))}
    return scores | episodes | measures_of(world).derived(scores)
