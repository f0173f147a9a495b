"""Running episodes until enough moments of decision have been collected."""

from collections.abc import Callable

import numpy as np

from agents.being import Being
from envs.engine.faces import WorldVectorEnv


def run_episodes(
    being: Being, env: WorldVectorEnv, seed: int, *, until: Callable[[], bool]
) -> None:
    """Run one episode after the other in all rows of a world; `until` is asked at each tick."""
    observation, _ = env.reset(seed=seed * 1_000_003)
    episodes = np.zeros(env.num_envs, np.int64)
    being.begin(observation, np.arange(env.num_envs), episodes.tolist())
    while not until():
        observation, _, terminated, truncated, _ = env.step(being.act(observation))
        done = terminated | truncated
        if done.any():
            observation, _ = env.reset(options={"reset_mask": done})
            rows = np.flatnonzero(done)
            episodes[rows] += 1
            being.begin(observation, rows, episodes[rows].tolist())
