"""One tick of one avatar by MiniGrid's rules, and what the hand and the shins felt of it.

The rules are minigrid's own (`minigrid.minigrid_env` and the `step` of each environment, 3.x);
what is felt where minigrid says nothing is ours. Plain scalar Python that Numba compiles; a body is
one record of `state.BODY`, and everything is changed in place.
"""

import numpy as np

from envs.babyai.instructions import FAILURE, GOES_ON, SUCCESS, judge
from envs.babyai.state import (
    EMPTY_CELL,
    FETCH,
    FIRST_DOOR,
    GOAL_OR_LAVA,
    INSTRUCTION,
    LOOKS,
    MATCH_FROM_MEMORY,
    OPAQUE,
    OPEN_TARGET,
    PICK_UP_TARGET,
    PUT_NEAR,
    RED_THEN_BLUE,
    SAY_DONE,
)
from envs.babyai.vocabulary import CAN_BE_CARRIED, Action, Cause, DoorState, EventKind, Object
from envs.engine.compiled import compiled

# ---- Names that compiled code reads as numbers ----

LEFT, RIGHT, FORWARD, PICKUP, DROP, TOGGLE, DONE = (int(action) for action in Action)
EMPTY, FLOOR, DOOR, BOX = int(Object.EMPTY), int(Object.FLOOR), int(Object.DOOR), int(Object.BOX)
KEY, GOAL, LAVA = int(Object.KEY), int(Object.GOAL), int(Object.LAVA)
OPEN, CLOSED, LOCKED = (int(state) for state in DoorState)
BUMP, NOTHING_THERE, REFUSED, STILL_FULL = 1, 2, 3, 4
PICKED_UP, PUT_DOWN, DOOR_LOCKED, OPENED, SHUT = 5, 6, 7, 8, 9
assert (BUMP, SHUT) == (EventKind.BUMP, EventKind.SHUT)

_UNDERFOOT = np.uint64(1 << EMPTY | 1 << FLOOR | 1 << GOAL | 1 << LAVA)
_NOTHING = np.uint64(1 << EMPTY | 1 << FLOOR)
_CARRIED = np.uint64(sum(1 << object_type for object_type in CAN_BE_CARRIED))
_CHANGES_THE_GRID = np.uint64(1 << PICKED_UP | 1 << PUT_DOWN | 1 << OPENED | 1 << SHUT)
_NO_EFFECT = np.uint64(
    1 << BUMP | 1 << NOTHING_THERE | 1 << REFUSED | 1 << STILL_FULL | 1 << DOOR_LOCKED
)


def _causes() -> np.ndarray:
    causes = np.full(16, Cause.OTHER, np.int8)
    causes[Object.EMPTY] = Cause.NONE
    for cause in (Cause.WALL, Cause.DOOR, Cause.KEY, Cause.BALL, Cause.BOX):
        causes[Object[cause.name]] = cause
    return causes


CAUSES = _causes()  # by object
_BYTE = np.uint32(0xFF)


@compiled
def _is_in(some, number):
    return (some >> np.uint64(number)) & np.uint64(1) != np.uint64(0)


# ---- What a cell says ----


@compiled
def type_of(cell):
    """Return the object in a cell."""
    return LOOKS[cell] & _BYTE


@compiled
def color_of(cell):
    """Return the colour of what is in a cell."""
    return LOOKS[cell] >> np.uint32(8) & _BYTE


@compiled
def state_of(cell):
    """Return how the door in a cell stands."""
    return LOOKS[cell] >> np.uint32(16) & _BYTE


@compiled
def _door(color, state):
    """Return the cell of a door; only an open one lets light through."""
    cell = np.uint8(FIRST_DOOR + 3 * color + state)
    return cell if state == OPEN else np.uint8(cell | OPAQUE)


@compiled
def _object_at(places, layout, place):
    """Return the number of the object at a place, or 0."""
    found = 0
    for number in range(1, layout.objects + 1):
        if places[number] == place:
            found = number
    return found


# ---- Acting, and what is felt of it ----


@compiled
def _feel(body, kind, object_type):
    body.event_kind = kind
    body.event_cause = CAUSES[object_type]


@compiled
def _turn(body, quarters):
    body.heading = np.int8((body.heading + quarters) & 3)
    body.last_turn = np.int8(1 if quarters == 1 else -1)


