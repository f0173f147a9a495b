"""Teaching a mind to live through a day of `forage` by what it has eaten before, and was told.

The good intent is what the scripted planner does *given what could be known so far*: it weighs all
that the body remembers of foods, and never looks at the context. Now and then another food is eaten
than the best, so that memories of all kinds are there to be weighed; and there are careless spells,
so that what is good is also known to who is hungry, thirsty or tired beyond what a planner comes to
(noise in demonstrations: Laskey et al. 2017, arXiv 1703.09327).
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from random import Random

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from agents.planners.foods import PRIOR, PRIOR_MEALS
from agents.planners.forage import Food, ForagePlanner
from body.body import Motor
from body.types import Intent, Percept, Skill, Target
from envs.forage.env import ForageVectorEnv
from envs.forage.spec import FORAGE
from envs.forage.vocabulary import PHRASINGS, Effect, Verdict
from experiments.lifetime.foods import chances_of_words
from experiments.training.mind.collecting import (
    Acting,
    LabellingMind,
    balanced,
    offered,
    over_lifetimes,
    read_again,
)
from experiments.training.mind.contract import Visits, motor_of
from experiments.training.mind.measuring import HELD_OUT_SEED, FirstReply, Respondent, rates
from mind.language_models.types import Choices, Prompt
from mind.learning.cold_start import Example
from mind.memory import Memory
from mind.reasoning.deliberation import TOLD, recall
from mind.reasoning.parsing import Reply
from mind.reasoning.prompting import Prompts
from mind.types import DecisionContext, Experience, Feeling, WhyNot

RECALLED = 3
EXPLORES = 0.3  # of the meals
CARELESS = 0.06  # of the decisions begin a spell
SPELL = 12  # decisions, at most
AS_GOOD = 0.1  # of the worth of a meal: a difference that does not count
_SURE = 0.5  # of what a food does
_FEWEST_BODIES, _MOST_BODIES = 2, 24
_GUT = FORAGE.column("intero", "gut")
_LIFE = 150  # decisions of a lifetime, about three days: else all would be known
_DID = {
    "gave_nothing": Effect.NOTHING,
    "gave_energy": Effect.ENERGY,
    "gave_protein": Effect.PROTEIN,
    "gave_water": Effect.WATER,
    "made_ill": Effect.ILLNESS,
}
_SAID = chances_of_words()
_WORDS: dict[Effect | None, str] = {
    None: "unknown",
    Effect.NOTHING: "useless",
    Effect.ENERGY: "energy",
    Effect.PROTEIN: "protein",
    Effect.WATER: "water",
    Effect.ILLNESS: "bad",
}


# ---- What could be known ----


class Evidence:
    """Weighs what bodies remember of foods: an `agents.planners.foods.FoodExpectations`.

    Args:
        memory: Of all of them.
        body_ids: By row; whoever owns it adds to it.
    """

    def __init__(self, memory: Memory, body_ids: Sequence[str]):
        self._memory, self._body_ids = memory, body_ids
        self._known: dict[int, dict[str, list[Experience]]] = {}  # by row, and what it is of

    def begin(self, rows) -> None:
        """Do nothing: memories go on."""

    def notice(self, percept, executions) -> None:
        """Do nothing: what was noticed is in memory."""

    def remember(self, row: int) -> None:
        """Call to mind all that a body has lived of foods, and was told."""
        known = self._known[row] = {}
        for one in self._memory.recent(self._body_ids[row], 10_000):
            if one.kind in _DID or one.kind == TOLD:
                known.setdefault(one.about, []).append(one)

    def effects(self, row: int, object: int, color: int) -> NDArray[np.float64]:
        """Return the probability of each `Effect`, (5,), by what the body last called to mind."""
        known = self._of(row, object, color)
        chance = PRIOR * np.prod([_SAID[:, said] for said in _words(known)], axis=0, initial=1.0)
        weights = PRIOR_MEALS * chance / chance.sum()
        for one in known:
            if one.kind in _DID:
                weights[_DID[one.kind]] += 1.0
        return weights / weights.sum()

    def kinds(self, row: int, object: int, color: int) -> tuple[bool, bool]:
        """Return whether something was lived of a food, and told, by what it last recalled."""
        known = self._of(row, object, color)
        return any(one.kind in _DID for one in known), bool(_words(known))

    def _of(self, row: int, object: int, color: int) -> list[Experience]:
        return self._known[row].get(Target(object=object, color=color).words(FORAGE), [])


def _words(known: Sequence[Experience]) -> list[int]:
    """Return what was said, the same thing of the same person once: numbers of `Effect`."""
    told = {one.words.partition(":")[0]: verdict_of(one) for one in known if one.kind == TOLD}
    return [verdict - 1 for verdict in told.values() if verdict is not Verdict.SAYS_NOTHING]


def verdict_of(experience: Experience) -> Verdict:
    """Return what was said of a food, of an experience of being told something."""
    said = experience.words.rpartition(": ")[2].replace(experience.about, "{object}")
    return _meanings().get(said, Verdict.SAYS_NOTHING)


def word_for(experience: Experience) -> str:
    """Return what a food did, or is said to do, in a word; empty if it is of no food."""
    if experience.kind == TOLD:
        verdict = verdict_of(experience)
        return _WORDS[None if verdict is Verdict.SAYS_NOTHING else Effect(verdict - 1)]
    return _WORDS[_DID[experience.kind]] if experience.kind in _DID else ""


@cache
def _meanings() -> dict[str, Verdict]:
    return {line: verdict for verdict, lines in PHRASINGS.items() for line in lines}


# ---- Moments ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A decision on a day, and what is good then.

    Attributes:
        prompt: What is asked.
        offered: What there is to choose from.
        intent: What is good.
        worth: What it is worth to eat of each food about, where that is chosen; or empty.
        expects: What each of these will probably do; None is not known.
        known: Whether something was lived of what is eaten, and told; of no meal, neither.
        full: Whether there is something in the belly.
        read: Each line of what comes to mind of foods: its number, the food, and a word for it.
    """

    prompt: Prompt
    offered: Choices
    intent: Intent
    worth: dict[Food, float]
    expects: dict[Food, Effect | None]
    known: tuple[bool, bool]
    full: bool
    read: Sequence[tuple[int, str, str]]


