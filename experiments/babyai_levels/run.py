"""What can the bundled mind do in each level? `python -m experiments.babyai_levels.run`.

Every id that the minigrid package registers, lived by a being, by its body with a fixed table, and
by chance. All episodes of an agent in an id run at once, one avatar each, in the same levels for
everybody. Results are kept id by id, and the same command in the same folder goes on from there.

Slow imports happen inside functions, so that help and mistakes are answered at once.
"""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from experiments.running.cli import BadInput, Interrupted, built, command
from experiments.running.results import TABLE, KeptResults, until_stopped
from experiments.running.seeding import spawn_integer
from experiments.running.startup import Startup
from experiments.running.usable import Usefulness

if TYPE_CHECKING:
    from rich.console import Console

    from experiments.report.measures import Columns
    from mind.types import Decision

RESULTS = "babyai_levels.json"
_KEPT = ("success", "ticks", "decisions", "given_up")  # columns of episodes


@command("babyai_levels", RESULTS)
def main(config: DictConfig, folder: Path) -> None:
    """Run the episodes of all agents in all levels, and keep the results and their table.

    Args:
        config: A `BabyAILevelsConfig`.
        folder: The run folder, which exists.

    Raises:
        BadInput: If a part cannot be built, a model fails for good, or nothing can be written.
        Interrupted: If somebody pressed Ctrl-C; what was under way is left out.
    """
    with closing(Startup("preparing the levels")):
        if not _run(config, folder):
            raise Interrupted


def _run(config: DictConfig, folder: Path) -> bool:
    """Run the episodes and name the table; return whether all were finished."""
    from rich.console import Console

    ids = _checked_ids(config)
    results = KeptResults(
        folder / RESULTS,
        config,
        same={str(name) for name in config} - {"agents", "ids"},
        kinds=("levels",),
        table=lambda found: _table(found["levels"], list(config.agents)),
        seeds={"world": spawn_integer(config.seed, "world")},
    )
    console = Console(highlight=False, markup=False, soft_wrap=True)
    finished = until_stopped(lambda stopped: _run_all(config, ids, results, console, stopped))
    console.print(f"table  {folder / TABLE}")
    return finished


def _checked_ids(config: DictConfig) -> list[str]:
    """Return the levels to live in, or say what is wrong with the options."""
    from envs.babyai.levels import registered_ids

    known = registered_ids()
    if unknown := [id for id in config.ids if id not in known]:
        raise BadInput(
            f"ids must be levels that the minigrid package registers, got {unknown[0]!r}"
        )
    if not config.agents or not {*config.agents} <= {*config.agent}:
        raise BadInput(
            f"agents must be among {', '.join(config.agent)}, got [{', '.join(config.agents)}]"
        )
    for name, least in (("episodes", 1), ("layouts", 1), ("most_decisions", 1), ("seed", 0)):
        if config[name] < least:
            raise BadInput(f"{name} must be at least {least}, got {config[name]}")
    return list(config.ids) or known


def _table(levels: Mapping[str, Any], agents: Sequence[str]) -> str:
    from experiments.babyai_levels.tables import markdown

    return markdown(levels, agents)


# ---- Living ----


def _run_all(
    config: DictConfig,
    ids: list[str],
    results: KeptResults,
    console: "Console",
    stopped: Callable[[], bool],
) -> bool:
    """Run one agent after the other, each in all levels; return whether all were finished."""
    levels = results.found["levels"]
    levels |= {id: level_entry(id) for id in ids if id not in levels}
    for id in ids:
        if levels[id]["split"] is None:
            console.print(f"left out: {levels[id]['refused']}")
    results.write()
    for agent in config.agents:
        for id in ids:
            split = levels[id]["split"]
            if split is None or results.has("levels", id, "agents", agent):
                continue
            heard = Usefulness()
            columns, seconds = run_level(agent, id, split, config, stopped, heard.hear)
            if columns is None:
                return False
            results.keep(_record(columns, seconds), "levels", id, "agents", agent)
            solved, count = int(columns["success"].sum()), len(columns["success"])
            console.print(f"{agent}, {id}: {solved} of {count} in {seconds:.1f} s")
            if heard.problem:
                console.print(f"{agent}, {id}: {heard.problem}")
    return True


def run_level(
    agent: str,
    id: str,
    split: str,
    config: DictConfig,
    stopped: Callable[[], bool] = lambda: False,
    decided: "Callable[[Decision], None]" = lambda decision: None,
) -> "tuple[Columns | None, float]":
    """Run all episodes of an agent in a level.

    Args:
        agent: Its name among the configured agents.
        id: Of the minigrid package.
        split: Which layouts.
        config: As in `configs/babyai_levels.yaml`; it is left as it is.
        stopped: Asked before each tick whether to stop.
        decided: Called with each decision that takes effect.

    Returns:
        The columns that measures are made of, None if it was stopped; and the seconds it took.
    """
    from experiments.launching.rollout import rollout

    settings = deepcopy(config)
    for name, value in (("level_id", id), ("split", split)):
        OmegaConf.update(settings, f"env.{name}", value, force_add=True)
    with ExitStack() as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that the package itself is stepped
        env = built("env", settings, opened)
        mover = built(f"agent.{agent}", settings, opened)
        began = time.perf_counter()
        columns = rollout(
            mover,
            env,
            spawn_integer(settings.seed, "world"),
            stopped=stopped,
            most_decisions=settings.most_decisions,
            decided=decided,
        )
        return columns, time.perf_counter() - began


# ---- Keeping ----


def _record(columns: "Columns", seconds: float) -> dict[str, Any]:
    """Return what is kept of the episodes of an agent in a level."""
    kept = {name: columns[name].tolist() for name in _KEPT if name in columns}
    return {"seconds": round(seconds, 3), **kept}


def level_entry(id: str) -> dict[str, Any]:
    """Return what is kept of a level in which nobody has lived yet.

    It is lived in the test split, whose layouts no training has seen; where all layouts are too
    much alike to be split, in split "any".
    """
    from envs.babyai.levels import Levels

    refused = ""
    for split in ("test", "any"):
        try:
            Levels(id=id, split=split).reset(0)
        except ValueError as error:
            refused = str(error)
        else:
            return {"split": split, "refused": "", "agents": {}}
    return {"split": None, "refused": refused, "agents": {}}


if __name__ == "__main__":
    main()
