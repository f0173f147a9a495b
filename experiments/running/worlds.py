"""What an experimenter calls the objects of each world: names of commands, events and missions.

The body knows a world by its vocabulary (`body/vocabularies.py`); here is the rest, which only
those who watch may know.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from envs.babyai import vocabulary as babyai
from envs.trip import vocabulary as trip

if TYPE_CHECKING:
    from envs.engine.faces import WorldEnv, WorldVectorEnv

Senses = Mapping[str, NDArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldWords:
    """How a world is told of.

    Attributes:
        name: Of the world: ``"trip"``.
        senses: Names of the components of each felt sense.
        actions: The motor commands.
        events: What the world says happened.
        causes: Why it happened.
        missions: Name of each kind of mission, by number.
        mission_words: Says a mission in words.
        tick_seconds: How long a tick lasts, or is shown where the world has no time of its own.
        timed: Whether time is told in seconds; else in ticks.
        stance: What `stance_of` tells: ``"posture"``.
        stance_of: Says of the senses of one avatar how it stands, in a word or two.
        tallies: What is counted in an episode: its title, and its name in `Score.count`.
        scored: Columns of the world's own score that are kept with an episode.
    """

    name: str
    senses: Mapping[str, tuple[str, ...]]
    actions: type[IntEnum]
    events: type[IntEnum]
    causes: type[IntEnum]
    missions: tuple[str, ...]
    mission_words: Callable[[NDArray], str]
    tick_seconds: float
    timed: bool
    stance: str
    stance_of: Callable[[Senses], str]
    tallies: tuple[tuple[str, str], ...]
    scored: tuple[str, ...] = ()

    def clock(self, ticks: int) -> str:
        """Return a time of the episode as it is shown: ``  2.5 s``, or ``tick  25``."""
        return f"{ticks * self.tick_seconds:5.1f} s" if self.timed else f"tick {ticks:3d}"


def _posture(senses: Senses) -> str:
    first = trip.SENSES["proprio"].index("standing")
    one_hot = senses["proprio"][first : first + len(trip.Posture)]
    return trip.Posture(int(np.argmax(one_hot))).name.lower()


def _hand(senses: Senses) -> str:
    """Return what is held, as it shows in the avatar's own cell: ``red ball``, or ``empty``."""
    obj, color = (int(value) for value in senses["image"][3, 6, :2])
    if obj not in babyai.CAN_BE_CARRIED:
        return "empty"
    return f"{babyai.Color(color).name} {babyai.Object(obj).name}".lower()


def _lower(words: type[IntEnum]) -> tuple[str, ...]:
    return tuple(word.name.lower().replace("_", " ") for word in words)


TRIP = WorldWords(
    name="trip",
    senses=trip.SENSES,
    actions=trip.Action,
    events=trip.EventKind,
    causes=trip.Cause,
    missions=_lower(trip.Mission),
    mission_words=trip.mission_words,
    tick_seconds=0.1,
    timed=True,
    stance="posture",
    stance_of=_posture,
    tallies=(("falls", "fall"), ("stumbles", "stumble")),
)

BABYAI = WorldWords(
    name="babyai",
    senses=babyai.SENSES,
    actions=babyai.Action,
    events=babyai.EventKind,
    causes=babyai.Cause,
    missions=("goto", "pickup", "open", "putnext", "pick up, then go to", "other"),
    mission_words=babyai.mission_words,
    tick_seconds=0.2,
    timed=False,
    stance="hand",
    stance_of=_hand,
    tallies=(("no effect", "no_effect"), ("repeats", "repeats")),
    scored=("actions", "no_effect", "repeats", "waits"),
)

BY_NAME = {words.name: words for words in (TRIP, BABYAI)}


def words_of(env: "WorldVectorEnv | WorldEnv") -> WorldWords:
    """Return how the world of an env is told of."""
    return BY_NAME[env.world.name]
