"""The oracle: a scripted walker that reads the truth, to show what can be reached. Not an agent.

It knows the map, what each cell feels like, the phase at contact and the body's own constants. The
standard walker goes the same ways at an ordinary pace and pays no heed to hazards; by its stumbles
the world's constants are judged.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from envs.trip.dynamics import (
    _BLOCKS,
    _EAST,
    _SOUTH,
    AS_IT_LOOKS,
    BETTER,
    BRACE,
    CAREFUL,
    DONE,
    DOWN,
    DROP,
    FORWARD,
    GRAB,
    LEFT,
    PICKUP,
    RIGHT,
    RISE,
    RISING,
    RUN,
    STEP_HIGH,
    STUMBLE,
    TIE_LACE,
    _is_in,
    feel_of,
    object_at,
    reflex_works,
)
from envs.trip.state import OBJECTS, SPAN
from envs.trip.vocabulary import Mission, Object
from envs.trip.world import TripWorld

_UNREACHED = 1_000_000
_WORSE = 1_000  # what a cell costs that feels worse than it looks: more than the longest way round
_TABLE, _PERSON = int(Object.TABLE), int(Object.PERSON)


@njit(cache=True)
def _find(layout, objects, object, color):
    """Return where the object of that kind and color is; (0, 0) if it is nowhere."""
    for slot in range(OBJECTS):
        if objects[slot].kind == object and objects[slot].color == color and objects[slot].x > 0:
            return np.int64(objects[slot].x), np.int64(objects[slot].y)
    wanted = np.uint32(object) | np.uint32(color) << np.uint32(8)
    for y in range(SPAN):
        for x in range(SPAN):
            if layout.cells[y, x] == wanted:
                return x, y
    return 0, 0


@njit(cache=True)
def _cost(body, layout, x, y, c):
    """Return what stepping into a cell costs, in tenths of a cell of plain floor."""
    cost = 10
    feel = feel_of(body, layout.cells[y, x], x, y, c)
    if feel != AS_IT_LOOKS:
        return cost if feel == BETTER else cost + _WORSE
    if layout.height[y, x] > 0.0:
        cost += np.int64(layout.height[y, x] * 600.0)
    if layout.friction[y, x] < c.floor_friction:
        cost += 30
    return cost


@njit(cache=True)
def _distances(body, layout, objects, goal_x, goal_y, careful, distance, queue, c):
    """Fill `distance` with the cost of the way from each cell to one beside the goal."""
    distance[:] = _UNREACHED
    head, tail = 0, 0
    for heading in range(4):
        x, y = goal_x + _EAST[heading], goal_y + _SOUTH[heading]
        if not _is_in(_BLOCKS, object_at(layout, objects, x, y)):
            distance[y, x] = 0
            queue[tail] = y * SPAN + x
            tail += 1
    while head != tail:
        cell = queue[head]
        head = (head + 1) % len(queue)
        y, x = cell // SPAN, cell % SPAN
        here = distance[y, x] + (_cost(body, layout, x, y, c) if careful else 10)
        for heading in range(4):
            u, v = x + _EAST[heading], y + _SOUTH[heading]
            if here < distance[v, u] and not _is_in(_BLOCKS, object_at(layout, objects, u, v)):
                distance[v, u] = here
                queue[tail] = v * SPAN + u
                tail = (tail + 1) % len(queue)


@njit(cache=True)
def _best_heading(body, layout, objects, goal_x, goal_y, careful, distance, queue, c):
    """Return which way to face next."""
    for heading in range(4):
        if body.x + _EAST[heading] == goal_x and body.y + _SOUTH[heading] == goal_y:
            return heading
    _distances(body, layout, objects, goal_x, goal_y, careful, distance, queue, c)
    best, least = np.int64(body.heading), _UNREACHED * 10
    for heading in range(4):
        x, y = body.x + _EAST[heading], body.y + _SOUTH[heading]
        way = distance[y, x]
        if way < _UNREACHED:
            way += (_cost(body, layout, x, y, c) if careful else 10) + 5 * (heading != body.heading)
            if way < least:
                best, least = heading, way
    return best


@njit(cache=True)
def _pace(body, layout, objects, careful, c):
    """Return how to walk on towards the cell ahead."""
    if not careful:
        return FORWARD
    x, y = body.x + _EAST[body.heading], body.y + _SOUTH[body.heading]
    slippery = min(layout.friction[body.y, body.x], layout.friction[y, x]) < c.floor_friction
    if layout.height[y, x] > 0.0 and body.progress < 0.5:
        return STEP_HIGH
    return CAREFUL if slippery else FORWARD


@njit(cache=True)
def _towards(body, layout, objects, goal_x, goal_y, at_goal, careful, distance, queue, c):
    """Return the next command on the way to (goal_x, goal_y), and `at_goal` in front of it."""
    heading = _best_heading(body, layout, objects, goal_x, goal_y, careful, distance, queue, c)
    turn = (heading - body.heading) % 4
    if turn != 0:
        return LEFT if turn == 3 else RIGHT
    x, y = body.x + _EAST[heading], body.y + _SOUTH[heading]
    if x == goal_x and y == goal_y:
        return at_goal if body.speed < 0.45 else DONE
    return _pace(body, layout, objects, careful, c)


@njit(cache=True)
def best_reflex(body, layout, objects, c):
    """Return the reflex that works best in this stumble."""
    forward, right = abs(body.lean_forward), abs(body.lean_right)
    if right > c.recovered_at_m and right / c.fall_side_share > forward:
        return LEFT if body.lean_right < 0.0 else RIGHT
    best, most = DONE, 0.0
    for action in (STEP_HIGH, DONE, RUN, BRACE, GRAB):
        works = reflex_works(body, layout, objects, action, c)
        if works > most:
            best, most = action, works
    if most < 0.2 and right > c.recovered_at_m:
        return LEFT if body.lean_right < 0.0 else RIGHT
    return best


@njit(cache=True)
def _on_mission(body, layout, objects, careful, distance, queue, c):
    """Return the command that serves the mission."""
    kind, obj, color = body.mission[0], body.mission[1], body.mission[2]
    holds_it = body.held_object == obj and body.held_color == color
    at_goal = DONE
    if kind == Mission.CARRY_CUP.value or kind == Mission.DELIVER.value:
        if holds_it:
            obj, color, at_goal = body.mission[3], body.mission[4], DROP
        else:
            at_goal = PICKUP
    elif kind == Mission.TIE_THEN_FETCH.value:
        if min(body.lace[0], body.lace[1]) < c.lace_untied_below:
            return TIE_LACE if body.speed <= 0.2 else DONE
        at_goal = PICKUP
    x, y = _find(layout, objects, obj, color)
    return _towards(body, layout, objects, x, y, at_goal, careful, distance, queue, c)


@njit(cache=True)
def _oracle_action(body, layout, objects, careful, distance, queue, c):
    if body.posture == DOWN or body.posture == RISING:
        return RISE
    if body.posture == STUMBLE:
        return best_reflex(body, layout, objects, c) if careful else DONE
    return _on_mission(body, layout, objects, careful, distance, queue, c)


@njit(cache=True)
def _oracle_rows(bodies, objects, layouts, careful, actions, constants):
    distance = np.empty((SPAN, SPAN), np.int64)
    queue = np.empty(SPAN * SPAN * 4, np.int64)
    for row in range(len(bodies)):
        body = bodies[row]
        actions[row] = _oracle_action(
            body, layouts[body.layout], objects[row], careful, distance, queue, constants[0]
        )


def oracle_actions(world: TripWorld, careful: bool = True) -> NDArray[np.int64]:
    """Return the oracle's command for each body, (B,); not careful, the standard walker's."""
    actions = np.empty(world.num_envs, np.int64)
    _oracle_rows(world.bodies, world.objects, world.layouts, careful, actions, world.constants)
    return actions
