"""Running episodes until enough moments of decision have been collected, whoever acts in them."""

import random
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from agents.being import Being
from agents.soul import Soul
from body.body import Body, Motor
from body.types import Intent, Percept
from envs.engine.faces import WorldVectorEnv
from envs.engine.world import World
from experiments.running.callbacks import NullCallback
from experiments.running.in_turn import run_in_turn
from experiments.training.behavior import BehaviorMind, BehaviorMindFactory
from mind.contract import Mind, MindFactory
from mind.language_models.types import Choices
from mind.memory import ExperienceStore, Memory
from mind.reasoning.choices import answers_of, startable
from mind.reasoning.deliberation import anything_goes
from mind.types import Decision, DecisionContext, Feeling, WhyNot

MOMENTS_PER_BODY = 15  # about how many a body should live, so that not all are beginnings
Acting = Callable[[Memory], MindFactory]
_NEXT_SEED = 499_979  # added for the next generation
Item = TypeVar("Item")


def run_episodes(
    being: Being, env: WorldVectorEnv, seed: int, *, until: Callable[[], bool]
) -> None:
    """Run one episode after the other in all rows of a world; `until` is asked at each tick."""
    for _ in run_in_turn(being, env, NullCallback(), seed=seed * 1_000_003):
        if until():
            return


@dataclass(frozen=True, slots=True, kw_only=True)
class Fork:
    """A moment from which anything can be tried.

    Attributes:
        percept: What was sensed.
        world: Of `World.fork_state`, one row.
        body: Of `Body.fork_state`, one row.
    """

    percept: Percept
    world: Mapping[str, NDArray]
    body: Mapping[str, NDArray]


def fork_of(world: World, body: Body, row: int, percept: Percept) -> Fork:
    """Return the moment at which the body of a row senses this."""
    rows = np.array([row])
    return Fork(percept=percept, world=world.fork_state(rows), body=body.fork_state(rows))


def _no_fork(percept: Percept) -> Fork:
    raise RuntimeError("only a mind that lives has moments to begin at again")


class LabellingMind(BehaviorMind):
    """Keeps each moment of decision, and does what it likes there or what another mind decides.

    What is learned where another mind acts are the states that this one gets itself into: dataset
    aggregation (Ross, Gordon and Bagnell 2011, arXiv 1011.0686).

    Attributes:
        acting: Decides what is done; None is this mind itself.
        fork: Returns the moment at which something is sensed, to begin at it again.
    """

    acting: Mind | None = None
    fork: Callable[[Percept], Fork] = staticmethod(_no_fork)

    @abstractmethod
    def keep(
        self, percept: Percept, feeling: Feeling, context: DecisionContext, why_not: WhyNot
    ) -> Intent:
        """Keep a moment of decision, and return what is done unless another mind acts."""

    async def decide(
        self,
        percept: Percept,
        feeling: Feeling,
        context: DecisionContext,
        why_not: WhyNot = anything_goes,
    ) -> Decision:
        """Keep the moment, and return a decision; see `Mind.decide`."""
        own = self.keep(percept, feeling, context, why_not)
        if self.acting is None:
            return Decision(intent=own)
        return await self.acting.decide(percept, feeling, context, why_not)


def offered(
    percept: Percept, context: DecisionContext, recalled: Sequence[str], why_not: WhyNot
) -> Choices:
    """Return what a mind could choose from that has set itself no goals."""
    intents = startable(percept, context, recalled, (), why_not)
    return Choices(answers=answers_of(intents, percept.spec))


def labelling_factory(
    make: Callable[[str], LabellingMind], memory: Memory, acting: Acting | None
) -> MindFactory:
    """Return a factory of minds that keep moments, in which those of another factory may act.

    Args:
        make: Returns the mind of a body by its name.
        memory: Of all of them.
        acting: Returns the factory of the minds that act; None lets them act themselves.
    """
    if acting is None:
        return BehaviorMindFactory(make, memory)
    others = acting(memory)

    def make_both(body_id: str) -> Mind:
        mind = make(body_id)
        mind.acting = others.make(body_id)
        return mind

    factory = BehaviorMindFactory(make_both, memory)
    factory.advance = others.advance
    return factory


# Of a seed, a memory, the bodies' names in it, and a list for moments: makes a body's mind.
Teachers = Callable[[int, Memory, Sequence[str], list[Item]], Callable[[str, int], LabellingMind]]


