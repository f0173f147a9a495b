"""Levels of the minigrid package that are drawn by hand, and a search that knows no shortcuts."""

import numpy as np
from minigrid.core.grid import Grid
from minigrid.core.mission import MissionSpace
from minigrid.core.world_object import Ball, Box, Door, Goal, Key, Lava, Wall
from minigrid.envs.babyai.core.roomgrid_level import RoomGridLevel
from minigrid.envs.babyai.core.verifier import (
    AndInstr,
    BeforeInstr,
    GoToInstr,
    ObjDesc,
    PickupInstr,
    PutNextInstr,
)
from minigrid.minigrid_env import MiniGridEnv

from envs.babyai.world import BabyAIWorld

MAKE = {
    "#": Wall,
    "G": Goal,
    "~": Lava,
    "b": lambda: Ball("blue"),
    "x": lambda: Box("green"),
    "k": lambda: Key("red"),
    "d": lambda: Door("red"),
    "o": lambda: Door("red", is_open=True),
    "L": lambda: Door("red", is_locked=True),
    "K": lambda: Box("grey", contains=Key("red")),
}
HEADINGS = {">": 0, "v": 1, "<": 2, "^": 3}
_ROWS = 512  # avatars that a search moves at once


class DrawnLevel(MiniGridEnv):
    """A level of which lines show each cell; the avatar is one of ``> v < ^``."""

    def __init__(self, lines):
        self._lines = lines
        super().__init__(
            MissionSpace(lambda: "get to the goal"),
            width=len(lines[0]), height=len(lines), max_steps=100,
        )  # fmt: skip

    def _gen_grid(self, width, height):
        self.grid, self.mission = Grid(width, height), "get to the goal"
        for y, line in enumerate(self._lines):
            for x, cell in enumerate(line):
                if cell in HEADINGS:
                    self.agent_pos, self.agent_dir = (x, y), HEADINGS[cell]
                elif cell in MAKE:
                    self.grid.set(x, y, MAKE[cell]())


class ClausesLevel(RoomGridLevel):
    """One room of three by three cells with three objects, and some clauses about them.

    Args:
        kinds: "go", "pick" or "put", one or more; the first is about the first object, and so on,
            unless a number says otherwise: "go 0". What is put is put next to the one after it.
        joined: How many of them are joined by "and" at the front: 1 or 2.
    """

    def __init__(self, kinds, joined):
        self._kinds, self._joined = kinds, joined
        super().__init__(room_size=5, num_rows=1, num_cols=1)

    def gen_mission(self):
        self.place_agent()
        objects = self.add_distractors(num_distractors=3, all_unique=True)
        named = [ObjDesc(one.type, one.color) for one in objects]
        clauses = [self._clause(i, kind, named) for i, kind in enumerate(self._kinds)]
        halves = [
            half[0] if len(half) == 1 else AndInstr(half[0], half[1])
            for half in (clauses[: self._joined], clauses[self._joined :])
            if half
        ]
        self.instrs = halves[0] if len(halves) == 1 else BeforeInstr(halves[0], halves[1])

    def _clause(self, i, kind, named):
        kind, _, number = kind.partition(" ")
        i = int(number or i)
        if kind == "put":
            return PutNextInstr(named[i], named[(i + 1) % 3])
        return {"go": GoToInstr, "pick": PickupInstr}[kind](named[i])


class LevelsOf:
    """What `BabyAIWorld` asks of levels, of one environment."""

    def __init__(self, env):
        env.reset(seed=0)
        self._env, self.width, self.height = env, env.width, env.height

    def reset(self, index, fresh=False):
        self._env.reset(seed=index)
        return self._env


def world_of(levels, avatars=1, layouts=64):
    """Return a world in which episodes have begun."""
    world = BabyAIWorld(avatars, levels=levels, layouts=layouts)
    world.reset(np.arange(avatars), seeds=np.arange(avatars, dtype=np.uint64))
    return world


def breadth_first(levels, state):
    """Return the fewest commands that succeed from a fork of one row; all is tried, step by step.

    It goes by the engine's step alone, and tells states apart by all that a fork holds of them.
    """
    world, seen, depth = world_of(levels, _ROWS), set(), 0
    while len(state["bodies"]):
        depth += 1
        reached = []
        for first in range(0, 6 * len(state["bodies"]), _ROWS):
            number = np.arange(first, min(first + _ROWS, 6 * len(state["bodies"])))
            rows, actions = np.arange(len(number)), np.full(_ROWS, 6)
            world.load_state({name: part[number // 6] for name, part in state.items()}, rows)
            actions[rows] = number % 6
            world.step(actions)
            if world.bodies["succeeded"][rows].any():
                return depth
            fork = world.fork_state(rows)
            fresh = [
                row for row in rows if not fork["bodies"]["failed"][row] and _add(fork, row, seen)
            ]
            reached.append({name: part[fresh] for name, part in fork.items()})
        state = {name: np.concatenate([part[name] for part in reached]) for name in state}
    return None


def _add(fork, row, seen):
    """Note a state, and return whether it was new."""
    body = fork["bodies"][row]
    names = ("cell", "heading", "held", "held_object", "clause_done", "clause_held", "first_done")
    arrays = (fork[name][row].tobytes() for name in ("cells", "places", "noticed"))
    key = hash((*(np.asarray(body[name]).tobytes() for name in names), *arrays))
    new = key not in seen
    seen.add(key)
    return new
