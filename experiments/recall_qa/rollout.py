"""Rollout: careless episodes, kept in a real memory, to be asked about."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agents.being import Being
from body.types import WorldSpec
from envs.engine.faces import WorldVectorEnv
from envs.engine.spec import find
from envs.trip.env import TripVectorEnv
from envs.trip.spec import TRIP
from experiments.recall_qa.episodes import Chronicler, Episodes
from experiments.running.in_turn import run_in_turn
from experiments.training.behavior import noisy_being
from experiments.training.question_answering.episodes import training_worlds
from mind.memory import ExperienceStore, Memory

if TYPE_CHECKING:
    from mind.sense_encoder.encoder import SenseEncoder

_TRAINED = ("trip-2", "trip-3", "trip-4", "babyai")  # in the order of `training_worlds`
UNUSUAL = "trip-4-S6"  # bodies such as training has none of
WORLDS = (*_TRAINED, UNUSUAL)
_RUN = "tell"


class Stopped(Exception):
    """The rollout was stopped from outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutSpec:
    """A world, its split, and how many episodes are run there.

    Attributes:
        world: One of `WORLDS`.
        split: "train" or "test": rooms that training has seen, or others.
        seed: Of everything.
        bodies: How many, at the same time.
        episodes: How many episodes of each body; they are numbered from 0.
    """

    world: str
    split: str
    seed: int
    bodies: int
    episodes: int

    @property
    def spec(self) -> WorldSpec:
        """The world's spec; what follows its name is a level and a shift."""
        return find(self.world.partition("-")[0])


@contextmanager
def careless_rollout(
    where: RolloutSpec,
    path: Path | str,
    senses: "SenseEncoder | None",
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Episodes]:
    """Run careless episodes, and yield them; their memory is closed in the end.

    Args:
        where: World, split, seed, and how many episodes.
        path: File of their memory, which does not exist yet; ":memory:" keeps none.
        senses: Turns what they sense into vectors.
        stopped: Asked before each tick.

    Raises:
        Stopped: If it was stopped.
        MemoryFileError: If nothing can be remembered there.
    """
    env, spec = _world(where)
    try:
        being = _being(where, spec, ExperienceStore(path), senses)
        try:
            chronicler = Chronicler(being, env)
            _run_episodes(where, env, being, chronicler, stopped)
            yield chronicler.episodes()
        finally:
            being.close()
    finally:
        env.close()


def _world(where: RolloutSpec) -> tuple[WorldVectorEnv, WorldSpec]:
    if where.world == UNUSUAL:
        env = TripVectorEnv(
            where.bodies,
            level=4,
            shift="S6",
            split=where.split,
            layouts=2048,
            autoreset_mode="Disabled",
        )
        return env, TRIP
    trained = training_worlds(where.bodies, where.split)
    for name, (env, spec, _) in zip(_TRAINED, trained, strict=True):
        if name == where.world:
            return env, spec
        env.close()
    raise ValueError(f"world must be of {', '.join(WORLDS)}, got '{where.world}'")


def _being(
    where: RolloutSpec, spec: WorldSpec, memory: Memory, senses: "SenseEncoder | None"
) -> Being:
    return noisy_being(
        spec,
        where.bodies,
        memory,
        run_id=_RUN,
        name=f"{where.world}-{where.seed}",
        seed=where.seed,
        senses=senses,
    )


def _run_episodes(
    where: RolloutSpec,
    env: WorldVectorEnv,
    being: Being,
    chronicler: Chronicler,
    stopped: Callable[[], bool],
) -> None:
    """Run each body's episodes, until all have ended."""
    for ended in run_in_turn(being, env, chronicler, seed=where.seed, episodes=where.episodes):
        if stopped():
            raise Stopped
        if (ended >= where.episodes).all():
            return
