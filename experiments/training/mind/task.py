"""What is learned from the world, as `grpo` sees it: something is asked, and replies are judged."""

from collections.abc import Sequence
from typing import Protocol

from omegaconf import DictConfig

from experiments.running.statistics import Estimate
from experiments.training.mind.forks import OpenWorld
from experiments.training.mind.policy import Moment, Policy
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
