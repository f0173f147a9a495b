"""Skills that lead somewhere, the way finding on their behalf, and the navigation features.

Each skill is one compiled function that is called once a tick: it finds the way again if something
has changed (`execution.stale`), and returns whether the skill is done.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from body import ego_map as maps
from body.ego_map import (
    GROUND,
    HAZARD,
    KEY,
    OBSTACLE,
    STEPS,
    UNSEEN,
    Destination,
    Scratch,
    Want,
    Way,
)
from body.senses import STAND
from body.types import Manner, Status
from envs.engine.compiled import compiled_apart

# Columns of the navigation features: which way to go, as the body faces it.
AHEAD, TO_THE_RIGHT, BEHIND, TO_THE_LEFT = range(4)  # where the first step of the way lies
ARRIVED = 4  # what is wanted is in the cell ahead
KNOWN = 5  # the way leads to what is wanted; otherwise it leads into the unknown, to search for it
DISTANCE = 6  # log(1 + cells), 1 at 33 cells
STRAIGHT = 7  # cells straight on before the way bends, in views of 6
HAZARD_AHEAD, HAZARD_HERE, BLOCKED_AHEAD = 8, 9, 10
NAVIGATION_SIZE = 11

NEARLY_STILL_MPS = 0.5
_FARTHEST = math.log1p(33)
_HAZARD_COST = np.zeros(len(Manner), np.int64)  # cells of detour that a hazard is worth
_HAZARD_COST[[Manner.CAREFUL, Manner.NORMAL, Manner.FAST]] = 8, 4, 1


class Ground(NamedTuple):
    """What finding a way needs: one avatar's map, the kinds of objects, and room to work."""

    ego_map: NDArray
    kinds: NDArray[np.uint16]
    scratch: Scratch


# ---- Finding the way on behalf of a skill ----


@compiled_apart
def take(execution, way):
    """Write a way into the execution."""
    execution.direction, execution.steps = way.direction, way.steps
    execution.straight, execution.known = way.straight, way.known


@compiled_apart
def seek(execution, sensor_state, ground, goal):
    """Find the way to a `Destination` that has to do with the target."""
    want = Want(
        np.int64(goal),
        np.int64(execution.object),
        np.int64(execution.color),
        np.int64(_HAZARD_COST[execution.manner]),
        np.int64(sensor_state.held_color) if sensor_state.held_object == KEY else np.int64(-1),
    )
    entry = np.int64(execution.entry)
    take(execution, maps.find_way(ground.ego_map, ground.kinds, want, entry, ground.scratch))


@compiled_apart
def stay(execution):
    """Have no way to go."""
    take(execution, Way(np.int64(-1), np.int64(0), np.int64(0), True))


@compiled_apart
def cell_at(ego_map, turn):
    """Return the remembered cell `turn` quarters to the right of where the body faces."""
    return ego_map.grid[ego_map.cell + STEPS[(ego_map.heading + turn) & 3]]


@compiled_apart
def go_up_to(execution, sensor_state, ground):
    """Find the way to the target, which has been reached where it stands in the cell ahead."""
    if execution.stale:
        seek(execution, sensor_state, ground, Destination.REACH)
        ahead = cell_at(ground.ego_map, 0)
        is_ground = ground.kinds[ahead & 255] & GROUND != 0
        execution.arrived = (
            maps.is_wanted(ahead, execution.object, execution.color) and not is_ground
        )


@compiled_apart
def _stands_on_it(execution, ground):
    here = ground.ego_map.grid[ground.ego_map.cell]
    wanted = maps.is_wanted(here, execution.object, execution.color)
    return wanted and ground.kinds[here & 255] & GROUND != 0


# ---- The skills ----


@compiled_apart
def go_to(execution, sensor_state, ground):
    """Go up to an object.

    Does: walk the shortest remembered way, round hazards where the detour is worth it (less so
        the faster the manner), or to the nearest unseen place as long as the object is unknown.
    Ends when: the object is in the cell ahead, or underfoot where it is a part of the ground, and
        the body stands upright, nearly still.
    """
    go_up_to(execution, sensor_state, ground)
    there = execution.arrived or _stands_on_it(execution, ground)
    return there and sensor_state.posture == STAND and sensor_state.speed < NEARLY_STILL_MPS


@compiled_apart
def cross(execution, sensor_state, ground):
    """Cross a hazard.

    Does: go to the nearest cell of it, over it, and off it on the far side.
    Ends when: it has been stepped on and left.
    """
    if not execution.stale:
        return False
    here = ground.ego_map.grid[ground.ego_map.cell]
    on_it = maps.is_wanted(here, execution.object, execution.color)
    if execution.phase == 1 and not on_it:
        return True
    if on_it and execution.phase == 0:
        execution.phase, execution.entry = 1, ground.ego_map.heading
    if execution.phase == 0:
        seek(execution, sensor_state, ground, Destination.REACH)
    else:
        seek(execution, sensor_state, ground, Destination.LEAVE)
        if execution.direction < 0:  # nothing beyond: any way off will do
            seek(execution, sensor_state, ground, Destination.STEP_OFF)
    return False


