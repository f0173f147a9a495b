"""Attempts: what was intended, where, after which life, and what came of it.

Bodies live lifetimes by the world's scripted planner, which they often leave, so that there are
attempts of all kinds, also bad ones, early and late in a lifetime.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from agents.planners.types import Planner
from agents.soul.needs import NEEDS, levels_in
from body.body import Motor
from body.types import Intent, Manner, NoticedEvent, Percept, Skill, Status, WorldSpec
from envs.engine.faces import WorldVectorEnv
from experiments.training.behavior import generator_for, random_intent
from experiments.training.mind.collecting import Fork, LabellingMind, over_lifetimes
from mind.imagination.features import Lived, features
from mind.imagination.outcomes import LATER, Outcome, outcome_of
from mind.memory import Memory
from mind.reasoning.narration import EventObservation
from mind.types import DecisionContext, Experience, Feeling, WhyNot

_LEAVES = 0.4  # share of decisions in which the planner is left
_MANNERS = (0.25, 0.5, 0.25)  # probability of careful, normal, fast


@dataclass(slots=True, kw_only=True, eq=False)
class Attempt:
    """Something that was intended, and what came of it.

    Attributes:
        features: (F,) of `mind.imagination.features`, as it began.
        episode: Number of its episode in the lifetime.
        intent: What was intended.
        about: What it was about, in words, or empty.
        known: Whether something was lived of just that before.
        began: Tick.
        levels: (needs,) as it began.
        outcome: What came of it.
        done: Whether it was done in the end.
        ticks: How long it took; 0 as long as it goes on.
        changes: (needs,) by how much the levels changed meanwhile.
        events: What was noticed meanwhile.
        fork: Where it began, for some.
    """

    features: NDArray[np.float32]
    episode: int
    intent: Intent
    about: str
    known: bool
    began: int
    levels: NDArray[np.float32]
    outcome: Outcome = Outcome.UNEVENTFUL
    done: bool = False
    ticks: int = 0
    changes: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    events: list[NoticedEvent] = field(default_factory=list[NoticedEvent])
    fork: Fork | None = None

    @property
    def skill(self) -> Skill:
        """The skill that was intended."""
        return self.intent.skill


@dataclass(frozen=True, slots=True)
class Meal:
    """What a meal did: which outcome, and by how much the levels changed at once, (needs,)."""

    outcome: Outcome
    changes: NDArray[np.float32]


class AttemptRecorder(LabellingMind):
    """Keeps each attempt of one body with what came of it; leaves the planner at random.

    Args:
        body_id: Of the body that it decides for.
        row: Its avatar.
        planner: Of all avatars.
        kept: Receives attempts that came to an end, and what meals did.
        seed: Of its deviations, with `body_id`.
        forked_every: Of how many attempts one has a fork; 0 is none.
    """

    def __init__(
        self,
        body_id: str,
        row: int,
        *,
        planner: Planner,
        kept: list[Attempt | Meal],
        seed: int,
        forked_every: int = 0,
    ):
        self._begun, self._forked_every = 0, forked_every
        self.body_id, self.rng = body_id, generator_for(body_id, seed)
        self._row, self._planner, self._kept = row, planner, kept
        self._lived = Lived()
        self._episode = -1
        self._under_way: Attempt | None = None
        self._meals: list[Attempt] = []

    def keep(
        self, percept: Percept, feeling: Feeling, context: DecisionContext, why_not: WhyNot
    ) -> Intent:
        """Close what came to an end, and return what is attempted now."""
        if context.episode != self._episode:
            self._begin(context.episode)
        intent = self._intent(percept, context, why_not)
        status = context.status.status
        if status is Status.RUNNING:
            if context.intent == intent and self._under_way:
                return intent
            self._under_way = None  # given up: nobody knows what would have come of it
        self._close(percept, status is Status.DONE)
        about = intent.target.words(percept.spec) if intent.target else ""
        self._under_way = Attempt(
            features=features(percept, context, [intent], self._lived)[0],
            episode=context.episode,
            intent=intent,
            about=about,
            known=self._lived.knows(about),
            began=int(percept.clock),
            levels=levels(percept),
            fork=self.fork(percept) if self._is_forked() else None,
        )
        return intent

    def _is_forked(self) -> bool:
        self._begun += 1
        return bool(self._forked_every) and self._begun % self._forked_every == 0

    def experience(self, observation: EventObservation) -> Experience:
        """Return an event as an experience, and remember what it says of attempts."""
        lived = super().experience(observation)
        self._lived.add(lived.kind, lived.about)
        if self._under_way:
            self._under_way.events.append(observation.event)
        if observation.event in LATER:
            self._tell(LATER[observation.event], lived.about, observation)
        return lived

    def _begin(self, episode: int) -> None:
        """Wake up; what the last day's attempts came to is never known."""
        self._episode, self._under_way, self._meals = episode, None, []
        self._planner.begin([self._row])

    def _intent(self, percept: Percept, context: DecisionContext, why_not: WhyNot) -> Intent:
        intent = self._planner.next_intent(self._row, percept, context.status)
        if self.rng.random() < _LEAVES:
            intent = random_intent(
                percept, context, self.rng, otherwise=Skill.LOOK_AROUND, why_not=why_not
            )
        manner = Manner(self.rng.choice(len(Manner), p=_MANNERS))
        if intent.skill.takes_target and percept.spec.has_gait and not percept.spec.foods:
            intent = Intent(skill=intent.skill, target=intent.target, manner=manner)
        return Intent(skill=Skill.WAIT) if why_not(intent) else intent

    def _close(self, percept: Percept, done: bool) -> None:
        """Keep the attempt that came to an end, if there is one; a meal, once it is known."""
        attempt, self._under_way = self._under_way, None
        if attempt is None:
            return
        attempt.done = done
        attempt.ticks = int(percept.clock) - attempt.began
        attempt.changes = levels(percept) - attempt.levels
        attempt.outcome = outcome_of(attempt.events)
        if attempt.skill is Skill.EAT and NoticedEvent.ATE in attempt.events:
            self._meals.append(attempt)
        else:
            self._kept.append(attempt)

    def _tell(self, outcome: Outcome, about: str, observation: EventObservation) -> None:
        """Take in what a meal did: it is the first of that food that is not told yet."""
        change = levels(observation.now) - levels(observation.before)
        self._kept.append(Meal(outcome, change))
        for attempt in self._meals:
            if attempt.about == about:
                attempt.outcome = outcome
                self._meals.remove(attempt)
                self._kept.append(attempt)
                return


