"""Moments of decision in `trip`, and what each choice there was worth, tried on exact forks."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from agents.planners.trip import next_intent
from body.body import Body, Motor
from body.columns import LACES
from body.types import Intent, Manner, Percept, Skill
from envs.trip.env import TripVectorEnv
from envs.trip.spec import TRIP
from experiments.training.behavior import ReflexlessMotor
from experiments.training.mind.collecting import (
    Acting,
    LabellingMind,
    live_side_by_side,
    offered,
)
from experiments.training.mind.forks import Fork, Forks
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
class Moment(Fork):
    """A decision that had to be taken, with copies of all it depended on.

    `choices` are those worth trying, `offered` all that a mind could choose from.
    """

    prompt: Prompt
    offered: Choices
    feeling: Feeling
    context: DecisionContext
    recalled: tuple[str, ...]
    choices: tuple[Intent, ...]


# ---- Collecting moments of decision ----


class RandomChoiceMind(LabellingMind):
    """Keeps each moment of decision; takes any choice worth trying, unless another mind acts.

    Args:
        row: The avatar that it decides for.
        memory: What it recalls from.
        moments: Receives the moments of decision.
        seed: Of its choices, with `row`.
    """

    def __init__(
        self,
        body_id: str,
        row: int,
        *,
        memory: Memory,
        moments: list[Moment],
        seed: int,
    ):
        self.body_id, self.rng = body_id, np.random.default_rng([seed, row])
        self._memory, self._prompts, self._moments = memory, Prompts(), moments

    def keep(
        self, percept: Percept, feeling: Feeling, context: DecisionContext, why_not: WhyNot
    ) -> Intent:
        """Keep the moment, and return one of the choices."""
        found = recall(self._memory, self.body_id, percept, context, RECALLED)
        recalled = [recollection.experience.words for recollection in found]
        fork = self.fork(percept)
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
                world=fork.world,
                body=fork.body,
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
    memory = ExperienceStore(":memory:")
    moments: list[Moment] = []
    with closing(env):
        live_side_by_side(
            env,
            Body(avatars, TRIP, ReflexlessMotor(motor)),
            partial(RandomChoiceMind, memory=memory, moments=moments, seed=seed),
            memory,
            seed=seed,
            acting=acting,
            until=lambda: len(moments) >= moments_wanted,
        )
    return moments[:moments_wanted]


# ---- Trying the choices ----


def values(moments: Sequence[Moment], *, level: int, split: str, motor: Motor) -> list[NDArray]:
    """Return the value of each choice at each moment: reward to the end, mean over rng keys."""
    forks = Forks(
        lambda _, rows: TripVectorEnv(
            rows, level=level, split=split, layouts=1024, autoreset_mode="Disabled"
        ),
        motor,
        horizon=HORIZON_TICKS,
        rng_keys=RNG_KEYS,
    )
    returns = forks.returns([(moment, intent) for moment in moments for intent in moment.choices])
    ends = np.cumsum([len(moment.choices) for moment in moments])
    return np.split(returns, ends)[: len(moments)]


def best(moment: Moment, found: NDArray) -> Intent:
    """Return the best choice; among those as good as it, the first, which is the plainest."""
    return moment.choices[int(np.flatnonzero(found >= found.max() - AS_GOOD)[0])]
