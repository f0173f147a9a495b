"""Moments of decision in `trip`, and what each choice there was worth, tried on exact forks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from agents.being import Being
from agents.planners.trip import next_intent, next_skills
from agents.soul import Soul
from body.body import Body, Motor
from body.columns import LACES
from body.types import (
    Intent,
    Manner,
    Percept,
    PerceptBatch,
    Skill,
    Status,
)
from envs.engine.random import mix
from envs.trip.env import TripVectorEnv
from envs.trip.spec import TRIP
from envs.trip.world import TripWorld
from experiments.training.behavior import ReflexlessMotor
from experiments.training.mind.collecting import (
    Acting,
    LabellingMind,
    labelling_factory,
    offered,
    run_episodes,
)
from mind.language_models.types import Choices, Prompt
from mind.memory import ExperienceStore, Memory
from mind.reasoning.deliberation import recall
from mind.reasoning.prompting import Prompts
from mind.types import DecisionContext, Feeling, WhyNot

RNG_KEYS = 3
RECALLED = 3  # experiences that a prompt shows, at most
HORIZON_TICKS = 250
AS_GOOD = 0.02  # of value: a difference that does not count
_HANDS_BUSY = (Skill.PUT_DOWN, Skill.GET_UP, Skill.TIE_LACE, Skill.LOOK_AROUND, Skill.WAIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A decision that had to be taken, with copies of all it depended on.

    `choices` are those worth trying, `offered` all that a mind could choose from.
    """

    prompt: Prompt
    offered: Choices
    percept: Percept
    feeling: Feeling
    context: DecisionContext
    recalled: tuple[str, ...]
    choices: tuple[Intent, ...]
    world: dict[str, NDArray]
    body: dict[str, NDArray]


# ---- Collecting moments of decision ----


class RandomChoiceMind(LabellingMind):
    """Keeps each moment of decision; takes any choice worth trying, unless another mind acts.

    Args:
        row: The avatar that it decides for.
        world: The world, which is copied at each decision.
        body: The body of the batch, which is copied too.
        memory: What it recalls from.
        moments: Receives the moments of decision.
        seed: Of its choices, with `row`.
    """

    def __init__(
        self,
        body_id: str,
        row: int,
        *,
        world: TripWorld,
        body: Body,
        memory: Memory,
        moments: list[Moment],
        seed: int,
    ):
        self.body_id, self.rng = body_id, np.random.default_rng([seed, row])
        self._row, self._world, self._body = row, world, body
        self._memory, self._prompts, self._moments = memory, Prompts(), moments

    def keep(
        self, percept: Percept, feeling: Feeling, context: DecisionContext, why_not: WhyNot
    ) -> Intent:
        """Keep the moment, and return one of the choices."""
        found = recall(self._memory, self.body_id, percept, context, RECALLED)
        recalled = [recollection.experience.words for recollection in found]
        row = np.array([self._row])
        choices = choices_at(percept, context, why_not)
        self._moments.append(
            Moment(
                prompt=self._prompts.decide(percept, feeling, context, recalled),
                offered=offered(percept, context, recalled, why_not),
                percept=percept,
                feeling=feeling,
                context=context,
                recalled=tuple(recalled),
                choices=choices,
                world=self._world.fork_state(row),
                body=self._body.fork_state(row),
            )
        )
        return choices[self.rng.integers(len(choices))]


def choices_at(percept: Percept, context: DecisionContext, why_not: WhyNot) -> tuple[Intent, ...]:
    """Return the choices worth trying: what the table says in each manner, and tying a lace."""
    plain = next_intent(percept, context.status)
    wanted = [plain]
    if plain.skill not in _HANDS_BUSY:
        wanted += [replace(plain, manner=manner) for manner in (Manner.CAREFUL, Manner.FAST)]
    if plain.skill != Skill.TIE_LACE and percept.touch[LACES].max() >= 0.3:
        wanted.append(Intent(skill=Skill.TIE_LACE))
    can = tuple(intent for intent in wanted if not why_not(intent))
    return can or (Intent(skill=Skill.WAIT),)


