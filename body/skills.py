"""The body's skills: what each does, when it can start, when it has ended, and why it failed.

A skill is an option in the sense of Sutton, Precup and Singh (1999): `Skills` keeps, for each
avatar, an active skill, which is the skill under way with its arguments. It decides where the way
leads (the navigation features) and whether the active skill has ended; how to set the feet is the
motor policy's, which is given the active skill as a code. Everything here rests on the body's own
senses and memory.

Each skill is one function that is called once a tick: it finds the way again if something has
changed (`execution.stale`), and returns whether the active skill is done. What can fail in the same
manner for all of them is in `_failure`.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from body import ego_map as maps
from body.ego_map import (
    DOOR,
    EMPTY,
    FLOOR,
    GROUND,
    HAZARD,
    KEY,
    OBSTACLE,
    PORTABLE,
    RAIL,
    RECEIVER,
    STEPS,
    TARGET,
    UNSEEN,
    Destination,
    EgoMap,
    Scratch,
    Want,
    Way,
)
from body.senses import DOWN, RISING, STAND, TIGHT_BELOW, Senses
from body.types import (
    Failure,
    Intent,
    Manner,
    NoticedEvent,
    Percept,
    Skill,
    SkillStatus,
    Status,
    Target,
    WorldSpec,
    skills_of,
)

# The navigation features, as it stands in the code: columns and their meaning.
AHEAD, TO_THE_RIGHT, BEHIND, TO_THE_LEFT = range(4)  # where the first step of the way lies
ARRIVED = 4  # what is wanted is in the cell ahead
KNOWN = 5  # the way leads to what is wanted; otherwise it leads into the unknown, to search for it
DISTANCE = 6  # log(1 + cells), 1 at 33 cells
STRAIGHT = 7  # cells straight on before the way bends, in views of 6
HAZARD_AHEAD, HAZARD_HERE, BLOCKED_AHEAD = 8, 9, 10
NAVIGATION_SIZE = 11
_MANNERS = len(Manner)

_FARTHEST = math.log1p(33)
NEARLY_STILL_MPS = 0.5
WAIT_TICKS = 10
PATIENT_TICKS = 10  # without any way on
PATIENT_BUMPS = 5  # in one and the same cell
_EMPTY_CUP = 0.05
_HAZARD_COST = np.array([8, 4, 1], np.int64)  # cells of detour that a hazard is worth, by manner

# Ticks after which a skill is given up.
_LIMITS = np.zeros(len(Skill), np.int64)
_LIMITS[[Skill.GO_TO, Skill.CARRY_TO, Skill.PICK_UP, Skill.FOLLOW_RAIL, Skill.CROSS]] = 600
_LIMITS[[Skill.FIND, Skill.PUT_NEXT_TO, Skill.OPEN, Skill.UNLOCK, Skill.EXPLORE]] = 600
_LIMITS[[Skill.PUT_DOWN, Skill.WAIT, Skill.LOOK_AROUND, Skill.FACE]] = 60
_LIMITS[[Skill.TIE_LACE, Skill.GET_UP]] = 120

NOBODY = -1  # in place of a skill: no active skill was ever given

EXECUTION = np.dtype(
    [
        ("skill", np.int8),
        ("object", np.int16),  # -1 where the skill has no target
        ("color", np.int16),  # -1 is any
        ("manner", np.int8),
        ("status", np.int8),
        ("failure", np.int8),
        ("since", np.int32),  # tick of the percept at which it was given
        ("turns_before", np.int32),
        ("stale", np.bool_),  # the way has to be found again
        ("phase", np.int8),  # 0 approaching, 1 on the hazard or at the rail
        ("entry", np.int8),  # heading of the map at which it was stepped on or is followed
        ("landmarks", np.int16),  # on the map when exploring began
        ("bumps", np.int16),  # since the last step
        ("lost_ticks", np.int16),  # without any way on
        # the way
        ("direction", np.int8),  # heading of the map; -1 is none
        ("steps", np.int16),
        ("straight", np.int16),
        ("known", np.bool_),
        ("arrived", np.bool_),
    ],
    align=True,
)


class Ground(NamedTuple):
    """What finding a way needs: one avatar's map, the kinds of objects, and room to work."""

    ego_map: NDArray
    kinds: NDArray[np.uint16]
    scratch: Scratch


