"""What the trainer needs to know of a world: `motor_training` among its spec's entry points."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig
from torch import Tensor

from body.body import Motor
from body.types import PerceptBatch
from envs.engine.spec import find
from experiments.running.cli import BadInput, one_line
from experiments.training.motor.env import TrainingEnv


class MotorTraining(Protocol):
    """A world's part in the training of its motor policy."""

    @property
    def teacher(self) -> Motor:
        """The motor that is imitated first."""
        ...

    def make_env(self, options: DictConfig) -> TrainingEnv:
        """Return the vector env to train on."""
        ...

    def imitation_targets(
        self, percept: PerceptBatch, commands: NDArray[np.int64], *, rehearsal: bool
    ) -> NDArray:
        """Return what the policy is to learn of the teacher's commands, (B, ...).

        Args:
            percept: What the bodies perceive.
            commands: (B,) what the teacher does.
            rehearsal: Whether the policy is learning by reward meanwhile.
        """
        ...

    def imitation_loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the scalar loss of (B, A) logits against targets."""
        ...

    def scores(self, episodes: list[dict[str, Any]]) -> str:
        """Return the scores of the last episodes in words, for the progress line."""
        ...

    def card(self, options: DictConfig) -> dict[str, Any]:
        """Return what the policy's card says of this world."""
        ...


def motor_training(world: str) -> MotorTraining:
    """Return a world's part in the training of its motor policy.

    Raises:
        BadInput: If none is known.
    """
    try:
        return find(world).load("motor_training")
    except LookupError as error:
        raise BadInput(one_line(error)) from error
