"""Teaching a mind what is good in `babyai`: act, and label each decision by the scripted planner.

The bodies often do something else than the label says, so that there are failures to learn from.
An example is what is asked at a decision, and the reply of a good mind: a plan where there is none,
a thought, and the intent that serves the first open goal. Missions in GLAM's held-out words are
never taught.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from random import Random

import numpy as np
from omegaconf import DictConfig

from agents.planners.babyai import intent_for, plan_of
from body.body import Body, Motor
from body.types import (
    Failure,
    Goal,
    Intent,
    Percept,
    Skill,
)
from envs.babyai.env import BabyAIVectorEnv
from envs.babyai.spec import BABYAI
from envs.babyai.vocabulary import HELD_OUT_WORDS
from experiments.training.behavior import generator_for, random_intent
from experiments.training.mind.collecting import (
    Acting,
    LabellingMind,
    balanced,
    form_of,
    live_side_by_side,
    offered,
)
from experiments.training.mind.contract import Visits, motor_of
from experiments.training.mind.measuring import HELD_OUT_SEED, Respondent, rates
from experiments.training.mind.trip_moments import RECALLED
from mind.language_models.types import Choices, Prompt
from mind.learning.cold_start import Example
from mind.memory import ExperienceStore, Memory
from mind.reasoning.deliberation import recall
from mind.reasoning.narration import object_words
from mind.reasoning.plan import Plan
from mind.reasoning.prompting import Prompts
from mind.types import DecisionContext, Feeling, WhyNot

EPSILON = 0.3  # share of decisions in which something else is done than is taught
FIVE_TASKS = ""
_SHARES = {  # where episodes are run: families of missions, and their shares of the moments
    0.35: (FIVE_TASKS,),
    0.15: (
        "BabyAI-GoTo-v0",
        "BabyAI-GoToLocal-v0",
        "BabyAI-GoToObjDoor-v0",
        "BabyAI-GoToDoor-v0",
        "BabyAI-FindObjS6-v0",
        "BabyAI-OneRoomS16-v0",
        "BabyAI-GoToSeqS5R2-v0",
    ),
    0.08: (
        "BabyAI-PutNextLocal-v0",
        "BabyAI-PutNextS6N3Carrying-v0",
        "BabyAI-MoveTwoAcrossS5N2-v0",
        "BabyAI-PickupDist-v0",
        "MiniGrid-Fetch-8x8-N3-v0",
    ),
    0.12: (
        "BabyAI-UnlockLocal-v0",
        "BabyAI-UnlockLocalDist-v0",
        "BabyAI-Unlock-v0",
        "BabyAI-UnlockPickup-v0",
        "BabyAI-UnlockToUnlock-v0",
        "BabyAI-GoToImpUnlock-v0",
        "BabyAI-KeyCorridorS4R3-v0",
        "MiniGrid-ObstructedMaze-1Dl-v0",
    ),
    0.06: (
        "BabyAI-OpenTwoDoors-v0",
        "BabyAI-OpenDoorsOrderN4-v0",
        "MiniGrid-RedBlueDoors-6x6-v0",
    ),
    0.10: ("BabyAI-SynthSeq-v0", "BabyAI-MiniBossLevel-v0", "BabyAI-BossLevel-v0"),
    0.14: (
        "MiniGrid-Empty-Random-6x6-v0",
        "MiniGrid-FourRooms-v0",
        "MiniGrid-MultiRoom-N4-S5-v1",
        "MiniGrid-DoorKey-6x6-v0",
        "MiniGrid-LavaCrossingS9N2-v0",
        "MiniGrid-SimpleCrossingS9N3-v0",
        "MiniGrid-Dynamic-Obstacles-6x6-v0",
        "MiniGrid-LockedRoom-v0",
    ),
}
LEVELS = {id: share / len(ids) for share, ids in _SHARES.items() for id in ids}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A decision that had to be taken, and what a good mind would have decided.

    Attributes:
        prompt: What was asked.
        offered: What a mind could have chosen from.
        percept: What was sensed.
        failure: Why the intent before had failed, if it had.
        plan: Goals to set; None where there was a plan already.
        goal: The first one that is open.
        intent: What serves it.
    """

    prompt: Prompt
    offered: Choices
    percept: Percept
    failure: Failure
    plan: tuple[Goal, ...] | None
    goal: Goal
    intent: Intent


