"""What commands share: parts built from configurations, one line for each mistake, and Ctrl-C."""

import difflib
import functools
import gc
import json
import os
import re
import shutil
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException
from yaml import MarkedYAMLError, YAMLError

from experiments.running.early import quit_early
from experiments.running.kinds import misfits
from experiments.running.schema import register

if TYPE_CHECKING:
    from envs.engine.spec import WorldSpec

_BAD_INPUT = 2  # exit status
_INTERRUPTED = 130
_BUG = 70
_STOPPING = b"stopping after this tick; press Ctrl-C again to quit at once"
_STOPPED = b"\ninterrupted\n"
_NOT_OPTIONS = ("_target_", "num_envs", "autoreset_mode")  # of a part: these are set for the user
_WANTS_TRACEBACKS = os.environ.get("HYDRA_FULL_ERROR") == "1"
# Hydra's own options that take a value.
_BEFORE_A_VALUE = ("--config-dir", "-cd", "--config-name", "-cn", "--config-path", "-cp",
                   "--package", "-p")  # fmt: skip
_MORE_LAUNCHERS = "; more come with pip install -e '.[sweep]' and '.[ray]'"
_TWICE = re.compile(
    r"Multiple values for (\S+)\. |(\S+) appears more than once in the final defaults"
)
_FROM_HOME = re.compile(r"^([+\w/@.]+=)(~[^'\"\s,()\[\]{}]*)$")
_COLOR = re.compile(r"\x1b\[\d*m")  # which Gymnasium puts into its warnings
_NOT_A_NAME = "Config group override must be"  # Hydra's words for `mind=5`
# A group that a schema has no place for, or none for the world that comes with it.
_NO_GROUP = re.compile(
    r"In '(\S+)/([^/']+)': (?:ConfigKeyError|ValidationError.*\bfull_key: world\b)", re.DOTALL
)
# Hydra's words for a `_target_` that cannot be imported.
_NOT_FOUND = re.compile(r"Error loading '([\w.]+)'.*?No module named '([\w.]+)", re.DOTALL)
_ROOT = Path(__file__).resolve().parent.parent.parent
# Slow imports make a million objects that stay: Python's own 700 costs a seventh of a warm start.
_OBJECTS_BETWEEN_COLLECTIONS = 50_000


class BadInput(Exception):
    """Something asked for cannot be had; the message is one line that says what to do."""


class Interrupted(Exception):
    """Somebody pressed Ctrl-C, and what was lived until then is kept."""


def command(
    name: str,
    *outputs: str,
    reading: Callable[[Sequence[str]], Sequence[str]] = lambda arguments: arguments,
) -> Callable[[Callable[[DictConfig, Path], None]], Callable[[], None]]:
    """Make a command of a function that takes its configuration and the run folder.

    The command reads the command line; its exit status is 0, 2 for bad input, or 130 after Ctrl-C.

    Args:
        name: Of the configuration in `configs`.
        outputs: Patterns of files; a run folder in which nothing matches is removed. None keeps it.
        reading: Returns what the arguments on the command line mean for Hydra.
    """

    def decorated(function: Callable[[DictConfig, Path], None]) -> Callable[[], None]:
        def task(config: DictConfig) -> None:
            folder = Path(HydraConfig.get().runtime.output_dir)
            with answering():  # Hydra adds lines of its own to what it sees passing
                try:
                    function(config, folder)
                finally:
                    if outputs:
                        _remove_unless(outputs, folder)

        task.__module__ = f"experiments.{name}"  # of which Hydra makes the name of the job
        entry = hydra.main(config_path="pkg://configs", config_name=name, version_base="1.3")(task)

        @functools.wraps(function)
        def main() -> None:
            register(name)
            with answering():
                prepare()
                sys.argv[1:] = _for_hydra(reading(sys.argv[1:]))
                with _naming_parts():
                    entry()

        return main

    return decorated


@contextmanager
def _naming_parts() -> Iterator[None]:
    """Answer a number in place of a name (``mind=5``), at which Hydra shows a traceback."""
    try:
        yield
    except ValueError as error:
        if not str(error).startswith(_NOT_A_NAME):
            raise
        chosen = " ".join(one for one in sys.argv[1:] if "=" in one)
        raise BadInput(
            f"a part is chosen by a name, got a number or none in {chosen}; --help says which"
        ) from error