# ---- Finding the way on behalf of a skill ----


@njit(cache=True)
def _take(execution, way):
    execution.direction, execution.steps, execution.straight = (
        way.direction,
        way.steps,
        way.straight,
    )
    execution.known = way.known


@njit(cache=True)
def _seek(execution, sensor_state, ground, goal):
    want = Want(
        np.int64(goal),
        np.int64(execution.object),
        np.int64(execution.color),
        np.int64(_HAZARD_COST[execution.manner]),
        np.int64(sensor_state.held_color) if sensor_state.held_object == KEY else np.int64(-1),
    )
    entry = np.int64(execution.entry)
    _take(execution, maps.find_way(ground.ego_map, ground.kinds, want, entry, ground.scratch))


@njit(cache=True)
def _stay(execution):
    _take(execution, Way(np.int64(-1), np.int64(0), np.int64(0), True))


@njit(cache=True)
def _cell_at(ego_map, turn):
    """Return the remembered cell `turn` quarters to the right of where the body faces."""
    return ego_map.grid[ego_map.cell + STEPS[(ego_map.heading + turn) & 3]]


@njit(cache=True)
def _go_up_to(execution, sensor_state, ground):
    if execution.stale:
        _seek(execution, sensor_state, ground, Destination.REACH)
        ahead = _cell_at(ground.ego_map, 0)
        is_ground = ground.kinds[ahead & 255] & GROUND != 0
        execution.arrived = (
            maps.is_wanted(ahead, execution.object, execution.color) and not is_ground
        )


@njit(cache=True)
def _stands_on_it(execution, ground):
    here = ground.ego_map.grid[ground.ego_map.cell]
    wanted = maps.is_wanted(here, execution.object, execution.color)
    return wanted and ground.kinds[here & 255] & GROUND != 0


# ---- The skills ----


@njit(cache=True)
def go_to(execution, sensor_state, ground):
    """Go up to an object.

    Can start when: the body is on its feet, and the object is one that can be named.
    Does: walk the shortest remembered way, round hazards where the detour is worth it (less so
        the faster the manner), or to the nearest unseen place as long as the object is unknown.
    Ends when: the object is in the cell ahead, or underfoot where it is a part of the ground, and
        the body stands upright, nearly still.
    Can fail because: blocked, fell, lost sight (nothing is left to explore), took too long.
    """
    _go_up_to(execution, sensor_state, ground)
    there = execution.arrived or _stands_on_it(execution, ground)
    return there and sensor_state.posture == STAND and sensor_state.speed < NEARLY_STILL_MPS


@njit(cache=True)
def carry_to(execution, sensor_state, ground):
    """Carry what is in the hand up to an object.

    Can start when: the body is on its feet with something in its hand.
    Does: the same as going to.
    Ends when: the object is in the cell ahead, and the body stands upright, nearly still.
    Can fail because: dropped (let go, or the cup is empty), and all that going to can fail of.
    """
    return go_to(execution, sensor_state, ground)


@njit(cache=True)
def pick_up(execution, sensor_state, ground):
    """Fetch an object.

    Can start when: the body is on its feet, its hand is empty, and the object fits in a hand.
    Does: go up to the object, and take it.
    Ends when: it is in the hand.
    Can fail because: blocked, fell, lost sight, took too long.
    """
    _go_up_to(execution, sensor_state, ground)
    return sensor_state.held_object == execution.object and (
        execution.color < 0 or sensor_state.held_color == execution.color
    )


@njit(cache=True)
def put_down(execution, sensor_state, ground):
    """Put down what is in the hand.

    Can start when: the body is on its feet with something in its hand.
    Does: turn to a free cell, a table or a person, preferring what is ahead, and let go.
    Ends when: the hand is empty.
    Can fail because: blocked (no such cell on any side), fell, took too long.
    """
    if execution.stale:
        _stay(execution)
        execution.arrived = False
        for turn in (0, 1, 3, 2):
            obj = _cell_at(ground.ego_map, turn) & 255
            if obj in (EMPTY, FLOOR) or ground.kinds[obj] & RECEIVER:
                execution.direction, execution.steps = (ground.ego_map.heading + turn) & 3, 1
                execution.arrived = turn == 0
                break
    return sensor_state.held_object <= EMPTY