@compiled
def _go_forward(body, cells, front):
    """Go on if the way is free; a goal or lava underfoot ends the episode."""
    cell = cells[front]
    object_type = type_of(cell)
    if not (_is_in(_UNDERFOOT, object_type) or (object_type == DOOR and state_of(cell) == OPEN)):
        _feel(body, BUMP, object_type)
        return GOES_ON
    body.cell = front
    body.moved = 1
    body.cells_walked += 1
    if object_type == GOAL:
        return SUCCESS
    return FAILURE if object_type == LAVA else GOES_ON


@compiled
def _pick_up(body, cells, places, layout, front):
    cell = cells[front]
    object_type = type_of(cell)
    if _is_in(_NOTHING, object_type):
        _feel(body, NOTHING_THERE, EMPTY)
    elif not _is_in(_CARRIED, object_type):
        _feel(body, REFUSED, object_type)
    elif body.held != 0:
        _feel(body, STILL_FULL, object_type)
    else:
        _feel(body, PICKED_UP, object_type)
        body.held, body.held_object = cell, _object_at(places, layout, front)
        cells[front] = EMPTY_CELL
        places[body.held_object] = 0


@compiled
def _put_down(body, cells, places, front):
    object_type = type_of(cells[front])
    if body.held == 0:
        _feel(body, NOTHING_THERE, EMPTY)
    elif object_type != EMPTY:
        _feel(body, REFUSED, object_type)
    else:
        _feel(body, PUT_DOWN, type_of(body.held))
        cells[front] = body.held
        places[body.held_object] = front
        body.held = body.held_object = 0


@compiled
def _work_door(body, cells, front):
    """Open or shut a door; a locked one gives only to a key of its colour."""
    door = cells[front]
    state = state_of(door)
    has_key = type_of(body.held) == KEY and color_of(body.held) == color_of(door)
    if state == LOCKED and not has_key:
        _feel(body, DOOR_LOCKED, DOOR)
    elif state == OPEN:
        _feel(body, SHUT, DOOR)
        cells[front] = _door(color_of(door), CLOSED)
    else:
        _feel(body, OPENED, DOOR)
        cells[front] = _door(color_of(door), OPEN)


@compiled
def _open_box(body, cells, places, layout, contents, front):
    """Put what a box holds in its place; the box is gone."""
    box = _object_at(places, layout, front)
    inside = contents[box] >> np.uint16(8)
    _feel(body, OPENED, BOX)
    cells[front] = contents[box] & np.uint16(0xFF)
    places[box] = 0
    if inside != 0:
        places[inside] = front


@compiled
def _toggle(body, cells, places, layout, contents, front):
    object_type = type_of(cells[front])
    if _is_in(_NOTHING, object_type):
        _feel(body, NOTHING_THERE, EMPTY)
    elif object_type == DOOR:
        _work_door(body, cells, front)
    elif object_type == BOX:
        _open_box(body, cells, places, layout, contents, front)
    else:
        _feel(body, REFUSED, object_type)


@compiled
def _act(body, cells, places, layout, contents, action, front):
    """Carry out a motor command; return what goal or lava say of it."""
    if action == FORWARD:
        return _go_forward(body, cells, front)
    if action == LEFT:
        _turn(body, 3)
    elif action == RIGHT:
        _turn(body, 1)
    elif action == PICKUP:
        _pick_up(body, cells, places, layout, front)
    elif action == DROP:
        _put_down(body, cells, places, front)
    elif action == TOGGLE:
        _toggle(body, cells, places, layout, contents, front)
    return GOES_ON


# ---- What ends an episode ----


@compiled
def _stands_beside(body, place, stride):
    apart = abs(body.cell - place)
    return apart == 1 or apart == stride


@compiled
def _is_like_target(held, layout):
    return type_of(held) == layout.target_object and color_of(held) == layout.target_color


@compiled
def _judge_said_done(body, layout, action, stride):
    if action == DONE and _stands_beside(body, layout.place_a, stride):
        return SUCCESS
    return FAILURE if action in (DONE, TOGGLE) else GOES_ON


