"""What is learned from the world, as `grpo` sees it: something is asked, and replies are judged."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from omegaconf import DictConfig

from experiments.running.seeding import spawn_integer
from experiments.running.statistics import Estimate
from experiments.training.mind.forks import OpenWorld
from experiments.training.mind.held_out import in_words
from experiments.training.mind.policy import Moment, Policy, of_method
from experiments.training.mind.rewards import Tried
from mind.learning.grpo import Drawn


class Task(Protocol[Moment]):
    """What lives ask of a policy, and what its replies are worth.

    Attributes:
        unit: What is measured by, in the plural.
    """

    unit: str

    def __init__(self, policy: Policy, options: DictConfig, open_world: OpenWorld): ...

    @staticmethod
    def check(options: DictConfig) -> None:
        """Refuse options that it cannot be learned with, before anything is loaded.

        Raises:
            BadInput: If there are such.
        """
        ...

    def live(self, wanted: int, seed: int) -> list[Moment]:
        """Return at least so much that was asked, in rooms of the train split."""
        ...

    def judge(self, asked: Sequence[tuple[Moment, Drawn]]) -> Tried:
        """Return what replies are worth, and what each came to."""
        ...

    def held_out(self, seed: int) -> dict[str, Estimate]:
        """Return measures in rooms of the test split, by their names."""
        ...


def measure(
    task: Task[Any], options: DictConfig, when: str, report: Callable[[str], None]
) -> dict[str, list[float]]:
    """Measure by what is held out, tell it, and return value, low and high of what is known."""
    every = task.held_out(spawn_integer(options.seed, "held out"))
    found = {name: one for name, one in every.items() if not math.isnan(one.value)}
    count = of_method(options).held_out
    report(f"{when}, {count} held-out {task.unit}: {in_words(found)}")
    return {name: [round(x, 4) for x in one] for name, one in found.items()}
