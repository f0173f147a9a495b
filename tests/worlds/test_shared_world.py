"""Avatars and worlds are two things: a row is an avatar, and several of them can share a world.

Nothing beside the world has to know: those that share one begin and end together.
"""

import numpy as np
import pytest

from agents.types import Trace
from envs.engine.faces import WorldVectorEnv
from experiments.running.loop import Loop
from tests.experiments.test_loop import Ear
from tests.worlds.corridor import BALL, EMPTY, PAD, WALL, Action, CorridorWorld, EventKind

RED = 0
AHEAD = (3, 5)  # column and row of the view


class SharedCorridorWorld(CorridorWorld):
    """Corridors with two bodies each, rows 2i and 2i + 1, and one ball that either may fetch."""

    def reset(self, rows, seeds=None, episode=0):
        if set(np.asarray(rows) ^ 1) != set(rows):
            raise ValueError(f"rows that share a corridor begin together, got {rows.tolist()}")
        super().reset(rows, seeds, episode)
        self.bodies["x"][rows] = rows % 2

    def step(self, actions):
        for row, action in enumerate(actions.tolist()):
            self._step_beside(self.bodies[row], self.bodies[row ^ 1], action)
        self.rewards[:, 0] = self.bodies["held"]

    def _step_beside(self, body, other, action):
        before = int(body["x"])
        self._step(body, action)
        if body["x"] == other["x"]:  # somebody stands there
            body["x"], body["moved"], body["event"] = before, False, EventKind.BUMP
        if body["event"] == EventKind.PICKED_UP and other["held"]:
            body["held"], body["event"] = False, EventKind.NONE

    @property
    def terminated(self):
        """(B,) as soon as either of two has the ball."""
        held = self.bodies["held"]
        return held | held[np.arange(self.num_envs) ^ 1]

    def _grid(self, row):
        grid, other = super()._grid(row), self.bodies[row ^ 1]
        grid[PAD + other["x"], PAD] = WALL, RED, 0  # a body is in the way
        if other["held"]:
            grid[PAD + self._length - 1, PAD] = EMPTY, 0, 0
        return grid


class Fetcher:
    """Goes on where nothing is ahead, picks up a ball, and turns elsewhere."""

    def begin(self, observation, rows, episodes):
        """Nothing is remembered."""

    def act(self, observation):
        ahead = observation["image"][:, *AHEAD, 0]
        return np.where(
            ahead == EMPTY, Action.FORWARD, np.where(ahead == BALL, Action.PICKUP, Action.LEFT)
        )

    def end(self, rows):
        """Nothing is remembered."""

    def trace(self, row):
        return Trace()

    def close(self):
        """Nothing is open."""


def make(num_envs):
    world = SharedCorridorWorld(num_envs, length=6)
    return WorldVectorEnv(world, autoreset_mode="Disabled"), world


def test_who_shares_a_world_begins_and_ends_together_in_the_ordinary_loop():
    ear = Ear()
    assert Loop(make(4)[0], Fetcher(), [ear], episodes=12, world_seed=3).run()
    ends = {end.episode: end for end in ear.ends}
    assert sorted(ends) == list(range(12))
    for first in range(0, 12, 2):
        pair = [ends[first], ends[first + 1]]
        assert pair[0].score.ticks == pair[1].score.ticks
        assert sorted(end.outcome for end in pair) == ["failure", "success"]
    assert len({end.score.ticks for end in ends.values()}) > 1


def test_bodies_that_share_a_world_see_each_other_and_are_in_the_way():
    env, world = make(2)
    env.reset(seed=1)
    world.bodies["heading"] = 0
    observation, *_ = env.step(np.array([Action.DONE, Action.DONE]))
    assert observation["image"][0, *AHEAD].tolist() == [WALL, RED, 0]
    assert observation["image"][1, *AHEAD, 0] == EMPTY
    observation, *_, info = env.step(np.array([Action.FORWARD, Action.DONE]))
    assert world.bodies["x"].tolist() == [0, 1]
    assert info["_events"].tolist() == [True, False]


def test_half_a_world_cannot_begin_anew():
    env, _ = make(4)
    env.reset(seed=1)
    with pytest.raises(ValueError, match=r"begin together, got \[2\]"):
        env.reset(options={"reset_mask": np.array([False, False, True, False])})
