"""Teaching a mind to choose a way by what it has lived and was told, in level 5 of `trip`.

The good intent is the one that is best *given what could be known so far*: the teacher weighs all
that the body remembers, and never looks at the context. It often takes another way than the best,
so that memories of all kinds are there to be weighed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from agents.being import Being
from agents.planners.ways import WayPlanner
from agents.soul import Soul
from body.body import Body, Motor
from body.types import Intent, Manner, Percept, Skill, Target
from envs.trip.contexts import GOES_WRONG, GOES_WRONG_ANYWAY, WAYS
from envs.trip.env import TripVectorEnv
from envs.trip.spec import TRIP
from envs.trip.vocabulary import PHRASINGS, Verdict
from envs.trip.worldgen import WHICH_WAY
from experiments.lifetime.yardsticks import weight_of_word
from experiments.training.mind.collecting import (
    Acting,
    LabellingMind,
    balanced,
    labelling_factory,
    offered,
    run_episodes,
)
from experiments.training.mind.contract import Visits
from mind.language_models.types import Choices, Prompt
from mind.learning.cold_start import Example
from mind.memory import ExperienceStore, Memory
from mind.reasoning.deliberation import OUTCOMES, TOLD, recall
from mind.reasoning.parsing import Reply
from mind.reasoning.prompting import Prompts
from mind.types import DecisionContext, Experience, Feeling, WhyNot

RECALLED = 3
EXPLORES = 0.5  # of the choices between ways
AS_GOOD = 0.05  # of probability: a difference that does not count
_OF_COLOR = 0.8  # how much what is known of a color counts for another thing in it
_FELL = np.log(GOES_WRONG_ANYWAY / GOES_WRONG)
_GOT_ACROSS = np.log((1 - GOES_WRONG_ANYWAY) / (1 - GOES_WRONG))
_ROOMS = 1024
_BODIES = 48
_SPEAKER = re.compile(r"heard (\w+) person")


# ---- What could be known ----


class Evidence:
    """Weighs what bodies remember of ways: an `agents.planners.types.Expectations`.

    Args:
        memory: Of all of them.
        body_ids: By row; whoever owns it adds to it.
    """

    def __init__(self, memory: Memory, body_ids: Sequence[str]):
        self._memory, self._body_ids = memory, body_ids

    def begin(self, rows) -> None:
        """Do nothing: memories go on."""

    def notice(self, percept, executions) -> None:
        """Do nothing: what was noticed is in memory."""

    def goes_well(self, row: int, object: int, color: int) -> float:
        """Return how probable it is that a way is good, by all that this body remembers."""
        name = Target(object=object, color=color).words(TRIP)
        weights = {"": float(np.log(1.0 / (WAYS - 1)))}
        for number, one in enumerate(self._memory.recent(self._body_ids[row], 10_000)):
            share = _bearing(one.about, name)
            if one.kind not in OUTCOMES or not share:
                continue
            speaker = _SPEAKER.match(one.words)  # who says it again says no more than once
            source = f"{speaker[1]} {one.about}" if one.kind == TOLD and speaker else str(number)
            weights[source] = share * _weight(one)
        return float(1.0 / (1.0 + np.exp(-sum(weights.values()))))


def _bearing(about: str, name: str) -> float:
    """Return how much what is known of one thing says of another."""
    same_color = about.partition(" ")[0] == name.partition(" ")[0]
    return 1.0 if about == name else _OF_COLOR if same_color else 0.0


def _weight(experience: Experience) -> float:
    """Return by how much an experience changes the log odds that what it is about is good."""
    if experience.kind != TOLD:
        return float(_FELL if experience.kind == "fell" else _GOT_ACROSS)
    return weight_of_word(verdict_of(experience))


def verdict_of(experience: Experience) -> Verdict:
    """Return what was said, of an experience of being told something."""
    for verdict, phrasings in PHRASINGS.items():
        for phrasing in phrasings:
            if experience.words.endswith(": " + phrasing.format(object=experience.about)):
                return verdict
    return Verdict.NOTHING


# ---- Moments ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A decision in a room with several ways, and what is good there.

    `hopes` says of each way that is in sight how probable it is that it is good.
    """

    prompt: Prompt
    offered: Choices
    intent: Intent
    hopes: dict[Target, float]
    chooses: bool
    remembers: bool


