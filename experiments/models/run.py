"""Which language models are good minds, and what helps them? `python -m experiments.models.run`.

Every mind is asked at the same moments of decision, and lives the same episodes in every place, as
the only thing that differs between beings. Results are kept mind by mind and place by place, and
the same command in the same folder goes on.

Slow imports happen inside functions, so that help and mistakes are answered at once.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from experiments.launching.composing import composed_for, keep_rollout
from experiments.running.cli import BadInput, Interrupted, command
from experiments.running.results import TABLE, KeptResults, until_stopped
from experiments.running.seeding import spawn_integer
from experiments.running.startup import Startup

RESULTS = "models.json"
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
    results = KeptResults(
        folder / RESULTS,
        config,
        same=("episodes", "most_decisions", "layouts", "moments", "seed"),
        kinds=("lived", "asked"),
        table=_table,
    )
    startup.ready()
    return until_stopped(lambda stopped: _run_all(config, results, stopped))


def _table(found: Mapping[str, Any]) -> str:
    from experiments.models.tables import markdown

    return markdown(found["lived"], found["asked"])


def _check(config: DictConfig) -> None:
    for option, known in (("only", [REACTIVE, *config.minds]), ("where", [*config.places])):
        if unknown := [name for name in config[option] if name not in known]:
            raise BadInput(f"{option} must name some of {', '.join(known)}, got '{unknown[0]}'")
    for name, least in (("episodes", 1), ("most_decisions", 1), ("seed", 0), ("moments", 0)):
        if config[name] < least:
            raise BadInput(f"{name} must be at least {least}, got {config[name]}")
    if config.moments == 1:
        raise BadInput("moments must be 0 or at least 2, one of each level of trip, got 1")


def _run_all(config: DictConfig, results: KeptResults, stopped: Callable[[], bool]) -> bool:
    """Let one mind after the other live in all places; return whether all were finished."""
    for mind in config.only or (REACTIVE, *config.minds):
        if not _asked(mind, config, results, stopped):
            return False
        for place in config.where or config.places:
            if results.has("lived", mind, place):
                continue
            if not keep_rollout(
                mind,
                place,
                composed(mind, config.places[place], config),
                results,
                seed=spawn_integer(config.seed, place),
                most_decisions=config.most_decisions,
                stopped=stopped,
            ):
                return False
    return True


def _asked(
    mind: str, config: DictConfig, results: KeptResults, stopped: Callable[[], bool]
) -> bool:
    """Ask a mind at held-out moments of each world; return whether all were finished."""
    from experiments.models.moments import WORLDS, measured

    if mind == REACTIVE or not config.moments:
        return True
    for world in WORLDS:
        if not results.has("asked", mind, world):
            if stopped():
                return False
            settings = composed(mind, [f"+env={world}"], config)
            rates = measured(settings, config.moments)
            results.keep(rates, "asked", mind, world)
            asked = f"{mind}, {world}: asked at {config.moments} moments"
            print(f"{asked}, {rates[f'{world}_format']:.0%} of first replies usable", flush=True)
    return True


def composed(mind: str, place: Iterable[str], config: DictConfig) -> DictConfig:
    """Return the configuration of `experiments.evaluate` for a mind in a place."""
    return composed_for(
        REACTIVE if mind == REACTIVE else "being",
        [*place, *config.minds.get(mind, ())],
        episodes=config.episodes,
        seed=config.seed,
        layouts=config.layouts,
    )


if __name__ == "__main__":
    main()
