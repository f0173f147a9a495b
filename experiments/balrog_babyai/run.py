"""What is a felt failure worth? `python -m experiments.balrog_babyai.run`.

BALROG's five BabyAI tasks, on layouts that no training has seen. All episodes of a condition in a
task run at once, one avatar each, and the levels are the same for all conditions. Results are kept
condition by condition, and a run in a folder with results of the same settings goes on from there.

Slow imports happen inside functions, so that help and mistakes are answered at once.
"""

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from experiments.running.cli import (
    BadInput,
    Interrupted,
    built,
    command,
    near,
    one_line,
    stopping,
)
from experiments.running.results import kept_before
from experiments.running.seeding import spawn_integer
from experiments.running.startup import Startup
from experiments.running.usable import Usefulness

if TYPE_CHECKING:
    from rich.console import Console

    from agents.types import Agent
    from experiments.balrog_babyai.measures import ConditionEpisodes
    from experiments.report.measures import Columns
    from experiments.report.sheet import Sheet
    from mind.types import Decision

RESULTS, TABLE = "balrog_babyai.json", "table.md"
_FILE_COLUMNS = 170  # of tables that go to a file
_WEIGHTS = "direct.safetensors"  # of one training of the direct condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """An agent, and what it is deprived of.

    Attributes:
        agent: Its name among the configured agents.
        label: What it is called in tables.
        touch: Whether it feels what its hands and the way ahead do.
        told: Whether it is told in plain words of commands that changed nothing.
    """

    agent: str
    label: str
    touch: bool = True
    told: bool = False


ORACLE, DIRECT = "oracle_bot", "direct"
CONDITIONS = {
    ORACLE: Condition(agent=ORACLE, label="scripted bot (reads the truth)"),
    "random": Condition(agent="random", label="random"),
    "reactive": Condition(agent="reactive", label="reactive (body and a table)"),
    DIRECT: Condition(agent=DIRECT, label="direct (body alone, no skills)"),
    "being": Condition(agent="being", label="being"),
    "being_without_touch": Condition(agent="being", label="being without touch", touch=False),
    "model": Condition(agent="primitive", label="model alone"),
    "model_without_touch": Condition(
        agent="primitive", label="model alone without touch", touch=False
    ),
    "model_told": Condition(
        agent="primitive", label="model alone, told instead", touch=False, told=True
    ),
}
PAIRS = {  # the first minus the second of each, by what is said of that
    "being": ("being", "being_without_touch"),
    "model alone": ("model", "model_without_touch"),
    "model alone, told in words instead of touch": ("model_told", "model_without_touch"),
    "model alone, touch over being told": ("model", "model_told"),
}


@command("balrog_babyai", RESULTS)
def main(config: DictConfig, folder: Path) -> None:
    """Run the episodes of all tasks under all conditions, print tables, and keep the results.

    Args:
        config: As in `configs/balrog_babyai.yaml`.
        folder: The run folder, which exists.

    Raises:
        BadInput: If a part cannot be built, a model fails for good, or nothing can be written.
        Interrupted: If somebody pressed Ctrl-C; what was under way is left out.
    """
    with closing(Startup("preparing the tasks")):
        if not _run(config, folder):
            raise Interrupted


def _run(config: DictConfig, folder: Path) -> bool:
    """Run the episodes and print tables; return whether all were finished."""
    _check(config)
    from rich.console import Console

    from mind.language_models.types import LanguageModelError

    console = Console(width=None if sys.stdout.isatty() else _FILE_COLUMNS)
    results = _Results(config, folder)
    if before := sum(len(one.columns) for one in results.conditions.values()):
        console.print(f"goes on in {near(folder)}: {before} lived before", highlight=False)
    try:
        finished = _run_all(config, results, console)
    except (LanguageModelError, OSError) as error:
        _report(console, results, _heading(config))
        raise BadInput(one_line(error)) from error
    _report(console, results, _heading(config))
    return finished


def _check(config: DictConfig) -> None:
    from envs.babyai.levels import TASKS, WORDS

    for name, given, known in (
        ("conditions", config.conditions, tuple(CONDITIONS)),
        ("tasks", config.tasks, TASKS),
        ("words", [config.words], WORDS),
    ):
        if not given or len({*given}) < len(given) or not {*given} <= {*known}:
            raise BadInput(
                f"{name} must be among {', '.join(known)}, each once, got {', '.join(given)}"
            )
    for name, least in (("episodes", 1), ("layouts", 1), ("seed", 0)):
        if not isinstance(config[name], int) or config[name] < least:
            raise BadInput(f"{name} must be a whole number of at least {least}, got {config[name]}")


# ---- Living ----


def _run_all(config: DictConfig, results: "_Results", console: "Console") -> bool:
    """Run one condition after the other, and return whether all were finished."""
    with stopping() as stopped:
        for name in config.conditions:
            if name == DIRECT and not trainings(config.agent.direct.folder):
                results.leave_out(
                    name, "there are no weights; train it, or set agent.direct.folder"
                )
                console.print(f"{name}: left out, {results.notes[name]}", highlight=False)
                continue
            for task in config.tasks:
                if results.has(name, task):
                    continue
                heard = Usefulness()
                rollout = run_task(name, task, config, stopped, heard.hear)
                if rollout is None:
                    console.print(f"{name}, {task}: left out, it was stopped")
                    return False
                results.add(name, task, *rollout)
                console.print(results.line(name, task), highlight=False)
                if heard.problem:
                    told = f"{name}, {task}: {heard.problem}"
                    console.print(told, markup=False, highlight=False, soft_wrap=True)
    return True


def run_task(
    name: str,
    task: str,
    config: DictConfig,
    stopped: Callable[[], bool] = lambda: False,
    decided: "Callable[[Decision], None]" = lambda decision: None,
) -> "tuple[Columns, float] | None":
    """Run all episodes of a task under a condition.

    Args:
        name: Of the condition.
        task: One of `envs.babyai.levels.TASKS`.
        config: As in `configs/balrog_babyai.yaml`.
        stopped: Asked before each tick whether to stop.
        decided: Called with each decision that takes effect.

    Returns:
        The columns that measures are made of, and the seconds that they took; None if it was
        stopped.
    """
    from experiments.balrog_babyai.measures import joined

    settings = _settings(name, task, config)
    if name != DIRECT:
        return _run_once(name, settings, stopped, decided)
    parts = []
    for folder in trainings(config.agent.direct.folder):
        settings.agent.direct.folder = str(folder)
        rollout = _run_once(name, settings, stopped, decided)
        if rollout is None:
            return None
        parts.append(rollout)
    columns = joined([columns for columns, _ in parts])
    return columns, sum(seconds for _, seconds in parts)


def _settings(name: str, task: str, config: DictConfig) -> DictConfig:
    """Return the configuration for a condition in a task; the caller's is left as it is."""
    settings = deepcopy(config)
    OmegaConf.update(settings, "env.task", task, force_add=True)
    OmegaConf.update(settings, "body.senses.touch", CONDITIONS[name].touch, force_add=True)
    settings.agent.primitive.tells_no_effect = CONDITIONS[name].told
    memory = Path(config.memory.path)  # each has one of its own, so that nobody learns of others
    settings.memory.path = str(memory.with_stem(f"{memory.stem}-{name}-{task}"))
    return settings


