"""World and agent as a command would build them, for those who write their loop themselves."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hydra import compose, initialize_config_module
from omegaconf import DictConfig, OmegaConf

from experiments.running.cli import built, spec_of
from experiments.running.schema import register

if TYPE_CHECKING:
    from agents.types import Agent
    from envs.engine.faces import WorldVectorEnv


@contextmanager
def build_parts(
    world: str, *options: str, config_dir: str | Path | None = None
) -> Iterator[tuple["WorldVectorEnv", "Agent"]]:
    """Build a world and an agent from the options of `python -m experiments.run`.

    The being remembers in memory alone; `memory.path=FILE` keeps it.

    Args:
        world: Name of the world: ``"trip"``.
        options: As on the command line: ``"level=2"``, ``"agent=random"``. Those of what is
            written while a run goes on, such as `render`, do nothing here.
        config_dir: Folder with further configurations, of one's own worlds, agents and minds.

    Yields:
        The world, which does not reset itself, and the agent. Both are closed afterwards.

    Raises:
        BadInput: If a part cannot be built.
        HydraException: If there is no such option or choice.

    Example:
        >>> with build_parts("trip", "level=0", "agent=random") as (env, agent):
        ...     observation, _ = env.reset(seed=6)
        ...     agent.begin(observation, np.arange(1), [0])
        ...     agent.act(observation).shape
        (1,)
    """
    with ExitStack() as opened:
        config = composed(world, options, config_dir)
        spec_of(config)
        yield built("env", config, opened), built("agent", config, opened)


def composed(
    world: str, options: Sequence[str], config_dir: str | Path | None = None
) -> DictConfig:
    """Return a `RunConfig` that names no run folder, because there is none.

    Args:
        world: Name of the world.
        options: As on the command line.
        config_dir: Folder with further configurations.

    Raises:
        HydraException: If there is no such option or choice.
    """
    register("run")
    overrides = [f"+env={world}", "memory.path=':memory:'", *options]
    if config_dir is not None:
        overrides.append(f"hydra.searchpath=['file://{Path(config_dir).resolve()}']")
    with initialize_config_module("configs", version_base="1.3"):
        config = compose("run", overrides)
    agent = config.agent
    if "run_id" in agent and OmegaConf.is_interpolation(agent, "run_id"):  # of the run folder
        agent.run_id = ""
    return config