def _for_hydra(arguments: Sequence[str]) -> list[str]:
    """Return a command line as Hydra is to see it.

    What sets options comes last, since Hydra takes it in one piece only. In a sweep Hydra would
    first try options of parts, such as ``env.task=goto``, where no part has been chosen yet; as
    choices of one value they are left to the jobs. A path that begins with ``~`` is quoted: Hydra
    does not read that sign.
    """
    setting = [
        ("=" in one or one.startswith("~"))
        and not one.startswith("-")
        and before not in _BEFORE_A_VALUE
        for before, one in zip(["", *arguments], arguments, strict=False)
    ]
    flags = [
        _of_home(one) for one, sets in zip(arguments, setting, strict=True) if not sets
    ]  # no shell expands `--config-dir=~/mine`
    options = [
        _FROM_HOME.sub(r"\1'\2'", one) for one, sets in zip(arguments, setting, strict=True) if sets
    ]
    if {"-m", "--multirun"}.intersection(flags):
        of_a_part = r"(?!hydra\.)(\+{0,2}[\w/@]+\.[\w./@]+)=(.+)"
        options = [re.sub(f"^{of_a_part}$", _as_choice, one, flags=re.DOTALL) for one in options]
    return [*flags, *options]


def _of_home(flag: str) -> str:
    """Return a flag whose path has a home in place of ``~``."""
    name, sign, path = flag.rpartition("=")
    return name + sign + (str(Path(path).expanduser()) if path.startswith("~/") else path)


def _as_choice(option: re.Match) -> str:
    parsed = OverridesParser.create().parse_override(option[0])
    return option[0] if parsed.is_sweep_override() else f"{option[1]}=choice({option[2]})"


def _remove_unless(outputs: Iterable[str], folder: Path) -> None:
    """Leave no run folder in which nothing matches: that run never began."""
    if not any(path for pattern in outputs for path in folder.glob(pattern)):
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # the day's folder goes too, unless other runs are in it
            folder.parent.rmdir()


def prepare() -> None:
    """Get ready to run a Hydra command.

    Raises:
        BadInput: If another package called `agents` hides ours.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # so that mistakes reach us instead of being printed
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    warnings.formatwarning = lambda message, *_, **__: f"note: {_COLOR.sub('', str(message))}\n"
    _refuse_another_agents_package()


@contextmanager
def answering() -> Iterator[None]:
    """Answer bad input with one line and exit; whoever wants the traceback gets it.

    From here on Ctrl-C is noticed by all who have something to put away, and torch, where it is
    imported later, has one thread unless OMP_NUM_THREADS or an option says otherwise.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # several wait for each other on a busy machine
    try:
        if signal.getsignal(signal.SIGINT) is quit_early:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
    except KeyboardInterrupt:
        os.write(2, _STOPPED)
        _quit_at_once()
    except Interrupted:  # which has been said
        _quit_at_once()
    except (BadInput, HydraException, OmegaConfBaseException, OSError, YAMLError) as error:
        if _WANTS_TRACEBACKS:
            raise
        print(one_line(error), file=sys.stderr)
        sys.exit(_BAD_INPUT)


@contextmanager
def answering_firmly() -> Iterator[None]:
    """Answer as `answering` does, in a callback of Hydra, which would warn of errors and go on."""
    try:
        with answering():
            yield
    except Exception:
        traceback.print_exc()
        sys.exit(_BUG)


def require_world(config: DictConfig) -> None:
    """Refuse a configuration in which no world was chosen.

    Raises:
        BadInput: If `env` is missing.
    """
    if OmegaConf.is_missing(config, "env"):
        raise BadInput(
            f"a run needs a world: add +env=NAME, where NAME is one of {', '.join(_worlds())}"
        )


def spec_of(config: DictConfig) -> "WorldSpec":
    """Return the spec of the chosen world.

    Raises:
        BadInput: If the module that makes the world cannot be found, or registers no such spec.
    """
    from envs.engine.spec import find

    module = str(config.env._target_).rpartition(".")[0]
    try:
        import_module(module)  # which registers the spec of a world that is not one of ours
        return find(config.world)
    except (ImportError, LookupError) as error:
        raise BadInput(f"env: {one_line(error)}") from error


def require_part(config: DictConfig, part: str, instead: str) -> None:
    """Refuse a world that lacks a part which a command cannot do without.

    Args:
        config: In which a world was chosen.
        part: One of its spec's `entry_points`: ``"motor_training"``.
        instead: What there is in a world without it.

    Raises:
        BadInput: If it lacks it; the message says which worlds have it.
    """
    if part in spec_of(config).entry_points:
        return
    from envs.engine.spec import find

    have = [name for name in _worlds() if part in find(name).entry_points]
    raise BadInput(
        f"there is no {part.replace('_', ' ')} for {config.world}, only for "
        f"{' and '.join(have)}; {instead}"
    )


