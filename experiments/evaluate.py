"""Does the mind earn its keep? `python -m experiments.evaluate +env=trip level=4`.

Every agent runs the same episodes: unseen rooms, the same bodies, the same rng keys. All episodes
of an agent are run at once, one avatar each, so that none of them learns from another.

Slow imports happen inside functions, so that help and mistakes are answered at once.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from experiments.running.cli import (
    BadInput,
    Interrupted,
    built,
    command,
    one_line,
    require_world,
    spec_of,
    stopping,
)
from experiments.running.schema import Clock, count_lifetimes
from experiments.running.seeding import spawn_integer
from experiments.running.startup import Startup
from experiments.running.usable import UNUSABLE, Usefulness

if TYPE_CHECKING:
    from rich.console import Console

    from agents.types import Agent
    from envs.engine.faces import WorldVectorEnv
    from experiments.report.comparison import Outcome

RESULTS = "evaluation.json"
ORACLE = "oracle"
PAIR = ("being", "reactive")  # whose difference is what the mind is worth
_FILE_COLUMNS = 120  # of tables that go to a file
_COMPOSED = (ORACLE, "random", "scripted", "reactive", "being")  # in configs/evaluate.yaml
_ROOMS = 4096  # that episodes are drawn from: always the same, so that more episodes add to fewer


def _choosing_agents(arguments: Sequence[str]) -> list[str]:
    """Let Hydra compose the agents that ``agents=[...]`` names, wherever their files are."""
    named = [one for one in arguments if one.startswith("agents=")]
    parsed = OverridesParser.create().parse_overrides(named)
    values: list[Any] = [one.value() for one in parsed]
    asked = [name for value in values if isinstance(value, list) for name in value]
    others = [str(name) for name in dict.fromkeys(asked) if name not in _COMPOSED]
    return [*arguments, *(f"+agent@agent.{name}={name}" for name in others)]


@command("evaluate", RESULTS, reading=_choosing_agents)
def main(config: DictConfig, folder: Path) -> None:
    """Let all configured agents live the same episodes, print tables, and leave a run folder.

    The exit status is 1 if agents asked a language model, and no reply to any could be used.

    Args:
        config: An `EvaluateConfig`.
        folder: The run folder, which exists.

    Raises:
        BadInput: If a part cannot be built, a model fails for good, or nothing can be written.
        Interrupted: If somebody pressed Ctrl-C; who had not finished is left out.
    """
    require_world(config)
    with closing(Startup(f"preparing {config.world}")) as startup:
        if not _evaluate(config, folder, startup):
            raise Interrupted


def _evaluate(config: DictConfig, folder: Path, startup: Startup) -> bool:
    """Let all agents live and print tables; return whether all were finished."""
    _check(config)
    from rich.console import Console

    from mind.language_models.types import LanguageModelError

    console = Console(width=None if sys.stdout.isatty() else _FILE_COLUMNS)
    outcomes: list[Outcome] = []
    try:
        finished = _run_all(config, folder, console, outcomes, startup)
    except (LanguageModelError, OSError) as error:
        _report(console, outcomes, folder, _rooms(config))
        raise BadInput(one_line(error)) from error
    _report(console, outcomes, folder, _rooms(config))
    if finished and _all_were_mute(outcomes):
        sys.exit(UNUSABLE)
    return finished


def _all_were_mute(outcomes: list["Outcome"]) -> bool:
    """Whether no reply could be used of those who asked a language model, if any did."""
    asked = [outcome for outcome in outcomes if "decisions" in outcome.columns]
    return bool(asked) and all(outcome.problem for outcome in asked)


def _check(config: DictConfig) -> None:
    try:
        count_lifetimes(config, evaluates=True)
    except ValueError as error:
        raise BadInput(str(error)) from error
    known = [ORACLE, *config.agent]
    if not _who(config) or len({*config.agents}) < len(config.agents):
        raise BadInput(
            f"agents must name each once, at least one, got [{', '.join(config.agents)}]"
        )
    for name in config.agents:
        if name not in known:
            raise BadInput(f"agents must be among {', '.join(known)}, got '{name}'")
    if config.episodes < 1:
        raise BadInput(f"episodes must be at least 1, got {config.episodes}")
    if config.avatars != config.episodes:
        raise BadInput("every episode is lived by an avatar of its own: set episodes, not avatars")
    if config.seed < 0:
        raise BadInput(f"seed must be at least 0, got {config.seed}")


def _run_all(
    config: DictConfig,
    folder: Path,
    console: "Console",
    outcomes: list["Outcome"],
    startup: Startup,
) -> bool:
    """Run one agent after the other, and return whether all were finished."""
    from experiments.launching.rollout import rollout
    from experiments.report.comparison import Outcome

    with ExitStack() as opened, stopping(in_place=console.is_terminal) as stopped:
        env, agents, seed = _prepared(config, folder, opened)
        startup.ready()
        if ORACLE in config.agents and ORACLE not in agents:
            console.print(f"{ORACLE}: left out, since {config.world} has none")
        for name, agent in agents.items():
            began = time.perf_counter()
            wait = config.clock == Clock.wall and "clock" in config.agent.get(name, {})
            heard = Usefulness()
            episodes = config.episodes * (config.lifetime.episodes or 1)
            with _progress(console, name, episodes) as ended:
                columns = rollout(
                    agent, env, seed, episodes=config.lifetime.episodes or 1, ended=ended,
                    stopped=stopped, real_time=wait, decided=heard.hear,
                )  # fmt: skip
            if columns is None:
                console.print(f"{name}: left out, since those who end first would count alone")
                return False
            label = f"{name} (not an agent)" if name == ORACLE else name
            seconds = time.perf_counter() - began
            outcome = Outcome(
                name=name,
                label=label,
                world=config.world,
                columns=columns,
                seconds=seconds,
                problem=heard.problem,
            )
            outcomes.append(outcome)
            console.print(f"{name}: {episodes} episodes in {seconds:.1f} wall s")
            _write(config, folder, outcomes)
    return True


def _prepared(
    config: DictConfig, folder: Path, opened: ExitStack
) -> tuple["WorldVectorEnv", dict[str, "Agent"], int]:
    """Return the world, all agents by name, and the seed of the world; mistakes come out here."""
    from experiments.launching.oracle import Oracle
    from experiments.running.record import write_provenance

    if "split" in config.env:  # a world without one has no rooms that training could have seen
        split = "any" if config.env.split == "any" else "test"  # some levels are all alike
        for name, value in (("split", split), ("layouts", _ROOMS)):
            OmegaConf.update(config, f"env.{name}", value, force_add=True)
    env = built("env", config, opened)
    agents: dict[str, Agent] = {
        name: Oracle(env)
        if name == ORACLE
        else built(f"agent.{name}", _alone(name, config), opened)
        for name in _who(config)
    }
    seed = spawn_integer(config.seed, "world")
    write_provenance(folder, _plain(config), {"world": seed})
    return env, agents, seed


def _alone(name: str, config: DictConfig) -> DictConfig:
    """Return the configuration for an agent: no two of them have the same memory."""
    settings = deepcopy(config)
    if name != "being":
        memory = Path(config.memory.path)
        settings.memory.path = str(memory.with_stem(f"{memory.stem}-{name}"))
    return settings


def _who(config: DictConfig) -> list[str]:
    """Return who is evaluated: the oracle only where there is one."""
    has_oracle = ORACLE in spec_of(config).entry_points
    return [name for name in config.agents if name != ORACLE or has_oracle]


def _plain(config: DictConfig) -> Any:
    return OmegaConf.to_container(config, resolve=True, enum_to_str=True)


# ---- Telling ----


@contextmanager
def _progress(console: "Console", name: str, episodes: int) -> Iterator[Callable[[int], None]]:
    """Show how many episodes have ended; yields the callback that counts them."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(name), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as progress:
        task = progress.add_task(name, total=episodes)
        yield lambda count: progress.advance(task, count)


