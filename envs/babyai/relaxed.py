"""The easier world in which the oracle's bound is made: costs of steps, keys, and the way back.

Nothing that can be carried stands in the way, no door is shut, and any one of the keys that are
needed opens all locked doors. Only on the way to what is done next does it cost a command to open a
door or to take something away: after that the same may be passed again. Values are commands that
are left, (2, N, 4): for who has no such key and who has, by cell and heading.
"""

import numpy as np

from envs.babyai.dynamics import BOX, CLOSED, DOOR, KEY, LAVA, LOCKED, color_of, state_of, type_of
from envs.babyai.vocabulary import Object
from envs.engine.compiled import compiled_apart

FAR = np.int16(30_000)  # more commands than any plan has: it cannot be done
BARRED = 0  # cost of a step into a cell that cannot be entered
WITHOUT_KEY, WITH_KEY, NEXT = 0, 1, 2  # NEXT: without a key, and to what is done next

_WALL, _BALL, _UNSEEN = int(Object.WALL), int(Object.BALL), int(Object.UNSEEN)


@compiled_apart
def among(objects, number):
    """Return whether an object is in a set of objects; 0 is in none."""
    return number != 0 and objects >> np.uint64(number) & np.uint64(1) != np.uint64(0)


# ---- Keys ----


@compiled_apart
def _fits(body, door):
    return type_of(body.held) == KEY and color_of(body.held) == color_of(door)


@compiled_apart
def keys_needed(body, cells, places, layout, keys):
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


@compiled_apart
def fill_costs(body, cells, places, layout, named, costs):
    """Fill (3, N) with what it costs to step into each cell: without a key, with one, and next."""
    for place in range(len(cells)):
        cell = cells[place]
        kind, more = type_of(cell), 0
        solid = kind in (_WALL, LAVA, _UNSEEN)
        locked = kind == DOOR and state_of(cell) == LOCKED and not _fits(body, cell)
        if kind == DOOR:
            more = int(state_of(cell) in (CLOSED, LOCKED))
        elif kind in (_BALL, BOX):  # a key may be one that has to be picked up anyway
            more = 1
        costs[WITH_KEY, place] = BARRED if solid else 1
        costs[WITHOUT_KEY, place] = BARRED if solid or locked else 1
        costs[NEXT, place] = BARRED if solid or locked else 1 + more
    for number in range(1, layout.objects + 1):
        place = places[number]
        if place > 0 and among(named, number):  # that command is counted already
            costs[NEXT, place] = costs[WITHOUT_KEY, place]


@compiled_apart
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
                if cost == BARRED:
                    continue
            if values[place, heading] + cost < values[before, turned]:
                values[before, turned] = values[place, heading] + cost
                if not queued[before * 4 + turned]:
                    queued[before * 4 + turned] = True
                    queue[tail] = before * 4 + turned
                    tail, waiting = (tail + 1) % len(queue), waiting + 1


@compiled_apart
def _stepped_from(place, heading, costs, ahead):
    """Return the state from which a step leads into a place, and its cost; barred if none does."""
    if costs[place] == BARRED or costs[place - ahead[heading]] == BARRED:
        return place, heading, np.int64(BARRED)
    return place - np.int64(ahead[heading]), heading, np.int64(costs[place])


@compiled_apart
def end_before(place, charge, after, values, costs, ahead):
    """Let a stage end wherever an avatar faces a place."""
    for heading in range(4):
        beside = place - ahead[heading]
        if costs[beside] != BARRED:
            value = np.int16(charge + after[beside, heading])
            values[beside, heading] = min(value, values[beside, heading])


@compiled_apart
def _take_least(values, others):
    for place in range(len(values)):
        for heading in range(4):
            values[place, heading] = min(values[place, heading], others[place, heading])


@compiled_apart
def relax_both(values, work, count, fetch, is_next):
    """Relax what can be done with keys, then what can be done without or after fetching one."""
    costs, ahead = work.costs, work.ahead
    _relax(values[WITH_KEY], costs[WITH_KEY], work)
    without, having = values[WITHOUT_KEY], values[WITH_KEY]
    if count < 0:
        _take_least(without, having)
    for i in range(count):
        end_before(work.keys[i], fetch, having, without, costs[WITHOUT_KEY], ahead)
    _relax(without, costs[NEXT if is_next else WITHOUT_KEY], work)