@njit(cache=True)
def cross(execution, sensor_state, ground):
    """Cross a hazard.

    Can start when: the body is on its feet, and the object is a hazard.
    Does: go to the nearest cell of it, over it, and off it on the far side.
    Ends when: it has been stepped on and left.
    Can fail because: blocked, fell, lost sight, took too long.
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
        _seek(execution, sensor_state, ground, Destination.REACH)
    else:
        _seek(execution, sensor_state, ground, Destination.LEAVE)
        if execution.direction < 0:  # nothing beyond: any way off will do
            _seek(execution, sensor_state, ground, Destination.STEP_OFF)
    return False


@njit(cache=True)
def follow_rail(execution, sensor_state, ground):
    """Go along a rail.

    Can start when: the body is on its feet, and the object is a rail.
    Does: go to the nearest free cell beside the rail, then along it: straight on where the rail
        runs that way, otherwise to where it is longer.
    Ends when: the rail, or the way beside it, does not go on.
    Can fail because: blocked, fell, lost sight, took too long.
    """
    ego_map = ground.ego_map
    if execution.stale:
        if execution.phase == 0 and maps.is_beside(
            ego_map, ego_map.cell, execution.object, execution.color
        ):
            execution.phase, execution.entry = 1, _rail_heading(execution, ground)
        if execution.phase == 0:
            _seek(execution, sensor_state, ground, Destination.BESIDE)
        else:
            run = _rail_run(execution, ground, execution.entry)
            _take(execution, Way(np.int64(execution.entry), run, run, True))
    return execution.phase == 1 and execution.steps == 0


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
def tie_lace(execution, sensor_state, ground):
    """Tie the laces.

    Can start when: the body is on its feet with an empty hand, and a lace does not feel tight.
    Does: stop, crouch, and tie the looser lace first.
    Ends when: both laces feel tight.
    Can fail because: fell, took too long.
    """
    return sensor_state.lace[0] < TIGHT_BELOW and sensor_state.lace[1] < TIGHT_BELOW


@njit(cache=True)
def wait(execution, sensor_state, ground):
    """Stand still for a second.

    Can start when: always.
    Does: nothing, on purpose.
    Ends when: ten ticks have passed.
    Can fail because: fell.
    """
    return sensor_state.tick - execution.since >= WAIT_TICKS


@njit(cache=True)
def get_up(execution, sensor_state, ground):
    """Get up from the ground.

    Can start when: the body is down.
    Does: rise, for as long as it takes.
    Ends when: it stands.
    Can fail because: took too long.
    """
    return sensor_state.posture == STAND


@njit(cache=True)
def look_around(execution, sensor_state, ground):
    """Look in all four directions.

    Can start when: the body is on its feet.
    Does: turn to the right, again and again.
    Ends when: the turns add up to a full circle.
    Can fail because: fell, took too long.
    """
    if execution.stale:
        execution.direction, execution.steps = (ground.ego_map.heading + 1) & 3, 1
        execution.known = True
    return abs(ground.ego_map.turns - execution.turns_before) >= 4


@njit(cache=True)
def find(execution, sensor_state, ground):
    """Find an object.

    Can start when: the body is on its feet, and the object is one that can be named.
    Does: go to the nearest place that has not been seen, again and again.
    Ends when: the object is in sight, or remembered.
    Can fail because: blocked, fell, lost sight (nothing is left to explore), took too long.
    """
    if execution.stale:
        _seek(execution, sensor_state, ground, Destination.REACH)
    return execution.known


@njit(cache=True)
def face(execution, sensor_state, ground):
    """Turn to an object, without a step.

    Can start when: the body is on its feet, and the object is one that can be named.
    Does: turn to where the nearest one is remembered, as nearly as quarter turns allow.
    Ends when: it faces that way.
    Can fail because: fell, lost sight (it was never seen), took too long.
    """
    if execution.stale:
        heading = np.int64(maps.bearing(ground.ego_map, execution.object, execution.color))
        _take(execution, Way(heading, np.int64(1), np.int64(0), bool(heading >= 0)))
    return execution.direction == ground.ego_map.heading


@njit(cache=True)
def put_next_to(execution, sensor_state, ground):
    """Put down what is in the hand next to an object.

    Can start when: the body is on its feet with something in its hand.
    Does: go to where a free cell beside the object can be reached, face that cell, and let go.
    Ends when: the hand, which faced that cell, is empty.
    Can fail because: dropped (elsewhere), blocked, refused, fell, lost sight, took too long.
    """
    if sensor_state.held_object <= EMPTY:
        return execution.arrived  # as it was in the tick before
    if execution.stale:
        _seek(execution, sensor_state, ground, Destination.SITE)
        execution.arrived = False
        if execution.known and execution.steps == 0 and execution.direction >= 0:
            ego_map = ground.ego_map
            site = maps.site_direction(ego_map, ego_map.cell, execution.object, execution.color)
            execution.direction, execution.steps = np.int64(site), 1
            execution.arrived = site == ego_map.heading
    return False


@njit(cache=True)
def open_door(execution, sensor_state, ground):
    """Open a door.

    Can start when: the body is on its feet, and the object is a door.
    Does: go up to the door, and turn its handle.
    Ends when: it stands open ahead.
    Can fail because: locked, blocked, fell, lost sight, took too long.
    """
    _go_up_to(execution, sensor_state, ground)
    return execution.arrived and not maps.is_shut(_cell_at(ground.ego_map, 0), ground.kinds)


@njit(cache=True)
def unlock(execution, sensor_state, ground):
    """Open a locked door with the key in the hand.

    Can start when: the body is on its feet, the object is a door, and a key is in the hand.
    Does, ends and can fail: as opening does; with the wrong key it is locked.
    """
    return open_door(execution, sensor_state, ground)


@njit(cache=True)
def explore(execution, sensor_state, ground):
    """See something new.

    Can start when: the body is on its feet.
    Does: go to the nearest place that has not been seen.
    Ends when: something is on the map that was not there before.
    Can fail because: blocked, fell, lost sight (nothing is left to explore), took too long.
    """
    if not execution.stale:
        return False
    known = maps.count_landmarks(ground.ego_map, ground.kinds)
    if execution.landmarks < 0:
        execution.landmarks = known
    _seek(execution, sensor_state, ground, Destination.FRONTIER)
    execution.known = False
    return known > execution.landmarks


@njit(cache=True)
def _pursue(execution, sensor_state, ground):
    """Bring the active skill up to date with this tick and return whether it is done."""
    done = False
    if execution.skill == Skill.GO_TO:
        done = go_to(execution, sensor_state, ground)
    elif execution.skill == Skill.CROSS:
        done = cross(execution, sensor_state, ground)
    elif execution.skill == Skill.CARRY_TO:
        done = carry_to(execution, sensor_state, ground)
    elif execution.skill == Skill.FOLLOW_RAIL:
        done = follow_rail(execution, sensor_state, ground)
    elif execution.skill == Skill.TIE_LACE:
        done = tie_lace(execution, sensor_state, ground)
    elif execution.skill == Skill.PICK_UP:
        done = pick_up(execution, sensor_state, ground)
    elif execution.skill == Skill.PUT_DOWN:
        done = put_down(execution, sensor_state, ground)
    elif execution.skill == Skill.WAIT:
        done = wait(execution, sensor_state, ground)
    elif execution.skill == Skill.GET_UP:
        done = get_up(execution, sensor_state, ground)
    elif execution.skill == Skill.LOOK_AROUND:
        done = look_around(execution, sensor_state, ground)
    elif execution.skill == Skill.FIND:
        done = find(execution, sensor_state, ground)
    elif execution.skill == Skill.FACE:
        done = face(execution, sensor_state, ground)
    elif execution.skill == Skill.PUT_NEXT_TO:
        done = put_next_to(execution, sensor_state, ground)
    elif execution.skill == Skill.OPEN:
        done = open_door(execution, sensor_state, ground)
    elif execution.skill == Skill.UNLOCK:
        done = unlock(execution, sensor_state, ground)
    elif execution.skill == Skill.EXPLORE:
        done = explore(execution, sensor_state, ground)
    return done


@njit(cache=True)
def _needs_a_way(skill):
    return skill not in (Skill.TIE_LACE, Skill.WAIT, Skill.GET_UP)


# ---- Failing ----

# Skills that fail as soon as the hand feels that it had no effect.
_HAND_WORK = (
    Skill.PICK_UP.value,
    Skill.PUT_DOWN.value,
    Skill.PUT_NEXT_TO.value,
    Skill.OPEN.value,
    Skill.UNLOCK.value,
)


@njit(cache=True)
def _failure(execution, sensor_state, events, moved):
    """Return why the active skill fails in this tick, if it does."""
    if sensor_state.tick == execution.since:
        return np.int64(Failure.NONE)
    if events[NoticedEvent.FELL] and execution.skill != Skill.GET_UP:
        return np.int64(Failure.FELL)
    bringing = execution.skill == Skill.CARRY_TO or execution.skill == Skill.PUT_NEXT_TO
    if bringing and _was_dropped(sensor_state, events):
        return np.int64(Failure.DROPPED)
    if execution.skill in _HAND_WORK and _met_resistance(events):
        found_locked = events[NoticedEvent.FOUND_LOCKED]
        return np.int64(Failure.LOCKED if found_locked else Failure.REFUSED)
    execution.bumps = (0 if moved else execution.bumps) + events[NoticedEvent.BUMPED]
    if execution.bumps >= PATIENT_BUMPS:
        return np.int64(Failure.BLOCKED)
    lost = execution.direction < 0 and _needs_a_way(execution.skill)
    execution.lost_ticks = execution.lost_ticks + 1 if lost else 0
    if execution.lost_ticks > PATIENT_TICKS:
        return np.int64(Failure.BLOCKED if execution.known else Failure.LOST_SIGHT)
    if sensor_state.tick - execution.since > _LIMITS[execution.skill]:
        return np.int64(Failure.TOOK_TOO_LONG)
    return np.int64(Failure.NONE)


@njit(cache=True)
def _met_resistance(events):
    """Return whether the hand felt that what it did had no effect."""
    return (
        events[NoticedEvent.FOUND_LOCKED]
        or events[NoticedEvent.WAS_REFUSED]
        or events[NoticedEvent.GRASPED_NOTHING]
        or events[NoticedEvent.HAND_STAYED_FULL]
    )


@njit(cache=True)
def _was_dropped(sensor_state, events):
    spilled_all = events[NoticedEvent.SPILLED] and sensor_state.cup < _EMPTY_CUP
    return events[NoticedEvent.PUT_DOWN] or spilled_all


# ---- Starting ----

# Why a skill cannot start; the numbers index `_REFUSALS`.
_CAN_START, _ON_THE_GROUND, _NOTHING_HELD, _HAND_FULL, _NO_TARGET = range(5)
_NO_HAZARD, _NO_RAIL, _NOT_PORTABLE, _LACES_TIGHT, _ON_ITS_FEET = range(5, 10)
_NO_DOOR, _NO_KEY = range(10, 12)

_REFUSALS = {
    _CAN_START: "",
    _ON_THE_GROUND: "the body is on the ground: get up first",
    _NOTHING_HELD: "there is nothing in the hand: pick something up first",
    _HAND_FULL: "the hand is full: put down the {held} first",
    _NO_TARGET: "'{object}' is nothing one can go to",
    _NO_HAZARD: "'{object}' is no hazard that can be crossed: go to it instead",
    _NO_RAIL: "'{object}' is no rail",
    _NOT_PORTABLE: "'{object}' does not fit in a hand",
    _LACES_TIGHT: "both laces are tight",
    _ON_ITS_FEET: "the body is on its feet",
    _NO_DOOR: "'{object}' is no door",
    _NO_KEY: "there is no key in the hand: pick one up first",
}
_BRINGING = (Skill.CARRY_TO.value, Skill.PUT_DOWN.value, Skill.PUT_NEXT_TO.value)
_NOTHING = -1  # in place of an object: the skill takes none
_ANYTHING = -2  # in place of an object: given a fitting one


@njit(cache=True)
def _refusal(skill, object, sensor_state, kinds):
    """Return why the skill cannot start with this object, as a number of `_REFUSALS`."""
    on_the_ground = sensor_state.posture == DOWN or sensor_state.posture == RISING
    holding = sensor_state.held_object > EMPTY
    if skill == Skill.WAIT:
        return _CAN_START
    if skill == Skill.GET_UP:
        return _CAN_START if on_the_ground else _ON_ITS_FEET
    if on_the_ground:
        return _ON_THE_GROUND
    if skill in _BRINGING and not holding:
        return _NOTHING_HELD
    if skill == Skill.UNLOCK and sensor_state.held_object != KEY:
        return _NO_KEY
    if (skill == Skill.PICK_UP or skill == Skill.TIE_LACE) and holding:
        return _HAND_FULL
    if (
        skill == Skill.TIE_LACE
        and sensor_state.lace[0] < TIGHT_BELOW
        and sensor_state.lace[1] < TIGHT_BELOW
    ):
        return _LACES_TIGHT
    return _CAN_START if object == _ANYTHING else _target_refusal(skill, object, kinds)


@njit(cache=True)
def _target_refusal(skill, object, kinds):
    if skill in (Skill.TIE_LACE, Skill.PUT_DOWN, Skill.LOOK_AROUND, Skill.EXPLORE):
        return _CAN_START
    kind = kinds[object] if 0 <= object < len(kinds) else 0
    if not kind & TARGET:
        return _NO_TARGET
    if skill == Skill.CROSS and not kind & HAZARD:
        return _NO_HAZARD
    if skill == Skill.FOLLOW_RAIL and not kind & RAIL:
        return _NO_RAIL
    if skill == Skill.PICK_UP and not kind & PORTABLE:
        return _NOT_PORTABLE
    if (skill == Skill.OPEN or skill == Skill.UNLOCK) and not kind & DOOR:
        return _NO_DOOR
    return _CAN_START


@njit(cache=True)
def _give(executions, sensor_state, memory, kinds, rows, skill, object, color, manner):
    for i in range(len(rows)):
        row = rows[i]
        execution = executions[row]
        execution.skill, execution.manner = skill[i], manner[i]
        execution.object, execution.color = object[i], color[i]
        execution.since, execution.turns_before = sensor_state[row].tick, memory[row].turns
        execution.phase = execution.entry = execution.bumps = execution.lost_ticks = 0
        execution.landmarks = -1
        execution.arrived = False
        execution.stale = True
        _stay(execution)
        refused = _refusal(skill[i], object[i], sensor_state[row], kinds) != _CAN_START
        execution.status = np.int64(Status.FAILED if refused else Status.RUNNING)
        execution.failure = np.int64(Failure.CANNOT_START if refused else Failure.NONE)


# ---- Going on ----


@njit(cache=True)
def _advance(
    executions, sensor_state, memory, kinds, scratch, events, navigation_features, is_new_tick
):
    """Pursue all active skills in a new tick; otherwise only those that were given in this one."""
    for row in range(len(executions)):
        execution, ego_map = executions[row], memory[row]
        if is_new_tick:
            execution.stale = execution.stale or ego_map.changed
        elif not execution.stale:
            continue
        if execution.status == Status.RUNNING:
            done = _pursue(execution, sensor_state[row], Ground(ego_map, kinds, scratch))
            if is_new_tick:
                _judge(execution, sensor_state[row], events[row], ego_map.moved, done)
        if execution.stale:
            _point(execution, ego_map, kinds, navigation_features[row])
        execution.stale = False


@njit(cache=True)
def _judge(execution, sensor_state, events, moved, done):
    """Let an active skill fail or be done; where it is done, only a fall counts more."""
    failure = _failure(execution, sensor_state, events, moved)
    if failure != Failure.NONE and (not done or failure == Failure.FELL):
        execution.status, execution.failure, execution.stale = (
            np.int64(Status.FAILED),
            failure,
            True,
        )
    elif done:
        execution.status, execution.stale = np.int64(Status.DONE), True


@njit(cache=True)
def _point(execution, ego_map, kinds, navigation_features):
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
    ahead = kinds[_cell_at(ego_map, 0) & 255]
    navigation_features[HAZARD_AHEAD] = ahead & HAZARD != 0
    navigation_features[HAZARD_HERE] = kinds[ego_map.grid[ego_map.cell] & 255] & HAZARD != 0
    shut = maps.is_shut(_cell_at(ego_map, 0), kinds)
    navigation_features[BLOCKED_AHEAD] = ahead & OBSTACLE != 0 or shut


def skill_command_size(vocabulary: WorldSpec) -> int:
    """Return the width of a skill command: the world's skills, manners, navigation features."""
    return len(skills_of(vocabulary)) + len(Manner) + NAVIGATION_SIZE


