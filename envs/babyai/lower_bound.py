"""How many motor commands are left at least: the admissible heuristic of the oracle's search.

What is left of a mission is solved exactly in an easier world, backwards, for every cell and
heading. There nothing that can be carried stands in the way (to walk through it costs the command
that would pick it up), any one of the keys that are needed opens all locked doors, and of each
clause only this is asked for: to face one of its objects where it lies now, whether to go there, to
act on it or to carry it elsewhere. Clauses come in their order, or at the price of carrying. On top
comes each time that a hand has to be emptied for what is yet to be picked up.

Every simplification makes things cheaper, so the bound never exceeds the truth. A command that
could serve two ends is counted once.
"""

import numpy as np
from numba import njit

from envs.babyai.dynamics import (
    BOX,
    CLOSED,
    DOOR,
    GOAL,
    KEY,
    LAVA,
    LOCKED,
    color_of,
    state_of,
    type_of,
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
from envs.babyai.vocabulary import Object

FAR = np.int16(30_000)  # more commands than any plan has: it cannot be done
_WALL, _BALL, _UNSEEN = int(Object.WALL), int(Object.BALL), int(Object.UNSEEN)
_BARRED = 0  # cost of a step into a cell that cannot be entered
_WITHOUT_KEY, _WITH_KEY = 0, 1
_FACE, _BRING = 0, 1  # what a clause asks for, in parts
MOST_TASKS = 4  # that a bound reckons with: each doubles the work
_called = njit(cache=True, nogil=True)


@_called
def _among(objects, number):
    return number != 0 and objects >> np.uint64(number) & np.uint64(1) != np.uint64(0)


# ---- What is left to do ----


@_called
def _is_left(body, layout, index):
    """Return whether a clause has yet to be fulfilled."""
    if layout.clauses[index].kind == NO_CLAUSE or body.clause_done[index]:
        return False
    return index >= 2 or not (layout.ordered and body.first_done)


@_called
def _named(body, layout):
    """Return the objects that what is left speaks of, a bit each, and those acted on by several."""
    named, once, twice = np.uint64(0), np.uint64(0), np.uint64(0)
    for index in range(CLAUSES):
        clause = layout.clauses[index]
        if _is_left(body, layout, index):
            named |= clause.objects | clause.beside
            if clause.kind != GO_TO:
                twice |= once & clause.objects
                once |= clause.objects
    if layout.rule == PICK_UP_TARGET:
        named = np.uint64(1) << np.uint64(layout.target)
    return named, twice


@_called
def _pickups(body, places, layout, twice):
    """Return how many objects must yet be picked up, each by a command of its own."""
    if layout.rule == PICK_UP_TARGET:
        return 1
    count = 0
    for index in range(CLAUSES):
        clause = layout.clauses[index]
        picks = clause.kind == PICK_UP or clause.kind == PUT_NEXT
        if _is_left(body, layout, index) and picks and clause.objects & twice == np.uint64(0):
            count += _all_lie(clause.objects, places, layout)
    return count


@_called
def _puts(body, layout, twice):
    """Return how many objects must yet be put beside another one, each by a command of its own."""
    count = 0
    for index in range(CLAUSES):
        clause = layout.clauses[index]
        alone = clause.objects & twice == np.uint64(0)
        count += _is_left(body, layout, index) and clause.kind == PUT_NEXT and alone
    return count


@_called
def _all_lie(objects, where, layout):
    """Return whether it is known of all these objects where they lie."""
    for number in range(1, layout.objects + 1):
        if _among(objects, number) and where[number] == 0:
            return False
    return True


# ---- Keys ----


@_called
def _fits(body, door):
    return type_of(body.held) == KEY and color_of(body.held) == color_of(door)


@_called
def _keys_needed(body, cells, places, layout, keys):
    """List where the keys to locked doors lie; return how many, -1 if one could be in a box."""
    count, hidden = 0, False
    for place in range(len(cells)):
        door = cells[place]
        if type_of(door) == DOOR and state_of(door) == LOCKED and not _fits(body, door):
            found = False
            for number in range(1, layout.objects + 1):
                cell = cells[places[number]]
                is_key = places[number] > 0 and type_of(cell) == KEY
                if is_key and color_of(cell) == color_of(door):
                    keys[count], found = places[number], True
                    count += count + 1 < len(keys)
            hidden |= not found
    return -1 if hidden else count


# ---- The easier world ----


@_called
def _fill_costs(body, cells, places, layout, named, costs):
    """Fill (2, N) with what it costs to step into each cell, without a key that fits and with."""
    for place in range(len(cells)):
        cell = cells[place]
        kind, cost, locked = type_of(cell), 1, False
        if kind in (_WALL, LAVA, _UNSEEN):
            cost = _BARRED
        elif kind == DOOR:
            locked = state_of(cell) == LOCKED and not _fits(body, cell)
            cost = 2 if state_of(cell) in (CLOSED, LOCKED) else 1
        elif kind in (_BALL, BOX):  # a key may be one that has to be picked up anyway
            cost = 2
        costs[_WITHOUT_KEY, place] = _BARRED if locked else cost
        costs[_WITH_KEY, place] = cost
    for number in range(1, layout.objects + 1):
        place = places[number]
        if place > 0 and _among(named, number) and costs[_WITH_KEY, place] == 2:
            costs[:, place] = np.minimum(costs[:, place], 1)  # that command is counted already


@_called
def _relax(values, costs, work):
    """Lower each value to the least of what the states that can follow have, and the way there."""
    queue, queued = work.queue, work.queued
    head = tail = waiting = 0
    for state in range(values.size):
        queued[state] = values[state // 4, state % 4] < FAR
        if queued[state]:
            queue[tail] = state
            tail, waiting = (tail + 1) % len(queue), waiting + 1
    while waiting > 0:
        state = np.int64(queue[head])
        head, waiting = (head + 1) % len(queue), waiting - 1
        queued[state] = False
        place, heading = state // 4, state % 4
        for move in range(3):  # what led here: a turn to the right, one to the left, a step
            before, turned, cost = place, (heading + 3 + 2 * move) % 4, np.int64(1)
            if move == 2:
                before, turned, cost = _stepped_from(place, heading, costs, work.ahead)
                if cost == _BARRED:
                    continue
            if values[place, heading] + cost < values[before, turned]:
                values[before, turned] = values[place, heading] + cost
                if not queued[before * 4 + turned]:
                    queued[before * 4 + turned] = True
                    queue[tail] = before * 4 + turned
                    tail, waiting = (tail + 1) % len(queue), waiting + 1


@_called
def _stepped_from(place, heading, costs, ahead):
    """Return the state from which a step leads into a place, and its cost; barred if none does."""
    if costs[place] == _BARRED or costs[place - ahead[heading]] == _BARRED:
        return place, heading, np.int64(_BARRED)
    return place - np.int64(ahead[heading]), heading, np.int64(costs[place])


@_called
def _end_before(place, charge, after, values, costs, ahead):
    """Let a stage end wherever an avatar faces a place."""
    for heading in range(4):
        beside = place - ahead[heading]
        if costs[beside] != _BARRED:
            value = np.int16(charge + after[beside, heading])
            values[beside, heading] = min(value, values[beside, heading])


@_called
def _relax_both(values, work, count, fetch):
    """Relax what can be done with keys, then what can be done without or after fetching one."""
    costs, ahead = work.costs, work.ahead
    _relax(values[_WITH_KEY], costs[_WITH_KEY], work)
    without, having = values[_WITHOUT_KEY], values[_WITH_KEY]
    if count < 0:
        without[:] = np.minimum(without, having)
    for i in range(count):
        _end_before(work.keys[i], fetch, having, without, costs[_WITHOUT_KEY], ahead)
    _relax(without, costs[_WITHOUT_KEY], work)


@_called
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
    named, twice = _named(body, layout)
    _fill_costs(body, cells, places, layout, named, work.costs)
    work.barred[:] = work.costs[_WITHOUT_KEY] == _BARRED
    count = _keys_needed(body, cells, places, layout, work.keys)
    pickups, holds = _pickups(body, places, layout, twice), int(body.held != 0)
    fetch = _cost_of_a_key(cells, work.keys, count, places, layout, named, pickups, holds)
    work.stages[0] = 0  # where nothing is left
    if rule == INSTRUCTION:
        whole = _fill_instruction(body, cells, places, noticed, layout, twice, work, count, fetch)
    else:
        whole = _fill_rule(cells, places, layout, work, count, fetch)
    emptied = max(0, pickups - 1 + holds - _puts(body, layout, twice)) if pickups > 0 else 0
    for place in range(len(cells)):
        for heading in range(4 if work.index[place] >= 0 else 0):
            value = work.stages[whole, _WITHOUT_KEY, place, heading]
            least = FAR if value >= FAR else max(1, value + emptied)
            bound[work.index[place], heading] = least


@_called
def _cost_of_a_key(cells, keys, count, places, layout, named, pickups, holds):
    """Return what fetching a key takes: the command, unless that serves the mission too."""
    for i in range(count):
        for number in range(1, layout.objects + 1):
            if places[number] == keys[i] and _among(named, number):
                return 0
    return 1 + (1 if pickups > 0 else holds)  # and it is put down, or what is in hand is


@_called
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
                _end_before(place, 1, nothing[layer], values[layer], costs, work.ahead)
        elif layer == _WITH_KEY or not work.barred[layout.place_a]:
            place = layout.place_a
            _end_before(place, 1, nothing[layer], values[layer], costs, work.ahead)
    _relax_both(values, work, count, fetch)
    return 1


# ---- An instruction, clause by clause ----


@_called
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


@_called
def _is_first_half_in(left, tasks, count):
    found = False
    for i in range(count):
        found |= left >> i & 1 != 0 and tasks[i, 0] < 2
    return found


@_called
def _is_face_in(left, tasks, count, index):
    found = False
    for i in range(count):
        found |= left >> i & 1 != 0 and tasks[i, 0] == index and tasks[i, 1] == _FACE
    return found


@_called
def _fill_instruction(body, cells, places, noticed, layout, twice, work, count, fetch):
    """Fill a stage for each set of tasks that are left; return that of all of them."""
    tasks, stages = work.tasks, work.stages
    number = _list_tasks(body, places, noticed, layout, tasks)
    for left in range(1, 1 << number):
        stages[left] = FAR
        for i in range(number):
            if left >> i & 1 != 0:
                clause, after = layout.clauses[tasks[i, 0]], stages[left ^ 1 << i]
                early = tasks[i, 0] >= 2 and _is_first_half_in(left, tasks, number)
                alone = clause.objects & twice == np.uint64(0)
                if tasks[i, 1] == _FACE:
                    _face(clause, early, alone, cells, places, layout, after, stages[left], work)
                else:
                    waits = _is_face_in(left, tasks, number, tasks[i, 0])
                    _bring(clause, waits, alone, places, layout, after, stages[left], work)
        _relax_both(stages[left], work, count, fetch)
    return (1 << number) - 1


@_called
def _face(clause, early, alone, cells, places, layout, after, values, work):
    """Let a stage end wherever an object of a clause is faced: to be carried, if it is early."""
    charge = 1 if alone and clause.kind != GO_TO else 0
    charge += 1 if early and clause.kind in (GO_TO, PICK_UP) else 0
    for number in range(1, layout.objects + 1):
        if not _among(clause.objects, number):
            continue
        place = np.int64(places[number])
        is_door = type_of(cells[place]) == DOOR
        if early and is_door:
            continue  # which nobody carries
        locked = clause.kind == OPEN_IT and work.barred[place]
        for layer in range(2):
            if not locked or layer == _WITH_KEY:
                costs = work.costs[layer]
                _end_before(place, charge, after[layer], values[layer], costs, work.ahead)


@_called
def _bring(clause, waits, alone, places, layout, after, values, work):
    """Let a stage end where an object can be put beside another one, or that one be fetched."""
    charge = 1 if alone else 0
    for number in range(1, layout.objects + 1):
        if not _among(clause.beside, number):
            continue
        place = np.int64(places[number])
        for layer in range(2):
            costs, ends, then = work.costs[layer], values[layer], after[layer]
            _end_before(place, charge + 1, then, ends, costs, work.ahead)
            for heading in range(0 if waits else 4):
                beside = place + work.ahead[heading]
                if costs[beside] != _BARRED:
                    _end_before(beside, charge, then, ends, costs, work.ahead)
