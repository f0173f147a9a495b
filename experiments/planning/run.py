"""Does thinking pay where plans get longer? `python -m experiments.planning.run`.

Every agent lives the same episodes in every place, beside a plan that reads the truth. Results are
kept agent by agent and place by place, and the same command in the same folder goes on.

Slow imports happen inside functions, so that help and mistakes are answered at once.
"""

import math
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from experiments.planning.places import Place, chosen, places_of
from experiments.running.cli import BadInput, Interrupted, built, command, one_line
from experiments.running.results import kept_before, until_stopped
from experiments.running.seeding import spawn_integer
from experiments.running.startup import Startup
from experiments.running.usable import Usefulness

if TYPE_CHECKING:
    from experiments.report.measures import Columns

RESULTS, TABLE = "planning.json", "table.md"
AGENTS = ("random", "reactive")  # of experiments.evaluate, beside the minds
_SETTINGS = ("episodes", "most_decisions", "layouts", "states", "seed")  # the same in a folder
_LEAST = {"episodes": 1, "most_decisions": 1, "layouts": 1, "states": 1, "seed": 0}


@command("planning", RESULTS)
def main(config: DictConfig, folder: Path) -> None:
    """Let everybody live in each place, and keep the results and their tables.

    Args:
        config: A `PlanningConfig`.
        folder: The run folder, which exists.

    Raises:
        BadInput: If a part cannot be built, a model fails for good, or nothing can be written.
        Interrupted: If somebody pressed Ctrl-C; what was under way is left out.
    """
    places = places_of(config.axes, config.numbers, config.levels)
    here = chosen(places, config.where)
    _check(config)
    with closing(Startup("preparing plans")) as startup:
        results = Results(folder, config, places)
        startup.ready()
        finished = until_stopped(lambda stopped: _run_all(config, here, results, stopped))
        results.write()  # the deadlines may be others than before
    print(f"table  {folder / TABLE}")
    if not finished:
        raise Interrupted


def _check(config: DictConfig) -> None:
    known = [*AGENTS, *config.minds]
    if unknown := [name for name in config.only if name not in known]:
        raise BadInput(f"only must name some of {', '.join(known)}, got '{unknown[0]}'")
    for name, least in _LEAST.items():
        if config[name] < least:
            raise BadInput(f"{name} must be at least {least}, got {config[name]}")
    if bad := [factor for factor in config.deadlines if not factor >= 1]:
        raise BadInput(f"deadlines must be factors of at least 1, got {bad[0]}")


def _run_all(
    config: DictConfig, places: list[Place], results: "Results", stopped: Callable[[], bool]
) -> bool:
    """Plan in all places, then let one agent after the other live there; return if all ended."""
    for place in places:
        if stopped():
            return False
        if place.name not in results.plans:
            _plan(place, config, results)
    for agent in config.only or (*AGENTS, *config.minds):
        for place in places:
            if results.has(agent, place.name):
                continue
            heard = Usefulness()
            columns, seconds = _lived(agent, place, config, stopped, heard)
            if columns is None:
                return False
            results.add(agent, place.name, columns, seconds)
            solved, count = int(columns["success"].sum()), len(columns["success"])
            print(f"{agent}, {place.name}: {solved} of {count}, {seconds:.1f} CPU s", flush=True)
            if heard.problem:
                print(f"{agent}, {place.name}: {heard.problem}", flush=True)
    return True


def _plan(place: Place, config: DictConfig, results: "Results") -> None:
    """Keep how many ticks the plans of a place's episodes take."""
    from experiments.planning.yardstick import plan_ticks

    began = time.process_time()
    with ExitStack() as opened:
        env = built("env", composed("random", place, config), opened)
        try:
            ticks = plan_ticks(env, spawn_integer(config.seed, place.name), config.states)
        except ValueError as error:
            raise BadInput(f"{place.name}: {one_line(error)}") from error
    found = [None if math.isnan(one) else one for one in ticks.tolist()]
    results.add_plans(place.name, found)
    count, seconds = len(found) - found.count(None), time.process_time() - began
    print(f"plans, {place.name}: {count} of {len(found)}, {seconds:.1f} CPU s", flush=True)


def _lived(
    agent: str, place: Place, config: DictConfig, stopped: Callable[[], bool], heard: Usefulness
) -> "tuple[Columns | None, float]":
    """Return the columns of all episodes of an agent in a place, and the CPU seconds they took."""
    from experiments.launching.rollout import rollout

    settings = composed(agent, place, config)
    with ExitStack() as opened:
        env = built("env", settings, opened)
        mover = built(f"agent.{settings.agents[0]}", settings, opened)
        began = time.process_time()
        columns = rollout(
            mover,
            env,
            spawn_integer(config.seed, place.name),
            stopped=stopped,
            most_decisions=config.most_decisions,
            decided=heard.hear,
        )
        return columns, time.process_time() - began


def composed(agent: str, place: Place, config: DictConfig) -> DictConfig:
    """Return the configuration of `experiments.evaluate` for an agent, or a being, in a place."""
    from experiments.launching.composing import composed_for

    return composed_for(
        agent if agent in AGENTS else "being",
        [*place.options, *config.minds.get(agent, ())],
        episodes=config.episodes,
        seed=config.seed,
        layouts=config.layouts,
    )


class Results:
    """Plans and episodes, in memory and in the run folder.

    Attributes:
        plans: Ticks of the plan of each episode, by place; None where there is none.

    Raises:
        BadInput: If the folder has results of other settings.
    """

    def __init__(self, folder: Path, config: DictConfig, places: Mapping[str, Place]):
        from experiments.running.record import write_provenance

        self._folder, self._places, self._deadlines = folder, places, list(config.deadlines)
        settings: Any = OmegaConf.to_container(config, resolve=True)
        self._settings = {name: settings[name] for name in _SETTINGS}
        before = kept_before(folder / RESULTS, self._settings)
        self.plans: dict[str, list[float | None]] = before.get("plans", {})
        self._lived: dict[str, dict[str, Any]] = before.get("lived", {})
        write_provenance(folder, settings, {})

    def has(self, agent: str, place: str) -> bool:
        """Say whether an agent's episodes in a place are kept already."""
        return place in self._lived.get(agent, {})

    def add_plans(self, place: str, ticks: list[float | None]) -> None:
        """Keep the plans of a place, and write what is kept."""
        self.plans[place] = ticks
        self.write()

    def add(self, agent: str, place: str, columns: "Columns", seconds: float) -> None:
        """Keep an agent's episodes in a place, and write what is kept."""
        kept = {name: values.astype(float).tolist() for name, values in columns.items()}
        self._lived.setdefault(agent, {})[place] = {"columns": kept, "cpu_s": seconds}
        self.write()

    def write(self) -> None:
        """Put the results and their tables in place."""
        from experiments.planning.tables import markdown
        from experiments.running.record import write_atomically, write_json

        found = {"settings": self._settings, "plans": self.plans, "lived": self._lived}
        write_json(self._folder / RESULTS, found)
        table = markdown(self._lived, self.plans, self._places, self._deadlines)
        write_atomically(self._folder / TABLE, table)


if __name__ == "__main__":
    main()
