"""Let a being live in a world: `python -m experiments.run +env=trip`.

Slow imports happen inside functions, so that help and mistakes are answered at once.
"""

import difflib
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from experiments.schema import Clock, Render, RunConfig, check, register
from experiments.seeding import spawn_integer

if TYPE_CHECKING:
    from rich.console import Console

    from experiments.loop import Loop
    from experiments.record import Summary
    from experiments.story import Listener

_BAD_INPUT = 2  # exit status
_INTERRUPTED = 130
_WANTS_TRACEBACKS = os.environ.get("HYDRA_FULL_ERROR") == "1"
_ROOT = Path(__file__).resolve().parent.parent


class BadInput(Exception):
    """Something asked for cannot be had; the message is one line that says what to do."""


class Interrupted(Exception):
    """Somebody pressed Ctrl-C, and what was lived until then is kept."""


def main() -> None:
    """Run from the command line; the exit status is 0, 2 for bad input, or 130 after Ctrl-C."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # so that mistakes reach us instead of being printed
    register()
    with _answering():
        _refuse_another_agents_package()
        _run()


@hydra.main(config_path="pkg://configs", config_name="run", version_base="1.3")
def _run(config: DictConfig) -> None:
    folder = Path(HydraConfig.get().runtime.output_dir)
    with _answering():  # Hydra adds lines of its own to what it sees passing
        try:
            run(config, folder)
        finally:
            _remove_if_nothing_was_lived(folder)


@contextmanager
def _answering() -> Iterator[None]:
    """Answer bad input with one line and exit; whoever wants the traceback gets it."""
    try:
        yield
    except (Interrupted, KeyboardInterrupt):
        _quit_at_once()
    except (BadInput, HydraException, OmegaConfBaseException, OSError) as error:
        if _WANTS_TRACEBACKS:
            raise
        print(_one_line(error), file=sys.stderr)
        sys.exit(_BAD_INPUT)


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
    _check(config)
    from rich.console import Console

    from experiments.loop import CannotTell
    from experiments.record import Summary
    from experiments.terminal import report
    from mind.language_models.types import LanguageModelError

    console = Console()
    summary = Summary(folder)
    try:
        finished = _live(config, folder, console, summary)
    except (CannotTell, LanguageModelError, OSError) as error:
        report(console, summary.endings, folder)
        raise BadInput(_one_line(error)) from error
    report(console, summary.endings, folder)
    if not finished:
        raise Interrupted


def _live(config: DictConfig, folder: Path, console: "Console", summary: "Summary") -> bool:
    """Live, and say whether all was lived to its end."""
    from experiments.terminal import LiveView, PlainView

    finished = False
    with ExitStack() as opened, _stopping() as stopped:
        view = (LiveView if console.is_terminal else PlainView)(console, config.episodes)
        opened.callback(view.close)
        loop = _prepared(config, folder, [summary, view], stopped, opened)
        try:
            finished = loop.run()
        finally:
            summary.finish(finished)
    return finished


def _check(config: DictConfig) -> None:
    if OmegaConf.is_missing(config, "env"):
        raise BadInput(f"a run needs a world: add +env=NAME, where NAME is one of {_worlds()}")
    try:
        check(config)  # type: ignore[arg-type]  # OmegaConf's duck of a RunConfig
    except ValueError as error:
        raise BadInput(str(error)) from error


def _prepared(
    config: DictConfig,
    folder: Path,
    listeners: list["Listener"],
    stopped: Callable[[], bool],
    opened: ExitStack,
) -> "Loop":
    """Build all parts of a run; what has to be closed later goes onto the stack."""
    from experiments.loop import Loop
    from experiments.record import Recorder, write_provenance

    seeds = {name: spawn_integer(config.seed, name) for name in ("world", "agent")}
    env = _built("env", config, opened)
    agent = _built("agent", config, opened)
    watchers = _watchers(config, folder)
    try:
        plain: Any = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
        write_provenance(folder, plain, seeds)
        recorder = Recorder(folder)
    except OSError as error:
        raise BadInput(f"cannot write the run folder: {error}") from error
    everybody = [recorder, *watchers, *listeners]
    for listener in [recorder, *watchers]:
        opened.callback(listener.close)
    return Loop(
        env,
        agent,
        everybody,
        episodes=config.episodes,
        world_seed=seeds["world"],
        real_time=config.clock == Clock.wall,
        stopped=stopped,
    )


def _watchers(config: DictConfig, folder: Path) -> list["Listener"]:
    """Return those who make something to look at.

    Raises:
        BadInput: If a window is wanted where there is no screen.
    """
    from experiments.film import Filmmaker
    from experiments.page import ReplayPage
    from experiments.screen import Screen

    pictures = config.render != Render.none
    title = f"{config.env.id}, level {config.level}, seed {config.seed}"
    watchers: list[Listener] = [ReplayPage(folder, title, config.episodes, pictures=pictures)]
    if pictures:
        watchers.append(Filmmaker(folder))
    if config.render == Render.human:
        try:
            watchers.append(Screen())
        except RuntimeError as error:
            raise BadInput(str(error)) from error
    return watchers


def _built(part: str, config: DictConfig, opened: ExitStack) -> Any:
    """Build a part from its configuration, and close it when all is over.

    Raises:
        BadInput: If it cannot be built, whatever it was that its constructor did not like.
    """
    from hydra.utils import instantiate

    try:
        built = instantiate(config[part], _convert_="all")
    except Exception as error:
        if isinstance(error, OmegaConfBaseException):
            raise
        raise BadInput(f"{part}: {_one_line(error.__cause__ or error)}") from error
    opened.callback(built.close)
    return built


# ---- Stopping ----


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into a polite question that the loop asks; the second one quits.

    Yields:
        Whether somebody wants it to stop.
    """
    asked = False

    def ask(signal_number: int, _: Any) -> None:
        nonlocal asked
        if asked:
            _quit_at_once()
        asked = True
        # No print here: a signal can come in the middle of one.
        os.write(2, b"\nstopping after this tick; press Ctrl-C again to quit at once\n")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _quit_at_once() -> NoReturn:
    """Exit, whatever threads are still waiting for a server; all lines are on the disk already."""
    if sys.stdout.isatty():
        os.write(1, b"\x1b[?25h")  # shows the cursor
    os._exit(_INTERRUPTED)