def _run_once(
    name: str,
    settings: DictConfig,
    stopped: Callable[[], bool],
    decided: "Callable[[Decision], None]",
) -> "tuple[Columns, float] | None":
    from experiments.launching.rollout import rollout

    with ExitStack() as opened:
        env = built("env", settings, opened)
        agent = _agent(name, settings, env, opened)
        began = time.perf_counter()
        seed = spawn_integer(settings.seed, "world")
        columns = rollout(agent, env, seed, stopped=stopped, decided=decided)
        return None if columns is None else (columns, time.perf_counter() - began)


def _agent(name: str, settings: DictConfig, env: Any, opened: ExitStack) -> "Agent":
    if name != ORACLE:
        return built(f"agent.{CONDITIONS[name].agent}", settings, opened)
    from envs.babyai.levels import Levels
    from experiments.balrog_babyai.oracle import OracleBot

    of_env = {key: settings.env[key] for key in ("task", "words", "split")}
    return OracleBot(env.world, Levels(**of_env))


def trainings(folder: str | None) -> list[Path]:
    """Return the folders of the trainings of the direct condition, in order.

    Args:
        folder: With one folder for each training, or of one training; None is what comes with
            the package.
    """
    above = Path(folder) if folder else Path(__file__).with_name("pretrained")
    return sorted(path.parent for path in above.rglob(_WEIGHTS))


# ---- Keeping and telling ----