def over_lifetimes(
    env: WorldVectorEnv,
    teachers: Teachers[Item],
    *,
    wanted: int,
    life: int,
    seed: int,
    motor: Motor,
    acting: Acting | None,
    keep: Callable[[Item], bool] = lambda moment: True,
) -> list[Item]:
    """Return at least so many moments of lifetimes that are lived side by side; close the world.

    Args:
        env: In which they are lived.
        teachers: Labels them: called once for each generation of bodies.
        wanted: How many moments.
        life: Decisions of a lifetime, about; after so many other bodies live.
        seed: Of everything.
        motor: Moves the bodies.
        acting: Returns the minds that act; None is the teachers.
        keep: Whether a moment counts.
    """
    kept: list[Item] = []
    with closing(env):
        while len(kept) < wanted:
            kept += filter(keep, _generation(env, teachers, life, seed, motor, acting))
            seed += _NEXT_SEED
    return kept


def _generation(
    env: WorldVectorEnv,
    teachers: Teachers[Item],
    life: int,
    seed: int,
    motor: Motor,
    acting: Acting | None,
) -> list[Item]:
    """Return the moments of one generation of bodies."""
    bodies, memory = env.num_envs, ExperienceStore(":memory:")
    body_ids: list[str] = []
    moments: list[Item] = []
    make = teachers(seed, memory, body_ids, moments)

    def born(body_id: str, row: int) -> LabellingMind:
        body_ids.append(body_id)
        return make(body_id, row)

    body, enough = Body(bodies, env.world.spec, motor), life * bodies
    live_side_by_side(
        env, body, born, memory, seed=seed, acting=acting, until=lambda: len(moments) >= enough
    )
    return moments


def live_side_by_side(
    env: WorldVectorEnv,
    body: Body,
    make: Callable[[str, int], LabellingMind],
    memory: Memory,
    *,
    seed: int,
    acting: Acting | None,
    until: Callable[[], bool],
    decide_every: int = 10,
) -> None:
    """Let bodies live side by side in a world, with minds that keep moments.

    Args:
        env: In which they live; it stays open.
        body: Of all of them.
        make: Returns the mind of a body by its name and row.
        memory: Of all of them.
        seed: Of the world.
        acting: Returns the minds that act; None lets those that keep moments act themselves.
        until: Asked at each tick whether it is enough.
        decide_every: Ticks between two decisions of one body, at least.
    """
    rows = count()

    def born(body_id: str) -> LabellingMind:
        row = next(rows)
        mind = make(body_id, row)
        mind.fork = partial(fork_of, env.world, body, row)
        return mind

    being = Being(
        body,
        Soul(env.num_envs),
        labelling_factory(born, memory, acting),
        clock="paused",
        run_id="teaching",
        decide_every=decide_every,
    )
    with closing(being):
        run_episodes(being, env, seed, until=until)


def balanced(
    items: Sequence[Item], count: int, kind: Callable[[Item], Hashable], seed: int
) -> list[Item]:
    """Return `count` of the items, of each kind as many as of any other while there are any."""
    if count >= len(items):
        return list(items)
    groups: dict[Hashable, list[Item]] = defaultdict(list)
    for item in random.Random(seed).sample(items, len(items)):
        groups[kind(item)].append(item)
    ranked = [(rank, item) for group in groups.values() for rank, item in enumerate(group)]
    ranked.sort(key=lambda pair: pair[0])
    return [item for _, item in ranked[:count]]


def read_again(lines: Iterable[tuple[int, str, str]]) -> str:
    """Return the beginning of a thought: the lines of what comes to mind, each in a word.

    A small model learns to read by saying what it has read before it says what follows from it; and
    it loses no line where each begins with its number (`docs/log.md`).

    Args:
        lines: The number of a line in the prompt, what it is about, and what it says of that.

    Example: ``"#1 green bad #2 green fell #4 yellow good: "``
    """
    read = " ".join(f"#{number} {about} {word}" for number, about, word in lines)
    return read and f"{read}: "


def form_of(mission: str, names: Sequence[str]) -> str:
    """Return a mission without the names in it: ``put the * next to the *``."""
    words = ("*" if word.strip(",") in names else word for word in mission.split())
    return " ".join(words).replace("* *", "*")
