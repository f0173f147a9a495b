"""Forks: what would have happened, from exact copies of the world.

A mishap is replayed from before the contact, with the same motor commands and the same rng key,
but without what caused it: if it still comes, that was no cause. And from the first tick of a
stumble each reflex is tried.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.engine.body_senses import Posture
from envs.trip.batch import Walkers
from envs.trip.state import OBJECTS
from envs.trip.vocabulary import Action, Cause, Object
from experiments.ground_truth.places import EAST, SOUTH
from experiments.ground_truth.stumbles import HOLD_TICKS, WATCH_TICKS
from mind.claims.language import Attribute

ROWS = 256  # bodies that are forked at once
REFLEXES = {
    Attribute.IF_LIFTED: Action.STEP_HIGH,
    Attribute.IF_LOWERED: Action.DONE,
    Attribute.IF_BRACED: Action.BRACE,
    Attribute.IF_GRABBED: Action.GRAB,
}
_SLIPPERY = (Cause.ICE, Cause.WET, Cause.GRAVEL, Cause.FLOOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mishap:
    """A slip, stumble or fall with what is needed to live it again.

    Attributes:
        kind: "slipped", "stumbled" or "fell".
        cause: What a foot met.
        body: Record of `BODY` before the step in which a foot met something.
        objects: (6,) records of `OBJECT` then.
        actions: (T,) motor commands from then on, the last of which led to the event.
        now: What `fork_state` returns of the body at the event.
    """

    kind: str
    cause: Cause
    body: np.void
    objects: NDArray
    actions: NDArray[np.int64]
    now: Mapping[str, NDArray]


class Forks:
    """A second world, into which bodies are put to see what would have been.

    Args:
        world: The world they live in.
        second: Another one of its kind, of `ROWS` bodies and as many layouts.
    """

    def __init__(self, world: Walkers, second: Walkers):
        self._layouts, self._world = world.layouts, second
        self._world.constants[:] = world.constants
        for row in range(ROWS):  # whoever is not asked about has to be somebody, too
            self._put(row, world.bodies[0], world.objects[0])

    def try_all(self, mishaps: Sequence[Mishap]) -> list[dict[Attribute, str]]:
        """Return, for each mishap, whether it would have come without its cause, and reflexes."""
        found: list[dict[Attribute, str]] = []
        for first in range(0, len(mishaps), ROWS):
            part = mishaps[first : first + ROWS]
            found += [
                {Attribute.WITHOUT_CAUSE: "yes" if came else "no"}
                for came in self._without_cause(part)
            ]
        stumbles = [position for position, one in enumerate(mishaps) if one.kind == "stumbled"]
        for attribute, reflex in REFLEXES.items():
            for first in range(0, len(stumbles), ROWS):
                part = stumbles[first : first + ROWS]
                stayed_up = self._with_reflex([mishaps[position] for position in part], reflex)
                for position, stayed in zip(part, stayed_up, strict=True):
                    found[position][attribute] = "yes" if stayed else "no"
        return found

    def _without_cause(self, mishaps: Sequence[Mishap]) -> NDArray[np.bool_]:
        """Return whether each still comes, by the tick in which it came."""
        world, count = self._world, len(mishaps)
        for row, mishap in enumerate(mishaps):
            self._put(row, mishap.body, mishap.objects)
            self._take_cause_away(row, mishap)
        slips, falls = (world.bodies[name][:count].copy() for name in ("slips", "falls"))
        stumbled = np.zeros(count, np.bool_)
        for tick in range(max(len(mishap.actions) for mishap in mishaps)):
            on = np.array([tick < len(mishap.actions) for mishap in mishaps])
            before = world.bodies[:count].copy()
            commands = [mishap.actions[min(tick, len(mishap.actions) - 1)] for mishap in mishaps]
            world.step(_filled(commands))
            stumbled |= on & (world.bodies["posture"][:count] == Posture.STUMBLE)
            world.bodies[:count][~on] = before[~on]
        slipped, fell = world.bodies["slips"][:count] > slips, world.bodies["falls"][:count] > falls
        came = {"slipped": slipped, "stumbled": stumbled, "fell": fell}
        return np.array([came[mishap.kind][row] for row, mishap in enumerate(mishaps)])

    def _with_reflex(self, mishaps: Sequence[Mishap], reflex: Action) -> NDArray[np.bool_]:
        """Return whether each body stays up if it answers a stumble with one command."""
        world, count = self._world, len(mishaps)
        for row, mishap in enumerate(mishaps):
            self._put(row, mishap.now["bodies"][0], mishap.now["objects"][0])
        falls = world.bodies["falls"][:count].copy()
        for tick in range(WATCH_TICKS):
            held = (world.bodies["posture"] == Posture.STUMBLE) & (tick < HOLD_TICKS)
            world.step(np.where(held, reflex, Action.DONE))
        return world.bodies["falls"][:count] == falls

    def _put(self, row: int, body: np.void, objects: NDArray) -> None:
        """Put a body into a row, in a layout that is its own to change."""
        world = self._world
        world.layouts[row] = self._layouts[body["layout"]]
        world.bodies[row], world.objects[row, :OBJECTS] = body, objects
        world.bodies["layout"][row] = row

    def _take_cause_away(self, row: int, mishap: Mishap) -> None:
        cause, body = mishap.cause, self._world.bodies[row]
        if cause is Cause.OWN_LACE:
            self._world.bodies["lace"][row] = 1.0
            return
        x, y = int(body["x"]), int(body["y"])
        heading = int(body["heading"])
        ahead = (x + EAST[heading], y + SOUTH[heading])
        if cause not in _SLIPPERY:
            self._clear(row, *ahead, cause)
            return
        met = mishap.now["bodies"][0]
        ground = self._ground(row, int(met["contact_x"]), int(met["contact_y"]))
        for cell in ((x, y), ahead):
            if self._ground(row, *cell) == ground:  # a table there stays where it is
                self._clear(row, *cell, cause)

    def _ground(self, row: int, x: int, y: int) -> int:
        return int(self._world.layouts[row]["cells"][y, x])

    def _clear(self, row: int, x: int, y: int, cause: Cause) -> None:
        """Make a cell plain ground; floor that was slipped on, ground that holds any sole."""
        layout = self._world.layouts[row]
        layout["cells"][y, x] = int(Object.EMPTY)
        layout["height"][y, x] = 0.0
        plain = float(self._world.constants[0]["floor_friction"])
        layout["friction"][y, x] = 10.0 if cause is Cause.FLOOR else plain


def _filled(commands: Sequence[int]) -> NDArray[np.int64]:
    """Return a command for every row of the fork world, of which only the first count."""
    every = np.full(ROWS, int(Action.DONE), np.int64)
    every[: len(commands)] = commands
    return every