def built(part: str, config: DictConfig, opened: ExitStack) -> Any:
    """Build a part from its configuration, and close it when all is over.

    Args:
        part: Where its configuration is: ``"env"``, ``"agent.being"``.
        config: The whole configuration.
        opened: The part is closed with it.

    Raises:
        BadInput: If it cannot be built, whatever it was that its constructor did not like.
    """
    from hydra.utils import instantiate

    if strange := _misfit(part, config):
        raise BadInput(strange)
    try:
        own = OmegaConf.select(deepcopy(config), part)  # in which references can be filled in
        made = instantiate(own, _convert_="all")
    except Exception as error:
        if isinstance(error, OmegaConfBaseException):
            raise
        raise BadInput(_why_not_built(part, config, error)) from error
    if not callable(getattr(made, "close", None)):
        raise BadInput(
            f"{part} must be made from the _target_ of its file, a class with a method close, got "
            f"a {type(made).__name__}; name one there"
        )
    opened.callback(made.close)
    return made


def _why_not_built(part: str, config: DictConfig, error: Exception) -> str:
    """Return what a constructor did not like; of an option that it does not take, what it takes."""
    cause = error.__cause__ or error
    strange = re.search(r"unexpected keyword argument '(\w+)'", str(cause))
    if not strange:
        if absent := _NOT_FOUND.search(str(cause)):
            return f"{part}: {_not_found(absent[1], absent[2])}"
        told = isinstance(cause, TypeError | AttributeError) and _misfit(part, config, strict=True)
        return told or f"{part}: {one_line(cause)}"
    at = re.search(r"full_key: ([\w.]+)", str(error))
    whole = as_set(config, at[1] if at else part)
    node: Any = OmegaConf.to_container(OmegaConf.select(config, whole), resolve=False)
    known = [key for key in node if key not in (strange[1], *_NOT_OPTIONS)]
    return f"there is no option '{whole}.{strange[1]}'; {meant(strange[1], known, whole)}"


def _not_found(target: str, module: str) -> str:
    """Return what to do about a class that a configuration names, and that cannot be imported."""
    home, _, name = target.rpartition(".")
    if module == target:
        return f"'{home}' has no '{name}', which _target_ names"
    if f"{target}.".startswith(f"{module}."):
        return f"there is no module '{module}' for {target}; put its folder on PYTHONPATH"
    return f"{target} needs the module '{module}', which is not installed"


def _misfit(part: str, config: DictConfig, *, strict: bool = False) -> str:
    """Return in one line what was set to something of another kind; empty if nothing was."""
    node = OmegaConf.to_container(OmegaConf.select(config, part), resolve=True)
    for one in misfits(node, strict=strict):
        return one.words(as_set(config, f"{part}.{one.key}"), list(config))
    return ""


def as_set(config: DictConfig, key: str) -> str:
    """Return by what name an option is set: ``agent.minds.prompts`` by ``mind.prompts``."""
    name = ""
    for part in key.split("."):
        name = f"{name}.{part}".lstrip(".")
        above, _, last = name.rpartition(".")
        node: Any = OmegaConf.select(config, above) if above else config
        raw: Any = OmegaConf.to_container(node, resolve=False)
        reference = re.fullmatch(r"\$\{([\w.]+)\}", str(raw[last]))
        name = as_set(config, reference[1]) if reference else name
    return name


def command_line(module: str = "") -> str:
    """Return the command that is running, without the options that name this machine's folders.

    Args:
        module: Its name below `experiments`; empty is the file that was run.
    """
    module = module or Path(sys.argv[0]).stem
    options = [option for option in sys.argv[1:] if "/" not in option.partition("=")[2]]
    return " ".join(["python -m", f"experiments.{module}", *options])


