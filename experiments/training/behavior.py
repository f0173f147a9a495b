"""Behavior policies: minds and motors that act with noise, so that corpora hold failures too.

None of them asks a language model: they follow a scripted planner, and deviate from it at random.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.being import Being
from agents.planners.types import Planner
from agents.soul import Soul
from body.body import Body, Motor
from body.columns import POSTURES
from body.motor import default_motor
from body.types import Intent, Manner, Percept, PerceptBatch, Skill, Target, WorldSpec
from envs.engine.body_senses import Posture
from envs.trip.vocabulary import Action
from mind.contract import Mind
from mind.language_models.scripted import ScriptedModel
from mind.memory import Memory
from mind.reasoning.deliberation import anything_goes
from mind.reasoning.factory import LanguageMindFactory
from mind.reasoning.narration import EventObservation, narrate
from mind.sense_encoder.trail import Encoder
from mind.types import Decision, DecisionContext, Experience, Feeling, WhyNot

EPSILON = 0.4  # share of decisions in which an `EpsilonRandomMind` leaves the planner
MANNERS = (0.15, 0.25, 0.6)  # probability of careful, normal, fast
NOISE = 0.03  # share of ticks in which a `NoisyMotor` gives a random command


# ---- Minds ----


class BehaviorMind(ABC):
    """What behavior policies have in common; each one decides in a way of its own.

    Attributes:
        body_id: The body it belongs to.
        rng: Draws all that is random in its decisions.
    """

    body_id: str
    rng: np.random.Generator

    @abstractmethod
    async def decide(
        self,
        percept: Percept,
        feeling: Feeling,
        context: DecisionContext,
        why_not: WhyNot = anything_goes,
    ) -> Decision:
        """Return the next decision; see `Mind.decide`."""

    def experience(self, observation: EventObservation) -> Experience:
        """Return an event as an experience of this body."""
        return narrate(observation, self.body_id)

    def state(self) -> dict[str, Any]:
        """Return the state of the generator; plans begin anew."""
        return {"rng": self.rng.bit_generator.state}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state` returned."""
        self.rng.bit_generator.state = state["rng"]


class BehaviorMindFactory:
    """Makes minds by a given function, around a memory of their own.

    Attributes:
        language_model: Never asked.
        memory: The experiences of all bodies.
        senses: The encoder whose embeddings are remembered beside the words, or None.

    Args:
        make: Returns the mind of a body by its name; called once for each avatar, in order.
        memory: Keeps experiences.
        senses: The encoder.
    """

    def __init__(
        self, make: Callable[[str], Mind], memory: Memory, *, senses: Encoder | None = None
    ):
        shared = LanguageMindFactory(ScriptedModel([]), memory, senses=senses)
        self.language_model, self.memory, self.senses = shared.language_model, memory, senses
        self.make = make
        self.question_answerer = shared.question_answerer
        self.advance = shared.advance
        self.close = shared.close


class EpsilonRandomMind(BehaviorMind):
    """Follows a scripted planner in a random manner and, now and then, does anything else.

    Args:
        body_id: The body it belongs to.
        row: Its avatar, by which the planner knows it.
        planner: Of the world.
        seed: Of its deviations, with `body_id`.
    """

    def __init__(self, body_id: str, row: int, planner: Planner, seed: int):
        self.body_id, self._row, self._planner = body_id, row, planner
        self.rng = generator_for(body_id, seed)
        self._episode = -1

    async def decide(
        self,
        percept: Percept,
        feeling: Feeling,
        context: DecisionContext,
        why_not: WhyNot = anything_goes,
    ) -> Decision:
        """Return the planner's intent in any manner or, now and then, any other."""
        if context.episode != self._episode:
            self._episode = context.episode
            self._planner.begin([self._row])
        intent = self._planner.next_intent(self._row, percept, context.status)
        if self.rng.random() < EPSILON:
            intent = random_intent(percept, context, self.rng, otherwise=Skill.LOOK_AROUND)
        intent = replace(intent, manner=Manner(self.rng.choice(len(Manner), p=MANNERS)))
        return Decision(intent=Intent(skill=Skill.WAIT) if why_not(intent) else intent)