@compiled_apart
def follow_rail(execution, sensor_state, ground):
    """Go along a rail.

    Does: go to the nearest free cell beside the rail, then along it: straight on where the rail
        runs that way, otherwise to where it is longer.
    Ends when: the rail, or the way beside it, does not go on.
    """
    ego_map = ground.ego_map
    if execution.stale:
        if execution.phase == 0 and maps.is_beside(
            ego_map, ego_map.cell, execution.object, execution.color
        ):
            execution.phase, execution.entry = 1, _rail_heading(execution, ground)
        if execution.phase == 0:
            seek(execution, sensor_state, ground, Destination.BESIDE)
        else:
            run = _rail_run(execution, ground, execution.entry)
            take(execution, Way(np.int64(execution.entry), run, run, True))
    return execution.phase == 1 and execution.steps == 0


@compiled_apart
def _rail_heading(execution, ground):
    """Return the heading of the map in which to follow the rail from here."""
    heading = np.int64(ground.ego_map.heading)
    best, longest = heading, _rail_run(execution, ground, heading)
    if longest > 0:
        return heading
    for turn in (1, 3, 2):
        run = _rail_run(execution, ground, (heading + turn) & 3)
        if run > longest:
            best, longest = (heading + turn) & 3, run
    return best


@compiled_apart
def _rail_run(execution, ground, heading):
    """Return how many steps in this direction keep the rail on the same side, as far as is known.

    An unseen cell where the rail would be counts as one more step: it will be seen from there.
    """
    ego_map, kinds = ground.ego_map, ground.kinds
    longest = np.int64(0)
    for side in ((heading + 1) & 3, (heading + 3) & 3):
        cell = np.int64(ego_map.cell)
        if not maps.is_wanted(ego_map.grid[cell + STEPS[side]], execution.object, execution.color):
            continue
        run = np.int64(0)
        while True:
            cell += STEPS[heading]
            beside = ego_map.grid[cell + STEPS[side]]
            if kinds[ego_map.grid[cell] & 255] & OBSTACLE:
                break
            if beside & 255 == UNSEEN:
                run += 1
                break
            if not maps.is_wanted(beside, execution.object, execution.color):
                break
            run += 1
        longest = max(longest, run)
    return longest


@compiled_apart
def find(execution, sensor_state, ground):
    """Find an object.

    Does: go to the nearest place that has not been seen, again and again.
    Ends when: the object is in sight, or remembered.
    """
    if execution.stale:
        seek(execution, sensor_state, ground, Destination.REACH)
    return execution.known


@compiled_apart
def explore(execution, sensor_state, ground):
    """See something new.

    Does: go to the nearest place that has not been seen.
    Ends when: something is on the map that was not there before.
    """
    if not execution.stale:
        return False
    known = maps.count_landmarks(ground.ego_map, ground.kinds)
    if execution.landmarks < 0:
        execution.landmarks = known
    seek(execution, sensor_state, ground, Destination.FRONTIER)
    execution.known = False
    return known > execution.landmarks


@compiled_apart
def face(execution, sensor_state, ground):
    """Turn to an object, without a step.

    Does: turn to where the nearest one is remembered, as nearly as quarter turns allow.
    Ends when: it faces that way.
    """
    if execution.stale:
        heading = np.int64(maps.bearing(ground.ego_map, execution.object, execution.color))
        take(execution, Way(heading, np.int64(1), np.int64(0), bool(heading >= 0)))
    return execution.direction == ground.ego_map.heading


@compiled_apart
def look_around(execution, sensor_state, ground):
    """Look in all four directions.

    Does: turn to the right, again and again.
    Ends when: the turns add up to a full circle.
    """
    if execution.stale:
        execution.direction, execution.steps = (ground.ego_map.heading + 1) & 3, 1
        execution.known = True
    return abs(ground.ego_map.turns - execution.turns_before) >= 4


# ---- What the motor is told of the way ----


@compiled_apart
def write_navigation_features(execution, ego_map, kinds, navigation_features):
    """Write the way as the body faces it; an active skill that has ended leads nowhere."""
    navigation_features[:] = 0.0
    running = execution.status == Status.RUNNING
    arrived = running and execution.arrived
    if running and execution.direction >= 0 and not arrived:
        navigation_features[(execution.direction - ego_map.heading) & 3] = 1.0
        navigation_features[STRAIGHT] = min(execution.straight, 6) / 6.0
    navigation_features[ARRIVED] = arrived
    navigation_features[KNOWN] = execution.known or not running
    navigation_features[DISTANCE] = math.log1p(execution.steps) / _FARTHEST if running else 0.0
    ahead = kinds[cell_at(ego_map, 0) & 255]
    navigation_features[HAZARD_AHEAD] = ahead & HAZARD != 0
    navigation_features[HAZARD_HERE] = kinds[ego_map.grid[ego_map.cell] & 255] & HAZARD != 0
    shut = maps.is_shut(cell_at(ego_map, 0), kinds)
    navigation_features[BLOCKED_AHEAD] = ahead & OBSTACLE != 0 or shut
