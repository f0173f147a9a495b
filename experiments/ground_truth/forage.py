"""ForageTruth: what is true of `forage`, tick by tick, and what would have been."""

from types import MappingProxyType
from typing import cast

from body.events import EVENT_TRAITS, About
from body.types import NoticedEvent, Percept
from envs.forage.vocabulary import EventKind
from envs.forage.world import ForageWorld
from envs.trip.batch import Walkers
from experiments.ground_truth.forks import ROWS
from experiments.ground_truth.graph import Fact
from experiments.ground_truth.trip import TripTruth
from experiments.ground_truth.world_truth import TrueEvent
from mind.claims.events import event_table
from mind.claims.language import Attribute

_NEVER_HERE = ("spilled", "picked_up", "put_down")  # there is nothing to carry


class ForageTruth(TripTruth):
    """The exact states of a batch of bodies that forage; mishaps are forked as in `trip`.

    Args:
        world: Where they live.
    """

    EVENTS = MappingProxyType(
        {
            **{name: one for name, one in TripTruth.EVENTS.items() if name not in _NEVER_HERE},
            "ate": TrueEvent(said_as=EventKind.ATE),
            "drank": TrueEvent(said_as=EventKind.DRANK),
            "lay_down": TrueEvent(said_as=EventKind.LAY_DOWN),
            "burned": TrueEvent(said_as=EventKind.BURNED),
            "was_refused": TrueEvent(said_as=EventKind.REFUSED),
            "gave_energy": TrueEvent(said_as=EventKind.GAVE_ENERGY),
            "gave_protein": TrueEvent(said_as=EventKind.GAVE_PROTEIN),
            "gave_water": TrueEvent(said_as=EventKind.GAVE_WATER),
            "gave_nothing": TrueEvent(said_as=EventKind.GAVE_NOTHING),
            "made_ill": TrueEvent(said_as=EventKind.MADE_ILL),
        }
    )

    def __init__(self, world: ForageWorld):
        super().__init__(world)
        self._foods: dict[tuple[int, str], tuple[int, int]] = {}  # of the last step's events

    def _note_events(self) -> None:
        super()._note_events()
        self._foods = {
            (int(event["row"]), self._names[int(event["kind"])]): (
                int(event["object"]),
                int(event["color"]),
            )
            for event in self._world.events()
            if event["object"] and int(event["kind"]) in self._names
        }

    def facts(self, row: int, kind: str, before: Percept, now: Percept) -> dict[Attribute, Fact]:
        """Return what is true of an event of this tick, beside what the body's side tells."""
        facts = super().facts(row, kind, before, now)
        about = EVENT_TRAITS[NoticedEvent[kind.upper()]].about
        if about is About.EATEN or (about is About.AHEAD and kind != "bumped"):
            one = self._foods.get((row, kind)) or self._ahead(row)
            known = one == tuple(now.event_objects.tolist())
            facts[Attribute.THING] = Fact(value=self._words(*one), sensed=known)
            if Attribute.CAUSE in event_table()[kind].facts:
                facts[Attribute.CAUSE] = facts[Attribute.THING]
        return facts

    def _another_world(self) -> Walkers:
        world = cast(ForageWorld, self._world)
        return ForageWorld(ROWS, split=world.split, words=world.words, layouts=ROWS)
