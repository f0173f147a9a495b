"""Every sense over time, for the replay page: names of its channels, and their values, packed.

Nothing is chosen by hand: a channel that a world adds to its senses has a strip. A channel is kept
as 16-bit levels between its own least and most value, so that 10,000 ticks of it take 27 kB; one
that never changes is a single number.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.engine.spec import WorldSpec
from mind.types import Feeling

_LEVELS = 2**16 - 1
_TITLES = {
    "vestibular": "balance",
    "touch": "touch",
    "pain": "pain",
    "proprio": "proprioception",
    "intero": "interoception",
    "social": "others",
    "efference": "motor, felt back",
    "needs": "needs",
    "soul": "drive and mood",
    "emotions": "emotions",
}
# What is seen of a group while it is folded; of the others all channels are, as lines of marks.
_IN_SHORT = {
    "vestibular": ("lean_forward_m", "lean_right_m"),
    "proprio": ("speed_mps",),
    "intero": ("energy", "protein", "water", "fatigue", "cup"),
    "needs": (
        "energy",
        "protein",
        "water",
        "warmth",
        "rest",
        "freedom_from_pain",
        "dignity",
    ),
    "soul": ("drive", "mood", "surprise"),
}
# What a strip always has room for; a channel that goes beyond has more. Others go from 0 to 1.
_RANGES = {
    "lean_forward_m": (-0.3, 0.3),
    "lean_right_m": (-0.3, 0.3),
    "lean_forward_change": (-0.1, 0.1),
    "lean_right_change": (-0.1, 0.1),
    "speed_mps": (0.0, 1.5),
    "sin_phase": (-1.0, 1.0),
    "cos_phase": (-1.0, 1.0),
    "stance_foot": (-1.0, 1.0),
    "last_turn": (-1.0, 1.0),
    "mood": (-0.2, 0.2),
    "reward": (-0.1, 0.1),
    "drive": (0.0, 0.5),
    "surprise": (0.0, 2.0),
}
_UNITS = {"mps": "m/s", "m": "m"}


def felt(
    world: WorldSpec, senses: Mapping[str, NDArray], feeling: Feeling | None
) -> dict[str, dict[str, float]]:
    """Return all that is felt in a tick by group and channel: each sense, then what a soul adds."""
    groups = {
        group: dict(zip(names, senses[group].tolist(), strict=True))
        for group, names in world.senses.items()
    }
    if feeling:
        groups["needs"] = dict(feeling.needs)
        groups["soul"] = {
            "drive": feeling.drive,
            "mood": feeling.mood,
            "surprise": feeling.surprise,
            "reward": feeling.reward,
        }
        groups["emotions"] = dict(sorted(feeling.emotions.items()))
    order = [*_TITLES, *(group for group in groups if group not in _TITLES)]
    return {group: groups[group] for group in order if group in groups}


def row_of(groups: Mapping[str, Mapping[str, float]]) -> NDArray[np.float32]:
    """Return what was felt in a tick as one row of numbers."""
    return np.array([value for group in groups.values() for value in group.values()], np.float32)


def described(groups: Mapping[str, Mapping[str, float]]) -> list[dict[str, Any]]:
    """Return how the page shows each group: its title, and its channels in their order."""
    return [
        {
            "title": _TITLES.get(group, group),
            "marks": group not in _IN_SHORT,
            "channels": [_channel(name, _IN_SHORT.get(group, channels)) for name in channels],
        }
        for group, channels in groups.items()
    ]


def _channel(name: str, in_short: Sequence[str]) -> dict[str, Any]:
    words, _, last = name.rpartition("_")
    unit = _UNITS.get(last, "") if words else ""
    return {
        "name": (words if unit else name).replace("_", " "),
        "unit": unit,
        "range": _RANGES.get(name, (0.0, 1.0)),
        "in_short": name in in_short,
    }


def packed(column: NDArray[np.float32]) -> float | dict[str, Any]:
    """Return one channel over time: a number where it never changes, else levels in base64.

    A value is ``least + step * level``; levels are unsigned 16-bit, little-endian.

    >>> packed(np.float32([0.5, 0.5]))
    0.5
    >>> packed(np.float32([0, 2, 1])) == {"least": 0.0, "step": 2 / 65535, "levels": "AAD//wCA"}
    True
    """
    least, most = float(column.min()), float(column.max())
    if least == most:
        return least
    step = (most - least) / _LEVELS
    levels = np.rint((column.astype(np.float64) - least) / step).astype("<u2")
    return {"least": least, "step": step, "levels": base64.b64encode(levels.tobytes()).decode()}
