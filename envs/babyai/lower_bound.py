"""How many motor commands are left at least: the admissible heuristic of the oracle's search.

What is left of a mission is solved exactly in an easier world, backwards, for every cell and
heading (`envs.babyai.relaxed`). Of each clause only this is asked for there: to face one of its
objects where it lies now, whether to go there, to act on it or to carry it elsewhere. Clauses come
in their order, or at the price of carrying. On top comes each time that a hand has to be emptied
for what is yet to be picked up.

Every simplification makes things cheaper, so the bound never exceeds the truth. A command that
could serve two ends is counted once.
"""

import numpy as np

from envs.babyai.dynamics import DOOR, GOAL, type_of
from envs.babyai.relaxed import (
    BARRED,
    FAR,
    WITH_KEY,
    WITHOUT_KEY,
    among,
    end_before,
    fill_costs,
    keys_needed,
    relax_both,
)
from envs.babyai.state import (
    CLAUSES,
    GO_TO,
    GOAL_OR_LAVA,
    INSTRUCTION,
    NO_CLAUSE,
    OPEN_IT,
    OPEN_TARGET,
    PICK_UP,
    PICK_UP_TARGET,
    PUT_NEXT,
)
from envs.engine.compiled import compiled_apart

_FACE, _BRING = 0, 1  # what a clause asks for, in parts
MOST_TASKS = 4  # that a bound reckons with: each doubles the work


# ---- What is left to do ----


@compiled_apart
def _is_left(body, layout, index):
    """Return whether a clause has yet to be fulfilled."""
    if layout.clauses[index].kind == NO_CLAUSE or body.clause_done[index]:
        return False
    return index >= 2 or not (layout.ordered and body.first_done)


@compiled_apart
def _named(body, layout):
    """Return the objects that what is left speaks of, a bit each, and those of several clauses."""
    named, shared = np.uint64(0), np.uint64(0)
    for index in range(CLAUSES):
        if _is_left(body, layout, index):
            spoken_of = layout.clauses[index].objects | layout.clauses[index].beside
            shared |= named & spoken_of
            named |= spoken_of
    if layout.rule == PICK_UP_TARGET:
        named = np.uint64(1) << np.uint64(layout.target)
    return named, shared


@compiled_apart
def _pickups(body, places, layout, shared):
    """Return how many objects must yet be picked up, each by a command of its own."""
    if layout.rule == PICK_UP_TARGET:
        return 1
    count = 0
    for index in range(CLAUSES):
        clause = layout.clauses[index]
        picks = clause.kind == PICK_UP or clause.kind == PUT_NEXT
        if _is_left(body, layout, index) and picks and clause.objects & shared == np.uint64(0):
            count += _all_lie(clause.objects, places, layout)
    return count


@compiled_apart
def _puts(body, layout, shared):
    """Return how many objects must yet be put beside another one, each by a command of its own."""
    count = 0
    for index in range(CLAUSES):
        clause = layout.clauses[index]
        alone = clause.objects & shared == np.uint64(0)
        count += _is_left(body, layout, index) and clause.kind == PUT_NEXT and alone
    return count


@compiled_apart
def _all_lie(objects, where, layout):
    """Return whether it is known of all these objects where they lie."""
    for number in range(1, layout.objects + 1):
        if among(objects, number) and where[number] == 0:
            return False
    return True


# ---- The bound ----


@compiled_apart
def fill_bound(body, cells, places, noticed, layout, work, bound):
    """Fill `bound` with the least number of commands that are left, at least 1.

    Args:
        body: Record of `state.BODY`: what is held, and which clauses are done.
        cells: (N,) flat padded grid.
        places: (64,) flat index of each object; 0 if it is in hand, in a box or gone.
        noticed: (64,) the same as BabyAI's verifiers last noticed it.
        layout: Record of `state.LAYOUT`.
        work: Arrays to work with, see `envs.babyai.oracle`.
        bound: (M, 4) by cell, as `work.index` numbers them, and heading, filled; FAR where it
            cannot be done.
    """
    rule = layout.rule
    known = rule in (GOAL_OR_LAVA, INSTRUCTION, PICK_UP_TARGET, OPEN_TARGET)
    if not known:
        bound[:] = 1
        return
    named, shared = _named(body, layout)
    fill_costs(body, cells, places, layout, named, work.costs)
    for place in range(len(cells)):
        work.barred[place] = work.costs[WITHOUT_KEY, place] == BARRED
    count = keys_needed(body, cells, places, layout, work.keys)
    pickups, holds = _pickups(body, places, layout, shared), int(body.held != 0)
    fetch = _cost_of_a_key(cells, work.keys, count, places, layout, named, pickups, holds)
    work.stages[0] = 0  # where nothing is left
    if rule == INSTRUCTION:
        whole = _fill_instruction(body, cells, places, noticed, layout, shared, work, count, fetch)
    else:
        whole = _fill_rule(cells, places, layout, work, count, fetch)
    emptied = max(0, pickups - 1 + holds - _puts(body, layout, shared)) if pickups > 0 else 0
    for place in range(len(cells)):
        for heading in range(4 if work.index[place] >= 0 else 0):
            value = work.stages[whole, WITHOUT_KEY, place, heading]
            least = FAR if value >= FAR else max(1, value + emptied)
            bound[work.index[place], heading] = least


