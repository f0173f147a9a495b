"""A rollout: one episode in each row of a world, as columns of numbers and nothing else."""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from agents.types import Agent
from envs.engine.faces import WorldVectorEnv
from experiments.report.measures import Columns, with_derived
from mind.types import Decision


def rollout(
    agent: Agent,
    env: WorldVectorEnv,
    seed: int,
    *,
    ended: Callable[[int], None] = lambda count: None,
    stopped: Callable[[], bool] = lambda: False,
    real_time: bool = False,
    most_decisions: int | None = None,
    decided: Callable[[Decision], None] = lambda decision: None,
) -> Columns | None:
    """Run one episode in each row of a world.

    Args:
        agent: Moves all rows.
        env: Vector env that does not reset itself.
        seed: Of row 0; the others have those that follow.
        ended: Called with the number of episodes that have just ended.
        stopped: Asked before each tick whether to stop.
        real_time: Whether a tick lasts as long as in the world.
        most_decisions: An episode in which so many decisions have taken effect is given up: it has
            the score that it has by then, without success, and is marked in the column `given_up`.
        decided: Called with each decision that takes effect.

    Returns:
        The columns that `experiments.report.comparison` measures, or None if it was stopped.
    """
    words = env.world.spec
    observation, _ = env.reset(seed=seed)
    rows = np.arange(env.num_envs)
    agent.begin(observation, rows, rows.tolist())
    living = np.ones(env.num_envs, np.bool_)
    scores: Columns = {}
    given_up = np.zeros(env.num_envs, np.bool_)
    thinking = _DecisionCounts(env.num_envs, decided)
    while living.any():
        started = time.perf_counter()
        if stopped():
            return None
        actions = agent.act(observation)
        thinking.add(agent, np.flatnonzero(living))
        observation, _, terminated, truncated, info = env.step(actions)
        done = living & (terminated | truncated)
        tired = living & ~done & thinking.reached(most_decisions)
        if done.any():
            _keep(scores, info["final_info"], done)
        if tired.any():
            _keep(scores, env.world.score(rows), tired)
        over = done | tired
        if over.any():
            given_up |= tired
            living &= ~over
            agent.end(np.flatnonzero(over))
            ended(int(over.sum()))
        if real_time:
            time.sleep(max(0.0, words.tick_seconds - (time.perf_counter() - started)))
    agent.act(observation)  # the last to end perceive how, too
    limited = {} if most_decisions is None else {"given_up": given_up}
    return with_derived(scores, words.name) | thinking.columns() | limited


def _keep(scores: Columns, final: dict[str, NDArray], done: NDArray[np.bool_]) -> None:
    """Keep the scores of the episodes that are done."""
    for name, values in final.items():
        scores.setdefault(name, values.copy())[done] = values[done]


class _DecisionCounts:
    """Counts the decisions that took effect, and what they took, in each row."""

    def __init__(self, rows: int, decided: Callable[[Decision], None]):
        names = ("decisions", "tokens", "thinking_tokens", "refused", "safe")
        self._counts: Columns = {name: np.zeros(rows, np.int64) for name in names}
        self._counts["cost"] = np.zeros(rows)
        self._decided = decided

    def add(self, agent: Agent, rows: NDArray[np.intp]) -> None:
        """Take in one tick of the rows."""
        for row in rows.tolist():
            decision = agent.trace(row).decision
            if decision is not None:
                self._counts["decisions"][row] += 1
                self._counts["tokens"][row] += decision.tokens
                self._counts["thinking_tokens"][row] += decision.thinking_tokens
                self._counts["cost"][row] += decision.cost
                self._counts["refused"][row] += decision.attempts > 1
                self._counts["safe"][row] += decision.fallback
                self._decided(decision)

    def reached(self, most: int | None) -> NDArray[np.bool_]:
        """Return who has made so many decisions, (B,); nobody if there is no such number."""
        decisions = self._counts["decisions"]
        return np.zeros(len(decisions), np.bool_) if most is None else decisions >= most

    def columns(self) -> Columns:
        """Return the counts, or nothing for an agent that does not decide in words."""
        return self._counts if self._counts["decisions"].any() else {}
