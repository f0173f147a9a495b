"""A training by what a model's own replies come to: its folder, what it goes on from, its card."""

import time
from abc import abstractmethod
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from experiments.running.cli import BadInput, command_line
from experiments.running.record import git_commit
from experiments.training.mind.forks import OpenWorld
from experiments.training.mind.journal import Journal, goes_on_later
from experiments.training.mind.policy import Policy, of_method
from experiments.training.mind.task import Task, measure
from mind.learning.learner import GradientLearner


class Training:
    """A training that goes on where its folder says.

    Attributes:
        done: Updates that were taken.

    Args:
        policy: The model that learns.
        task: What is learned.
        options: A `TrainMindConfig`, with a world.
        report: Told lines of progress.
    """

    _learner: GradientLearner

    def __init__(
        self, policy: Policy, task: Task[Any], options: DictConfig, report: Callable[[str], None]
    ):
        self._policy, self._task, self._options, self._report = policy, task, options, report
        self._folder, self._method = Path(options.folder), options.method.name
        self._learner = self._new_learner()
        self._journal = Journal(self._folder, self._method, self._settings())
        self._measured: dict[str, dict[str, list[float]]] = {}
        self.done, self._began = 0, time.monotonic()

    @staticmethod
    @abstractmethod
    def check(options: DictConfig) -> None:
        """Refuse options that are out of range.

        Raises:
            BadInput: If one is.
        """

    def run(self) -> None:
        """Take all updates that are left, measure, and write the model."""
        self._go_on()
        if not self.done:
            self._measure("before")
        self._learn()
        self._measure("after")
        self._policy.save(self._folder, self._card())

    # ---- What a method brings ----

    @abstractmethod
    def _new_learner(self) -> GradientLearner:
        """Return what takes the steps."""

    @abstractmethod
    def _settings(self) -> dict[str, Any]:
        """Return what may not change while a training goes on."""

    @abstractmethod
    def _learn(self) -> None:
        """Take all updates that are left."""

    # ---- What all have ----

    def _measure(self, when: str) -> None:
        """Measure by what is held out, and keep and tell what it came to."""
        if of_method(self._options).held_out:
            self._measured[when] = measure(self._task, self._options, when, self._report)

    def _of_world(self, *names: str) -> dict[str, Any]:
        """Return options by their names, and those of the world."""
        env: Any = OmegaConf.to_container(self._options.env, resolve=True)
        named = {name: self._options[name] for name in names}
        return named | {f"env.{name}": value for name, value in env.items()}

    def _method_options(self) -> dict[str, Any]:
        options: Any = OmegaConf.to_container(of_method(self._options), enum_to_str=True)
        return options

    def _save(self, **place: Any) -> None:
        """Write a checkpoint, with what else tells how far the training is."""
        kept = {"update": self.done, "measured": self._measured, **place}
        self._journal.save(self._learner, kept)

    def _go_on(self) -> dict[str, Any] | None:
        """Take up what the folder holds, and return what was saved with it; see `Journal.begin`."""
        place = self._journal.begin(self._learner)
        if place is not None:
            self.done, self._measured = place["update"], place["measured"]
            self._report(f"goes on from update {self.done}")
        return place

    def _minutes(self) -> float:
        return (time.monotonic() - self._began) / 60

    def _card(self) -> dict[str, Any]:
        """Return what is kept of how the model came about."""
        options = self._options
        return {
            "method": self._method,
            "model": self._policy.name,
            "went_on_from": options.start,
            "world": options.world,
            "updates": self.done,
            self._method: self._method_options(),
            "seed": options.seed,
            "split": "train",
            "measured": self._measured,
            "minutes": round(self._minutes(), 1),
            "command": command_line(),
            "commit": git_commit(),
        }


def run(
    method: type[Training],
    options: DictConfig,
    open_world: OpenWorld,
    report: Callable[[str], None],
    task: type[Task[Any]],
) -> tuple[Path, str]:
    """Train until all updates are done; return the folder, and the options of a run with the model.

    Args:
        method: How it learns.
        options: A `TrainMindConfig`, with a world.
        open_world: Makes that world, of a split and with so many rows.
        report: Told lines of progress.
        task: What is learned.

    Raises:
        BadInput: If an option is out of range, or the folder holds another training.
        Interrupted: After Ctrl-C.
        LanguageModelError: If the model cannot be loaded or used.
    """
    method.check(options)
    task.check(options)
    torch.set_num_threads(options.threads)
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    with closing(Policy(options)) as policy:
        training = method(policy, task(policy, options, open_world), options, report)
        with goes_on_later(folder, lambda: training.done, report):
            training.run()
        return folder, policy.choice(folder)


def refuse_below(options: DictConfig, name: str, least: Mapping[str, float]) -> None:
    """Refuse options of a method that are below what they must be at least.

    Raises:
        BadInput: If one is.
    """
    for option, lowest in least.items():
        if options[name][option] < lowest:
            raise BadInput(
                f"{name}.{option} must be at least {lowest}, got {options[name][option]}"
            )
