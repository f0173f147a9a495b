"""Running episodes until enough moments of decision have been collected."""

from collections.abc import Callable

from agents.being import Being
from envs.engine.faces import WorldVectorEnv
from experiments.running.callbacks import NullCallback
from experiments.running.in_turn import run_in_turn


def run_episodes(
    being: Being, env: WorldVectorEnv, seed: int, *, until: Callable[[], bool]
) -> None:
    """Run one episode after the other in all rows of a world; `until` is asked at each tick."""
    for _ in run_in_turn(being, env, NullCallback(), seed=seed * 1_000_003):
        if until():
            return
