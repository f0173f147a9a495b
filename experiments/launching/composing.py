"""One agent of `experiments.evaluate` in one place, for experiments that compare many."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from omegaconf import DictConfig, OmegaConf

from experiments.running.cli import built
from experiments.running.results import KeptResults, episodes_record
from experiments.running.schema import register
from experiments.running.usable import Usefulness


def composed_for(
    agent: str, options: Sequence[str], *, episodes: int, seed: int, **of_env: Any
) -> DictConfig:
    """Return a configuration in which one agent lives in unseen rooms, and remembers for itself.

    Args:
        agent: Its name in `experiments.evaluate`.
        options: Of world, body and mind, as on its command line.
        episodes: How many it lives side by side.
        seed: One for everything.
        of_env: Options of the world that are set whether or not it has them in its file, beside
            the test split.
    """
    from hydra import compose

    register("evaluate")
    shared = [f"episodes={episodes}", f"seed={seed}", "memory.path=':memory:'"]
    config = compose("evaluate", [*options, *shared, f"agents=[{agent}]"])
    for name, value in ({"split": "test"} | of_env).items():
        OmegaConf.update(config, f"env.{name}", value, force_add=True)
    return config


def keep_rollout(
    who: str,
    where: str,
    config: DictConfig,
    results: KeptResults,
    *,
    seed: int,
    most_decisions: int,
    stopped: Callable[[], bool],
) -> bool:
    """Let an agent live in a place; keep its episodes, and print how many were solved.

    Args:
        who: What it is called in the results.
        where: What the place is called there.
        config: As `composed_for` returns it.
        results: Receives the episodes as "lived".
        seed: Of the world.
        most_decisions: After which an episode is given up.
        stopped: Asked before each tick whether to stop.

    Returns:
        Whether it was finished; if not, nothing is kept.
    """
    from experiments.launching.rollout import rollout

    heard = Usefulness()
    with ExitStack() as opened:
        env = built("env", config, opened)
        agent = built(f"agent.{config.agents[0]}", config, opened)
        began = time.process_time()
        columns = rollout(
            agent,
            env,
            seed,
            stopped=stopped,
            most_decisions=most_decisions,
            decided=heard.hear,
        )
        seconds = time.process_time() - began
    if columns is None:
        return False
    results.keep(episodes_record(columns, seconds), "lived", who, where)
    solved, count = int(columns["success"].sum()), len(columns["success"])
    print(f"{who}, {where}: {solved} of {count}, {seconds:.1f} CPU s", flush=True)
    if heard.problem:
        print(f"{who}, {where}: {heard.problem}", flush=True)
    return True