def collect_moments(
    moments_wanted: int,
    *,
    level: int,
    split: str,
    seed: int,
    motor: Motor,
    avatars: int = 64,
    acting: Acting | None = None,
) -> list[Moment]:
    """Return that many moments of decision, from episodes of the given level.

    Other minds may act in them; without, what is done is chosen at random.
    """
    env = TripVectorEnv(avatars, level=level, split=split, layouts=1024, autoreset_mode="Disabled")
    body = Body(avatars, TRIP, ReflexlessMotor(motor))
    world, memory = env.world, ExperienceStore(":memory:")
    assert isinstance(world, TripWorld)
    moments: list[Moment] = []
    rows = count()
    minds = labelling_factory(
        lambda body_id: RandomChoiceMind(
            body_id,
            next(rows),
            world=world,
            body=body,
            memory=memory,
            moments=moments,
            seed=seed,
        ),
        memory,
        acting,
    )
    being = Being(body, Soul(avatars), minds, clock="paused", run_id="teaching")
    run_episodes(being, env, seed, until=lambda: len(moments) >= moments_wanted)
    being.close()
    env.close()
    return moments[:moments_wanted]


# ---- Trying the choices ----


def values(moments: Sequence[Moment], *, level: int, split: str, motor: Motor) -> list[NDArray]:
    """Return the value of each choice at each moment: reward to the end, mean over rng keys."""
    if not moments:
        return []
    asked = [
        (moment, intent, rng_key)
        for moment in moments
        for intent in moment.choices
        for rng_key in range(RNG_KEYS)
    ]
    returns = np.concatenate(
        [
            _returns(asked[first : first + 4096], level, split, motor)
            for first in range(0, len(asked), 4096)
        ]
    )
    found, first = [], 0
    for moment in moments:
        count = len(moment.choices) * RNG_KEYS
        found.append(returns[first : first + count].reshape(-1, RNG_KEYS).mean(1))
        first += count
    return found


def _returns(
    asked: Sequence[tuple[Moment, Intent, int]], level: int, split: str, motor: Motor
) -> NDArray[np.float64]:
    """Return the world's reward, felt part included, of each (moment, intent, rng key)."""
    count = len(asked)
    world = TripWorld(count, level=level, split=split, layouts=1024)
    body = Body(count, TRIP, motor)
    state = _together([moment.world for moment, _, _ in asked])
    rng_keys = np.array([rng_key for _, _, rng_key in asked], np.uint64)
    state["bodies"]["rng_key"] = _other_rng_keys(state["bodies"]["rng_key"], rng_keys)
    world.load_state(state)
    body.load_state(_together([moment.body for moment, _, _ in asked]))
    body.skills.begin(np.arange(count))  # each choice is made anew, even that to go on
    percept = PerceptBatch.stack([moment.percept for moment, _, _ in asked])
    for row, (_, intent, _) in enumerate(asked):
        body.intend(row, intent)
    total, open_rows = np.zeros(count), np.ones(count, bool)
    for _ in range(HORIZON_TICKS):
        body.skills.advance(percept)
        idle = np.flatnonzero((body.skills.executions["status"] != Status.RUNNING) & open_rows)
        if len(idle):
            body.skills.intend_many(idle, *next_skills(percept, idle))
        world.step(motor.act(percept, body.skills.skill_command()))
        total += np.where(open_rows, world.rewards.sum(1), 0.0)
        open_rows &= ~(world.terminated | world.truncated)
        if not open_rows.any():
            break
        percept = body.perceive(world.observation)
    return total


def _together(states: Sequence[dict[str, NDArray]]) -> dict[str, NDArray]:
    return {name: np.concatenate([state[name] for state in states]) for name in states[0]}


def _other_rng_keys(rng_key: NDArray[np.uint64], number: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the rng key itself for number 0, and others for other numbers."""
    with np.errstate(over="ignore"):
        others = [int(mix(one + np.uint64(n))) for one, n in zip(rng_key, number, strict=True)]
    return np.where(number == 0, rng_key, np.array(others, np.uint64))


def best(moment: Moment, found: NDArray) -> Intent:
    """Return the best choice; among those as good as it, the first, which is the plainest."""
    return moment.choices[int(np.flatnonzero(found >= found.max() - AS_GOOD)[0])]