class WayTeacher(LabellingMind):
    """Keeps each moment of decision with what is good there; often takes another way.

    Args:
        body_id: Of the body that it decides for.
        row: Its avatar.
        planner: Of all avatars.
        evidence: What the planner chooses by.
        memory: Of all avatars.
        moments: Receives the moments.
        seed: Of what it explores, with `row`.
    """

    def __init__(
        self,
        body_id: str,
        row: int,
        *,
        planner: WayPlanner,
        evidence: Evidence,
        memory: Memory,
        moments: list[Moment],
        seed: int,
    ):
        self.body_id, self.rng = body_id, np.random.default_rng([seed, row])
        self._row, self._planner, self._evidence = row, planner, evidence
        self._memory, self._prompts, self._moments = memory, Prompts(), moments
        self._episode, self._chose = -1, False

    def keep(
        self, percept: Percept, feeling: Feeling, context: DecisionContext, why_not: WhyNot
    ) -> Intent:
        """Keep the moment, and return what is done."""
        if context.episode != self._episode:
            self._planner.begin([self._row])
            self._episode, self._chose = context.episode, False
        intent = self._planner.next_intent(self._row, percept, context.status)
        chooses = not self._chose and intent.skill in (Skill.CROSS, Skill.GO_TO)
        self._chose |= chooses
        found = recall(self._memory, self.body_id, percept, context, RECALLED)
        words = [one.experience.words for one in found]
        hopes = {
            way: self._evidence.goes_well(self._row, way.object, way.color)
            for way in _ways_near(percept)
        }
        self._moments.append(
            Moment(
                prompt=self._prompts.decide(percept, feeling, context, words),
                offered=offered(percept, context, words, why_not),
                intent=intent,
                hopes=hopes,
                chooses=chooses,
                remembers=any(one.experience.kind != TOLD for one in found),
            )
        )
        if chooses and hopes and self.rng.random() < EXPLORES:
            way = list(hopes)[self.rng.integers(len(hopes))]
            self._planner.take(self._row, way)
            return Intent(skill=Skill.CROSS, target=way)
        return intent


def _ways_near(percept: Percept) -> list[Target]:
    rows = [tuple(row[:2]) for row in percept.landmarks.tolist() if row[0] in TRIP.hazards]
    return [Target(object=obj, color=color) for obj, color in dict.fromkeys(rows)]


def collect(
    wanted: int,
    *,
    split: str,
    seed: int,
    motor: Motor,
    words: str = "train",
    acting: Acting | None = None,
) -> list[Moment]:
    """Return that many moments, from lifetimes that are lived side by side."""
    env = TripVectorEnv(
        _BODIES,
        level=WHICH_WAY,
        split=split,
        words=words,
        layouts=_ROOMS,
        autoreset_mode="Disabled",
    )
    body, memory = Body(_BODIES, TRIP, motor), ExperienceStore(":memory:")
    body_ids: list[str] = []
    evidence = Evidence(memory, body_ids)
    planner = WayPlanner(_BODIES, evidence)
    moments: list[Moment] = []
    rows = count()

    def make(body_id: str) -> WayTeacher:
        body_ids.append(body_id)
        return WayTeacher(
            body_id,
            next(rows),
            planner=planner,
            evidence=evidence,
            memory=memory,
            moments=moments,
            seed=seed,
        )

    minds = labelling_factory(make, memory, acting)
    being = Being(body, Soul(_BODIES), minds, clock="paused", run_id="teaching")
    run_episodes(being, env, seed, until=lambda: len(moments) >= wanted)
    being.close()
    env.close()
    return moments[:wanted]


# ---- Examples ----


def examples(wanted: int, visits: Visits, motor: Motor) -> list[Example]:
    """Return an example for each of so many moments, most of them choices between ways."""
    pool = 6 * wanted  # a choice comes once in an episode
    moments = collect(pool, split="train", seed=visits.seed, motor=motor, acting=visits.acting)
    choices = [one for one in moments if one.chooses]
    others = [one for one in moments if not one.chooses]
    chosen = balanced(choices, wanted * 2 // 3, _kind, visits.seed)
    kept = [*chosen, *balanced(others, wanted - len(chosen), _kind, visits.seed)]
    return [Example(prompt=one.prompt, reply=reply_to(one)) for one in kept]


def _kind(moment: Moment) -> tuple[Skill, Manner, bool]:
    return moment.intent.skill, moment.intent.manner, moment.remembers


def reply_to(moment: Moment) -> str:
    """Return the answer of a good mind: a thought and the intent."""
    return f"<think>{_thought(moment)}</think><answer>{moment.intent.words(TRIP)}</answer>"


def _thought(moment: Moment) -> str:
    intent = moment.intent
    if intent.skill is Skill.GET_UP:
        return "i am down"
    if intent.skill is Skill.LOOK_AROUND:
        return "which ways are there"
    assert intent.target is not None, "all else is about something"
    name = intent.target.words(TRIP)
    if intent.skill is Skill.CROSS:
        return f"the {name} is the best way i know of" if moment.chooses else f"over the {name}"
    if intent.manner is Manner.CAREFUL:
        return "no way is sure, i go the long way round"
    return f"i need the {name}"


def agreeing(moments: Sequence[Moment], replies: Sequence[Reply | None]) -> list[tuple[bool, bool]]:
    """Return of each reply whether it is as good as the label, and whether its step is."""
    return [_agrees(moment, reply) for moment, reply in zip(moments, replies, strict=True)]


def _agrees(moment: Moment, reply: Reply | None) -> tuple[bool, bool]:
    if reply is None:
        return False, False
    wanted, given = moment.intent, reply.intent
    step = given.skill is wanted.skill and given.target == wanted.target
    crosses = wanted.skill is given.skill is Skill.CROSS
    if moment.chooses and crosses and wanted.target and given.target:
        hopes = moment.hopes
        step = hopes.get(given.target, 0.0) >= hopes.get(wanted.target, 0.0) - AS_GOOD
    return step and given.manner is wanted.manner, step
