"""What the trainer needs to know of a world: `mind_training` among its spec's entry points."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Protocol

from omegaconf import DictConfig

from body.body import Motor
from body.motor import learned_motor, scripted_motor
from envs.engine.spec import find
from experiments.running.cli import BadInput, one_line
from experiments.training.mind.collecting import MOMENTS_PER_BODY, Acting
from experiments.training.mind.measuring import Respondent
from mind.learning.cold_start import Example


@dataclass(frozen=True, slots=True, kw_only=True)
class Visits:
    """Which moments of decision are lived in a world, and how many of them are kept.

    Attributes:
        moments: How many are kept.
        seed: Of rooms, and of all that is random.
        pool: How many are lived for each that is kept; those kept are of as many kinds as there
            are.
        acting: Returns the minds that act, around a memory; None is whoever the world teaches by.
    """

    moments: int
    seed: int
    pool: int = 1
    acting: Acting | None = None

    def lived(self, kept: int) -> int:
        """Return how many moments are lived for so many."""
        return self.pool * kept

    def bodies(self, lived: int, *, most: int) -> int:
        """Return how many bodies live them; few, where not all should be beginnings."""
        if self.pool == 1 and self.acting is None:
            return most
        return min(most, max(4, lived // MOMENTS_PER_BODY))


class MindTraining(Protocol):
    """A world's part in the training of a mind.

    Attributes:
        fixed_colors: Colors that keep their names when those of an example are swapped.
    """

    fixed_colors: tuple[str, ...]

    def examples(self, options: DictConfig, visits: Visits) -> list[Example]:
        """Return an example for each of the moments of decision that are wanted."""
        ...

    def lessons(self, wanted: int, seed: int) -> list[Example]:
        """Return so many short examples that nobody has lived; none if there is nothing to make."""
        ...

    def measure(self, respondent: Respondent, options: DictConfig) -> dict[str, float]:
        """Return rates of a model at held-out decisions, with their intervals."""
        ...

    def reworded(self, asked: str, rng: Random) -> str:
        """Return what is asked in other words that mean the same, none of them held out."""
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


def lessons_of(wanted: Mapping[str, int], seed: int) -> list[Example]:
    """Return so many examples of each world that nobody has lived."""
    return [
        example
        for world, count in wanted.items()
        if count
        for example in mind_training(str(world)).lessons(count, seed)
    ]


def motor_of(options: DictConfig, world: str) -> Motor:
    """Return the motor that moves bodies in a world: the scripted one, or one from a folder."""
    if options.motor == "scripted":
        return scripted_motor(world)
    return learned_motor(f"{options.motor}/{world}" if options.motor else None, world)