@compiled_apart
def _cost_of_a_key(cells, keys, count, places, layout, named, pickups, holds):
    """Return what fetching a key takes: the command, unless that serves the mission too."""
    for i in range(count):
        for number in range(1, layout.objects + 1):
            if places[number] == keys[i] and among(named, number):
                return 0
    return 1 + (1 if pickups > 0 else holds)  # and it is put down, or what is in hand is


@compiled_apart
def _fill_rule(cells, places, layout, work, count, fetch):
    """Fill stage 1 for a mission with one end."""
    nothing, values = work.stages[0], work.stages[1]
    values[:] = FAR
    for layer in range(2):
        costs = work.costs[layer]
        if layout.rule == GOAL_OR_LAVA:
            for place in range(len(cells)):
                if type_of(cells[place]) == GOAL:
                    values[layer, place] = 0
        elif layout.rule == PICK_UP_TARGET:
            place = places[layout.target]
            if place == 0:  # in a box, or in hand
                values[:] = 0
            else:
                end_before(place, 1, nothing[layer], values[layer], costs, work.ahead)
        elif layer == WITH_KEY or not work.barred[layout.place_a]:
            place = layout.place_a
            end_before(place, 1, nothing[layer], values[layer], costs, work.ahead)
    relax_both(values, work, count, fetch, np.bool_(True))
    return 1


# ---- An instruction, clause by clause ----


@compiled_apart
def _list_tasks(body, places, noticed, layout, tasks):
    """List what is left, (clause, part) each: to face an object, and to bring it to another one.

    What lies who knows where is left out.
    """
    count = 0
    for index in range(CLAUSES):
        clause = layout.clauses[index]
        if not _is_left(body, layout, index):
            continue
        lies = _all_lie(clause.objects, places, layout)
        if clause.kind == GO_TO:
            lies = lies and _all_lie(clause.objects, noticed, layout)
        if lies and count < MOST_TASKS:
            tasks[count, 0], tasks[count, 1] = index, _FACE
            count += 1
        there = clause.kind == PUT_NEXT and _all_lie(clause.beside, places, layout)
        if there and count < MOST_TASKS:
            tasks[count, 0], tasks[count, 1] = index, _BRING
            count += 1
    return count


@compiled_apart
def _is_first_half_in(left, tasks, count):
    found = False
    for i in range(count):
        found |= left >> i & 1 != 0 and tasks[i, 0] < 2
    return found


@compiled_apart
def _is_face_in(left, tasks, count, index):
    found = False
    for i in range(count):
        found |= left >> i & 1 != 0 and tasks[i, 0] == index and tasks[i, 1] == _FACE
    return found


@compiled_apart
def _fill_instruction(body, cells, places, noticed, layout, shared, work, count, fetch):
    """Fill a stage for each set of tasks that are left; return that of all of them."""
    tasks, stages = work.tasks, work.stages
    number = _list_tasks(body, places, noticed, layout, tasks)
    whole = (1 << number) - 1
    for left in range(1, whole + 1):
        stages[left] = FAR
        for i in range(number):
            if left >> i & 1 != 0:
                clause, after = layout.clauses[tasks[i, 0]], stages[left ^ 1 << i]
                early = tasks[i, 0] >= 2 and _is_first_half_in(left, tasks, number)
                if tasks[i, 1] == _FACE:
                    _face(clause, early, shared, cells, places, layout, after, stages[left], work)
                else:
                    waits = _is_face_in(left, tasks, number, tasks[i, 0])
                    _bring(clause, waits, shared, places, layout, after, stages[left], work)
        relax_both(stages[left], work, count, fetch, left == whole)
    return whole


@compiled_apart
def _face(clause, early, shared, cells, places, layout, after, values, work):
    """Let a stage end wherever an object of a clause is faced: to be carried, if it is early."""
    charge = 0
    if clause.objects & shared == np.uint64(0):
        charge = int(clause.kind != GO_TO) + int(early and clause.kind in (GO_TO, PICK_UP))
    for number in range(1, layout.objects + 1):
        if not among(clause.objects, number):
            continue
        place = np.int64(places[number])
        is_door = type_of(cells[place]) == DOOR
        if early and is_door:
            continue  # which nobody carries
        locked = clause.kind == OPEN_IT and work.barred[place]
        for layer in range(2):
            if not locked or layer == WITH_KEY:
                costs = work.costs[layer]
                end_before(place, charge, after[layer], values[layer], costs, work.ahead)


@compiled_apart
def _bring(clause, waits, shared, places, layout, after, values, work):
    """Let a stage end where an object can be put beside another one, or that one be fetched."""
    charge = int(clause.objects & shared == np.uint64(0))
    fetched = int((clause.objects | clause.beside) & shared == np.uint64(0))
    for number in range(1, layout.objects + 1):
        if not among(clause.beside, number):
            continue
        place = np.int64(places[number])
        for layer in range(2):
            costs, ends, then = work.costs[layer], values[layer], after[layer]
            end_before(place, charge + fetched, then, ends, costs, work.ahead)
            for heading in range(0 if waits else 4):
                beside = place + work.ahead[heading]
                if costs[beside] != BARRED:
                    end_before(beside, charge, then, ends, costs, work.ahead)