@compiled
def _judge_put_near(body, layout, held_before, action, front, stride):
    """Judge an object put down: within one cell of the target, or the episode is lost."""
    if action == PICKUP and body.held != 0 and not _is_like_target(body.held, layout):
        return FAILURE
    if action != DROP or held_before == 0:
        return GOES_ON
    apart = abs(front - layout.place_a)
    near = apart <= 1 or abs(apart - stride) <= 1
    return SUCCESS if near and body.held == 0 else FAILURE


@compiled
def _judge_two_doors(red_before, red, blue_before, blue):
    if blue:
        return SUCCESS if red_before else FAILURE
    return FAILURE if red and blue_before else GOES_ON


@compiled
def _judge_rule(body, cells, layout, held_before, action, front, stride):
    """Return what an environment's own rule says of a tick."""
    rule = layout.rule
    if rule == PICK_UP_TARGET:
        if action == PICKUP and body.held != 0 and body.held_object == layout.target:
            return SUCCESS
    elif rule == OPEN_TARGET:
        if action == TOGGLE and state_of(cells[layout.place_a]) == OPEN:
            return SUCCESS
    elif rule == FETCH:
        if body.held != 0:
            return SUCCESS if _is_like_target(body.held, layout) else FAILURE
    elif rule == SAY_DONE:
        return _judge_said_done(body, layout, action, stride)
    elif rule == PUT_NEAR:
        return _judge_put_near(body, layout, held_before, action, front, stride)
    elif rule == MATCH_FROM_MEMORY:
        if body.cell == layout.place_a:
            return SUCCESS
        if body.cell == layout.place_b:
            return FAILURE
    return GOES_ON


@compiled
def _notice(body, places, noticed, layout, action):
    """After a DROP, the verifiers notice where everything is."""
    if action == DROP:
        for number in range(1, layout.objects + 1):
            noticed[number] = places[number]


@compiled
def keep_score(body, action, action_before, event_kind_before):
    """Count a tick that waited, had no effect, or did again what had just had none."""
    body.waits += action == DONE
    body.no_effect += _is_in(_NO_EFFECT, body.event_kind)
    body.repeats += action == action_before and _is_in(_NO_EFFECT, event_kind_before)


# ---- One tick ----


@compiled
def step_body(body, cells, places, noticed, layout, contents, action, ahead):
    """Let one avatar live one tick.

    Args:
        body: Record of `state.BODY`, changed in place.
        cells: (N,) its flat padded grid, changed in place.
        places: (64,) flat index of each object; 0 if it is in hand, in a box or gone.
        noticed: (64,) the same as BabyAI's verifiers last noticed it.
        layout: Record of `state.LAYOUT`, only read.
        contents: (64,) what each box leaves behind: cell, object << 8; only read.
        action: Motor command, 0 to 6.
        ahead: (4,) from one flat index to the next, by heading.

    Returns:
        Whether the view can have changed.
    """
    action_before, event_kind_before, held_before = body.last_action, body.event_kind, body.held
    body.tick += 1
    body.last_action = action
    body.last_turn = body.moved = body.event_kind = body.event_cause = 0
    rule = layout.rule
    if rule == MATCH_FROM_MEMORY and action == PICKUP:
        action = TOGGLE
    red = blue = False
    if rule == RED_THEN_BLUE:
        red = state_of(cells[layout.place_a]) == OPEN
        blue = state_of(cells[layout.place_b]) == OPEN
    front = body.cell + ahead[body.heading]
    verdict = _act(body, cells, places, layout, contents, action, front)
    if rule != GOAL_OR_LAVA:
        front, stride = body.cell + ahead[body.heading], ahead[1]
        if rule == INSTRUCTION:
            _notice(body, places, noticed, layout, action)
            ruled = judge(body, cells, places, noticed, layout, action, front, stride)
        elif rule == RED_THEN_BLUE:
            red_now = state_of(cells[layout.place_a]) == OPEN
            ruled = _judge_two_doors(red, red_now, blue, state_of(cells[layout.place_b]) == OPEN)
        else:
            ruled = _judge_rule(body, cells, layout, held_before, action, front, stride)
        verdict = verdict if ruled == GOES_ON else ruled
    body.succeeded = verdict == SUCCESS
    body.failed = verdict == FAILURE
    keep_score(body, body.last_action, action_before, event_kind_before)
    return body.moved != 0 or body.last_turn != 0 or _is_in(_CHANGES_THE_GRID, body.event_kind)