def levels(percept: Percept) -> NDArray[np.float32]:
    """Return how far each need of a world is met, (needs,), in the order of `needs_of`."""
    found = levels_in(percept.spec, percept.intero, percept.pain)
    return found[[NEEDS.index(name) for name in needs_of(percept.spec)]]


def needs_of(spec: WorldSpec) -> tuple[str, ...]:
    """Return the needs that count in a world, in the order of `NEEDS`."""
    return tuple(name for name in NEEDS if name in spec.needs)


def collect(
    env: WorldVectorEnv,
    wanted: int,
    *,
    life: int,
    seed: int,
    motor: Motor,
    forked_every: int = 0,
) -> tuple[list[Attempt], list[Meal]]:
    """Return at least so many attempts, and what meals did, of lifetimes in a world; close it.

    Args:
        env: In which they are lived.
        wanted: How many attempts.
        life: Attempts of a lifetime, about.
        seed: Of everything.
        motor: Moves the bodies.
        forked_every: Of how many attempts one has a fork; 0 is none.
    """
    kept: list[Attempt | Meal] = over_lifetimes(
        env,
        partial(_recorders, env.world.spec, env.num_envs, forked_every),
        wanted=wanted,
        life=life,
        seed=seed,
        motor=motor,
        acting=None,
    )
    attempts = [one for one in kept if isinstance(one, Attempt)]
    return attempts, [one for one in kept if isinstance(one, Meal)]


def _recorders(
    spec: WorldSpec,
    bodies: int,
    forked_every: int,
    seed: int,
    memory: Memory,
    body_ids: Sequence[str],
    kept: list[Attempt | Meal],
) -> Callable[[str, int], AttemptRecorder]:
    planner = spec.load("choosing_planner")(bodies, spec.load("outcomes")(bodies, spec))
    return partial(
        AttemptRecorder, planner=planner, kept=kept, seed=seed, forked_every=forked_every
    )
