"""A sweep: one run for each combination of choices, each in a folder of its own, and one table.

Hydra reads the command and its launchers run the jobs. Which jobs there are, which of them are
still to be run, and their results are kept here, because Hydra has no way to go on. A job is
over when its folder holds `result.json`, which is put in place at once: whatever is killed, and
whenever, the same command lives what is missing, and nothing twice.
"""

import hashlib
import itertools
import json
import os
import re
import shutil
import sqlite3
import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from experiments.running.checks import RUN, check_options, expand_paths, expanded
from experiments.running.cli import (
    BadInput,
    Interrupted,
    answering_firmly,
    near,
    one_line,
    require_world,
    spec_of,
)
from experiments.running.schema import check
from experiments.running.startup import Startup
from experiments.running.usable import money, never_usable, total

if TYPE_CHECKING:
    from hydra.plugins.launcher import Launcher
    from rich.console import Console
    from rich.table import Table

    from agents.types import Agent
    from envs.engine.faces import WorldVectorEnv

_RETRIES = 2  # times that jobs whose worker died are begun again
_LOOK_EVERY_S = 0.5
_SOME_FAILED = 1  # exit status
_NAME_LETTERS = 90
_SELDOM = {"thought": "thinking_tokens", "cost": "cost"}  # columns only where there are any
_LOG_COLUMNS = 200  # of a table that goes to a file, where nothing is to be cut
# What a job's task, seed and size say already, and so is no part of who lives there.
_NOT_OF_THE_AGENT = {"agent", "avatars", "benchmark", "env", "episodes", "level", "render", "seed"}
_USUAL = {
    "shift": "S0",
    "split": "train",
    "words": "train",
}  # in the worlds that have such an object


