"""A rollout: episodes in each row of a world, as columns of numbers and nothing else."""

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
    episodes: int = 1,
    ended: Callable[[int], None] = lambda count: None,
    stopped: Callable[[], bool] = lambda: False,
    real_time: bool = False,
    most_decisions: int | None = None,
    decided: Callable[[Decision], None] = lambda decision: None,
) -> Columns | None:
    """Run a lifetime in each row of a world: episodes of one body in one context.

    Args:
        agent: Moves all rows.
        env: Vector env that does not reset itself.
        seed: Of row 0; the others have those that follow.
        episodes: Of each row, one after the other.
        ended: Called with the number of episodes that have just ended.
        stopped: Asked before each tick whether to stop.
        real_time: Whether a tick lasts as long as in the world.
        most_decisions: An episode in which so many decisions have taken effect is given up: it has
            the score that it has by then, without success, and is marked in the column `given_up`.
        decided: Called with each decision that takes effect.

    Returns:
        The columns that `experiments.report.comparison` measures, (episodes * rows,) each: the
        first episodes of all rows, then the second ones. None if it was stopped.
    """
    words, count = env.world.spec, env.num_envs
    observation, _ = env.reset(seed=seed)
    rows = np.arange(count)
    agent.begin(observation, rows, rows.tolist())
    slots = rows.copy()  # where each row's running episode stands in the columns
    living = np.ones(count, np.bool_)
    between = np.zeros(count, np.bool_)  # whose next tick only lets them perceive how it ended
    scores: Columns = {}
    given_up = np.zeros(episodes * count, np.bool_)
    thinking = _DecisionCounts(episodes * count, decided)
    while living.any():
        started = time.perf_counter()
        if stopped():
            return None
        actions = agent.act(observation)
        running = living & ~between
        thinking.add(agent, slots, np.flatnonzero(running))
        observation, _, terminated, truncated, info = env.step(actions)
        done = running & (terminated | truncated)
        tired = running & ~done & thinking.reached(most_decisions)[slots]
        if done.any():
            _keep(scores, info["final_info"], slots, done, len(given_up))
        if tired.any():
            _keep(scores, env.world.score(rows), slots, tired, len(given_up))
        over = done | tired
        if over.any():
            given_up[slots[tired]] = True
            agent.end(np.flatnonzero(over))
            ended(int(over.sum()))
        if between.any():
            slots[between] += count
            observation, _ = env.reset(options={"reset_mask": between})
            agent.begin(observation, np.flatnonzero(between), slots[between].tolist())
        last = slots >= (episodes - 1) * count
        living &= ~(over & last)
        between = over & ~last
        if real_time:
            time.sleep(max(0.0, words.tick_seconds - (time.perf_counter() - started)))
    agent.act(observation)  # the last to end perceive how, too
    columns = with_derived(scores, words.name) | thinking.columns()
    if episodes > 1:
        columns["episode"] = np.arange(episodes * count) // count
    return columns if most_decisions is None else columns | {"given_up": given_up}


def _keep(
    scores: Columns,
    final: dict[str, NDArray],
    slots: NDArray[np.intp],
    over: NDArray[np.bool_],
    count: int,
) -> None:
    """Keep the scores of the episodes that are over."""
    for name, values in final.items():
        kept = scores.setdefault(name, np.zeros(count, values.dtype))
        kept[slots[over]] = values[over]


class _DecisionCounts:
    """Counts the decisions that took effect, and what they took, in each episode."""

    def __init__(self, episodes: int, decided: Callable[[Decision], None]):
        names = ("decisions", "habitual", "tokens", "thinking_tokens", "refused", "safe")
        self._counts: Columns = {name: np.zeros(episodes, np.int64) for name in names}
        self._counts["cost"] = np.zeros(episodes)
        self._decided = decided

    def add(self, agent: Agent, slots: NDArray[np.intp], rows: NDArray[np.intp]) -> None:
        """Take in one tick of the rows."""
        for row, slot in zip(rows.tolist(), slots[rows].tolist(), strict=True):
            decision = agent.trace(row).decision
            if decision is not None:
                self._counts["decisions"][slot] += 1
                self._counts["habitual"][slot] += decision.attempts == 0
                self._counts["tokens"][slot] += decision.tokens
                self._counts["thinking_tokens"][slot] += decision.thinking_tokens
                self._counts["cost"][slot] += decision.cost
                refused = any(one.problem or one.error for one in decision.exchanges)
                self._counts["refused"][slot] += refused
                self._counts["safe"][slot] += decision.fallback
                self._decided(decision)

    def reached(self, most: int | None) -> NDArray[np.bool_]:
        """Return in which episodes so many decisions were made; in none if there is no number."""
        decisions = self._counts["decisions"]
        return np.zeros(len(decisions), np.bool_) if most is None else decisions >= most

    def columns(self) -> Columns:
        """Return the counts, or nothing for an agent that does not decide in words."""
        return self._counts if self._counts["decisions"].any() else {}
