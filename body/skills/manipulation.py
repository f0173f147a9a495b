"""Skills of the hands, and those that stay on the spot; see `body.skills.navigation`."""

import numpy as np

from body import ego_map as maps
from body.ego_map import EMPTY, FLOOR, RECEIVER, Destination
from body.senses import STAND, TIGHT_BELOW
from body.skills.navigation import cell_at, go_up_to, seek, stay
from envs.engine.compiled import compiled_apart

WAIT_TICKS = 10


# ---- Taking, bringing, opening ----


@compiled_apart
def pick_up(execution, sensor_state, ground):
    """Fetch an object.

    Does: go up to the object, and take it.
    Ends when: it is in the hand.
    """
    go_up_to(execution, sensor_state, ground)
    return sensor_state.held_object == execution.object and (
        execution.color < 0 or sensor_state.held_color == execution.color
    )


@compiled_apart
def put_down(execution, sensor_state, ground):
    """Put down what is in the hand.

    Does: turn to a free cell, a table or a person, preferring what is ahead, and let go.
    Ends when: the hand is empty.
    """
    if execution.stale:
        stay(execution)
        execution.arrived = False
        for turn in (0, 1, 3, 2):
            obj = cell_at(ground.ego_map, turn) & 255
            if obj in (EMPTY, FLOOR) or ground.kinds[obj] & RECEIVER:
                execution.direction, execution.steps = (ground.ego_map.heading + turn) & 3, 1
                execution.arrived = turn == 0
                break
    return sensor_state.held_object <= EMPTY


@compiled_apart
def put_next_to(execution, sensor_state, ground):
    """Put down what is in the hand next to an object.

    Does: go to where a free cell beside the object can be reached, face that cell, and let go.
    Ends when: the hand, which faced that cell, is empty.
    """
    if sensor_state.held_object <= EMPTY:
        return execution.arrived  # as it was in the tick before
    if execution.stale:
        seek(execution, sensor_state, ground, Destination.SITE)
        execution.arrived = False
        if execution.known and execution.steps == 0 and execution.direction >= 0:
            ego_map = ground.ego_map
            site = maps.site_direction(ego_map, ego_map.cell, execution.object, execution.color)
            execution.direction, execution.steps = np.int64(site), 1
            execution.arrived = site == ego_map.heading
    return False


@compiled_apart
def open_door(execution, sensor_state, ground):
    """Open a door.

    Does: go up to the door, and turn its handle.
    Ends when: it stands open ahead.
    """
    go_up_to(execution, sensor_state, ground)
    return execution.arrived and not maps.is_shut(cell_at(ground.ego_map, 0), ground.kinds)


# ---- On the spot ----


@compiled_apart
def tie_lace(execution, sensor_state, ground):
    """Tie the laces.

    Does: stop, crouch, and tie the looser lace first.
    Ends when: both laces feel tight.
    """
    return sensor_state.lace[0] < TIGHT_BELOW and sensor_state.lace[1] < TIGHT_BELOW


@compiled_apart
def get_up(execution, sensor_state, ground):
    """Get up from the ground.

    Does: rise, for as long as it takes.
    Ends when: it stands.
    """
    return sensor_state.posture == STAND


@compiled_apart
def wait(execution, sensor_state, ground):
    """Stand still for a second.

    Does: nothing, on purpose.
    Ends when: ten ticks have passed.
    """
    return sensor_state.tick - execution.since >= WAIT_TICKS
