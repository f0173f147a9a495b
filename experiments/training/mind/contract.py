"""What the trainer needs to know of a world: `mind_training` among its spec's entry points."""

from pathlib import Path
from typing import Protocol

from omegaconf import DictConfig

from body.body import Motor
from body.motor import PolicyMotor, scripted_motor
from envs.engine.spec import find
from experiments.running.cli import BadInput, one_line
from mind.learning.cold_start import Example


class MindTraining(Protocol):
    """A world's part in the training of a mind.

    Attributes:
        fixed_colors: Colors that keep their names when those of an example are swapped.
    """

    fixed_colors: tuple[str, ...]

    def examples(self, options: DictConfig) -> list[Example]:
        """Return an example for each of `options.moments` of decision in this world."""
        ...

    def measure(self, folder: Path, options: DictConfig) -> dict[str, float]:
        """Return rates of the model in a folder at held-out decisions, with their intervals."""
        ...

    def is_held_out(self, mission: str) -> bool:
        """Return whether a mission is in words that are kept for tests."""
        ...


def mind_training(world: str) -> MindTraining:
    """Return a world's part in the training of a mind.

    Raises:
        BadInput: If none is known.
    """
    try:
        return find(world).load("mind_training")
    except LookupError as error:
        raise BadInput(one_line(error)) from error


def motor_of(options: DictConfig, world: str) -> Motor:
    """Return the motor that moves bodies in a world: the scripted one, or one from a folder."""
    if options.motor == "scripted":
        return scripted_motor(world)
    return PolicyMotor(f"{options.motor}/{world}" if options.motor else None, world)