@njit(cache=True)
def _encode(executions, columns, navigation_features, skill_command):
    """Write skill commands; `columns` says where each skill stands, and last, the manners."""
    manner_column = columns[-1]
    compass_column = manner_column + _MANNERS
    for row in range(len(executions)):
        execution = executions[row]
        running = execution.status == Status.RUNNING
        skill = np.int64(execution.skill) if running else np.int64(Skill.WAIT)
        manner = np.int64(execution.manner) if running else np.int64(Manner.NORMAL)
        skill_command[row, :compass_column] = 0.0
        skill_command[row, columns[skill]] = 1.0
        skill_command[row, manner_column + manner] = 1.0
        skill_command[row, compass_column:] = navigation_features[row]


class Skills:
    """The active skills of a batch of avatars.

    Attributes:
        active skills: (B,) records of `EXECUTION`; read `status` and `failure` of all avatars here.
        navigation features: (B, 11) float32, each column in [0, 1], as of the last `advance` or
            `skill_command`.
        reasons: (B,) str, why each active skill was asked for, in the mind's own words.
    """

    def __init__(self, senses: Senses):
        self._senses = senses
        self.executions = np.zeros(senses.num_avatars, EXECUTION)
        self.navigation_features = np.zeros((senses.num_avatars, NAVIGATION_SIZE), np.float32)
        self._scratch = maps.make_scratch()
        self._columns = np.zeros(len(Skill) + 1, np.int64)  # skills elsewhere are never under way
        self._columns[list(skills_of(senses.vocabulary))] = np.arange(
            len(skills_of(senses.vocabulary))
        )
        self._columns[-1] = len(skills_of(senses.vocabulary))
        self._no_events = np.zeros((senses.num_avatars, len(NoticedEvent)), np.bool_)
        self.reasons = np.full(senses.num_avatars, "", object)
        self.begin(np.arange(senses.num_avatars))

    @property
    def _place(self) -> EgoMap:
        return self._senses.ego_map

    @property
    def _vocabulary(self) -> WorldSpec:
        return self._senses.vocabulary

    def begin(self, rows: NDArray) -> None:
        """Forget the active skills of these avatars."""
        blank = np.zeros((), EXECUTION)
        blank["skill"], blank["status"], blank["stale"] = NOBODY, Status.DONE, True
        self.executions[rows] = blank
        self.reasons[rows] = ""

    def intend(self, avatar: int, intent: Intent) -> None:
        """Give one avatar an active skill; see `why_not` for when it fails at once (CANNOT_START).

        What is under way already goes on, with all that it has met.
        """
        target = intent.target or Target(object=_NOTHING)
        asked = (intent.skill, target.object, target.color, intent.manner)
        if not self._is_under_way(avatar, asked):
            self.intend_many([avatar], *asked)
        self.reasons[avatar] = intent.reason

    def _is_under_way(self, avatar: int, asked: tuple[int, int, int, int]) -> bool:
        execution = self.executions[avatar]
        same = asked == tuple(execution[["skill", "object", "color", "manner"]].tolist())
        return same and execution["status"] == Status.RUNNING

    def intend_many(
        self,
        rows: ArrayLike,
        skill: ArrayLike,
        object: ArrayLike,
        color: ArrayLike = -1,
        manner: ArrayLike = Manner.NORMAL,
    ) -> None:
        """Give many avatars an active skill each.

        Args:
            rows: (N,) avatars.
            skill: (N,) or one number of `Skill`.
            object: (N,) or one object; -1 where the skill takes no target.
            color: (N,) or one color; -1 is any.
            manner: (N,) or one number of `Manner`.
        """
        rows = np.atleast_1d(np.asarray(rows, np.int64))
        arguments = (
            np.ascontiguousarray(np.broadcast_to(np.asarray(argument, np.int64), rows.shape))
            for argument in (skill, object, color, manner)
        )
        ego_map = self._place
        _give(
            self.executions,
            self._senses.sensor_state,
            ego_map.memory,
            ego_map.kinds,
            rows,
            *arguments,
        )
        self.reasons[rows] = ""

    def intent(self, avatar: int) -> Intent | None:
        """Return what one avatar was last asked to do, or None."""
        execution = self.executions[avatar]
        if execution["skill"] == NOBODY:
            return None
        target = Target(object=int(execution["object"]), color=int(execution["color"]))
        return Intent(
            skill=Skill(execution["skill"]),
            target=target if target.object != _NOTHING else None,
            manner=Manner(execution["manner"]),
            reason=self.reasons[avatar],
        )

    def status(self, avatar: int) -> SkillStatus:
        """Return how that is going; without any active skill, DONE."""
        execution = self.executions[avatar]
        return SkillStatus(
            status=Status(execution["status"]), failure=Failure(execution["failure"])
        )

    def can_start(self, avatar: int) -> tuple[Skill, ...]:
        """Return the skills that could start now, given a fitting target."""
        sensor_state, skills = self._senses.sensor_state[avatar], skills_of(self._vocabulary)
        return tuple(skill for skill in skills if not self._refuses(sensor_state, skill, _ANYTHING))

    def why_not(self, avatar: int, intent: Intent) -> str:
        """Return why the intent could not start now, in one sentence, or nothing if it could."""
        return self._words_against(self._senses.sensor_state[avatar], intent)

    def refusals(self, avatar: int) -> Callable[[Intent], str]:
        """Return `why_not` of this tick, which says the same when others have gone by."""
        return partial(self._words_against, self._senses.sensor_state[avatar].copy())

    def _words_against(self, sensor_state: np.void, intent: Intent) -> str:
        obj = intent.target.object if intent.target else _NOTHING
        refusal = _REFUSALS[self._refuses(sensor_state, intent.skill, obj)]
        names = self._vocabulary.objects
        name = names[obj] if 0 <= obj < len(names) else f"thing {obj}"
        return refusal.format(held=names[sensor_state["held_object"]], object=name)

    def _refuses(self, sensor_state: np.void, skill: Skill, object: int) -> int:
        return int(_refusal(int(skill), object, sensor_state, self._place.kinds))

    def advance(self, percept: Percept) -> None:
        """Bring all active skills up to date with the percept of this tick; call it once a tick."""
        self._pursue_all(percept.events, is_new_tick=True)

    def skill_command(self) -> NDArray[np.float32]:
        """Return (B, code) float32: one-hots of skill and manner, navigation features 11.

        An avatar whose active skill has ended, or that has none, is shown as waiting. Active skills
        that were given after `advance` are already in it.
        """
        if self.executions["stale"].any():
            self._pursue_all(self._no_events, is_new_tick=False)
        skill_command = np.empty(
            (len(self.executions), skill_command_size(self._vocabulary)), np.float32
        )
        _encode(self.executions, self._columns, self.navigation_features, skill_command)
        return skill_command

    def _pursue_all(self, events: NDArray[np.bool_], is_new_tick: bool) -> None:
        ego_map = self._place
        _advance(
            self.executions,
            self._senses.sensor_state,
            ego_map.memory,
            ego_map.kinds,
            self._scratch,
            events,
            self.navigation_features,
            is_new_tick,
        )