class _Results:
    """The episodes of each condition, in memory and in the run folder.

    Attributes:
        conditions: Episodes of each condition, by name.
        notes: Why a condition was left out, by name.
    """

    def __init__(self, config: DictConfig, folder: Path):
        from experiments.running.record import write_provenance

        self._config, self.folder = config, folder
        self.tasks = list(config.tasks)
        self._settings = _plain(config)
        self.conditions: dict[str, ConditionEpisodes] = self._before()
        self.notes: dict[str, str] = {}
        write_provenance(folder, self._settings, {"world": spawn_integer(config.seed, "world")})

    def _before(self) -> dict[str, "ConditionEpisodes"]:
        """Return what an earlier run has left in the folder."""
        from experiments.balrog_babyai.measures import from_record

        found = kept_before(self.folder / RESULTS, _lasting(self._settings))
        return {name: from_record(name, one) for name, one in found.get("arms", {}).items()}

    def has(self, name: str, task: str) -> bool:
        """Say whether a task is finished under a condition."""
        return name in self.conditions and task in self.conditions[name].columns

    def add(self, name: str, task: str, columns: "Columns", seconds: float) -> None:
        """Keep the episodes of a task under a condition."""
        from experiments.balrog_babyai.measures import ConditionEpisodes

        episodes = self.conditions.setdefault(name, ConditionEpisodes(name=name))
        episodes.columns[task], episodes.seconds[task] = columns, seconds
        self._write()

    def leave_out(self, name: str, why: str) -> None:
        """Note why a condition is left out."""
        self.notes[name] = why
        self._write()

    def line(self, name: str, task: str) -> str:
        """Return a line of statistics of a condition's episodes of a task."""
        from experiments.balrog_babyai.tables import success_words

        episodes = self.conditions[name]
        words = success_words(episodes.columns[task])
        return f"{name}, {task}: {words} in {episodes.seconds[task]:.1f} wall s"

    def sheets(self) -> list["Sheet"]:
        """Return all tables of what is known by now."""
        from experiments.balrog_babyai.public import figures
        from experiments.balrog_babyai.tables import public_sheet, task_sheets, touch_sheet

        labels = {name: condition.label for name, condition in CONDITIONS.items()}
        pairs = [(words, *both) for words, two in PAIRS.items() if (both := self._both(*two))]
        conditions = [self.conditions[name] for name in CONDITIONS if name in self.conditions]
        touch = [touch_sheet(pairs, self.tasks)] if pairs else []
        return [
            *task_sheets(conditions, labels, self.tasks),
            *touch,
            public_sheet(figures(), self.tasks),
        ]

    def _both(self, one: str, other: str) -> "tuple[Columns, Columns] | None":
        if one not in self.conditions or other not in self.conditions:
            return None
        first, second = (self.conditions[name].together(self.tasks) for name in (one, other))
        return (first, second) if first and second else None

    def _write(self) -> None:
        from experiments.balrog_babyai.measures import to_record
        from experiments.balrog_babyai.public import record
        from experiments.running.record import write_atomically, write_json

        done = all(
            name in self.notes or all(self.has(name, task) for task in self.tasks)
            for name in self._config.conditions
        )
        content = {
            "status": "finished" if done else "unfinished",
            "settings": _lasting(self._settings),
            "left_out": self.notes,
            "arms": {
                name: to_record(condition, self.tasks)
                for name, condition in self.conditions.items()
            },
            "public": record(),
        }
        write_json(self.folder / RESULTS, content)
        tables = "\n".join(sheet.markdown() for sheet in self.sheets())
        write_atomically(self.folder / TABLE, f"{_heading(self._config)}\n\n{tables}")


def _plain(config: DictConfig) -> Any:
    return OmegaConf.to_container(config, resolve=True, enum_to_str=True)


def _lasting(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings without what may differ between two runs in the same folder."""
    return {key: value for key, value in settings.items() if key != "conditions"}


def _heading(config: DictConfig) -> str:
    return (
        f"{config.episodes} episodes of each task, in layouts of the test split, which no training "
        f"has seen; words={config.words}, seed={config.seed}; 95% intervals"
    )


def _report(console: "Console", results: _Results, heading: str) -> None:
    """Print what is known."""
    if not results.conditions:
        return
    console.print(f"\n{heading}\n", highlight=False)
    for sheet in results.sheets():
        console.print(sheet.drawn())
        console.print()
    for name in (RESULTS, TABLE):
        console.print(str(results.folder / name), soft_wrap=True, highlight=False)


if __name__ == "__main__":
    main()
