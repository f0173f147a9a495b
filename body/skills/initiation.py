"""What can start: a skill's initiation set, and why the body is not in it."""

import numpy as np

from body.ego_map import (
    BED,
    DOOR,
    EMPTY,
    FOOD,
    HAZARD,
    KEY,
    PERSON,
    PORTABLE,
    RAIL,
    SPRING,
    TARGET,
    kinds_of,
)
from body.senses import DOWN, RISING, TIGHT_BELOW
from body.skills.spec import Need
from body.types import Skill, TargetKind, WorldSpec
from envs.engine.compiled import compiled_apart

REFUSALS = {
    Need.DOWN: "the body is on its feet",
    Need.ON_FEET: "the body is on the ground: get up first",
    Need.FULL_HAND: "there is nothing in the hand: pick something up first",
    Need.KEY_IN_HAND: "there is no key in the hand: pick one up first",
    Need.EMPTY_HAND: "the hand is full: put down the {held} first",
    Need.LOOSE_LACE: "both laces are tight",
}
TARGET_REFUSALS = {
    TargetKind.ANYTHING: "'{object}' is nothing one can go to",
    TargetKind.HAZARD: "'{object}' is no hazard that can be crossed: go to it instead",
    TargetKind.RAIL: "'{object}' is no rail",
    TargetKind.PORTABLE: "'{object}' does not fit in a hand",
    TargetKind.DOOR: "'{object}' is no door",
    TargetKind.FOOD: "'{object}' is nothing to eat",
    TargetKind.SPRING: "'{object}' is no spring",
    TargetKind.BED: "'{object}' is no bed",
    TargetKind.PERSON: "'{object}' is nobody who could be asked",
}
NOTHING = -1  # in place of an object: the skill takes none
ANY_FITTING = -2  # in place of an object: given a fitting one

_FLAGS = np.zeros(len(TargetKind), np.int64)  # of the map, for each kind of target
_FLAGS[[TargetKind.ANYTHING, TargetKind.HAZARD, TargetKind.RAIL]] = TARGET, HAZARD, RAIL
_FLAGS[[TargetKind.PORTABLE, TargetKind.DOOR]] = PORTABLE, DOOR
_FLAGS[[TargetKind.FOOD, TargetKind.SPRING]] = FOOD, SPRING
_FLAGS[[TargetKind.BED, TargetKind.PERSON]] = BED, PERSON


def fitting(skill: Skill, spec: WorldSpec) -> tuple[int, ...]:
    """Return the numbers of the objects that a skill may be about in a world."""
    kinds = kinds_of(spec)
    return tuple(obj for obj in sorted(spec.targets) if kinds[obj] & _FLAGS[skill.target])


# Names that compiled code reads as numbers.
_DOWN, _ON_FEET, _FULL_HAND, _KEY, _EMPTY_HAND, _LOOSE_LACE = (int(need) for need in Need)


@compiled_apart
def unmet(spec, object, sensor_state, kinds):
    """Return the first `Need` and the `TargetKind` for want of which a skill cannot start.

    Args:
        spec: Record of `SKILL_TABLE`.
        object: What it shall be about; NOTHING or ANY_FITTING.
        sensor_state: Record of `body.senses.SENSOR_STATE`.
        kinds: (256,) flags of each kind of object.

    Returns:
        Two numbers; both are 0 where it can start.
    """
    lacking = spec.needs & ~_state_of(sensor_state)
    if lacking:
        return lacking & -lacking, 0
    return 0, _misfit(spec.target, object, kinds)


@compiled_apart
def _state_of(sensor_state):
    """Return which needs the body meets, as bits of `Need`."""
    held = sensor_state.held_object
    down = sensor_state.posture == DOWN or sensor_state.posture == RISING
    tight = sensor_state.lace[0] < TIGHT_BELOW and sensor_state.lace[1] < TIGHT_BELOW
    state = _DOWN if down else _ON_FEET
    state |= _FULL_HAND if held > EMPTY else _EMPTY_HAND
    return state | (_KEY if held == KEY else 0) | (0 if tight else _LOOSE_LACE)


@compiled_apart
def _misfit(target, object, kinds):
    """Return the `TargetKind` that an object is not; 0 where it fits."""
    if target == TargetKind.NOTHING or object == ANY_FITTING:
        return 0
    kind = np.int64(kinds[object]) if 0 <= object < len(kinds) else 0
    if not kind & TARGET:
        return np.int64(TargetKind.ANYTHING)
    return 0 if kind & _FLAGS[target] else target