class EpsilonRandomTeacher(LabellingMind):
    """Labels each moment of decision by the planner, and now and then does something else.

    Args:
        body_id: The body it belongs to.
        memory: What it recalls from.
        moments: Receives the moments of decision.
        seed: Of its deviations, with `body_id`.
    """

    def __init__(self, body_id: str, memory: Memory, moments: list[Moment], seed: int):
        self.body_id, self.rng = body_id, generator_for(body_id, seed)
        self._memory, self._prompts, self._moments = memory, Prompts(), moments
        self._plan = Plan()

    def keep(
        self, percept: Percept, feeling: Feeling, context: DecisionContext, why_not: WhyNot
    ) -> Intent:
        """Keep the moment, and return the planner's intent or, now and then, any other."""
        goals = self._plan.open_goals(percept, context.episode)
        found = recall(self._memory, self.body_id, percept, context, RECALLED)
        recalled = [recollection.experience.words for recollection in found]
        prompt = self._prompts.decide(percept, feeling, context, recalled, goals)
        plan = None
        if not goals:
            plan = plan_of(percept.spec.mission_words(percept.mission), percept)
            goals = self._plan.replace(plan, percept)
        if not goals:  # all of it seems true: nothing to teach
            return Intent(skill=Skill.LOOK_AROUND)
        intent = intent_for(goals[0], percept, context.status)
        if not why_not(intent):
            failure = context.status.failure
            self._moments.append(
                Moment(
                    prompt=prompt,
                    offered=offered(percept, context, recalled, why_not),
                    percept=percept,
                    failure=failure,
                    plan=plan,
                    goal=goals[0],
                    intent=intent,
                )
            )
        if self.rng.random() >= EPSILON:
            return intent
        return random_intent(percept, context, self.rng, otherwise=Skill.EXPLORE, why_not=why_not)


def collect_moments(
    moments_wanted: int,
    *,
    split: str,
    seed: int,
    motor: Motor,
    level: str = "",
    words: str = "train",
    avatars: int = 32,
    acting: Acting | None = None,
) -> list[Moment]:
    """Return that many moments of decision, from episodes of a level, or of the five tasks.

    Other minds may act in them; without, it is the planner that does, and chance.
    """
    make = partial(BabyAIVectorEnv, avatars, split=split, layouts=4096, autoreset_mode="Disabled")
    env = make(level_id=level) if level else make(task="mixed", words=words)
    memory = ExperienceStore(":memory:")
    moments: list[Moment] = []
    with closing(env):
        live_side_by_side(
            env,
            Body(avatars, BABYAI, motor),
            lambda body_id, _: EpsilonRandomTeacher(body_id, memory, moments, seed),
            memory,
            seed=seed,
            acting=acting,
            until=lambda: len(moments) >= moments_wanted,
            decide_every=1,
        )
    return moments[:moments_wanted]


def collect_from_all_levels(visits: Visits, motor: Motor) -> list[Moment]:
    """Return moments from all `LEVELS` of the train split, without those in held-out words."""
    moments: list[Moment] = []
    for level, share in LEVELS.items():
        wanted = round(visits.moments * share)
        lived = visits.lived(wanted)
        found = collect_moments(
            lived,
            split="train",
            seed=visits.seed,
            motor=motor,
            level=level,
            avatars=visits.bodies(lived, most=32),
            acting=visits.acting,
        )
        moments += balanced(found, wanted, _kind, visits.seed)
    return [moment for moment in moments if not is_held_out(_mission(moment))]


def _kind(moment: Moment) -> tuple[str, Skill, bool]:
    """Return what is asked, what serves it, and whether something has failed."""
    form = form_of(_mission(moment), (*BABYAI.objects, *BABYAI.colors))
    return form, moment.intent.skill, moment.failure is not Failure.NONE


def is_held_out(text: str) -> bool:
    """Return whether something is named that GLAM keeps for its tests."""
    return any(words in text for words in HELD_OUT_WORDS)


def _mission(moment: Moment) -> str:
    return BABYAI.mission_words(moment.percept.mission)


# ---- Saying why ----


