"""Rollout: careless episodes, kept in a real memory, to be asked about."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from body.types import WorldSpec
from envs.engine.faces import WorldVectorEnv
from envs.engine.spec import find
from envs.trip.env import TripVectorEnv
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
    with (
        closing(_world(where)) as env,
        careless_episodes(
            env,
            ExperienceStore(path),
            name=f"{where.world}-{where.seed}",
            seed=where.seed,
            count=where.episodes,
            senses=senses,
            stopped=stopped,
        ) as episodes,
    ):
        yield episodes


@contextmanager
def careless_episodes(
    env: WorldVectorEnv,
    memory: Memory,
    *,
    name: str,
    seed: int,
    count: int,
    senses: "SenseEncoder | None",
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Episodes]:
    """Run careless episodes in each row of a world, and yield them; close their memory.

    Args:
        env: The world.
        memory: Of all bodies.
        name: Bodies are called after it.
        seed: Of everything.
        count: Episodes of each body.
        senses: Turns what they sense into vectors.
        stopped: Asked before each tick.

    Raises:
        Stopped: If it was stopped.
    """
    spec, bodies = env.world.spec, env.num_envs
    being = noisy_being(spec, bodies, memory, run_id=_RUN, name=name, seed=seed, senses=senses)
    with closing(being):
        chronicler = Chronicler(being, env)
        for ended in run_in_turn(being, env, chronicler, seed=seed, episodes=count):
            if stopped():
                raise Stopped
            if (ended >= count).all():
                break
        yield chronicler.episodes()


def _world(where: RolloutSpec) -> WorldVectorEnv:
    if where.world == UNUSUAL:
        return TripVectorEnv(
            where.bodies,
            level=4,
            shift="S6",
            split=where.split,
            layouts=2048,
            autoreset_mode="Disabled",
        )
    trained = training_worlds(where.bodies, where.split)
    for name, (env, _, _) in zip(_TRAINED, trained, strict=True):
        if name == where.world:
            return env
        env.close()
    raise ValueError(f"world must be of {', '.join(WORLDS)}, got '{where.world}'")
