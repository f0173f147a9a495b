"""Which language models are good minds, and what helps them? `python -m experiments.models.run`.

Every mind is asked at the same moments of decision, and lives the same episodes in every place, as
the only thing that differs between beings. Results are kept mind by mind and place by place, and
the same command in the same folder goes on.

Slow imports happen inside functions, so that help and mistakes are answered at once.
"""

import time
from collections.abc import Callable, Iterable, Mapping
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

RESULTS, TABLE = "models.json", "table.md"
REACTIVE = "reactive"  # the body's fixed table, beside the minds


@command("models", RESULTS)
def main(config: DictConfig, folder: Path) -> None:
    """Let each mind live in each place, and keep the results and their table.

    Args:
        config: A `ModelsConfig`.
        folder: The run folder, which exists.

    Raises:
        BadInput: If a part cannot be built, a model fails for good, or nothing can be written.
        Interrupted: If somebody pressed Ctrl-C; what was under way is left out.
    """
    _check(config)
    with closing(Startup("preparing minds")) as startup:
        finished = _run(config, folder, startup)
    print(f"table  {folder / TABLE}")
    if not finished:
        raise Interrupted


def _run(config: DictConfig, folder: Path, startup: Startup) -> bool:
    results = Results(folder, config)
    startup.ready()
    return until_stopped(lambda stopped: _run_all(config, results, stopped))


def _check(config: DictConfig) -> None:
    for option, known in (("only", [REACTIVE, *config.minds]), ("where", [*config.places])):
        if unknown := [name for name in config[option] if name not in known]:
            raise BadInput(f"{option} must name some of {', '.join(known)}, got '{unknown[0]}'")
    for name, least in (("episodes", 1), ("most_decisions", 1), ("seed", 0), ("moments", 0)):
        if config[name] < least:
            raise BadInput(f"{name} must be at least {least}, got {config[name]}")


def _run_all(config: DictConfig, results: "Results", stopped: Callable[[], bool]) -> bool:
    """Let one mind after the other live in all places; return whether all were finished."""
    for mind in config.only or (REACTIVE, *config.minds):
        if not _asked(mind, config, results, stopped):
            return False
        for place in config.where or config.places:
            if results.has(mind, place):
                continue
            heard = Usefulness()
            columns, seconds = _lived(mind, place, config, stopped, heard)
            if columns is None:
                return False
            results.add(mind, place, columns, seconds)
            solved, count = int(columns["success"].sum()), len(columns["success"])
            print(f"{mind}, {place}: {solved} of {count}, {seconds:.0f} CPU s", flush=True)
            if heard.problem:
                print(f"{mind}, {place}: {heard.problem}", flush=True)
    return True


def _asked(mind: str, config: DictConfig, results: "Results", stopped: Callable[[], bool]) -> bool:
    """Ask a mind at held-out moments of each world; return whether all were finished."""
    from experiments.models.moments import WORLDS, measured

    if mind == REACTIVE or not config.moments:
        return True
    for world in WORLDS:
        if not results.was_asked(mind, world):
            if stopped():
                return False
            settings, _ = composed(mind, [f"+env={world}"], config)
            rates = measured(settings, config.moments)
            results.add_asked(mind, world, rates)
            asked = f"{mind}, {world}: asked at {config.moments} moments"
            print(f"{asked}, {rates[f'{world}_format']:.0%} of first replies usable", flush=True)
    return True


def _lived(
    mind: str, place: str, config: DictConfig, stopped: Callable[[], bool], heard: Usefulness
) -> "tuple[Columns | None, float]":
    """Return the columns of all episodes of a mind in a place, and the CPU seconds they took."""
    from experiments.launching.rollout import rollout

    settings, agent = composed(mind, config.places[place], config)
    with ExitStack() as opened:
        env = built("env", settings, opened)
        being = built(f"agent.{agent}", settings, opened)
        began = time.process_time()
        seed = spawn_integer(config.seed, place)
        columns = rollout(
            being,
            env,
            seed,
            stopped=stopped,
            most_decisions=config.most_decisions,
            decided=heard.hear,
        )
        return columns, time.process_time() - began


def composed(mind: str, place: Iterable[str], config: DictConfig) -> tuple[DictConfig, str]:
    """Return the configuration of `experiments.evaluate` for a mind in a place, and its agent."""
    from experiments.launching.composing import composed_for

    agent = REACTIVE if mind == REACTIVE else "being"
    settings = composed_for(
        agent,
        [*place, *config.minds.get(mind, ())],
        episodes=config.episodes,
        seed=config.seed,
        layouts=config.layouts,
    )
    return settings, agent


class Results:
    """The episodes of each mind in each place, in memory and in the run folder.

    Raises:
        BadInput: If the folder has results of other settings.
    """

    def __init__(self, folder: Path, config: DictConfig):
        from experiments.running.record import write_provenance

        self._folder = folder
        settings: Any = OmegaConf.to_container(config, resolve=True)
        self._settings = {
            name: settings[name]
            for name in ("episodes", "most_decisions", "layouts", "moments", "seed")
        }
        before = kept_before(folder / RESULTS, self._settings)
        self.lived: dict[str, dict[str, Any]] = before.get("lived", {})
        self.asked: dict[str, dict[str, Any]] = before.get("asked", {})
        write_provenance(folder, settings, {})

    def has(self, mind: str, place: str) -> bool:
        """Say whether a mind's episodes in a place are kept already."""
        return place in self.lived.get(mind, {})

    def was_asked(self, mind: str, world: str) -> bool:
        """Say whether a mind was asked in a world already."""
        return world in self.asked.get(mind, {})

    def add_asked(self, mind: str, world: str, rates: Mapping[str, float]) -> None:
        """Keep what came of asking a mind in a world, and write what is kept."""
        self.asked.setdefault(mind, {})[world] = dict(rates)
        self._write()

    def add(self, mind: str, place: str, columns: "Columns", seconds: float) -> None:
        """Keep a mind's episodes in a place, and write what is kept."""
        kept = {name: values.astype(float).tolist() for name, values in columns.items()}
        self.lived.setdefault(mind, {})[place] = {"columns": kept, "cpu_s": seconds}
        self._write()

    def _write(self) -> None:
        from experiments.models.tables import markdown
        from experiments.running.record import write_atomically, write_json

        found = {"settings": self._settings, "lived": self.lived, "asked": self.asked}
        write_json(self._folder / RESULTS, found)
        write_atomically(self._folder / TABLE, markdown(self.lived, self.asked))


if __name__ == "__main__":
    main()