class Sweep(Callback):
    """Takes a sweep over from Hydra, which would begin all jobs anew and stop at the first error.

    Hydra calls it because `configs/run.yaml` names it.
    """

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Run the whole sweep, and exit: 1 if jobs failed or an agent had no usable reply, or 0."""
        with answering_firmly():
            status = sweep(config)
        sys.exit(status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run of a sweep.

    Attributes:
        folder: Where it is lived; its name follows from the overrides.
        overrides: All that was chosen for it.
        words: What sets it apart from the other jobs.
    """

    folder: Path
    overrides: tuple[str, ...]
    words: str

    def result(self) -> dict[str, Any] | None:
        """Return its result, or None if it is not over."""
        try:
            return json.loads((self.folder / "result.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None


# ---- The whole sweep ----


def sweep(config: DictConfig) -> int:
    """Run all jobs that are not over, and print the results of all.

    Args:
        config: A `RunConfig` with Hydra's part, composed for a sweep.

    Returns:
        The exit status.

    Raises:
        BadInput: If no job may begin because a choice is wrong.
        Interrupted: If somebody pressed Ctrl-C.
    """
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else _LOG_COLUMNS)
    folder = _sweep_folder(config)
    jobs = _jobs(config, folder)
    _say(console, f"checking {len(jobs)} jobs ...")
    _check(jobs, config)
    if (folder / RUN).exists():
        raise BadInput(f"{near(folder)} holds a run; choose another hydra.sweep.dir")
    launcher = _launcher(config)
    _begin(jobs, config, folder)
    over = sum(map(_finished, jobs))
    before = f"; {over} of them are over already" if over else ""
    _say(console, f"{len(jobs)} jobs in {near(folder)}{before}")
    try:
        with ExitStack() as opened:
            if over < len(jobs):  # which are silent themselves
                opened.enter_context(closing(Startup("starting the first job")))
            _run_missing(jobs, launcher, config, console)
    except KeyboardInterrupt:
        over = sum(job.result() is not None for job in jobs)
        _say(console, f"\nstopped: {over} of {len(jobs)} jobs are over; the same command goes on")
        raise Interrupted from None
    return _report(jobs, folder, console)


def _sweep_folder(config: DictConfig) -> Path:
    """Return the sweep's folder, the same one for the same command, and tell Hydra of it."""
    given = _meant(config)
    folder = Path(expanded(config.hydra.sweep.dir)).absolute()
    if not any(one.startswith("hydra.sweep.dir=") for one in config.hydra.overrides.hydra):
        folder /= _name(given, given)
    with read_write(config), open_dict(config):
        config.hydra.sweep.dir = str(folder)
        config.hydra.overrides.hydra.append(f"hydra.sweep.dir={_quoted(str(folder))}")
    return folder


def _meant(config: DictConfig) -> list[str]:
    """Return what jobs are chosen by: all that was typed, but for what is of the sweep itself."""
    typed = (re.sub(r"=choice\(([^,]*)\)$", r"=\1", one) for one in config.hydra.overrides.task)
    return [one for one in typed if one.partition("=")[0] != "overwrite"]


def _jobs(config: DictConfig, folder: Path) -> list[Job]:
    """Return a job for each combination of choices, the last choice changing first."""
    choices = _choices(config)
    jobs = []
    for overrides in itertools.product(*choices.values()):
        apart = [
            choice for choice, all_ in zip(overrides, choices.values(), strict=True) if all_[1:]
        ]
        name = _name(apart or overrides, overrides)
        words = " ".join(word.lstrip("+") for word in apart or overrides)
        jobs.append(Job(folder=folder / name, overrides=overrides, words=words))
    return jobs


def _choices(config: DictConfig) -> dict[str, list[str]]:
    """Return the overrides to choose from, by what they override; no films unless wanted."""
    params = [f"{key}={value}" for key, value in (config.hydra.sweeper.params or {}).items()]
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    parsed = parser.parse_overrides(["render=none", *params, *_meant(config)])
    return {override.get_key_element(): _alternatives(override) for override in parsed}


def _alternatives(override: Override) -> list[str]:
    if not override.is_sweep_override():
        return [str(override.input_line)]
    if not override.is_discrete_sweep():
        raise BadInput(f"a sweep needs values one by one: a,b or range(0,10), got {override}")
    return [f"{override.get_key_element()}={one}" for one in override.sweep_string_iterator()]


def _name(said: Iterable[str], meant: Iterable[str]) -> str:
    """Return a folder's name: readable as far as it goes, then a digest of all that is meant."""
    words = "_".join(re.sub(r"[^\w.]+", "-", word).strip("-") for word in said)
    digest = hashlib.sha256("\n".join(sorted(meant)).encode()).hexdigest()
    return f"{words[:_NAME_LETTERS]}_{digest[:8]}"


def _quoted(text: str) -> str:
    """Return text as Hydra takes it, whatever is in it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _check(jobs: Sequence[Job], config: DictConfig) -> None:
    """Compose every job that is to be lived, so that a wrong choice is answered before any begins.

    Raises:
        BadInput: If a choice is wrong.
    """
    for job in jobs:
        if not _finished(job):
            try:
                composed = _composed(job, config)
                require_world(composed)
                check_options(composed)
                expand_paths(composed, composed.hydra.job.config_name)
                check(composed)  # type: ignore[arg-type]  # OmegaConf's duck of a RunConfig
            except (BadInput, ValueError, HydraException, OmegaConfBaseException) as error:
                raise BadInput(f"{job.words}: {one_line(error)}") from error


def _composed(job: Job, config: DictConfig) -> DictConfig:
    loader = GlobalHydra.instance().config_loader()
    return loader.load_sweep_config(config, list(job.overrides))


def _launcher(config: DictConfig) -> "Launcher":
    """Return what runs jobs: in this process, in several, or on other machines."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # workers inherit it; more would fight for cores
    context = HydraContext(
        config_loader=GlobalHydra.instance().config_loader(), callbacks=_no_callbacks()
    )
    return Plugins.instance().instantiate_launcher(
        hydra_context=context, task_function=run_job, config=config
    )


def _no_callbacks() -> Any:
    from hydra._internal.callbacks import Callbacks

    return Callbacks()


def _begin(jobs: Sequence[Job], config: DictConfig, folder: Path) -> None:
    """Write down what the sweep is of; let jobs that failed, or all, be lived again."""
    from experiments.running.record import write_json

    folder.mkdir(parents=True, exist_ok=True)
    names = [job.folder.name for job in jobs]
    write_json(folder / "sweep.json", {"command": _meant(config), "jobs": names})
    for job in jobs:
        if config.overwrite or not _finished(job):
            (job.folder / "result.json").unlink(missing_ok=True)


def _finished(job: Job) -> bool:
    result = job.result()
    return result is not None and result["status"] == "finished"


# ---- Running what is missing ----


def _run_missing(
    jobs: Sequence[Job], launcher: "Launcher", config: DictConfig, console: "Console"
) -> None:
    """Launch what is missing, again if a worker died, at last one by one, and then give up."""
    with _reporting(jobs, console):
        for attempt in range(1 + _RETRIES):
            missing = [job for job in jobs if not job.result()]
            if attempt and missing:
                _say(console, f"{len(missing)} jobs lost their worker, and begin anew")
            together = config.hydra.sweeper.max_batch_size or max(1, len(missing))
            if attempt == _RETRIES:  # so that a job that kills its worker takes no other along
                together = 1
            for start in range(0, len(missing), together):
                batch = missing[start : start + together]
                _launch(launcher, batch, config, last=attempt == _RETRIES)


def _launch(launcher: "Launcher", jobs: Sequence[Job], config: DictConfig, last: bool) -> None:
    """Launch some jobs; those that are lost are given up only in the last attempt."""
    overrides = [[*job.overrides, f"hydra.sweep.subdir={_quoted(job.folder.name)}"] for job in jobs]
    try:
        for returned in launcher.launch(overrides, initial_job_idx=0):
            _ = returned.return_value  # raises what kept the job from writing its result
        reason = "it left no result"
    except Exception as error:  # whatever a launcher raises when a worker is lost
        reason = one_line(error)
    for job in jobs:
        if last and not job.result():
            _give_up(job, config, f"its worker was lost {1 + _RETRIES} times: {reason}")


def _give_up(job: Job, config: DictConfig, reason: str) -> None:
    composed = _composed(job, config)
    job.folder.mkdir(parents=True, exist_ok=True)
    _write_result(job.folder, _about(composed, composed.hydra), reason, seconds=0.0)


# ---- One job ----


def run_job(config: DictConfig) -> None:
    """Run one job in the folder that Hydra made for it, and leave `result.json` there.

    Another process may be at the same job: one that lost its parent, or the same command in another
    window. Then this one waits, and finds it done.

    Args:
        config: A `RunConfig`.

    Raises:
        KeyboardInterrupt: If somebody pressed Ctrl-C.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # where the launcher did not pass it on
    hydra = HydraConfig.get()
    expand_paths(config, str(hydra.job.config_name))
    folder = Path(hydra.runtime.output_dir)
    with _alone_in(folder):
        if (folder / "result.json").exists():
            return
        _remove_leftovers(folder)
        began = time.monotonic()
        about = _about(config, hydra)
        reason = _reason_of_failure(config, folder, about)
        _write_result(folder, about, reason, time.monotonic() - began)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process is in here; a lock dies with its process."""
    with closing(sqlite3.connect(folder / ".lock", timeout=1.0, isolation_level=None)) as lock:
        while not _locked(lock):
            pass
        yield


def _locked(lock: sqlite3.Connection) -> bool:
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


def _remove_leftovers(folder: Path) -> None:
    """Remove what a killed job left; Hydra has already written `.hydra` anew."""
    for path in folder.iterdir():
        if path.is_dir() and path.name != ".hydra":
            shutil.rmtree(path)
        elif path.is_file() and not path.name.startswith(".lock"):
            path.unlink()


def _reason_of_failure(config: DictConfig, folder: Path, about: dict[str, Any]) -> str | None:
    """Live the configured episodes; return what went wrong in one line, or None."""
    from rich.console import Console

    from agents.types import ThinksInWords
    from experiments.launching.episodes import run_episodes

    def see(agent: "Agent", env: "WorldVectorEnv") -> None:
        if isinstance(agent, ThinksInWords):
            about["parameters"] = agent.language_model.parameters

    quiet = Console(quiet=True, force_terminal=False)
    try:
        with ExitStack() as opened:
            finished = run_episodes(config, folder, opened, see, quiet)
    except BadInput as error:
        return one_line(error)
    except Exception as error:
        (folder / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
        return f"{type(error).__name__}: {one_line(error)}"
    if not finished:
        raise KeyboardInterrupt
    return None


def _about(config: DictConfig, hydra: Any) -> dict[str, Any]:
    """Return what a job is of, as it goes into `result.json`."""
    overrides = list(hydra.overrides.task)
    return {
        "overrides": overrides,
        "task": _task(config),
        "world": config.world,
        "agent": ", ".join([hydra.runtime.choices["agent"], *_particulars(overrides)]),
        "seed": config.seed,
        "parameters": None,
    }


def _task(config: DictConfig) -> str:
    """Return what agents are compared in: ``"trip level 4"``, ``"babyai goto, split test"``."""
    env = config.env
    what = spec_of(config).task_of(env)
    unusual = [f"{key} {env[key]}" for key, usual in _USUAL.items() if env.get(key, usual) != usual]
    return ", ".join([f"{config.world} {what}", *unusual])


def _particulars(overrides: Sequence[str]) -> list[str]:
    """Return the overrides that make this agent another one: ``body.senses.touch=false``."""
    return [
        override.lstrip("+")
        for override in overrides
        if re.split(r"[=.@]", override.lstrip("+~"))[0] not in _NOT_OF_THE_AGENT
    ]


def _write_result(
    folder: Path, about: Mapping[str, Any], reason: str | None, seconds: float
) -> None:
    from experiments.running.record import git_commit, write_json

    result = {
        "status": "failed" if reason else "finished",
        "reason": reason,
        **about,
        "commit": git_commit(),
        "seconds": round(seconds, 3),
        "episodes": _episodes(folder),
    }
    write_json(folder / "result.json", result)


def _episodes(folder: Path) -> list[dict[str, Any]]:
    summary = folder / "summary.json"
    return json.loads(summary.read_text(encoding="utf-8"))["episodes"] if summary.exists() else []


# ---- What is said of it ----


@contextmanager
def _reporting(jobs: Sequence[Job], console: "Console") -> Iterator[None]:
    """Say a line for each job as soon as it is over, whoever runs it and wherever."""
    waiting = {job.folder.name: job for job in jobs}
    numbers = itertools.count(1)

    def report(of_before: str = "") -> None:
        for name, job in list(waiting.items()):
            if result := job.result():
                del waiting[name]
                number = f"{next(numbers):{len(str(len(jobs)))}}/{len(jobs)}"
                _say(console, f"{number}  {job.words}  {of_before}{_came_to(result)}")

    def watch() -> None:
        while not over.wait(_LOOK_EVERY_S):
            report()

    over = Event()
    report("skipped, was done: ")
    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        report()


def _came_to(result: Mapping[str, Any]) -> str:
    if result["status"] == "failed":
        return f"failed: {result['reason']}"
    episodes = result["episodes"]
    reached = sum(episode["success"] for episode in episodes)
    problem = never_usable(episodes)
    came = f"{reached} of {len(episodes)} reached in {result['seconds']:.1f} wall s"
    return f"{came}; {problem}" if problem else came


def _report(jobs: Sequence[Job], folder: Path, console: "Console") -> int:
    """Print the table, why jobs failed and how to go on; return the exit status."""
    results = [result for job in jobs if (result := job.result())]
    failed = [job for job in jobs if not _finished(job)]
    console.print()
    console.print(fitting(console, results))
    mute = list(_mute(results))
    for line in mute:
        _say(console, line)
    for job in failed:
        result = job.result() or {}
        _say(console, f"failed: {job.words}: {result.get('reason')}  ({near(job.folder)})")
    if failed:
        _say(console, "the same command tries again what failed, and nothing else")
    _say(console, f"python -m experiments.report {near(folder)}")
    return _SOME_FAILED if failed or mute else 0


def _mute(results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for each row of the table whose language model never gave a usable reply."""
    for (task, agent), group in _rows(results).items():
        if problem := never_usable(_lived(group)):
            yield f"{task}, {agent}: {problem}"


def _rows(
    results: Sequence[Mapping[str, Any]],
) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    """Return the results of each row of the table: of one agent in one task."""
    rows: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for result in results:
        rows.setdefault((result["task"], result["agent"]), []).append(result)
    return rows


def _lived(group: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the episodes of the jobs that finished."""
    finished = [result for result in group if result["status"] == "finished"]
    return [episode for result in finished for episode in result["episodes"]]


def fitting(console: "Console", results: Sequence[Mapping[str, Any]]) -> "Table":
    """Return the table of a sweep's results, narrow where the console is.

    Args:
        console: Where it is printed.
        results: What is in each `result.json`.
    """
    from experiments.report.sheet import fits

    whole = table(results)
    return whole if fits(console, whole) else table(results, narrow=True)


def table(results: Sequence[Mapping[str, Any]], *, narrow: bool = False) -> "Table":
    """Return the results of a sweep: a row for each task and agent.

    Args:
        results: What is in each `result.json`.
        narrow: Whether tasks stand above agents, and what is too long for a line in several.
    """
    from rich.table import Table

    from experiments.report.measures import score_words

    seldom = [name for name in _SELDOM if total(_lived(results), _SELDOM[name])]
    judged = score_words(str(result["world"]) for result in results if "world" in result)[0]
    columns = (
        *("task", "agent", judged, "episodes", "seeds", "failed", "tokens", *seldom, "wall s"),
    )
    shown = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    if narrow:
        shown.add_column("task\nagent", overflow="fold")
    for column in columns[2 if narrow else 0 :]:
        words = column in columns[:3]
        head = column.replace("episodes", "epi-\nsodes").replace(" ", "\n") if narrow else column
        shown.add_column(head, justify="left" if words else "right", no_wrap=words or narrow)
    for (task, agent), group in _rows(results).items():
        named = (f"{task}\n  {agent}",) if narrow else (task, agent)
        shown.add_row(*named, *_cells(group, seldom))
    return shown


def _cells(group: Sequence[Mapping[str, Any]], seldom: Sequence[str]) -> Iterator[str]:
    """Yield the numbers of one row: of the jobs that finished, and how many did not."""
    from experiments.report.measures import judged, judged_by

    finished = [result for result in group if result["status"] == "finished"]
    episodes = _lived(group)
    world = str(finished[0]["world"]) if finished else ""
    yield judged_by(world).words(judged(world, episodes))
    yield str(len(episodes))
    yield str(len({result["seed"] for result in finished}))
    yield str(len(group) - len(finished))
    yield str(sum(episode["tokens"] for episode in episodes))
    for name in seldom:
        value = total(episodes, _SELDOM[name])
        yield money(value) if name == "cost" else f"{value:.0f}"
    yield f"{sum(result['seconds'] for result in finished):.1f}"


def _say(console: "Console", line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
