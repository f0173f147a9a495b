"""The configuration of `experiments.evaluate` for one agent, for experiments that compare many."""

from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from experiments.running.schema import register


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
