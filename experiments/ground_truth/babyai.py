"""BabyAITruth: what is true of `babyai`, tick by tick."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from body.types import Percept
from envs.babyai.vocabulary import Cause, EventKind
from envs.babyai.world import BabyAIWorld
from experiments.ground_truth.graph import Fact
from experiments.ground_truth.places import place_of
from mind.claims.language import Attribute
from mind.reasoning.narration import object_words

_KINDS = {
    EventKind.BUMP: "bumped",
    EventKind.NOTHING_THERE: "grasped_nothing",
    EventKind.REFUSED: "was_refused",
    EventKind.STILL_FULL: "hand_stayed_full",
    EventKind.PICKED_UP: "picked_up",
    EventKind.PUT_DOWN: "put_down",
    EventKind.LOCKED: "found_locked",
    EventKind.OPENED: "opened",
    EventKind.SHUT: "shut",
}


class BabyAITruth:
    """The exact state of a batch of avatars in their grids."""

    def __init__(self, world: BabyAIWorld):
        self._world = world
        self._starts = np.zeros((world.num_envs, 3), np.int64)  # column, row, heading
        self._events: dict[int, np.void] = {}
        self._untold: set[int] = set()

    def begin(self, rows: NDArray[np.intp]) -> None:
        """Note where these avatars stand."""
        for row in rows.tolist():
            self._starts[row] = self._world.pose(row)
            self._untold.discard(row)

    def stepped(self, actions: NDArray[np.int64]) -> None:
        """Keep what the world says happened."""
        self._events = {int(event["row"]): event.copy() for event in self._world.events()}
        self._untold = set(self._events)

    def happened(self, rows: Sequence[int]) -> dict[int, dict[str, float]]:
        """Return the true events of the last step in these rows: kinds, and how severe each was.

        Each is returned once.
        """
        new = [row for row in rows if row in self._untold]
        self._untold.difference_update(new)
        return {row: {_KINDS[EventKind(self._events[row]["kind"])]: 0.0} for row in new}

    def position(self, row: int) -> tuple[int, int]:
        """Return column and row of MiniGrid's coordinates where an avatar stands."""
        return self._world.pose(row)[:2]

    def facts(self, row: int, kind: str, before: Percept, now: Percept) -> dict[Attribute, Fact]:
        """Return what is true of an event of this tick, beside what the body's side tells."""
        facts = {Attribute.PLACE: place_of(self._starts[row], self.position(row), now)}
        if obj := _object(kind, before, now):
            facts[Attribute.THING] = Fact(value=obj)
        cause = Cause(self._events[row]["cause"]).name.lower()
        if cause not in ("none", "other"):
            facts[Attribute.CAUSE] = Fact(value=cause)
        return facts

    def remember(self, row: int, number: int, kind: str) -> None:
        """Keep nothing: nothing is forked here."""

    def forked(self, rows: Sequence[int]) -> list[tuple[int, int, dict[Attribute, str]]]:
        """Return nothing: what an action comes to here needs no second world to know."""
        return []


def _object(kind: str, before: Percept, now: Percept) -> str:
    """Return what an event was about: what is held now, was held before, or lay ahead."""
    if kind == "picked_up":
        return object_words(now, np.array(now.held, np.int16))
    if kind == "put_down":
        return object_words(before, np.array(before.held, np.int16))
    if kind == "grasped_nothing":
        return ""
    ahead = before.image[3, 5, :2].astype(np.int16)
    return object_words(before, ahead) if ahead[0] > 1 else ""