def _remove_if_nothing_was_lived(folder: Path) -> None:
    """Leave no folder of a run that never began."""
    if not any((folder / "episodes").glob("*")):
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # the day's folder goes too, unless other runs are in it
            folder.parent.rmdir()


# ---- Mistakes ----


def _refuse_another_agents_package() -> None:
    """Notice early that openai-agents, which installs an `agents` too, hides ours."""
    import agents

    if Path(agents.__path__[0]).resolve() != _ROOT / "agents":
        raise BadInput(
            f"'agents' must be Groundrush's own package in {_ROOT}, got {agents.__path__[0]}; "
            "run from Groundrush's folder, or uninstall openai-agents"
        )


def _one_line(error: BaseException) -> str:
    """Return what is wrong, and what to do about it, in one line."""
    if isinstance(error, MissingConfigException) and error.options:
        group, _, name = str(error.missing_cfg_file).rpartition("/")
        return f"there is no {group} '{name}'; choose one of {', '.join(error.options)}"
    if isinstance(error.__cause__, ConfigAttributeError | ConfigKeyError):
        return _unknown_key(error.__cause__)
    if isinstance(error.__cause__, OmegaConfBaseException):
        return _joined(error.__cause__)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return _joined(error) or type(error).__name__


def _unknown_key(error: OmegaConfBaseException) -> str:
    known = [field.name for field in fields(RunConfig)]
    if "." in str(error.full_key):
        return f"there is no option '{error.full_key}'; see --cfg job for those there are"
    near = difflib.get_close_matches(str(error.key), known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"choose among {', '.join(known)}"
    return f"there is no option '{error.full_key}'; {hint}"


def _joined(error: BaseException) -> str:
    """Return a message in one line, without what OmegaConf appends for programmers."""
    return " ".join(str(error).partition("\n    object_type=")[0].split())


def _worlds() -> str:
    return ", ".join(sorted(path.stem for path in (_ROOT / "configs" / "env").glob("*.yaml")))


if __name__ == "__main__":
    main()
