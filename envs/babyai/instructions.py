"""Whether a BabyAI instruction has been followed, as minigrid's verifiers judge it.

The judgement is minigrid's to the letter (`minigrid.envs.babyai.core.verifier`, 3.x), with what is
odd about it: positions of the objects that are spoken of are noticed at the start and after each
DROP, not when something is picked up; and a clause knows what was in hand when it was last looked
at, which for a second half is only since the first was done.

An instruction has one half or two, each of one clause or of two joined by "and". "A after you B"
is "B, then A" with its halves exchanged.
"""

import numpy as np

from envs.babyai.state import GO_TO, LOOKS, NO_CLAUSE, OPEN_IT, PICK_UP
from envs.babyai.vocabulary import Action, DoorState, Object
from envs.engine.compiled import compiled_apart

GOES_ON, SUCCESS, FAILURE = 0, 1, 2

_PICKUP, _DROP, _TOGGLE = int(Action.PICKUP), int(Action.DROP), int(Action.TOGGLE)
_DOOR, _OPEN = int(Object.DOOR), int(DoorState.OPEN)
_BYTE = np.uint32(0xFF)


@compiled_apart
def _is_among(objects, number):
    """Return whether an object is in a set of objects; 0 is in none."""
    return number != 0 and objects >> np.uint64(number) & np.uint64(1) != np.uint64(0)


@compiled_apart
def _one_is_at(objects, places, count, place):
    """Return whether one of a set of objects is at a place."""
    for number in range(1, count + 1):
        if places[number] == place and _is_among(objects, number):
            return True
    return False


@compiled_apart
def _is_open_door(clause, cells, places, count, action, front):
    look = LOOKS[cells[front]]
    if action != _TOGGLE or look & _BYTE != _DOOR:
        return GOES_ON
    is_open = look >> np.uint32(16) & _BYTE == _OPEN
    if is_open and _one_is_at(clause.objects, places, count, front):
        return SUCCESS
    return FAILURE if clause.strict else GOES_ON


@compiled_apart
def _is_reached(clause, noticed, count, front):
    return SUCCESS if _one_is_at(clause.objects, noticed, count, front) else GOES_ON


@compiled_apart
def _is_picked_up(clause, held, held_before, action):
    if action != _PICKUP:
        return GOES_ON
    if held_before == 0 and _is_among(clause.objects, held):
        return SUCCESS
    return FAILURE if clause.strict and held != 0 else GOES_ON


@compiled_apart
def _is_put_beside(clause, places, noticed, count, stride, held, held_before, action):
    if clause.strict and action == _PICKUP and held != 0:
        return FAILURE
    if action != _DROP or not _is_among(clause.objects, held_before):
        return GOES_ON
    place = places[held_before]
    for number in range(1, count + 1):
        if _is_among(clause.beside, number):
            apart = abs(place - noticed[number])
            if apart == 1 or apart == stride:
                return SUCCESS
    return GOES_ON


@compiled_apart
def _judge_clause(index, body, cells, places, noticed, layout, action, front, stride):
    clause = layout.clauses[index]
    held, count = body.held_object, layout.objects
    held_before = body.clause_held[index]
    body.clause_held[index] = held
    if clause.kind == GO_TO:
        return _is_reached(clause, noticed, count, front)
    if clause.kind == OPEN_IT:
        return _is_open_door(clause, cells, places, count, action, front)
    if clause.kind == PICK_UP:
        return _is_picked_up(clause, held, held_before, action)
    return _is_put_beside(clause, places, noticed, count, stride, held, held_before, action)


@compiled_apart
def _judge_half(half, body, cells, places, noticed, layout, action, front, stride):
    """Judge one clause, or two in whatever order: those that were not yet done."""
    first = 2 * half
    joined = layout.clauses[first + 1].kind != NO_CLAUSE
    verdict = SUCCESS
    for index in range(first, first + 1 + joined):
        if joined and body.clause_done[index]:
            continue
        done = _judge_clause(index, body, cells, places, noticed, layout, action, front, stride)
        if not joined:
            return done
        body.clause_done[index] = done == SUCCESS
        if done != SUCCESS:
            verdict = GOES_ON
    return verdict


@compiled_apart
def judge(body, cells, places, noticed, layout, action, front, stride):
    """Return GOES_ON, SUCCESS or FAILURE after a tick, and note what was done.

    Args:
        body: Record of `state.BODY`, changed in place.
        cells: (N,) the flat padded grid, after the action.
        places: (64,) flat index of each object; 0 if it is in hand, in a box or gone.
        noticed: (64,) the same as the verifiers last noticed it.
        layout: Record of `state.LAYOUT`, with the instruction.
        action: Motor command, 0 to 6.
        front: Flat index of the cell in front, after the action.
        stride: Cells in a row of the grid.
    """
    if not layout.ordered:
        return _judge_half(0, body, cells, places, noticed, layout, action, front, stride)
    if not body.first_done:
        verdict = _judge_half(0, body, cells, places, noticed, layout, action, front, stride)
        if verdict == FAILURE:
            return FAILURE
        if verdict == GOES_ON:
            if layout.strict:
                too_soon = _judge_half(
                    1, body, cells, places, noticed, layout, action, front, stride
                )
                return FAILURE if too_soon == SUCCESS else GOES_ON
            return GOES_ON
        body.first_done = 1
    return _judge_half(1, body, cells, places, noticed, layout, action, front, stride)
