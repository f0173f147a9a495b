"""Is what was lived, and what was heard, worth anything? `python -m experiments.lifetime.run`.

Everybody lives the same lifetimes, side by side. Results are kept one after the other, and the same
command in the same folder goes on.

Slow imports happen inside functions, so that help and mistakes are answered at once.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from experiments.launching.composing import composed_for
from experiments.running.cli import BadInput, Interrupted, built, command
from experiments.running.results import TABLE, KeptResults, episodes_record, until_stopped
from experiments.running.seeding import spawn_integer
from experiments.running.startup import Startup
from experiments.running.usable import Usefulness

if TYPE_CHECKING:
    from experiments.report.measures import Columns

RESULTS = "lifetime.json"
AGENTS = {"random": "random"}  # of experiments.evaluate, beside the beings
YARDSTICKS = ("table", "newborn", "reader", "counting", "knowing")


@command("lifetime", RESULTS)
def main(config: DictConfig, folder: Path) -> None:
    """Let everybody live their lifetimes, and keep the results and their table.

    Args:
        config: A `LifetimeConfig`.
        folder: The run folder, which exists.

    Raises:
        BadInput: If a part cannot be built, a model fails for good, or nothing can be written.
        Interrupted: If somebody pressed Ctrl-C; who was under way is left out.
    """
    _check(config)
    with closing(Startup("preparing lifetimes")) as startup:
        finished = _run(config, folder, startup)
    if (folder / TABLE).exists():
        print(f"table  {folder / TABLE}")
    if not finished:
        raise Interrupted


def _check(config: DictConfig) -> None:
    known = [*YARDSTICKS, *AGENTS, *config.beings]
    if unknown := [name for name in config.only if name not in known]:
        raise BadInput(f"only must name some of {'; '.join(known)}, got '{unknown[0]}'")
    for name, least in (("lifetimes", 1), ("episodes", 1), ("layouts", 1), ("seed", 0)):
        if config[name] < least:
            raise BadInput(f"{name} must be at least {least}, got {config[name]}")


def _run(config: DictConfig, folder: Path, startup: Startup) -> bool:
    results = KeptResults(
        folder / RESULTS,
        config,
        same=("world", "lifetimes", "episodes", "layouts", "words", "seed"),
        kinds=("lived",),
        table=lambda found: _table(found["lived"], config.episodes),
    )
    startup.ready()
    return until_stopped(lambda stopped: _run_all(config, results, stopped))


def _table(lived: Mapping[str, Any], episodes: int) -> str:
    from experiments.lifetime.tables import markdown

    return markdown(lived, episodes)


def _run_all(config: DictConfig, results: KeptResults, stopped: Callable[[], bool]) -> bool:
    """Let one after the other live; return whether all were finished."""
    for name in config.only or (*YARDSTICKS, *AGENTS, *config.beings):
        if results.has("lived", name):
            continue
        heard = Usefulness()
        began = time.process_time()
        columns = _lived(name, config, stopped, heard)
        if columns is None:
            return False
        seconds = time.process_time() - began
        results.keep(episodes_record(columns, seconds), "lived", name)
        print(f"{name}: mean score {columns['score'].mean():.2f}, {seconds:.0f} CPU s", flush=True)
        if heard.problem:
            print(f"{name}: {heard.problem}", flush=True)
    return True


def _lived(
    name: str, config: DictConfig, stopped: Callable[[], bool], heard: Usefulness
) -> "Columns | None":
    """Return the columns of all episodes of somebody, or None if that was stopped."""
    from experiments.launching.rollout import rollout
    from experiments.lifetime.yardsticks import yardstick

    settings, agent = composed(name, config)
    with ExitStack() as opened:
        env = built("env", settings, opened)
        planned = name in YARDSTICKS
        lives = yardstick(name, env) if planned else built(f"agent.{agent}", settings, opened)
        seed = spawn_integer(config.seed, "world")
        return rollout(
            lives, env, seed, episodes=config.episodes, stopped=stopped, decided=heard.hear
        )


def composed(name: str, config: DictConfig) -> tuple[DictConfig, str]:
    """Return the configuration of `experiments.evaluate` for somebody, and its agent there."""
    agent = AGENTS.get(name, "reactive" if name in YARDSTICKS else "being")
    settings = composed_for(
        agent,
        [*config.world, *config.beings.get(name, ())],
        episodes=config.lifetimes,
        seed=config.seed,
        words=config.words,
        layouts=config.layouts,
    )
    return settings, agent


if __name__ == "__main__":
    main()
