"""Does thinking pay where plans get longer? `python -m experiments.planning.run`.

Every agent lives the same episodes in every place, beside a plan that reads the truth. Results are
kept agent by agent and place by place, and the same command in the same folder goes on.

Slow imports happen inside functions, so that help and mistakes are answered at once.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from experiments.launching.composing import composed_for, keep_rollout
from experiments.planning.places import Place, chosen, places_of
from experiments.running.cli import BadInput, Interrupted, built, command, one_line
from experiments.running.results import TABLE, KeptResults, until_stopped
from experiments.running.seeding import spawn_integer
from experiments.running.startup import Startup

RESULTS = "planning.json"
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
        results = KeptResults(
            folder / RESULTS,
            config,
            same=_SETTINGS,
            kinds=("plans", "lived"),
            table=lambda found: _table(found, places, list(config.deadlines)),
        )
        startup.ready()
        finished = until_stopped(lambda stopped: _run_all(config, here, results, stopped))
        results.write()  # the deadlines may be others than before
    print(f"table  {folder / TABLE}")
    if not finished:
        raise Interrupted


def _table(
    found: Mapping[str, Any], places: Mapping[str, Place], deadlines: Sequence[float]
) -> str:
    from experiments.planning.tables import markdown

    return markdown(found["lived"], found["plans"], places, deadlines)


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
    config: DictConfig, places: list[Place], results: KeptResults, stopped: Callable[[], bool]
) -> bool:
    """Plan in all places, then let one agent after the other live there; return if all ended."""
    for place in places:
        if stopped():
            return False
        if not results.has("plans", place.name):
            _plan(place, config, results)
    for agent in config.only or (*AGENTS, *config.minds):
        for place in places:
            if results.has("lived", agent, place.name):
                continue
            if not keep_rollout(
                agent,
                place.name,
                composed(agent, place, config),
                results,
                seed=spawn_integer(config.seed, place.name),
                most_decisions=config.most_decisions,
                stopped=stopped,
            ):
                return False
    return True


def _plan(place: Place, config: DictConfig, results: KeptResults) -> None:
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
    results.keep(found, "plans", place.name)
    count, seconds = len(found) - found.count(None), time.process_time() - began
    print(f"plans, {place.name}: {count} of {len(found)}, {seconds:.1f} CPU s", flush=True)


def composed(agent: str, place: Place, config: DictConfig) -> DictConfig:
    """Return the configuration of `experiments.evaluate` for an agent, or a being, in a place."""
    return composed_for(
        agent if agent in AGENTS else "being",
        [*place.options, *config.minds.get(agent, ())],
        episodes=config.episodes,
        seed=config.seed,
        layouts=config.layouts,
    )


if __name__ == "__main__":
    main()
