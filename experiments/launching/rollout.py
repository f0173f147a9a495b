"""A rollout: one episode in each row of a world, as columns of numbers and nothing else."""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from agents.types import Agent
from envs.engine.faces import WorldVectorEnv
from experiments.report.measures import Columns, with_derived


def rollout(
    agent: Agent,
    env: WorldVectorEnv,
    seed: int,
    *,
    ended: Callable[[int], None] = lambda count: None,
    stopped: Callable[[], bool] = lambda: False,
    real_time: bool = False,
) -> Columns | None:
    """Run one episode in each row of a world.

    Args:
        agent: Moves all rows.
        env: Vector env that does not reset itself.
        seed: Of row 0; the others have those that follow.
        ended: Called with the number of episodes that have just ended.
        stopped: Asked before each tick whether to stop.
        real_time: Whether a tick lasts as long as in the world.

    Returns:
        The columns that `experiments.report.comparison` measures, or None if it was stopped.
    """
    words = env.world.spec
    observation, _ = env.reset(seed=seed)
    rows = np.arange(env.num_envs)
    agent.begin(observation, rows, rows.tolist())
    living = np.ones(env.num_envs, np.bool_)
    scores: Columns = {}
    thinking = _DecisionCounts(env.num_envs)
    while living.any():
        started = time.perf_counter()
        if stopped():
            return None
        actions = agent.act(observation)
        thinking.add(agent, np.flatnonzero(living))
        observation, _, terminated, truncated, info = env.step(actions)
        done = living & (terminated | truncated)
        if done.any():
            _keep(scores, info["final_info"], done)
            living &= ~done
            agent.end(np.flatnonzero(done))
            ended(int(done.sum()))
        if real_time:
            time.sleep(max(0.0, words.tick_seconds - (time.perf_counter() - started)))
    agent.act(observation)  # the last to end perceive how, too
    return with_derived(scores, words.name) | thinking.columns()


def _keep(scores: Columns, final: dict[str, NDArray], done: NDArray[np.bool_]) -> None:
    """Keep the scores of the episodes that are done."""
    for name, values in final.items():
        scores.setdefault(name, values.copy())[done] = values[done]


class _DecisionCounts:
    """Counts the decisions that took effect, and what they took, in each row."""

    def __init__(self, rows: int):
        names = ("decisions", "tokens", "refused", "safe")
        self._counts: Columns = {name: np.zeros(rows, np.int64) for name in names}

    def add(self, agent: Agent, rows: NDArray[np.intp]) -> None:
        """Take in one tick of the rows."""
        for row in rows.tolist():
            decision = agent.trace(row).decision
            if decision is not None:
                self._counts["decisions"][row] += 1
                self._counts["tokens"][row] += decision.tokens
                self._counts["refused"][row] += decision.attempts > 1
                self._counts["safe"][row] += decision.fallback

    def columns(self) -> Columns:
        """Return the counts, or nothing for an agent that does not decide in words."""
        return self._counts if self._counts["decisions"].any() else {}
