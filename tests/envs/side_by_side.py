"""The compiled engine and the minigrid package take the same steps: `walk` says where they differ.

Thousands of steps over all ids, which is too long for the suite:

    python tests/envs/side_by_side.py --steps 3000
    python tests/envs/side_by_side.py --steps 500 --only ObstructedMaze
"""

import argparse
import time
from collections import deque
from dataclasses import dataclass, fields

import gymnasium
import minigrid  # noqa: F401  (registers its ids)
import numpy as np
from minigrid.minigrid_env import MiniGridEnv

from envs.babyai.bank import covers
from envs.babyai.levels import TASKS, Levels
from envs.babyai.vocabulary import Action
from envs.babyai.world import BabyAIWorld

STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))
ROWS = 3


@dataclass(slots=True)
class Tally:
    """What has been compared."""

    steps: int = 0
    episodes: int = 0
    wins: int = 0
    losses: int = 0

    def __add__(self, other):
        return Tally(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


# ---- Who decides what is done ----


class Meddler:
    """Goes up to one object after the other and handles it; now and then it does just anything.

    It reads the package's environment, and changes nothing in it.
    """

    def __init__(self, seed):
        self._rng = np.random.default_rng(seed)
        self._plan = deque()

    def act(self, env):
        """Return the next action."""
        if self._rng.random() < 0.12:
            self._plan.clear()
            return int(self._rng.integers(0, 7))
        if not self._plan:
            self._plan.extend(self._execution(env))
        return self._plan.popleft()

    def begin(self):
        """Forget the plan."""
        self._plan.clear()

    def _execution(self, env):
        """Return the actions that lead to some object, and what is done to it there."""
        grid, rng = env.grid, self._rng
        cells = [(x, y) for x in range(grid.width) for y in range(grid.height)]
        object_types = [
            c for c in cells if grid.get(*c) and grid.get(*c).type not in ("wall", "lava")
        ]
        ways = ways_from(env)
        if getattr(env, "instrs", None) is not None and rng.random() < 0.6:
            object_types = spoken_of(env.instrs) or object_types
        within = [c for c in object_types if any((c[0] - x, c[1] - y) in ways for x, y in STEPS)]
        if env.carrying is not None or not within or rng.random() < 0.15:
            near = [(x + dx, y + dy) for x, y in within for dx, dy in STEPS]
            free = [c for c in (near or cells) if c in ways and c != tuple(env.agent_pos)]
            within = within * 2 + (free or cells[:1])
        target = within[rng.integers(len(within))]
        return [*self._way_to(env, ways, target), *self._handle(env, grid.get(*target))]

    def _way_to(self, env, ways, target):
        """Return the actions that end in front of a cell."""
        beside = [(target[0] - dx, target[1] - dy) for dx, dy in STEPS]
        place = next((c for c in beside if c in ways), None)
        if place is None:
            return []
        headings = [STEPS.index((target[0] - place[0], target[1] - place[1]))]
        while place != tuple(map(int, env.agent_pos)):
            before = ways[place]
            headings.insert(0, STEPS.index((place[0] - before[0], place[1] - before[1])))
            place = before
        actions, heading = [], env.agent_dir
        for i, wanted in enumerate(headings):
            actions += [[], [1], [1, 1], [0]][(wanted - heading) % 4]
            actions += [2] if i + 1 < len(headings) else []
            heading = wanted
        return actions

    def _handle(self, env, object_type):
        """Return what is done to an object."""
        rng = self._rng
        if object_type is None or object_type.type == "floor":
            return [Action.DROP] if env.carrying and rng.random() < 0.8 else [Action.FORWARD]
        if object_type.type == "goal":
            return [Action.FORWARD] if rng.random() < 0.5 else [Action.TOGGLE]
        if object_type.type == "door":
            return [Action.TOGGLE, Action.FORWARD][: 1 + rng.integers(2)]
        first = (Action.PICKUP, Action.PICKUP, Action.TOGGLE, Action.DONE)[rng.integers(4)]
        return [first, *([Action.DROP] if rng.random() < 0.2 else [])]


def ways_from(env):
    """Return, for each cell that can be walked to, the cell from which it is reached."""
    start = tuple(map(int, env.agent_pos))
    came, edge = {start: start}, deque([start])
    while edge:
        x, y = edge.popleft()
        for dx, dy in STEPS:
            cell = (x + dx, y + dy)
            if cell in came or not (0 <= cell[0] < env.width and 0 <= cell[1] < env.height):
                continue
            object_type = env.grid.get(*cell)
            if object_type is None or (
                object_type.can_overlap() and object_type.type not in ("lava", "goal")
            ):
                came[cell] = (x, y)
                edge.append(cell)
    return came


def spoken_of(instruction):
    """Return where objects are that an instruction speaks of, as far as they were noticed."""
    if hasattr(instruction, "instr_a"):
        return spoken_of(instruction.instr_a) + spoken_of(instruction.instr_b)
    names = ("desc", "desc_move", "desc_fixed")
    found = [getattr(instruction, name).obj_poss for name in names if hasattr(instruction, name)]
    return [tuple(map(int, place)) for places in found for place in places]


# ---- Side by side ----


class Walk:
    """Some rows of the compiled world, and as many environments of the package."""

    def __init__(self, levels, seed, layouts=16, rows=ROWS):
        self.world = BabyAIWorld(rows, levels=levels, layouts=layouts)
        self._levels, self._rng = levels, np.random.default_rng(seed)
        self._meddlers = [Meddler((seed, row)) for row in range(rows)]
        self.peers: dict[int, MiniGridEnv] = {}
        self.world.reset(np.arange(rows), np.arange(rows) + seed)
        for row in range(rows):
            self._begin(row)
        self.tally = Tally()

    def _begin(self, row):
        index = int(self.world.bodies["layout"][row])
        self.peers[row] = self._levels.reset(index, fresh=True)
        self._meddlers[row].begin()
        self._same_view(row, self.peers[row].gen_obs(), "at the start")

    def step(self):
        """Take one step everywhere; finished rows begin anew.

        Raises:
            AssertionError: If the two differ in anything.
        """
        actions = [
            meddler.act(env)
            for meddler, env in zip(self._meddlers, self.peers.values(), strict=True)
        ]
        self.world.step(np.array(actions, np.int64))
        for row, action in enumerate(actions):
            self._compare(row, action, *self.peers[row].step(int(action))[:4])

    def _compare(self, row, action, obs, reward, terminated, truncated):
        world = self.world
        said = f"after {Action(action).name} at {self.peers[row].step_count}"
        self._same_view(row, obs, said)
        ours = (world.rewards[row, 0], bool(world.terminated[row]), bool(world.truncated[row]))
        assert ours == (reward, terminated, truncated), said
        self.tally.steps += 1
        if terminated or truncated:
            self.tally += Tally(0, 1, int(reward > 0), int(terminated and reward <= 0))
            world.reset(np.array([row]))
            self._begin(row)

    def _same_view(self, row, obs, said):
        world, env = self.world, self.peers[row]
        assert np.array_equal(world.observation["image"][row], obs["image"]), said
        assert world.mission_words(row) == obs["mission"], said
        assert world.pose(row) == (*map(int, env.agent_pos), obs["direction"]), said
        if self._rng.random() < 0.1:
            grid = world.grid(row)[: env.width, : env.height]
            assert np.array_equal(grid, env.grid.encode()), said


def walk(levels, steps, seed=0):
    """Compare so many steps of some levels; return what was compared."""
    walk = Walk(levels, seed)
    while walk.tally.steps < steps:
        walk.step()
    return walk.tally


def registered():
    """Return all ids of the package."""
    return [name for name in gymnasium.registry if name.startswith(("MiniGrid-", "BabyAI-"))]


def levels_of(name):
    """Return the levels of an id or of a task."""
    if name in TASKS:
        return Levels(task=name, words="train", split="any")
    return Levels(id=name, split="any")


def main():
    """Compare all that there is, and print a line for whatever is left out or never won."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--steps", type=int, default=1000)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--only", default="")
    given = arguments.parse_args()
    begun, names, total = time.perf_counter(), 0, Tally()
    for name in (*TASKS, *registered()):
        if given.only not in name or name == "BabyAI-v0":
            continue
        try:
            levels = levels_of(name)
        except ValueError as error:
            print(f"{name}: left out: {error}")
            continue
        reason = covers(levels.reset(0))
        if reason:
            print(f"{name}: not covered: {reason}")
            continue
        tally = walk(levels, given.steps, given.seed)
        names, total = names + 1, total + tally
        if not tally.wins or given.only:
            print(f"{name}: {tally}")
    print(f"{names} names, {total}, all alike, {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
