"""BabyAITruth: what is true of `babyai`, tick by tick."""

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from body.events import EVENT_TRAITS, About
from body.types import NoticedEvent, Percept
from envs.babyai.vocabulary import Cause, EventKind
from envs.babyai.world import BabyAIWorld
from envs.engine.world import World
from experiments.ground_truth.graph import Fact
from experiments.ground_truth.places import place_of
from experiments.ground_truth.world_truth import TrueEvent, WorldTruth, names_of
from mind.claims.language import Attribute
from mind.reasoning.narration import object_words


class BabyAITruth(WorldTruth):
    """The exact state of a batch of avatars in their grids."""

    EVENTS = MappingProxyType(
        {
            "bumped": TrueEvent(said_as=EventKind.BUMP),
            "grasped_nothing": TrueEvent(said_as=EventKind.NOTHING_THERE),
            "was_refused": TrueEvent(said_as=EventKind.REFUSED),
            "hand_stayed_full": TrueEvent(said_as=EventKind.STILL_FULL),
            "found_locked": TrueEvent(said_as=EventKind.LOCKED),
            "opened": TrueEvent(said_as=EventKind.OPENED),
            "picked_up": TrueEvent(said_as=EventKind.PICKED_UP),
            "put_down": TrueEvent(said_as=EventKind.PUT_DOWN),
            "shut": TrueEvent(said_as=EventKind.SHUT, counted=False),
        }
    )

    def __init__(self, world: World):
        if not isinstance(world, BabyAIWorld):
            raise ValueError(
                f"event graphs can be kept of the levels of babyai that are compiled, got "
                f"'{world.spec.name}' through the package; choose another env.level_id"
            )
        self._world = world
        self._names = names_of(self.EVENTS)
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
        return {row: {self._names[int(self._events[row]["kind"])]: 0.0} for row in new}

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
        """Return nothing: the outcome of an action here needs no second world to know."""
        return []


def _object(kind: str, before: Percept, now: Percept) -> str:
    """Return what an event was about: what is held now, was held before, or lay ahead."""
    about = EVENT_TRAITS[NoticedEvent[kind.upper()]].about
    if about is About.NOTHING:
        return ""
    if about is About.HELD:
        return object_words(now, np.array(now.held, np.int16))
    if about is About.RELEASED:
        return object_words(before, np.array(before.held, np.int16))
    ahead = before.image[3, 5, :2].astype(np.int16)
    return object_words(before, ahead) if ahead[0] > 1 else ""
