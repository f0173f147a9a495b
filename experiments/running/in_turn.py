"""One episode after the other in every row of a world, for those who record for themselves."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from agents.types import Agent
from envs.engine.faces import WorldVectorEnv
from experiments.running.callbacks import BatchCallback


def run_in_turn(
    agent: Agent,
    env: WorldVectorEnv,
    callback: BatchCallback,
    *,
    seed: int,
    episodes: int | None = None,
) -> Iterator[NDArray[np.int64]]:
    """Run episodes 0, 1, 2, ... in each row, and yield at each tick how many have ended.

    An episode ends when the agent has perceived what its last step led to, as in `Loop`.

    Args:
        agent: Moves all rows.
        env: Vector env of B rows that does not reset itself.
        callback: Called for all of it, but for no episode after the last.
        seed: Of the first reset.
        episodes: Of each row; without, there is no last. A row whose share is done goes on
            unrecorded.

    Yields:
        (B,) episodes that have ended, read between perceiving and stepping.
    """
    everyone, ended = np.arange(env.num_envs), np.zeros(env.num_envs, np.int64)
    over = np.zeros(env.num_envs, np.bool_)
    observation, _ = env.reset(seed=seed)
    _begin(agent, callback, observation, everyone, ended, episodes)
    while True:
        actions = agent.act(observation)
        callback.on_perceive()
        rows = np.flatnonzero(over & _recorded(ended, episodes))
        if len(rows):
            callback.on_episode_end(rows)
        ended[over] += 1
        yield ended
        observation, _, terminated, truncated, _ = env.step(actions)
        callback.on_step(actions)
        perceived, over = over, (terminated | truncated) & ~over
        agent.end(np.flatnonzero(over))
        if perceived.any():
            observation, _ = env.reset(options={"reset_mask": perceived})
            _begin(agent, callback, observation, np.flatnonzero(perceived), ended, episodes)


def _begin(agent, callback, observation, rows, ended, episodes) -> None:
    agent.begin(observation, rows, ended[rows].tolist())
    recorded = _recorded(ended[rows], episodes)
    agent.end(rows[~recorded])
    callback.on_episode_start(rows[recorded], ended[rows[recorded]].tolist())


def _recorded(ended: NDArray[np.int64], episodes: int | None) -> NDArray[np.bool_]:
    return np.ones(len(ended), np.bool_) if episodes is None else ended < episodes
