"""One run from its configuration to its run folder.

Slow imports happen inside functions, so that help and mistakes are answered at once.
"""

from collections.abc import Callable
from contextlib import ExitStack, closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from experiments.running.cli import BadInput, built, one_line, require_world, spec_of, stopping
from experiments.running.schema import Clock, Render, check, count_lifetimes
from experiments.running.seeding import spawn_integer
from experiments.running.startup import Startup

if TYPE_CHECKING:
    from rich.console import Console

    from agents.types import Agent
    from envs.engine.faces import WorldVectorEnv
    from experiments.running.callbacks import BatchCallback, Callback
    from experiments.running.record import Summary


def run_episodes(
    config: DictConfig,
    folder: Path,
    opened: ExitStack,
    batch_callback: Callable[
        ["Agent", "WorldVectorEnv"], "BatchCallback | None"
    ] = lambda agent, env: None,
    console: "Console | None" = None,
    startup: Startup | None = None,
) -> bool:
    """Run the configured episodes with a view in the terminal, and leave a run folder.

    Args:
        config: A `RunConfig`.
        folder: The run folder, which exists.
        opened: World and agent are closed with it.
        batch_callback: Makes a batch callback of agent and world, or None.
        console: Where the view is printed; None is the terminal.
        startup: Of a command that has begun before it runs; None says now that it begins.

    Returns:
        Whether all episodes reached their end.

    Raises:
        BadInput: If a part cannot be built, a model fails for good, or nothing can be written.
    """
    _check(config)
    if startup is None and not (console is not None and console.quiet):
        startup = opened.enter_context(closing(_begun(config)))
    from rich.console import Console

    from experiments.running.loop import CallbackError
    from experiments.running.record import Summary
    from experiments.viewers.terminal import report
    from mind.language_models.types import LanguageModelError

    console = console or Console()
    summary = Summary(folder)
    try:
        finished = _run_loop(config, folder, console, summary, startup, opened, batch_callback)
    except (CallbackError, LanguageModelError, OSError) as error:
        report(console, summary.ends, folder)
        raise BadInput(one_line(error)) from error
    report(console, summary.ends, folder)
    return finished


def _run_loop(
    config: DictConfig,
    folder: Path,
    console: "Console",
    summary: "Summary",
    startup: Startup | None,
    opened: ExitStack,
    batch_callback: Callable[["Agent", "WorldVectorEnv"], "BatchCallback | None"],
) -> bool:
    """Run the loop, and return whether all episodes reached their end."""
    from experiments.running.compiling import compiled_beside
    from experiments.running.loop import Loop
    from experiments.viewers.terminal import LiveView, PlainView

    finished = False
    with ExitStack() as watched, stopping(in_place=console.is_terminal) as stopped:
        view = (LiveView if console.is_terminal else PlainView)(console, config.episodes)
        watched.callback(view.close)
        env = built("env", config, opened)
        with compiled_beside(config, startup.compiling) if startup else nullcontext():
            agent = built("agent", config, opened)
        callbacks, world_seed = _prepared(config, folder, agent, watched)
        loop = Loop(
            env,
            agent,
            [*callbacks, summary, view, *([startup] if startup else [])],
            episodes=config.episodes,
            world_seed=world_seed,
            real_time=config.clock == Clock.wall,
            stopped=stopped,
            batch_callback=batch_callback(agent, env),
        )
        try:
            finished = loop.run()
        finally:
            summary.finish(finished)
    return finished


def _begun(config: DictConfig) -> Startup:
    """Say at once that it begins."""
    agent = str(config.agent.get("_target_", "")).rpartition(".")[2]
    return Startup(f"starting {config.world} with {agent}")


def _check(config: DictConfig) -> None:
    require_world(config)
    try:
        count_lifetimes(config)
        check(config)  # type: ignore[arg-type]  # OmegaConf's duck of a RunConfig
    except ValueError as error:
        raise BadInput(str(error)) from error


def _prepared(
    config: DictConfig, folder: Path, agent: "Agent", opened: ExitStack
) -> tuple[list["Callback"], int]:
    """Write the provenance; return callbacks, closed with the stack, and the seed of the world."""
    from experiments.running.record import Recorder, write_provenance

    seeds = {name: spawn_integer(config.seed, name) for name in ("world", "agent")}
    viewers = _viewers(config, folder, agent)
    try:
        plain: Any = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
        write_provenance(folder, plain, seeds)
        callbacks: list[Callback] = [Recorder(folder), *viewers]
    except OSError as error:
        raise BadInput(f"cannot write the run folder: {error}") from error
    for callback in callbacks:
        opened.callback(callback.close)
    return callbacks, seeds["world"]


def _viewers(config: DictConfig, folder: Path, agent: "Agent") -> list["Callback"]:
    """Return the callbacks that make something to look at.

    Raises:
        BadInput: If a window is wanted where there is no screen.
    """
    from agents.types import Remembers
    from experiments.viewers.film import Filmmaker
    from experiments.viewers.page import ReplayPage
    from experiments.viewers.screen import Screen, asked_of

    pictures = config.render != Render.none
    page = ReplayPage(
        folder,
        _title(config),
        memory=agent.memory if isinstance(agent, Remembers) else None,
        run_id=agent.run_id if isinstance(agent, Remembers) else "",
    )
    viewers: list[Callback] = [page]
    if pictures:
        viewers.append(Filmmaker(folder))
    if config.render == Render.human:
        try:
            viewers.append(Screen(asked_of(agent)))
        except RuntimeError as error:
            raise BadInput(str(error)) from error
    return viewers


def _title(config: DictConfig) -> str:
    """Return what a run is called: ``"trip, level 4, seed 6"``."""
    return f"{config.world}, {spec_of(config).task_of(config.env)}, seed {config.seed}"
