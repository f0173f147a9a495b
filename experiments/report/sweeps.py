"""Reading sweeps: the jobs that finished, those that failed, and what cannot be read."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.report.measures import judged_by
from experiments.running.cli import BadInput, amiss
from experiments.running.usable import never_usable

BUNDLED = "mind.pretrained.folder"  # what finds a model that comes with the package
# Who acts, by what it has learned from: these are not compared as if they were alike.
CONTROL, TRAINED, UNTRAINED = "control", "trained here", "language model as it is"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One job that finished.

    Attributes:
        task: What agents are compared in.
        world: Its world.
        agent: Who lived.
        kind: What that one has learned from: `CONTROL`, `TRAINED` or `UNTRAINED`.
        seed: Of everything.
        commit: Of the code.
        parameters: Of its language model; None without one, or where nobody knows.
        seconds: Wall time.
        episodes: The records of `summary.json`.
    """

    task: str
    world: str
    agent: str
    kind: str
    seed: int
    commit: str
    parameters: int | None
    seconds: float
    episodes: tuple[Mapping[str, Any], ...]

    @property
    def score(self) -> float:
        """Mean of what episodes of its world are judged by, as `experiments.evaluate` tells it."""
        return float(np.mean(self.judged))

    @property
    def judged(self) -> NDArray[np.float64]:
        """What each episode is judged by, in [0, 1]."""
        name = judged_by(self.world).top
        return np.array([episode[name] for episode in self.episodes], np.float64)

    @property
    def lived_before(self) -> NDArray[np.int64]:
        """How many episodes the avatar of each one had lived before it, in this run."""
        before: Counter[int] = Counter()
        found: list[int] = []
        for episode in self.episodes:
            avatar = int(episode.get("avatar", 0))
            found.append(before[avatar])
            before[avatar] += 1
        return np.array(found)

    @property
    def success(self) -> float:
        """Share of episodes that succeeded."""
        return float(np.mean([episode["success"] for episode in self.episodes]))

    def column(self, name: str) -> NDArray[np.float64]:
        """Return a number of each episode, or a count of its events; 0 where there is none."""
        values = [episode.get(name, episode["events"].get(name, 0)) for episode in self.episodes]
        return np.array(values, np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeps:
    """The results of some sweeps.

    Attributes:
        runs: Jobs that finished, in the order of the sweeps.
        failed: Jobs that failed: what they were, and why.
        missing: Jobs that are not over.
        notes: What a reader should know of it: damaged files, several commits, and the like.
    """

    runs: tuple[Run, ...]
    failed: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def tasks(self) -> list[str]:
        """All tasks, in the order in which they came."""
        return list(dict.fromkeys(run.task for run in self.runs))

    @property
    def agents(self) -> list[str]:
        """All agents, in the order in which they came."""
        return list(dict.fromkeys(run.agent for run in self.runs))

    @property
    def worlds(self) -> list[str]:
        """All worlds, in the order in which they came."""
        return list(dict.fromkeys(run.world for run in self.runs))

    def of(self, agent: str, task: str | None = None) -> list[Run]:
        """Return an agent's runs, of one task or of all."""
        return [run for run in self.runs if run.agent == agent and task in (None, run.task)]

    def scores(self, agent: str, tasks: Sequence[str]) -> list[NDArray[np.float64]]:
        """Return an agent's scores, an array over seeds for each task."""
        return [np.array([run.score for run in self.of(agent, task)]) for task in tasks]


def read_sweeps(folders: Iterable[Path]) -> Sweeps:
    """Read all jobs of some sweeps; what is damaged is left out, and noted.

    Raises:
        BadInput: If one is no sweep, or nothing has finished.
    """
    runs: dict[tuple[str, str, int], Run] = {}
    failed: list[tuple[str, str]] = []
    missing: list[str] = []
    notes: list[str] = []
    for job in [job for folder in folders for job in _jobs(folder)]:
        if not (job / "result.json").exists():
            missing.append(job.name)
            continue
        try:
            result = json.loads((job / "result.json").read_text(encoding="utf-8"))
            run = None if result["status"] == "failed" else _run(job, result)
            reason = str(result["reason"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            notes.append(f"{job / 'result.json'} cannot be read ({amiss(error)}) and is left out")
            continue
        if run is None:
            failed.append((job.name, reason))
        elif runs.setdefault((run.task, run.agent, run.seed), run) is not run:
            notes.append(f"{job.name} is of a task, agent and seed that came before; left out")
    if not runs:
        raise BadInput("no job of this sweep has finished; run it, or give another folder")
    found = tuple(runs.values())
    notes += _warnings(found)
    sweeps = Sweeps(runs=found, failed=tuple(failed), missing=tuple(missing), notes=tuple(notes))
    return replace(sweeps, notes=(*_mute(sweeps), *notes))


def _jobs(folder: Path) -> list[Path]:
    try:
        names = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))["jobs"]
        return [folder / Path(str(name)).name for name in names]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{folder} must be the folder of a sweep, as python -m experiments.run -m leaves it, "
            f"but {_no_sweep(folder, error)}; give the folder that the sweep has named"
        ) from error