def near(path: Path) -> Path:
    """Return a path as one would type it here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


# ---- Stopping ----


@contextmanager
def stopping(*, in_place: bool = False) -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into a polite question that loops ask; the second one quits.

    Args:
        in_place: Whether something is redrawn on the terminal: what is said then takes the place of
            its last line, until it is drawn again, and leaves no other trace.

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
        os.write(2, b"\r\x1b[2K" + _STOPPING if in_place else b"\n" + _STOPPING + b"\n")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _quit_at_once() -> NoReturn:
    """Exit, whatever threads are still waiting for a server; all lines are on the disk already."""
    with suppress(Exception):  # such as that somebody is in the middle of a print
        sys.stdout.flush()
    if sys.stdout.isatty():
        os.write(1, b"\r\x1b[2K\x1b[?25h")  # empties the line, and shows the cursor
    os._exit(_INTERRUPTED)


# ---- Mistakes ----


def one_line(error: BaseException) -> str:
    """Return what is wrong, and what to do about it, in one line."""
    if isinstance(error, MissingConfigException) and error.options:
        group, _, name = str(error.missing_cfg_file).rpartition("/")
        more = _MORE_LAUNCHERS if group == "hydra/launcher" else ""
        return f"there is no {group} '{name}'; choose one of {', '.join(error.options)}{more}"
    if isinstance(error.__cause__, ConfigAttributeError | ConfigKeyError):
        return _unknown_key(error.__cause__)
    if isinstance(error.__cause__, OmegaConfBaseException):
        return _joined(error.__cause__)
    if isinstance(error, OverrideParseException):
        return _unreadable(str(error.override))
    if twice := _TWICE.match(str(error)):
        group = twice[1] or twice[2]
        return f"{group} is chosen already: say {group}=NAME, without the plus"
    if strange := _NO_GROUP.match(str(error)):
        return f"this command has no {strange[1]} to choose, got {strange[1]}={strange[2]}"
    if isinstance(error, MarkedYAMLError) and error.problem_mark:
        at = error.problem_mark
        return f"{at.name}, line {at.line + 1}, is no YAML: {error.problem}"
    if isinstance(error, FileExistsError | NotADirectoryError) and error.filename:
        path = Path(error.filename)
        taken = next((one for one in (path, *path.parents) if one.is_file()), path)
        return f"{taken} must be a folder, and is a file; name another place"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return _joined(error) or type(error).__name__


def amiss(error: BaseException) -> str:
    """Return in plain words what is wrong with a file that was read: ``it is no JSON (line 2)``."""
    if isinstance(error, json.JSONDecodeError):
        return f"it is no JSON, or only a part of it (line {error.lineno})"
    if isinstance(error, UnicodeDecodeError):
        return "it is no text"
    if isinstance(error, KeyError):
        return f"it has no {error}"
    if isinstance(error, TypeError | AttributeError | IndexError):
        return "it holds something else"
    if isinstance(error, FileNotFoundError):
        return f"there is no {Path(error.filename).name}" if error.filename else "it is not there"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return one_line(error)


def _unreadable(option: str) -> str:
    """Return what is wrong with an option that Hydra's grammar does not have."""
    name, _, value = option.partition("=")
    if not value:
        return f"'{option}' cannot be read: expected NAME=VALUE; --help says what there is"
    return f"'{option}' cannot be read: put the value into quotes of its own, \"{name}='VALUE'\""


def _unknown_key(error: OmegaConfBaseException) -> str:
    known = [key for key in error.parent_node or () if key not in ("hydra", *_NOT_OPTIONS)]
    above = str(error.full_key).rpartition(".")[0]
    return f"there is no option '{error.full_key}'; {meant(str(error.key), known, above)}"


def meant(name: str, known: Iterable[str], above: str = "") -> str:
    """Return which option was meant, if one is like it, and else all that there are.

    Args:
        name: What was typed.
        known: What there is.
        above: Name of what they are options of, or empty.
    """
    known = [str(one) for one in known]  # numbers can be names, too: levels={2: 1.0}
    if like := difflib.get_close_matches(name, known, n=1):
        return f"did you mean '{f'{above}.' if above else ''}{like[0]}'?"
    return f"choose among {', '.join(known)}" if known else "there are none"


def _joined(error: BaseException) -> str:
    """Return a message in one line, without what OmegaConf appends for programmers."""
    return " ".join(str(error).partition("\n    object_type=")[0].split())


def _refuse_another_agents_package() -> None:
    """Notice early that openai-agents, which installs an `agents` too, hides ours."""
    import agents

    if Path(agents.__path__[0]).resolve() != _ROOT / "agents":
        raise BadInput(
            f"'agents' must be Groundrush's own package in {_ROOT}, got {agents.__path__[0]}; "
            "run from Groundrush's folder, or uninstall openai-agents"
        )


def _worlds() -> list[str]:
    return sorted(path.stem for path in (_ROOT / "configs" / "env").glob("*.yaml"))