class ForageTeacher(LabellingMind):
    """Keeps each moment of decision with what is good there; now and then eats something else.

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
        planner: ForagePlanner,
        evidence: Evidence,
        memory: Memory,
        moments: list[Moment],
        seed: int,
    ):
        self.body_id, self.rng = body_id, np.random.default_rng([seed, row])
        self._row, self._planner, self._evidence = row, planner, evidence
        self._memory, self._prompts, self._moments = memory, Prompts(), moments
        self._episode, self._careless = -1, 0

    def keep(
        self, percept: Percept, feeling: Feeling, context: DecisionContext, why_not: WhyNot
    ) -> Intent:
        """Keep the moment, and return what is done."""
        if context.episode != self._episode:
            self._planner.begin([self._row])
            self._episode = context.episode
        elif context.intent is not None:
            self._planner.did(self._row, context.intent)
        self._evidence.remember(self._row)
        intent = self._planner.next_intent(self._row, percept, context.status)
        worth = self._planner.worth(self._row) if intent.skill is Skill.EAT else {}
        found = recall(self._memory, self.body_id, percept, context, RECALLED)
        words = [one.experience.words for one in found]
        self._moments.append(
            Moment(
                prompt=self._prompts.decide(percept, feeling, context, words),
                offered=offered(percept, context, words, why_not),
                intent=intent,
                worth=worth,
                expects={food: self._expected(food) for food in worth},
                known=self._known(intent),
                full=bool(percept.intero[_GUT] > 0),
                read=[
                    (number, one.experience.about, word)
                    for number, one in enumerate(found, 1)
                    if (word := word_for(one.experience))
                ],
            )
        )
        return self._done(percept, intent, list(worth))

    def _done(self, percept: Percept, intent: Intent, foods: Sequence[Food]) -> Intent:
        """Return what is done where this would be good; now and then something else."""
        if self._careless == 0 and self.rng.random() < CARELESS:
            self._careless = int(self.rng.integers(SPELL)) + 1
        if self._careless and intent.skill is not Skill.GET_UP:
            self._careless -= 1
            return self._idle(percept)
        if len(foods) > 1 and self.rng.random() < EXPLORES:
            obj, color = foods[int(self.rng.integers(len(foods)))]
            return Intent(skill=Skill.EAT, target=Target(object=obj, color=color))
        return intent

    def _idle(self, percept: Percept) -> Intent:
        """Return to explore, to wait, or to go to something, whatever is needed."""
        near = [Target(object=obj, color=color) for obj, color, *_ in percept.landmarks if obj]
        visits = [Intent(skill=Skill.GO_TO, target=one) for one in near]
        idle = [Intent(skill=Skill.EXPLORE), Intent(skill=Skill.WAIT), *visits[:2]]
        return idle[int(self.rng.integers(len(idle)))]

    def _known(self, intent: Intent) -> tuple[bool, bool]:
        if intent.skill is not Skill.EAT:
            return False, False
        return self._evidence.kinds(self._row, *_eaten(intent))

    def _expected(self, food: Food) -> Effect | None:
        chance = self._evidence.effects(self._row, *food)
        return Effect(int(chance.argmax())) if chance.max() > _SURE else None


def collect(
    wanted: int,
    *,
    split: str,
    seed: int,
    motor: Motor,
    words: str = "train",
    acting: Acting | None = None,
) -> list[Moment]:
    """Return at least that many moments, from lifetimes that are lived side by side.

    Args:
        wanted: How many.
        split: Of fields and contexts.
        seed: Of everything.
        motor: Moves the bodies.
        words: Whether in phrasings for training, or in those that are held out.
        acting: Returns the minds that act; None is the teacher.
    """
    bodies = min(_MOST_BODIES, max(_FEWEST_BODIES, wanted // _LIFE))
    return over_lifetimes(
        ForageVectorEnv(bodies, split=split, words=words, autoreset_mode="Disabled"),
        partial(_teachers, bodies),
        wanted=wanted,
        life=_LIFE,
        seed=seed,
        motor=motor,
        acting=acting,
    )


def _teachers(
    bodies: int, seed: int, memory: Memory, body_ids: Sequence[str], moments: list[Moment]
) -> Callable[[str, int], ForageTeacher]:
    evidence = Evidence(memory, body_ids)
    return partial(
        ForageTeacher,
        planner=ForagePlanner(bodies, evidence),
        evidence=evidence,
        memory=memory,
        moments=moments,
        seed=seed,
    )


# ---- The parts of an example ----


def reply_to(moment: Moment) -> str:
    """Return the answer of a good mind: a thought and the intent."""
    return f"<think>{_thought(moment)}</think><answer>{moment.intent.words(FORAGE)}</answer>"


_THOUGHTS = {
    Skill.GET_UP: "i am down",
    Skill.TIE_LACE: "my lace is loose",
    Skill.LOOK_AROUND: "what is there",
    Skill.EXPLORE: "what else is there",
    Skill.DRINK_FROM: "i am thirsty",
    Skill.SLEEP_IN: "i am tired",
    Skill.GO_TO: "i am cold",
    Skill.WAIT: "i have all i need",
}


def _thought(moment: Moment) -> str:
    if moment.intent.skill is not Skill.EAT:
        return _THOUGHTS[moment.intent.skill]
    weighed = [
        f"{Target(object=food[0], color=food[1]).words(FORAGE)} {_WORDS[moment.expects[food]]}"
        for food in sorted(moment.worth, key=lambda food: -moment.worth[food])[:4]
    ]
    return read_again(moment.read) + ", ".join(weighed)


def _kind(moment: Moment) -> tuple[Hashable, ...]:
    """Return what is done, whether on a full belly, and by what knowledge a meal was chosen."""
    if moment.intent.skill is not Skill.EAT:
        return moment.intent.skill, moment.full
    return moment.intent.skill, moment.known, moment.expects[_eaten(moment.intent)]


def _eaten(meal: Intent) -> Food:
    assert meal.target is not None, "something is eaten"
    return meal.target.object, meal.target.color


def agreeing(moments: Sequence[Moment], replies: Sequence[Reply | None]) -> list[bool]:
    """Return of each reply whether it does what the label does; of meals, one worth as much."""
    return [_agrees(moment, reply) for moment, reply in zip(moments, replies, strict=True)]


def _agrees(moment: Moment, reply: Reply | None) -> bool:
    if reply is None or reply.intent.skill is not moment.intent.skill:
        return False
    given, wanted = reply.intent.target, moment.intent.target
    if not moment.worth or given is None:
        return given is None or (wanted is not None and given.object == wanted.object)
    worth = moment.worth.get((given.object, given.color), -np.inf)
    return worth >= max(moment.worth.values()) - AS_GOOD


# ---- For the trainer ----


class ForageTraining:
    """See `experiments.training.mind.contract.MindTraining`."""

    fixed_colors = ("grey",)

    def examples(self, options: DictConfig, visits: Visits) -> list[Example]:
        """Return an example for each of the moments that are wanted, of all kinds alike."""
        moments = collect(
            visits.lived(visits.moments),
            split="train",
            seed=visits.seed,
            motor=motor_of(options, FORAGE.name),
            acting=visits.acting,
        )
        kept = balanced(moments, visits.moments, _kind, visits.seed)
        kinds = Counter(one.intent.skill.name.lower() for one in kept)
        print(f"forage: {len(moments):,} moments of decision, kept {dict(kinds)}", flush=True)
        return [Example(prompt=one.prompt, reply=reply_to(one), world=FORAGE.name) for one in kept]

    def lessons(self, wanted: int, seed: int) -> list[Example]:
        """Return nothing: all examples are lived."""
        return []

    def measure(self, respondent: Respondent, options: DictConfig) -> dict[str, float]:
        """Return the rates of replies in the right form, and of those and of meals that agree."""
        motor, seed = motor_of(options, FORAGE.name), options.seed + HELD_OUT_SEED
        lived = collect(options.held_out, split="test", words="test", seed=seed, motor=motor)
        moments = balanced(lived, options.held_out, _kind, seed)
        answers: list[FirstReply] = respondent.first_replies(
            [(one.prompt, one.offered) for one in moments], FORAGE.name
        )
        right = agreeing(moments, [one.reply for one in answers])
        meals = [good for good, one in zip(right, moments, strict=True) if one.worth]
        formed = sum(one.reply is not None for one in answers)
        return {
            **rates("forage", len(right), format=formed, agreement=sum(right)),
            **rates("forage_meals", len(meals), agreement=sum(meals)),
        }

    def reworded(self, asked: str, rng: Random) -> str:
        """Return it as it is."""
        return asked

    def is_held_out(self, mission: str) -> bool:
        """Return False: no words are kept for tests."""
        return False


TRAINING = ForageTraining()
