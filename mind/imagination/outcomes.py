"""Outcome: what came of something that was intended, as the body noticed it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from body.types import NoticedEvent


class Outcome(IntEnum):
    """What came of an attempt; of several things the one that comes later in this list."""

    UNEVENTFUL = 0
    STUMBLED = 1
    FELL = 2
    BURNED = 3
    GAVE_NOTHING = 4
    GAVE_ENERGY = 5
    GAVE_PROTEIN = 6
    GAVE_WATER = 7
    MADE_ILL = 8


AT_ONCE = {
    NoticedEvent.STUMBLED: Outcome.STUMBLED,
    NoticedEvent.SLIPPED: Outcome.STUMBLED,
    NoticedEvent.FELL: Outcome.FELL,
    NoticedEvent.BURNED: Outcome.BURNED,
}
LATER = {  # of a meal, named by what was eaten
    NoticedEvent.GAVE_NOTHING: Outcome.GAVE_NOTHING,
    NoticedEvent.GAVE_ENERGY: Outcome.GAVE_ENERGY,
    NoticedEvent.GAVE_PROTEIN: Outcome.GAVE_PROTEIN,
    NoticedEvent.GAVE_WATER: Outcome.GAVE_WATER,
    NoticedEvent.MADE_ILL: Outcome.MADE_ILL,
}


def outcome_of(events: Iterable[NoticedEvent]) -> Outcome:
    """Return what came of an attempt during which these events were noticed."""
    return max((AT_ONCE[event] for event in events if event in AT_ONCE), default=Outcome.UNEVENTFUL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imagined:
    """What is imagined of N intents; every array has the intent as leading axis.

    Attributes:
        outcomes: (N, 9) probability of each `Outcome`.
        done: (N,) probability that what was intended is done in the end.
        ticks: (N,) how long it takes, at least 0.
        changes: (N, needs) by how much each need's level changes meanwhile.
        spread: (N,) standard deviation of the most contested probability among the networks: how
            unsure they are.
    """

    outcomes: NDArray[np.float32]
    done: NDArray[np.float32]
    ticks: NDArray[np.float32]
    changes: NDArray[np.float32]
    spread: NDArray[np.float32]
