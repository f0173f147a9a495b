"""TripTruth: what is true of `trip`, tick by tick, and what would have been."""

from collections import deque
from collections.abc import Sequence
from types import MappingProxyType
from typing import cast

import numpy as np
from numpy.typing import NDArray

from body.columns import LACES, SOLES, TOES
from body.events import EVENT_TRAITS, About
from body.types import NoticedEvent, Percept, Target
from envs.engine.body_senses import Posture
from envs.trip.batch import Walkers
from envs.trip.vocabulary import (
    HAZARDS_TO_SLIP_ON,
    HAZARDS_TO_TRIP_ON,
    Cause,
    EventKind,
    Object,
)
from envs.trip.world import TripWorld
from experiments.ground_truth.forks import ROWS, Forks, Mishap
from experiments.ground_truth.graph import Fact
from experiments.ground_truth.places import EAST, SOUTH, place_of
from experiments.ground_truth.world_truth import TrueEvent, WorldTruth, names_of
from mind.claims.events import event_table
from mind.claims.language import Attribute

KEPT_TICKS = 48  # of exact states; a contact leads to a fall in fewer
SPILLED = 0.05  # of the cup, in one go or in drops: less is not worth being called an event
NEAR = 2  # cells from which a hazard is known if it was seen

_HAZARDS = {  # causes, and the objects they are
    Cause.CABLE: Object.CABLE,
    Cause.RUG_EDGE: Object.RUG_EDGE,
    Cause.KERB: Object.KERB,
    Cause.ICE: Object.ICE,
    Cause.WET: Object.WET,
    Cause.GRAVEL: Object.GRAVEL,
}
_GROUNDS = {int(obj): cause for cause, obj in _HAZARDS.items() if obj in HAZARDS_TO_SLIP_ON}
_BLOCKED_BY = {int(Object.WALL): "wall", int(Object.PERSON): "person"}
_ON_THE_FLOOR = (Posture.DOWN, Posture.RISING)
_FEET = ("left", "right")
_UNTIED = 0.2  # tightness of a lace
_FEWEST_LOOKING = 0.1