def reply_to(moment: Moment) -> str:
    """Return the answer of a good mind: a plan where there is none, a thought, and the intent."""
    goals = "; ".join(goal.words(BABYAI) for goal in moment.plan or ())
    plan = f"<plan>{goals}</plan>" if goals else ""
    return f"<think>{_thought(moment)}</think>{plan}<answer>{moment.intent.words(BABYAI)}</answer>"


def _thought(moment: Moment) -> str:
    """Say what was felt to fail, and which step of the plan this is."""
    failed = moment.failure is not Failure.NONE
    failure = f"{moment.failure.name.lower().replace('_', ' ')}, " if failed else ""
    return failure + _step(moment)


def _step(moment: Moment) -> str:
    intent = moment.intent
    if intent.skill is Skill.PUT_DOWN:
        return "my hand is full"
    if intent.target is None:
        return "i look for another way"
    name = intent.target.words(BABYAI)
    if intent.skill is Skill.PUT_NEXT_TO:
        held = object_words(moment.percept, np.array(moment.percept.held))
        return f"i have the {held}, next the {name}"
    if intent.skill is Skill.PICK_UP and intent.target != moment.goal.object:
        return f"it is locked, i need the {name}"
    verbs = {Skill.PICK_UP: "i need", Skill.OPEN: "i open", Skill.UNLOCK: "i have the key for"}
    return f"{verbs.get(intent.skill, 'i go to')} the {name}"


# ---- How good a mind is ----


def agreeing(moments: Sequence[Moment], replies: Sequence) -> tuple[list[bool], int]:
    """Return of each reply whether it has the table's intent, and how many have its plan.

    Args:
        moments: What was asked.
        replies: A `mind.reasoning.parsing.Reply` for each, or None where it could not be used.
    """
    pairs = list(zip(moments, replies, strict=True))
    intents = [
        reply is not None
        and (reply.intent.skill, reply.intent.target) == (moment.intent.skill, moment.intent.target)
        for moment, reply in pairs
    ]
    plans = sum(bool(reply) and reply.plan == moment.plan for moment, reply in pairs if moment.plan)
    return intents, plans


# ---- For the trainer ----


class BabyAITraining:
    """See `experiments.training.mind.contract.MindTraining`; an example is what the table says."""

    fixed_colors = ()

    def examples(self, options: DictConfig, visits: Visits) -> list[Example]:
        """Return an example for each of the moments that are wanted, in all `LEVELS`."""
        moments = collect_from_all_levels(visits, motor_of(options, BABYAI.name))
        print(f"babyai: {len(moments):,} moments of decision", flush=True)
        return [
            Example(prompt=moment.prompt, reply=reply_to(moment), world=BABYAI.name)
            for moment in moments
        ]

    def lessons(self, wanted: int, seed: int) -> list[Example]:
        """Return nothing."""
        return []

    def measure(self, respondent: Respondent, options: DictConfig) -> dict[str, float]:
        """Return the rates of replies in the right form, with the table's intents, and its plans.

        Once in the words of training, once in those that were held out from it.
        """
        found: dict[str, float] = {}
        seed, motor = options.seed + HELD_OUT_SEED, motor_of(options, BABYAI.name)
        for name, words in (("babyai", "train"), ("babyai_held_out_words", "test")):
            moments = collect_moments(
                options.held_out, split="test", seed=seed, motor=motor, words=words
            )
            asked = [(moment.prompt, moment.offered) for moment in moments]
            answers = respondent.first_replies(asked, BABYAI.name)
            replies = [one.reply for one in answers]
            intents, plans = agreeing(moments, replies)
            formed = sum(reply is not None for reply in replies)
            found |= rates(name, len(moments), format=formed, agreement=sum(intents))
            found |= respondent.calibration(name, intents, [one.sure for one in answers])
            if respondent.form.is_free:  # a choice has no plan
                found |= rates(name, sum(bool(moment.plan) for moment in moments), plan=plans)
        return found

    def reworded(self, asked: str, rng: Random) -> str:
        """Return it as it is: missions have words of their own."""
        return asked

    def is_held_out(self, mission: str) -> bool:
        """Return whether something is named that GLAM keeps for its tests."""
        return is_held_out(mission)


TRAINING = BabyAITraining()