def generator_for(body_id: str, seed: int) -> np.random.Generator:
    """Return the generator of one body, independent of those of all others."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(*body_id.encode(),)))


def random_intent(
    percept: Percept,
    context: DecisionContext,
    rng: np.random.Generator,
    *,
    otherwise: Skill,
    why_not: WhyNot = anything_goes,
) -> Intent:
    """Return an intent with a random skill of those that can start, about a random landmark.

    Args:
        percept: Of one avatar, without the leading axis.
        context: Says what can start.
        rng: Draws skill and landmark.
        otherwise: Skill without a target, for where no landmark fits.
        why_not: Says why the body could not start an intent now, or nothing.
    """
    able = [skill for skill in context.can_start if skill is not Skill.WAIT] or [Skill.WAIT]
    skill = able[rng.integers(len(able))]
    if not skill.takes_target:
        return Intent(skill=skill)
    known = [Target(object=row[0], color=row[1]) for row in percept.landmarks.tolist() if row[0]]
    intents = [Intent(skill=skill, target=target) for target in known]
    fitting = [intent for intent in intents if not why_not(intent)]
    return fitting[rng.integers(len(fitting))] if fitting else Intent(skill=otherwise)


# ---- Motors ----


class ReflexlessMotor:
    """A motor of which every second body walks on in a stumble, so that there are falls."""

    def __init__(self, motor: Motor):
        """Wrap the motor that moves the limbs otherwise."""
        self._motor = motor

    def begin(self, rows: NDArray[np.intp]) -> None:
        """Pass it on."""
        self._motor.begin(rows)

    def act(self, percept: PerceptBatch, skill_command: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the motor's commands, but to walk on in every second body's stumbles."""
        actions = self._motor.act(percept, skill_command)
        stumbling = percept.proprio[:, POSTURES].argmax(1) == Posture.STUMBLE
        reflexless = np.arange(len(actions)) % 2 == 0
        return np.where(stumbling & reflexless, Action.FORWARD, actions)


class NoisyMotor:
    """A motor that now and then gives a random command.

    Args:
        motor: What moves the limbs otherwise.
        num_actions: Commands of the world.
        noise: Share of ticks with a random command, in [0, 1].
        seed: Of the noise.
    """

    def __init__(self, motor: Motor, num_actions: int, *, noise: float, seed: int):
        self._motor, self._num_actions, self._noise = motor, num_actions, noise
        self._rng = np.random.default_rng(seed)

    def begin(self, rows: NDArray[np.intp]) -> None:
        """Pass it on."""
        self._motor.begin(rows)

    def act(self, percept: PerceptBatch, skill_command: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the motor's commands, some of them replaced."""
        actions = self._motor.act(percept, skill_command)
        is_noise = self._rng.random(len(actions)) < self._noise
        random = self._rng.integers(self._num_actions, size=len(actions))
        return np.where(is_noise, random, actions)


def noisy_motor(spec: WorldSpec, seed: int) -> NoisyMotor:
    """Return the default motor of a world, with noise and, where there is a gait, no reflexes."""
    motor = default_motor(spec.name)
    if spec.has_gait:
        motor = ReflexlessMotor(motor)
    noise = NOISE if spec.has_gait else 5 * NOISE
    return NoisyMotor(motor, len(spec.action_names), noise=noise, seed=seed)


def noisy_being(
    spec: WorldSpec,
    num_avatars: int,
    memory: Memory,
    *,
    run_id: str,
    name: str,
    seed: int,
    senses: Encoder | None,
) -> Being:
    """Return a being with a mind and a motor that both deviate at random from what they should do.

    Args:
        spec: Of the world.
        num_avatars: How many avatars it has.
        memory: Keeps experiences.
        run_id: Names the run in what is remembered.
        name: Bodies are called after it.
        seed: Of all that is random.
        senses: The encoder whose embeddings are remembered, or None.
    """
    planner = spec.load("planner")(num_avatars)
    rows = count()
    minds = BehaviorMindFactory(
        lambda body_id: EpsilonRandomMind(body_id, next(rows), planner, seed),
        memory,
        senses=senses,
    )
    body = Body(num_avatars, spec, noisy_motor(spec, seed))
    return Being(body, Soul(num_avatars), minds, clock="paused", run_id=run_id, name=name)
