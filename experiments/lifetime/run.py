"""Is what was lived, and what was heard, worth anything? `python -m experiments.lifetime.run`.

Everybody lives the same lifetimes, side by side. Results are kept one after the other, and the same
command in the same folder goes on.

Slow imports happen inside functions, so that help and mistakes are answered at once.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from experiments.running.cli import BadInput, Interrupted, built, command
from experiments.running.results import kept_before, until_stopped
from experiments.running.seeding import spawn_integer
from experiments.running.startup import Startup
from experiments.running.usable import Usefulness

if TYPE_CHECKING:
    from experiments.report.measures import Columns

RESULTS, TABLE = "lifetime.json", "table.md"
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
    results = Results(folder, config)
    startup.ready()
    return until_stopped(lambda stopped: _run_all(config, results, stopped))


def _run_all(config: DictConfig, results: "Results", stopped: Callable[[], bool]) -> bool:
    """Let one after the other live; return whether all were finished."""
    for name in config.only or (*YARDSTICKS, *AGENTS, *config.beings):
        if name in results.lived:
            continue
        heard = Usefulness()
        began = time.process_time()
        columns = _lived(name, config, stopped, heard)
        if columns is None:
            return False
        seconds = time.process_time() - began
        results.add(name, columns, seconds)
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
    from experiments.launching.composing import composed_for

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


class Results:
    """The episodes of everybody, in memory and in the run folder.

    Raises:
        BadInput: If the folder has results of other settings.
    """

    def __init__(self, folder: Path, config: DictConfig):
        from experiments.running.record import write_provenance

        self._folder = folder
        settings: Any = OmegaConf.to_container(config, resolve=False)
        names = ("world", "lifetimes", "episodes", "layouts", "words", "seed")
        self._settings = {name: settings[name] for name in names}
        before = kept_before(folder / RESULTS, self._settings)
        self.lived: dict[str, dict[str, Any]] = before.get("lived", {})
        write_provenance(folder, settings, {})

    def add(self, name: str, columns: "Columns", seconds: float) -> None:
        """Keep somebody's episodes, and write what is kept."""
        kept = {column: values.astype(float).tolist() for column, values in columns.items()}
        self.lived[name] = {"columns": kept, "cpu_s": seconds}
        self._write()

    def _write(self) -> None:
        from experiments.running.record import write_atomically, write_json

        write_json(self._folder / RESULTS, {"settings": self._settings, "lived": self.lived})
        from experiments.lifetime.tables import markdown  # what fails from here on loses nothing

        episodes = self._settings["episodes"]
        write_atomically(self._folder / TABLE, markdown(self.lived, episodes))


if __name__ == "__main__":
    main()