def _write(config: DictConfig, folder: Path, outcomes: list["Outcome"]) -> None:
    """Write all that is known by now."""
    from experiments.report.comparison import to_record
    from experiments.running.record import write_json

    finished = [outcome.name for outcome in outcomes]
    head = {
        "status": "finished" if finished == _who(config) else "unfinished",
        "world": _plain(config.env),
        "seed": config.seed,
        "clock": config.clock.value,
        "episodes": config.episodes,
        "lifetime_episodes": config.lifetime.episodes,
    }
    write_json(folder / RESULTS, head | to_record(outcomes, _pair(outcomes)))


def _pair(outcomes: list["Outcome"]) -> "tuple[Outcome, Outcome] | None":
    by_name = {outcome.name: outcome for outcome in outcomes}
    one, other = (by_name.get(name) for name in PAIR)
    return (one, other) if one and other else None


def _rooms(config: DictConfig) -> str:
    any_split = config.env.get("split") == "any"
    return "any rooms, seen in training or not" if any_split else "rooms that no training has seen"


def _report(console: "Console", outcomes: list["Outcome"], folder: Path, rooms: str) -> None:
    """Print what is known."""
    from experiments.report.comparison import by_episode, by_mission, difference, fitting, overall

    if not outcomes:
        return
    episodes = len(outcomes[0].columns["episodes"])
    console.print(f"\n{episodes} episodes each, in {rooms}; 95% intervals\n")
    lived = "episode" in outcomes[0].columns
    kinds = (overall, by_mission, by_episode) if lived else (overall, by_mission)
    tables = [table for kind in kinds for table in fitting(console, kind, outcomes)]
    if pair := _pair(outcomes):
        tables.append(difference(*pair))
    for table in tables:
        console.print(table)
        console.print()
    for outcome in outcomes:
        if outcome.problem:
            line = f"{outcome.name}: {outcome.problem}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print(str(folder / RESULTS), soft_wrap=True, highlight=False)


if __name__ == "__main__":
    main()