class TripTruth(WorldTruth):
    """The exact states of a batch of bodies, as far back as a mishap can reach.

    The truth of another world of walking bodies is one of these, with events of its own.

    Args:
        world: Where they live.
    """

    EVENTS = MappingProxyType(
        {
            "stumbled": TrueEvent(said_as=EventKind.STUMBLE, witnesses=True, forked=True),
            "fell": TrueEvent(said_as=EventKind.FALL, witnesses=True, forked=True),
            "slipped": TrueEvent(said_as=EventKind.SLIP, witnesses=True, forked=True),
            "recovered": TrueEvent(said_as=EventKind.RECOVERY, witnesses=True),
            "spilled": TrueEvent(witnesses=True),
            "bumped": TrueEvent(said_as=EventKind.BUMP),
            "picked_up": TrueEvent(said_as=EventKind.PICKED_UP),
            "put_down": TrueEvent(said_as=EventKind.PUT_DOWN),
            "lace_came_loose": TrueEvent(said_as=EventKind.LACE_UNTIED),
            "lace_tied": TrueEvent(said_as=EventKind.LACE_TIED),
            "was_seen": TrueEvent(said_as=EventKind.SEEN, witnesses=True),
            "got_up": TrueEvent(),
            "stepped_on_lace": TrueEvent(said_as=EventKind.LACE_STEPPED_ON, counted=False),
            "heard_laughter": TrueEvent(counted=False),
            "was_told": TrueEvent(said_as=EventKind.TOLD, counted=False),
            "got_across": TrueEvent(said_as=EventKind.CROSSED, counted=False),
        }
    )

    def __init__(self, world: Walkers):
        self._world = world
        self._names = names_of(self.EVENTS)
        count = world.num_envs
        self._states: deque[tuple[NDArray, NDArray, NDArray]] = deque(maxlen=KEPT_TICKS)
        self._last = self._before = world.bodies.copy()
        self._objects = world.objects.copy()
        self._starts = np.zeros((count, 3), np.int64)  # column, row, heading
        self._contact = np.zeros(count, np.int64)  # tick of the last contact of a foot
        self._foot = np.zeros(count, np.int64)
        self._blamed: dict[int, tuple[int, Cause, int]] = {}  # of a row: tick, what was known then
        self._spilled = np.zeros(count)  # since a spill was last worth telling
        self._happened: dict[int, dict[str, float]] = {}
        self._mishaps: dict[int, list[tuple[int, Mishap]]] = {}
        self._forks: Forks | None = None

    def begin(self, rows: NDArray[np.intp]) -> None:
        """Note where these bodies stand; what was before no longer counts."""
        bodies = self._world.bodies[rows]
        self._starts[rows] = np.stack([bodies["x"], bodies["y"], bodies["heading"]], axis=1)
        self._contact[rows] = -KEPT_TICKS
        self._spilled[rows] = 0.0
        self._before[rows], self._objects[rows] = bodies, self._world.objects[rows]
        for row in rows.tolist():
            self._happened.pop(row, None)
            self._blamed.pop(row, None)
            self._mishaps[row] = []

    def stepped(self, actions: NDArray[np.int64]) -> None:
        """Keep the exact state that was stepped, and what the world says happened."""
        self._states.append((self._before, self._objects, actions))
        self._last, self._before = self._before, self._world.bodies.copy()
        self._objects = self._world.objects.copy()
        self._note_contacts()
        self._note_events()

    def _note_contacts(self) -> None:
        touch = self._before["touch"]
        toes, soles, laces = touch[:, TOES], touch[:, SOLES], touch[:, LACES] >= 1.0
        noticed = np.maximum(np.maximum(toes, soles), laces)
        struck = noticed.max(axis=1) > 0
        self._contact[struck] = self._before["tick"][struck]
        self._foot[struck] = noticed[struck].argmax(axis=1)

    # ---- What happened ----

    def happened(self, rows: Sequence[int]) -> dict[int, dict[str, float]]:
        """Return the true events of the last step in these rows: kinds, and how severe each was.

        Each is returned once.
        """
        return {row: self._happened.pop(row) for row in rows if row in self._happened}

    def _note_events(self) -> None:
        self._happened = {}
        for event in self._world.events():
            row, kind = int(event["row"]), int(event["kind"])
            if name := self._names.get(kind):
                self._happened.setdefault(row, {})[name] = float(event["severity"])
            if kind == EventKind.SPILL:
                self._spilled[row] += float(event["severity"])
        for name, rows in self._changes().items():
            for row in rows.tolist():
                self._happened.setdefault(row, {}).setdefault(name, 0.0)

    def _changes(self) -> dict[str, NDArray[np.intp]]:
        """Return what follows from the exact states before and after the step, by row."""
        was, now = self._last, self._before
        lay = np.isin(was["posture"], _ON_THE_FLOOR)
        stands = ~np.isin(now["posture"], _ON_THE_FLOOR)
        in_trouble = np.isin(now["posture"], (Posture.STUMBLE, *_ON_THE_FLOOR))
        more_eyes = (now["seen_by"] > was["seen_by"]) & (now["seen_by"] > _FEWEST_LOOKING)
        laughs = (now["laughter"] > _FEWEST_LOOKING) & (was["laughter"] <= _FEWEST_LOOKING)
        spilled = self._enough_spilled(now)
        return {
            "got_up": np.flatnonzero(lay & stands),
            "was_seen": np.flatnonzero(in_trouble & more_eyes),
            "heard_laughter": np.flatnonzero(laughs),
            "spilled": np.flatnonzero(spilled),
            "put_down": np.flatnonzero((was["held_object"] != 0) & (now["held_object"] == 0)),
        }

    def _enough_spilled(self, now: NDArray) -> NDArray[np.bool_]:
        """Return where enough has been spilled to be called an event, and begin to count anew."""
        spilled = self._spilled > SPILLED
        self._spilled[spilled | (now["held_object"] != Object.CUP)] = 0.0
        return spilled

    def position(self, row: int) -> tuple[int, int]:
        """Return column and row where a body stands."""
        body = self._before[row]
        return int(body["x"]), int(body["y"])

    # ---- What is true of it ----

    def facts(self, row: int, kind: str, before: Percept, now: Percept) -> dict[Attribute, Fact]:
        """Return what is true of an event of this tick, beside what the body's side tells."""
        facts = {Attribute.PLACE: place_of(self._starts[row], self.position(row), now)}
        about = EVENT_TRAITS[NoticedEvent[kind.upper()]].about
        if about is About.CONTACT:
            facts |= self._of_contact(row, kind, before, now)
        if Attribute.LEAN in event_table()[kind].facts:
            facts[Attribute.LEAN] = Fact(value=_lean(self._leaning(row, kind)))
        if self.EVENTS[kind].witnesses:
            facts |= self._witnesses(row, before, now)
        if about in (About.HELD, About.RELEASED):
            held = self._before[row] if about is About.HELD else self._last[row]
            obj = self._words(int(held["held_object"]), int(held["held_color"]))
            facts[Attribute.THING] = Fact(value=obj)
        if kind == "bumped":
            facts |= self._bumped_into(row, now)
        if about is About.TOLD:
            obj, color = (int(number) for number in self._before[row]["heard"][2:4])
            facts[Attribute.THING] = Fact(value=self._words(obj, color))
        if about is About.BEHIND:
            stretch = self._before[row]["stretch"].tolist()
            facts[Attribute.THING] = Fact(value=self._words(*stretch))
        if about is About.LACE:
            facts[Attribute.FOOT] = Fact(value=_FEET[self._lace_changed(row)])
        return facts

    def _words(self, object: int, color: int) -> str:
        return Target(object=object, color=color).words(self._world.spec)

    def _of_contact(
        self, row: int, kind: str, before: Percept, now: Percept
    ) -> dict[Attribute, Fact]:
        """Return what a foot met, as far as a foot met anything."""
        body = self._before[row]
        if self._contact[row] < body["tick"] - KEPT_TICKS // 2:
            return {}
        cause, color, foot = self._contact_of(row, kind)
        facts = {Attribute.FOOT: Fact(value=foot)}
        if cause is Cause.OWN_LACE:
            facts[Attribute.THING] = Fact(value=f"{foot} lace")
            facts[Attribute.CAUSE] = Fact(value="own lace")
        elif cause in _HAZARDS:
            obj = _HAZARDS[cause]
            known = _remembers(before, obj, color) or _remembers(now, obj, color)
            known = self._still_known(row, cause, color, known)
            facts[Attribute.THING] = Fact(value=self._words(obj, color), sensed=known)
            facts[Attribute.CAUSE] = Fact(value=cause.name.lower().replace("_", " "), sensed=known)
        elif cause is Cause.FLOOR:
            facts[Attribute.THING] = Fact(value="nothing")
            facts[Attribute.CAUSE] = Fact(value="floor")
        return facts

    def _still_known(self, row: int, cause: Cause, color: int, known: bool) -> bool:
        """Return whether what a foot met is known, or was when this mishap began.

        Who slips on ice in plain view, and falls four cells on, knows what that came of.
        """
        tick = int(self._before["tick"][row])
        if known:
            self._blamed[row] = tick, cause, color
        since, *blamed = self._blamed.get(row, (-KEPT_TICKS, Cause.NONE, 0))
        return blamed == [cause, color] and tick - since <= KEPT_TICKS // 2

    def _contact_of(self, row: int, kind: str) -> tuple[Cause, int, str]:
        """Return what a foot met, its color, and which foot it was.

        A lace stepped on in the same tick hides what a sole slipped on just before.
        """
        body = self._before[row]
        cause, color = Cause(int(body["contact_cause"])), int(body["contact_color"])
        if kind != "slipped" or cause is not Cause.OWN_LACE:
            return cause, color, _FEET[self._foot[row]]
        cell = int(self._world.layouts[body["layout"]]["cells"][body["y"], body["x"]])
        return _GROUNDS.get(cell & 0xFF, Cause.FLOOR), cell >> 8 & 0xFF, _FEET[body["stance_foot"]]

    def _leaning(self, row: int, kind: str) -> tuple[float, float]:
        """Return how far a body leans; one that has fallen lies, so how it leant before."""
        body = self._last[row] if kind == "fell" else self._before[row]
        return float(body["lean_forward"]), float(body["lean_right"])

    def _bumped_into(self, row: int, now: Percept) -> dict[Attribute, Fact]:
        obj, color = self._ahead(row)
        if obj <= Object.EMPTY:
            return {}
        known = bool(now.event_objects[0])
        cause = _BLOCKED_BY.get(obj, "furniture")
        return {
            Attribute.THING: Fact(value=self._words(obj, color), sensed=known),
            Attribute.CAUSE: Fact(value=cause, sensed=known),
        }

    def _ahead(self, row: int) -> tuple[int, int]:
        """Return object and color of what stands in the cell ahead of a body."""
        body = self._before[row]
        x = int(body["x"]) + EAST[body["heading"]]
        y = int(body["y"]) + SOUTH[body["heading"]]
        for obj in self._world.objects[row]:
            if obj["kind"] and (int(obj["x"]), int(obj["y"])) == (x, y):
                return int(obj["kind"]), int(obj["color"])
        cell = int(self._world.layouts[body["layout"]]["cells"][y, x])
        return cell & 0xFF, cell >> 8 & 0xFF

    def _lace_changed(self, row: int) -> int:
        """Return the foot whose lace has just come loose, or been tied."""
        was, now = self._last[row]["lace"], self._before[row]["lace"]
        crossed = (was >= _UNTIED) != (now >= _UNTIED)
        return int(np.argmax(crossed)) if crossed.any() else int(np.argmax(np.abs(now - was)))

    def _witnesses(self, row: int, before: Percept, now: Percept) -> dict[Attribute, Fact]:
        """Return how many persons look, which is felt, and who, which is to be seen."""
        body = self._before[row]
        colors = sorted(
            int(person["color"])
            for person in self._world.objects[row]
            if person["kind"] == Object.PERSON and _sees(person, body, self._sight)
        )
        names = [self._words(Object.PERSON, color) for color in colors]
        known = all(
            _remembers(one, Object.PERSON, color, within=7)
            for color in colors
            for one in (before, now)
        )
        return {
            Attribute.WITNESSES: Fact(value=str(len(names))),
            Attribute.WHO: Fact(value=" and ".join(names) or "nobody", sensed=known),
        }

    @property
    def _sight(self) -> float:
        return float(self._world.constants[0]["sight_cells"])

    # ---- What would have been ----

    def remember(self, row: int, number: int, kind: str) -> None:
        """Keep the exact states that lead to an event which is to be forked."""
        if not self.EVENTS[kind].forked:
            return
        body = self._before[row]
        back = int(body["tick"] - self._contact[row]) + 1  # states before the step of the contact
        if not 1 <= back <= min(len(self._states), KEPT_TICKS // 2):
            return
        past = list(self._states)[-back:]
        self._mishaps[row].append(
            (
                number,
                Mishap(
                    kind=kind,
                    cause=self._contact_of(row, kind)[0],
                    body=past[0][0][row].copy(),
                    objects=past[0][1][row].copy(),
                    actions=np.array([actions[row] for _, _, actions in past]),
                    now=self._world.fork_state(np.array([row])),
                ),
            )
        )

    def forked(self, rows: Sequence[int]) -> list[tuple[int, int, dict[Attribute, str]]]:
        """Return row, number and counterfactual facts of the mishaps that these rows lived."""
        kept = [(row, number, one) for row in rows for number, one in self._mishaps.pop(row, [])]
        if not kept:
            return []
        if self._forks is None:
            self._forks = Forks(self._world, self._another_world())
        found = self._forks.try_all([one for _, _, one in kept])
        return [(row, number, facts) for (row, number, _), facts in zip(kept, found, strict=True)]

    def _another_world(self) -> Walkers:
        """Return a world of the same kind, to fork mishaps in."""
        world = cast(TripWorld, self._world)
        return TripWorld(
            ROWS, level=world.level, shift=world.shift, split=world.split, layouts=ROWS
        )


def _lean(leaning: tuple[float, float]) -> str:
    forward, right = leaning
    if abs(forward) >= abs(right):
        return "ahead" if forward > 0 else "behind"
    return "right" if right > 0 else "left"


def _remembers(percept: Percept, object: int, color: int, within: int = NEAR) -> bool:
    """Return whether a body knows of such an object this near, from what it has seen."""
    rows = percept.landmarks
    like = (rows[:, 0] == object) & (rows[:, 1] == color)
    return bool((like & (np.abs(rows[:, 3:5]).max(axis=1) <= within)).any())


def _sees(person: np.void, body: np.void, sight_cells: float) -> bool:
    """Return whether a body is in a person's view; compare `envs.trip.dynamics.sees`."""
    east, south = int(body["x"] - person["x"]), int(body["y"] - person["y"])
    heading = int(person["heading"])
    ahead = east * EAST[heading] + south * SOUTH[heading]
    aside = abs(east * SOUTH[heading] - south * EAST[heading])
    return 0 < ahead <= sight_cells and aside <= ahead


assert set(_HAZARDS.values()) == {*HAZARDS_TO_TRIP_ON, *HAZARDS_TO_SLIP_ON}
