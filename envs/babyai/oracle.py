"""The oracle: the fewest motor commands with which an episode succeeds, by search. Not an agent.

It reads the truth and goes through what could be done with it by the rules of the engine itself
(`envs.babyai.dynamics.step_body`), by A* (Hart, Nilsson and Raphael 1968, doi
10.1109/TSSC.1968.300136) with the bound of `envs.babyai.lower_bound`. What it finds is optimal:
every command is tried in every state but those that change nothing, and the shutting of doors where
no clause asks to open one, which could not help. What is true apart from where the avatar stands is
a configuration; two with the same hash of 64 bits are taken for one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.babyai.dynamics import SHUT, step_body
from envs.babyai.lower_bound import MOST_TASKS, fill_bound
from envs.babyai.relaxed import FAR
from envs.babyai.state import (
    BODY,
    CLAUSES,
    INSTRUCTION,
    LOOKS,
    OBJECTS,
    OPEN_IT,
    SAY_DONE,
)
from envs.babyai.vocabulary import Action, Object
from envs.babyai.world import BabyAIWorld
from envs.engine.compiled import compiled_apart
from envs.engine.view import HEADINGS

_LONGEST = 4096  # commands in a plan
_SUCCESS, _NONE, _TOO_MANY = 0, 1, 2
_DONE = int(Action.DONE)
_FNV, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)


class Work(NamedTuple):
    """What bounds are made in."""

    ahead: NDArray[np.int32]  # (4,) from one flat index to the next, by heading
    index: NDArray[np.int32]  # (N,) number of each cell that is no wall; -1 of a wall
    costs: NDArray[np.int16]  # (3, N) of a step into a cell, see `envs.babyai.relaxed`
    barred: NDArray[np.bool_]  # (N,) which cells cannot be entered without a key
    keys: NDArray[np.int16]  # (64,) where keys lie
    tasks: NDArray[np.int8]  # (4, 2) clause and part of it
    stages: NDArray[np.int16]  # (16, 2, N, 4) commands left, by the set of tasks that are
    queue: NDArray[np.int32]  # (4 N,) states to relax
    queued: NDArray[np.bool_]  # (4 N,) which are among them


class Configurations(NamedTuple):
    """All that is true apart from where the avatar is, a row each, and where it has been."""

    bodies: NDArray  # (C,) of BODY
    cells: NDArray[np.uint8]  # (C, N)
    places: NDArray[np.int16]  # (C, 64)
    noticed: NDArray[np.int16]  # (C, 64)
    bound: NDArray[np.int16]  # (C, M, 4) commands that are left at least, in cells without walls
    best: NDArray[np.int16]  # (C, M, 4) fewest commands that have led there
    table: NDArray[np.int32]  # (T,) row by hash; -1 is none
    hashes: NDArray[np.uint64]  # (C,)
    count: NDArray[np.int64]  # (1,) how many there are


class Nodes(NamedTuple):
    """States that were reached, each with the way there, and open ones by cost and bound.

    The last one is spare: for the command that succeeds.
    """

    state: NDArray[np.int32]  # (S, 3) configuration, cell, heading
    cost: NDArray[np.int16]  # (S,)
    parent: NDArray[np.int32]  # (S,)
    action: NDArray[np.int8]  # (S,)
    following: NDArray[np.int32]  # (S,) next in the same list
    heads: NDArray[np.int32]  # (longest,) first of the list of each sum
    count: NDArray[np.int64]  # (2,) how many there are; the lowest sum that has any


@compiled_apart
def _hash(body, cells, places, noticed):
    value = _FNV
    for i in range(len(cells)):
        value = (value ^ np.uint64(cells[i])) * _PRIME
    for i in range(OBJECTS):
        value = (value ^ np.uint64(np.uint16(places[i]))) * _PRIME
        value = (value ^ np.uint64(np.uint16(noticed[i]))) * _PRIME
    value = (value ^ np.uint64(body.held)) * _PRIME
    value = (value ^ np.uint64(body.held_object)) * _PRIME
    for i in range(CLAUSES):
        value = (value ^ np.uint64(body.clause_done[i] != 0)) * _PRIME
        value = (value ^ np.uint64(body.clause_held[i])) * _PRIME
    return (value ^ np.uint64(body.first_done != 0)) * _PRIME


@compiled_apart
def _configuration(body, cells, places, noticed, layout, known, work):
    """Return the row of a configuration, which is made if it is new; -1 if there is no room."""
    value = _hash(body, cells, places, noticed)
    slot = np.int64(value % np.uint64(len(known.table)))
    while known.table[slot] >= 0:
        row = known.table[slot]
        if known.hashes[row] == value:
            return row
        slot = (slot + 1) % len(known.table)
    row = known.count[0]
    if row == len(known.bodies):
        return -1
    known.count[0] = row + 1
    known.table[slot], known.hashes[row] = row, value
    known.bodies[row] = body
    _copy_objects(cells, places, noticed, known.cells[row], known.places[row], known.noticed[row])
    known.best[row] = FAR
    fill_bound(body, cells, places, noticed, layout, work, known.bound[row])
    return row


@compiled_apart
def _copy_objects(cells, places, noticed, to_cells, to_places, to_noticed):
    """Copy where things are: by hand, as what slices of unlike shapes say takes long to compile."""
    for i in range(len(cells)):
        to_cells[i] = cells[i]
    for i in range(OBJECTS):
        to_places[i], to_noticed[i] = places[i], noticed[i]


@compiled_apart
def _reach(row, place, heading, cost, parent, action, known, nodes, work):
    """Note that a state can be reached, if nothing led there as quickly; return if that fitted."""
    cell = work.index[place]
    left = known.bound[row, cell, heading]
    if left >= FAR or cost >= known.best[row, cell, heading]:
        return True
    node, total = nodes.count[0], cost + left
    if node == len(nodes.cost) - 1 or total >= len(nodes.heads):
        return False
    known.best[row, cell, heading] = cost
    nodes.count[0], nodes.count[1] = node + 1, min(nodes.count[1], total)
    nodes.state[node, 0], nodes.state[node, 1], nodes.state[node, 2] = row, place, heading
    nodes.cost[node], nodes.parent[node], nodes.action[node] = cost, parent, action
    nodes.following[node] = nodes.heads[total]
    nodes.heads[total] = node
    return True


@compiled_apart
def _same_clauses(one, other):
    for i in range(CLAUSES):
        if one.clause_done[i] != other.clause_done[i] or one.clause_held[i] != other.clause_held[i]:
            return False
    return one.first_done == other.first_done


@compiled_apart
def _expand(node, layout, contents, may_shut, known, nodes, work, spare):
    """Try every command in a state; return whether one succeeded, or there was no room."""
    row, place, heading = nodes.state[node, 0], nodes.state[node, 1], nodes.state[node, 2]
    cost = np.int16(nodes.cost[node] + 1)
    bodies, cells, places, noticed = spare
    for action in range(_DONE + (layout.rule == SAY_DONE)):
        bodies[0] = known.bodies[row]
        _copy_objects(
            known.cells[row], known.places[row], known.noticed[row], cells, places, noticed
        )
        body = bodies[0]
        body.cell, body.heading = place, heading
        changed = step_body(body, cells, places, noticed, layout, contents, action, work.ahead)
        if body.succeeded:
            nodes.parent[-1], nodes.action[-1] = node, action
            return _SUCCESS
        event = body.event_kind
        if body.failed or (event == SHUT and not may_shut):
            continue
        to, moved = row, body.moved != 0 or body.last_turn != 0
        if (changed and not moved) or not _same_clauses(body, known.bodies[row]):
            to = _configuration(body, cells, places, noticed, layout, known, work)
        elif not moved:
            continue
        fitted = to >= 0 and _reach(
            to, body.cell, body.heading, cost, node, action, known, nodes, work
        )
        if not fitted:
            return _TOO_MANY
    return _NONE


@compiled_apart
def _may_shut(layout):
    """Return whether a door may have to be shut: to open it is asked for."""
    for i in range(CLAUSES):
        if layout.rule == INSTRUCTION and layout.clauses[i].kind == OPEN_IT:
            return True
    return False


@compiled_apart
def _search(bodies, cells, places, noticed, layouts, contents, known, nodes, work, spare):
    """Return _SUCCESS, with the last command in the spare node, or why there is none."""
    layout = layouts[bodies[0].layout]
    may_shut = _may_shut(layout)
    row = _configuration(bodies[0], cells, places, noticed, layout, known, work)
    none, nothing = np.int32(-1), np.int64(-1)  # of the types of others: compiled once
    body = bodies[0]
    _reach(row, body.cell, body.heading, np.int16(0), none, nothing, known, nodes, work)
    while nodes.count[1] < len(nodes.heads):
        total = nodes.count[1]
        node = nodes.heads[total]
        if node < 0:
            nodes.count[1] = total + 1
            continue
        nodes.heads[total] = nodes.following[node]
        state = nodes.state[node]
        if nodes.cost[node] > known.best[state[0], work.index[state[1]], state[2]]:
            continue  # there was a shorter way
        found = _expand(
            node, layout, contents[bodies[0].layout], may_shut, known, nodes, work, spare
        )
        if found != _NONE:
            return found
    return _NONE


def shortest_plan(
    world: BabyAIWorld, row: int, states: int = 1_000_000, configurations: int = 131_072
) -> NDArray[np.int64] | None:
    """Return the fewest motor commands with which an avatar's mission succeeds from now on, (T,).

    Args:
        world: Whose truth is read; it is left as it is.
        row: The avatar, whose episode goes on.
        states: How many are gone through at most.
        configurations: How many ways the world can be are gone through at most.

    Returns:
        The commands; None where nothing succeeds, or was found among so many states. A time limit
        is not heeded.
    """
    truth, work = _truth_of(world, row)
    nodes, known = _nodes(states), _configurations(configurations, work)
    spare = tuple(one.copy() for one in truth)  # to try commands in
    found = _search(*truth, world.layouts, world.contents, known, nodes, work, spare)
    return _commands(nodes) if found == _SUCCESS else None


def least_commands(world: BabyAIWorld, row: int) -> int:
    """Return how many motor commands an avatar's mission takes at least, as the search believes.

    It is never more than the shortest plan takes; `FAR` where nothing succeeds.
    """
    (bodies, cells, places, noticed), work = _truth_of(world, row)
    body, bound = bodies[0], np.empty((work.index.max() + 1, 4), np.int16)
    _bound_of(bodies, cells, places, noticed, world.layouts, work, bound)
    return int(bound[work.index[body["cell"]], body["heading"]])


@compiled_apart
def _bound_of(bodies, cells, places, noticed, layouts, work, bound):
    fill_bound(bodies[0], cells, places, noticed, layouts[bodies[0].layout], work, bound)


def _truth_of(
    world: BabyAIWorld, row: int
) -> tuple[tuple[NDArray, NDArray, NDArray, NDArray], Work]:
    """Return copies of what is true of a row, and arrays to work with."""
    state = world.fork_state(np.array([row]))
    cells = state["cells"][0]
    free = np.flatnonzero(LOOKS[cells] & 0xFF != Object.WALL)
    truth = (state["bodies"], cells, state["places"][0], state["noticed"][0])
    return truth, _work(world.stride, len(cells), free)


def _commands(nodes: Nodes) -> NDArray[np.int64]:
    """Return the commands that lead to the spare node."""
    commands, node = [], len(nodes.cost) - 1
    while nodes.action[node] >= 0:
        commands.append(int(nodes.action[node]))
        node = int(nodes.parent[node])
    return np.array(commands[::-1], np.int64)


def _nodes(count: int) -> Nodes:
    return Nodes(
        np.empty((count + 1, 3), np.int32),
        np.empty(count + 1, np.int16),
        np.empty(count + 1, np.int32),
        np.empty(count + 1, np.int8),
        np.empty(count + 1, np.int32),
        np.full(_LONGEST, -1, np.int32),
        np.array([0, _LONGEST]),
    )


def _configurations(count: int, work: Work) -> Configurations:
    area, free = len(work.index), work.index.max() + 1
    return Configurations(
        np.empty(count, BODY),
        np.empty((count, area), np.uint8),
        np.empty((count, OBJECTS), np.int16),
        np.empty((count, OBJECTS), np.int16),
        np.empty((count, free, 4), np.int16),
        np.empty((count, free, 4), np.int16),
        np.full(4 * count, -1, np.int32),
        np.empty(count, np.uint64),
        np.zeros(1, np.int64),
    )


def _work(stride: int, area: int, free: NDArray[np.intp]) -> Work:
    index = np.full(area, -1, np.int32)
    index[free] = np.arange(len(free))
    return Work(
        np.array([dx + dy * stride for dx, dy in HEADINGS], np.int32),
        index,
        np.empty((3, area), np.int16),
        np.empty(area, np.bool_),
        np.empty(OBJECTS, np.int16),
        np.empty((MOST_TASKS, 2), np.int8),
        np.empty((2**MOST_TASKS, 2, area, 4), np.int16),
        np.empty(4 * area, np.int32),
        np.empty(4 * area, np.bool_),
    )
