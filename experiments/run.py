"""Let a being live in a world: `python -m experiments.run +env=trip`.

Slow imports happen inside functions, so that help and mistakes are answered at once.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from experiments.running.cli import (
    BadInput,
    Interrupted,
    answering,
    built,
    one_line,
    prepare,
    remove_unless,
    require_world,
    stopping,
)
from experiments.running.schema import Clock, Render, check, register
from experiments.running.seeding import spawn_integer

if TYPE_CHECKING:
    from rich.console import Console

    from agents.types import Agent
    from envs.engine.faces import WorldVectorEnv
    from experiments.running.callbacks import BatchCallback, Callback
    from experiments.running.record import Summary


def main() -> None:
    """Run from the command line; the exit status is 0, 2 for bad input, or 130 after Ctrl-C."""
    register()
    with answering():
        prepare()
        _run()


@hydra.main(config_path="pkg://configs", config_name="run", version_base="1.3")
def _run(config: DictConfig) -> None:
    folder = Path(HydraConfig.get().runtime.output_dir)
    with answering():  # Hydra adds lines of its own to what it sees passing
        try:
            run(config, folder)
        finally:
            remove_unless("episodes/*", folder)


# ---- One run ----


def run(config: DictConfig, folder: Path) -> None:
    """Live the configured episodes, and leave a run folder.

    Args:
        config: A `RunConfig`.
        folder: The run folder, which exists.

    Raises:
        BadInput: If a part cannot be built, a model fails for good, or nothing can be written.
        Interrupted: If somebody pressed Ctrl-C.
    """
    with ExitStack() as opened:
        if not live(config, folder, opened):
            raise Interrupted


def live(
    config: DictConfig,
    folder: Path,
    opened: ExitStack,
    batch_callback: Callable[
        ["Agent", "WorldVectorEnv"], "BatchCallback | None"
    ] = lambda agent, env: None,
    console: "Console | None" = None,
) -> bool:
    """Live the configured episodes before a person's eyes, and leave a run folder.

    Args:
        config: A `RunConfig`.
        folder: The run folder, which exists.
        opened: World and agent go on until it is closed.
        batch_callback: Makes one who sees the whole batch live.
        console: Where the person looks; None is the terminal.

    Returns:
        Whether all was lived to its end.

    Raises:
        BadInput: If a part cannot be built, a model fails for good, or nothing can be written.
    """
    _check(config)
    from rich.console import Console

    from experiments.running.loop import CannotTell
    from experiments.running.record import Summary
    from experiments.viewers.terminal import report
    from mind.language_models.types import LanguageModelError

    console = console or Console()
    summary = Summary(folder)
    try:
        finished = _live(config, folder, console, summary, opened, batch_callback)
    except (CannotTell, LanguageModelError, OSError) as error:
        report(console, summary.ends, folder)
        raise BadInput(one_line(error)) from error
    report(console, summary.ends, folder)
    return finished


def _live(
    config: DictConfig,
    folder: Path,
    console: "Console",
    summary: "Summary",
    opened: ExitStack,
    batch_callback: Callable[["Agent", "WorldVectorEnv"], "BatchCallback | None"],
) -> bool:
    """Live, and say whether all was lived to its end."""
    from experiments.running.loop import Loop
    from experiments.viewers.terminal import LiveView, PlainView

    finished = False
    with ExitStack() as watched, stopping() as stopped:
        view = (LiveView if console.is_terminal else PlainView)(console, config.episodes)
        watched.callback(view.close)
        env, agent = built("env", config, opened), built("agent", config, opened)
        callbacks, world_seed = _prepared(config, folder, agent, watched)
        loop = Loop(
            env,
            agent,
            [*callbacks, summary, view],
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


def _check(config: DictConfig) -> None:
    require_world(config)
    try:
        check(config)  # type: ignore[arg-type]  # OmegaConf's duck of a RunConfig
    except ValueError as error:
        raise BadInput(str(error)) from error


def _prepared(
    config: DictConfig, folder: Path, agent: "Agent", watched: ExitStack
) -> tuple[list["Callback"], int]:
    """Write down what is run; return those who keep it, closed with the stack, and a seed."""
    from experiments.running.record import Recorder, write_provenance

    seeds = {name: spawn_integer(config.seed, name) for name in ("world", "agent")}
    watchers = _watchers(config, folder, agent)
    try:
        plain: Any = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
        write_provenance(folder, plain, seeds)
        callbacks: list[Callback] = [Recorder(folder), *watchers]
    except OSError as error:
        raise BadInput(f"cannot write the run folder: {error}") from error
    for callback in callbacks:
        watched.callback(callback.close)
    return callbacks, seeds["world"]


def _watchers(config: DictConfig, folder: Path, agent: "Agent") -> list["Callback"]:
    """Return those who make something to look at.

    Raises:
        BadInput: If a window is wanted where there is no screen.
    """
    from experiments.viewers.film import Filmmaker
    from experiments.viewers.page import ReplayPage
    from experiments.viewers.screen import Screen, asked_of

    pictures = config.render != Render.none
    page = ReplayPage(
        folder,
        _title(config),
        memory=getattr(agent, "memory", None),  # not everybody has one
        run_id=getattr(agent, "run_id", ""),
    )
    watchers: list[Callback] = [page]
    if pictures:
        watchers.append(Filmmaker(folder))
    if config.render == Render.human:
        try:
            watchers.append(Screen(asked_of(agent)))
        except RuntimeError as error:
            raise BadInput(str(error)) from error
    return watchers


def _title(config: DictConfig) -> str:
    """Return what a run is called."""
    if config.world == "trip":
        return f"{config.env.id}, level {config.level}, seed {config.seed}"
    return f"{config.world}, {config.env.id or config.env.task}, seed {config.seed}"


if __name__ == "__main__":
    main()