def _no_sweep(folder: Path, error: Exception) -> str:
    """Return why a folder is not that of a sweep."""
    if not folder.exists():
        return "there is no such folder"
    if not folder.is_dir():
        return "it is a file"
    if isinstance(error, FileNotFoundError):
        is_run = (folder / "run.json").is_file()
        return "it is that of a single run" if is_run else "it has no sweep.json"
    return f"its sweep.json cannot be read: {amiss(error)}"


def _run(job: Path, result: Mapping[str, Any]) -> Run:
    episodes = tuple(dict(episode) for episode in result["episodes"])
    if not episodes or not all(isinstance(one["success"], bool) for one in episodes):
        raise ValueError("it needs episodes, each with its success")
    judged = judged_by(str(result["world"])).top
    if not all(isinstance(one[judged], bool | int | float) for one in episodes):
        raise ValueError(f"it needs episodes, each with its {judged}")
    parameters = result["parameters"]
    return Run(
        task=str(result["task"]),
        world=str(result["world"]),
        agent=str(result["agent"]),
        kind=_kind(job),
        seed=int(result["seed"]),
        commit=str(result["commit"]),
        parameters=None if parameters is None else int(parameters),
        seconds=float(result["seconds"]),
        episodes=episodes,
    )


def _kind(job: Path) -> str:
    """Return what an agent has learned from, by the language model in its configuration."""
    config = json.loads((job / "run.json").read_text(encoding="utf-8"))["config"]
    model = _language_model(config["agent"])
    if model is None:
        return CONTROL
    path = model.get("path")
    comes_with_us = isinstance(path, Mapping) and path.get("_target_") == BUNDLED
    return TRAINED if comes_with_us else UNTRAINED


def _language_model(config: Any) -> Mapping[str, Any] | None:
    """Return the configuration of a language model, wherever in an agent's it is."""
    if not isinstance(config, Mapping):
        return None
    if isinstance(found := config.get("language_model"), Mapping):
        return found
    return next((found for part in config.values() if (found := _language_model(part))), None)


def _mute(sweeps: Sweeps) -> Iterator[str]:
    """Yield who looks bad only because a language model never gave a usable reply."""
    for task in sweeps.tasks:
        for agent in sweeps.agents:
            episodes = [one for run in sweeps.of(agent, task) for one in run.episodes]
            if problem := never_usable(episodes):
                yield f"{task}, {agent}: {problem}"


def _warnings(runs: Sequence[Run]) -> list[str]:
    """Return what makes runs less comparable than a table of them looks."""
    commits = sorted({run.commit for run in runs})
    notes = []
    if len(commits) > 1:
        notes.append(f"the runs are of {len(commits)} commits: {', '.join(commits)}")
    elif commits[0].endswith("-dirty"):
        notes.append("the code had changes that are in no commit")
    return notes
