"""Teaching a mind to choose a way by what it has lived and was told, in level 5 of `trip`.

The good intent is the one that is best *given what comes to mind*: the teacher weighs what the
mind is shown of what the body has lived and was told, and never looks at the context. It often
takes another way than the best, so that memories of all kinds are there to be weighed.
"""

import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache, partial

import numpy as np

from agents.planners.ways import WayPlanner
from body.body import Motor
from body.types import Intent, Manner, Percept, Skill, Target
from envs.trip.contexts import GOES_WRONG, GOES_WRONG_ANYWAY, JOKERS, WAYS
from envs.trip.env import TripVectorEnv
from envs.trip.spec import TRIP
from envs.trip.vocabulary import PHRASINGS, TRAINED_PHRASINGS, Mission, Verdict
from envs.trip.worldgen import WHICH_WAY
from experiments.lifetime.yardsticks import says, weight_of_word
from experiments.training.mind.collecting import (
    Acting,
    LabellingMind,
    balanced,
    offered,
    over_lifetimes,
    read_again,
)
from experiments.training.mind.contract import Visits
from mind.language_models.types import Choices, Prompt
from mind.learning.cold_start import Example
from mind.memory import Memory, Recollection
from mind.reasoning.deliberation import TOLD, recall
from mind.reasoning.parsing import Reply
from mind.reasoning.prompting import Prompts
from mind.types import DecisionContext, Experience, Feeling, WhyNot

RECALLED = 3
EXPLORES = 0.5  # of the choices between ways
AS_GOOD = 0.05  # of probability: a difference that does not count
_OF_COLOR = 0.8  # how much what is known of a color counts for another thing in it
_UNKNOWN = float(np.log(1.0 / (WAYS - 1)))  # log odds that a way is good of which nothing is known
_LIVED = {  # by how much an experience changes them
    "fell": float(np.log(GOES_WRONG_ANYWAY / GOES_WRONG)),
    "got_across": float(np.log((1 - GOES_WRONG_ANYWAY) / (1 - GOES_WRONG))),
}
_TURNED_OUT = {"fell": "fell", "got_across": "crossed"}
_SAID = {Verdict.FINE: "good", Verdict.BAD: "bad", Verdict.NOTHING: "unknown"}
_SPEAKS = 0.1  # of log odds: less says nothing
# A good short way is crossed without a fall in 92 of 100 episodes, and the long one in 99.6: where
# there is time for it, no short way is sure enough.
_ALWAYS = 2.0  # above any probability
_ROOMS = 1024
_BODIES = 48
_LIFE = 60  # decisions, which is about nine episodes: else all would be known
_FIRST_LIFE = 8  # about one
_SPEAKER = re.compile(r"heard (\w+) person")
_SAYS = re.compile(r"(heard \w+ person): ([^;\n]+?)( \d+ ago)?(?=;|\n|$)")


# ---- What could be known ----


class Known:
    """What somebody remembers of how ways are: lived, and told by persons.

    Args:
        experiences: All that it remembers, oldest first.
    """

    def __init__(self, experiences: Iterable[Experience]):
        self._lived: list[tuple[str, float]] = []  # what it is of, and how it weighs
        self._told: dict[tuple[str, str], Verdict] = {}  # by who says it of what: once counts
        for one in experiences:
            if one.kind in _LIVED:
                self._lived.append((one.about, _LIVED[one.kind]))
            elif one.kind == TOLD and (speaker := _SPEAKER.match(one.words)):
                self.hear(speaker[1], one.about, verdict_of(one))

    def hear(self, speaker: str, about: str, verdict: Verdict) -> None:
        """Take in what somebody says of something."""
        self._told[speaker, about] = verdict

    def hope(self, name: str) -> float:
        """Return how probable it is that a way is good."""
        return _probability(_UNKNOWN + self.lived(name) + self.told(name))

    def spread(self, names: Iterable[str]) -> float:
        """Return by how much the best of some ways is better than the worst, in log odds."""
        odds = [self.lived(name) + self.told(name) for name in names]
        return max(odds) - min(odds)

    def lived(self, name: str) -> float:
        """Return by how much what was lived changes the log odds that a way is good."""
        return sum(_bearing(about, name) * weight for about, weight in self._lived)

    def told(self, name: str) -> float:
        """Return by how much words do so; less, where what was lived belies who says them."""
        return sum(
            _bearing(about, name) * weight_of_word(verdict, self._jokes(speaker))
            for (speaker, about), verdict in self._told.items()
        )

    def _jokes(self, speaker: str) -> float:
        """Return how probable it is that a person says the opposite of what it lived.

        Judged by its words on what was lived here, too.
        """
        odds = JOKERS / (1.0 - JOKERS)
        for (one, about), verdict in self._told.items():
            if one == speaker and verdict is not Verdict.NOTHING and (lived := self.lived(about)):
                good = _probability(_UNKNOWN + lived)
                odds *= _likely(verdict, good, jokes=1.0) / _likely(verdict, good, jokes=0.0)
        return odds / (1.0 + odds)


def _probability(log_odds: float) -> float:
    return float(1.0 / (1.0 + np.exp(-log_odds)))


def _likely(verdict: Verdict, good: float, jokes: float) -> float:
    """Return how likely a verdict is of what is probably good, by who jokes so probably."""
    return good * says(verdict, False, jokes) + (1.0 - good) * says(verdict, True, jokes)


class Evidence:
    """Weighs what comes to bodies' minds of ways: an `agents.planners.types.Expectations`."""

    def __init__(self):
        """Begin with nothing that came to mind."""
        self._known: dict[int, Known] = {}

    def begin(self, rows) -> None:
        """Do nothing: memories go on."""

    def notice(self, percept, executions) -> None:
        """Do nothing: what was noticed is in memory."""

    def remember(self, row: int, found: Iterable[Recollection]) -> Known:
        """Take in, and return, what comes to a body's mind now, in place of what came before."""
        by_age = sorted(found, key=lambda one: one.id)
        self._known[row] = Known(one.experience for one in by_age)
        return self._known[row]

    def goes_well(self, row: int, object: int, color: int) -> float:
        """Return how probable it is that a way is good, by what last came to the body's mind."""
        return self._known[row].hope(Target(object=object, color=color).words(TRIP))


def _bearing(about: str, name: str) -> float:
    """Return how much what is known of one thing says of another."""
    return 1.0 if about == name else _OF_COLOR if _color_of(about) == _color_of(name) else 0.0


def _color_of(name: str) -> str:
    return name.partition(" ")[0]


def verdict_of(experience: Experience) -> Verdict:
    """Return what was said, of an experience of being told something."""
    for verdict, phrasings in PHRASINGS.items():
        for phrasing in phrasings:
            if experience.words.endswith(": " + phrasing.format(object=experience.about)):
                return verdict
    return Verdict.NOTHING


def word_for(experience: Experience) -> str:
    """Return how a way turned out, or what is said of it, in a word; empty if it is of no way."""
    if experience.kind == TOLD:
        return _SAID[verdict_of(experience)]
    return _TURNED_OUT.get(experience.kind, "")


def reworded(text: str, rng: random.Random) -> str:
    """Return what is asked, with all that persons say in other phrasings that mean the same."""
    new: dict[str, str] = {}

    def in_other_words(found: re.Match[str]) -> str:
        speaker, said, ago = found[1], found[2], found[3] or ""
        if said not in new:
            new[said] = _said_otherwise(said, rng)
        return f"{speaker}: {new[said]}{ago}"

    return _SAYS.sub(in_other_words, text)


def _said_otherwise(said: str, rng: random.Random) -> str:
    for verdict, pattern in _meaning():
        if found := pattern.fullmatch(said):
            about = next(group for group in found.groups() if group)
            phrasings = PHRASINGS[verdict][:TRAINED_PHRASINGS]
            return rng.choice(phrasings).format(object=about)
    return said


@cache
def _meaning() -> list[tuple[Verdict, re.Pattern[str]]]:
    """Return what is meant by whatever is said in each phrasing."""
    thing = (
        f"((?:{'|'.join(TRIP.colors)}) (?:{'|'.join(TRIP.objects[one] for one in TRIP.hazards)}))"
    )
    return [
        (verdict, re.compile(re.escape(said).replace(re.escape("{object}"), thing)))
        for verdict, phrasings in PHRASINGS.items()
        for said in phrasings
    ]


# ---- Moments ----


class Ground(Enum):
    """What speaks for a choice between ways."""

    NOTHING = "nothing is known of any"
    PRAISE = "nothing was lived; it is said to be fine"
    BLAME = "nothing was lived; of the others worse is said"
    LIFE = "what was lived; no words are against it"
    DISPUTE = "what was lived and what is said are for different ways"
    TIME = "there is time for the long way"


_SHARES = {  # of the examples that are choices: words are the hardest to learn
    Ground.PRAISE: 0.3,
    Ground.BLAME: 0.2,
    Ground.LIFE: 0.2,
    Ground.DISPUTE: 0.15,
    Ground.TIME: 0.15,
}


def ground_of(known: Known, ways: Sequence[str], *, may_be_long: bool) -> Ground:
    """Return what the choice between ways rests on.

    Args:
        known: What comes to mind.
        ways: Names of the ways.
        may_be_long: Whether there is time for the long way.
    """
    if may_be_long:
        return Ground.TIME
    hopes = {way: known.hope(way) for way in ways}
    best = max(hopes, key=lambda way: hopes[way], default="")
    if not best or known.spread(ways) < _SPEAKS:
        return Ground.NOTHING
    lived, told = ([of(way) for way in ways] for of in (known.lived, known.told))
    if max(map(abs, lived)) < _SPEAKS:
        return Ground.PRAISE if known.told(best) > _SPEAKS else Ground.BLAME
    disputed = max(told) - known.told(best) > _SPEAKS or max(lived) - known.lived(best) > _SPEAKS
    return Ground.DISPUTE if disputed else Ground.LIFE


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A decision in a room with several ways, and what is good there.

    Attributes:
        prompt: What is asked.
        offered: What there is to choose from.
        intent: What is good.
        hopes: How probable it is of each way that is in sight that it is good.
        chooses: Whether it is the choice between ways of its episode.
        ground: What that rests on.
        read: Each line of what comes to mind of ways: its number, the color that it is about, and
            a word for it.
    """

    prompt: Prompt
    offered: Choices
    intent: Intent
    hopes: dict[Target, float]
    chooses: bool
    ground: Ground
    read: Sequence[tuple[int, str, str]]


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
        elif context.intent:
            self._planner.did(self._row, context.intent)
            self._chose |= context.intent.skill is Skill.CROSS
        found = recall(self._memory, self.body_id, percept, context, RECALLED)
        known = self._evidence.remember(self._row, found)
        intent = self._planner.next_intent(self._row, percept, context.status)
        chooses = not self._chose and intent.skill in (Skill.CROSS, Skill.GO_TO)
        self._chose |= chooses
        words, ways = [one.experience.words for one in found], _ways_near(percept)
        hopes = {way: known.hope(way.words(TRIP)) for way in ways}
        self._moments.append(
            Moment(
                prompt=self._prompts.decide(percept, feeling, context, words),
                offered=offered(percept, context, words, why_not),
                intent=intent,
                hopes=hopes,
                chooses=chooses,
                ground=ground_of(
                    known,
                    [way.words(TRIP) for way in ways],
                    may_be_long=percept.mission[0] == Mission.CHOOSE_WAY,
                ),
                read=[
                    (number, _color_of(one.experience.about), word)
                    for number, one in enumerate(found, 1)
                    if (word := word_for(one.experience))
                ],
            )
        )
        if chooses and hopes and self.rng.random() < EXPLORES:
            return Intent(skill=Skill.CROSS, target=list(hopes)[self.rng.integers(len(hopes))])
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
    bodies: int | None = None,
    life: int = _LIFE,
    keep: Callable[[Moment], bool] = lambda moment: True,
) -> list[Moment]:
    """Return that many moments, from lifetimes that are lived side by side.

    Args:
        wanted: How many.
        split: Of rooms and contexts.
        seed: Of everything.
        motor: Moves the bodies.
        words: Whether in phrasings for training, or in those that are held out.
        acting: Returns the minds that act; None is the teacher.
        bodies: How many live side by side; None is many, each in a context of its own.
        life: Decisions of a lifetime, about; after so many other bodies live.
        keep: Whether a moment counts.
    """
    bodies = bodies or _BODIES
    env = TripVectorEnv(
        bodies,
        level=WHICH_WAY,
        split=split,
        words=words,
        layouts=_ROOMS,
        autoreset_mode="Disabled",
    )
    lived = over_lifetimes(
        env,
        partial(_teachers, bodies),
        wanted=wanted,
        life=life,
        seed=seed,
        motor=motor,
        acting=acting,
        keep=keep,
    )
    return lived[:wanted]


def _teachers(
    bodies: int, seed: int, memory: Memory, body_ids: Sequence[str], moments: list[Moment]
) -> Callable[[str, int], WayTeacher]:
    evidence = Evidence()
    return partial(
        WayTeacher,
        planner=WayPlanner(bodies, evidence, long_way_below=_ALWAYS),
        evidence=evidence,
        memory=memory,
        moments=moments,
        seed=seed,
    )


def told(wanted: int, *, split: str, words: str, seed: int, motor: Motor) -> list[Moment]:
    """Return so many choices between ways that nothing speaks for but words."""
    return collect(
        wanted,
        split=split,
        words=words,
        seed=seed,
        motor=motor,
        life=_FIRST_LIFE,
        keep=lambda one: one.chooses and one.ground in (Ground.PRAISE, Ground.BLAME),
    )


# ---- Examples ----


def examples(wanted: int, visits: Visits, motor: Motor) -> list[Example]:
    """Return an example for each of so many moments, none of them a choice by nothing.

    Where the teacher acts, four of five are choices between ways, which rest on each ground in its
    share, as far as enough were lived. Where another mind does, they are as it meets them: after a
    choice it may be lost.
    """
    lived = partial(collect, split="train", motor=motor, acting=visits.acting)
    if visits.acting:
        bodies = visits.bodies(wanted, most=_BODIES)
        life = min(_LIFE, max(_FIRST_LIFE, wanted // bodies))
        kept = lived(wanted, seed=visits.seed, bodies=bodies, life=life, keep=_can_be_told)
    else:
        young = lived(wanted, seed=visits.seed, life=_FIRST_LIFE, keep=_is_plain_choice)
        older = lived(wanted, seed=visits.seed + 1, keep=_is_plain_choice)
        others = lived(wanted, seed=visits.seed + 2, keep=lambda one: not one.chooses)
        chosen = _in_shares([*young, *older], wanted * 4 // 5, visits.seed)
        kept = [*chosen, *balanced(others, wanted - len(chosen), _kind, visits.seed)]
    return [Example(prompt=one.prompt, reply=reply_to(one)) for one in kept]


# ---- Lessons ----


def lessons(wanted: int, seed: int) -> list[Example]:
    """Return so many choices by words alone that nobody has lived: short, and as many as you like.

    They show two or three ways, and what one to three persons say of them, and nothing else.
    """
    rng = random.Random(seed)
    found: list[Example] = []
    while len(found) < wanted:
        if lesson := _lesson(rng):
            found.append(lesson)
    return found


def _lesson(rng: random.Random) -> Example | None:
    """Return a choice between ways, or None if no way is better than all others."""
    kinds, colors = rng.sample(sorted(TRIP.hazards), 3), rng.sample(range(len(TRIP.colors)), 3)
    pairs = list(zip(kinds, colors, strict=True))[: rng.choice((2, 3))]
    targets = [Target(object=kind, color=color) for kind, color in pairs]
    ways = {way: way.words(TRIP) for way in targets}
    known, said, read = Known(()), [], []
    for speaker in rng.sample(TRIP.colors, rng.randint(1, 3)):
        name, verdict = rng.choice(list(ways.values())), rng.choice((Verdict.FINE, Verdict.BAD))
        known.hear(speaker, name, verdict)
        phrasing = rng.choice(PHRASINGS[verdict][:TRAINED_PHRASINGS])
        said.append(f"heard {speaker} person: {phrasing.format(object=name)}")
        read.append((len(said), _color_of(name), _SAID[verdict]))
    hopes = {way: known.hope(name) for way, name in ways.items()}
    best, second, *_ = sorted(hopes, key=lambda way: -hopes[way])
    if hopes[best] < hopes[second] + AS_GOOD:
        return None
    moment = Moment(
        prompt=Prompt.single_turn(system="ways", user=_asked_in_a_lesson(ways.values(), said, rng)),
        offered=Choices(answers=tuple(f"cross {name}, normal" for name in ways.values())),
        intent=Intent(skill=Skill.CROSS, target=best),
        hopes=hopes,
        chooses=True,
        ground=Ground.PRAISE if known.told(ways[best]) > _SPEAKS else Ground.BLAME,
        read=read,
    )
    return Example(prompt=moment.prompt, reply=reply_to(moment))


def _asked_in_a_lesson(ways: Iterable[str], said: Sequence[str], rng: random.Random) -> str:
    goal = f"{rng.choice(TRIP.colors)} {rng.choice(('box', 'ball', 'key'))}"
    near = "; ".join(
        f"hazard {way} {rng.randint(1, 4)} {rng.choice(('ahead', 'behind', 'left', 'right'))}"
        for way in ways
    )
    recalled = "; ".join(f"#{number} {one}" for number, one in enumerate(said, 1))
    mission = f"mission: hurry to the {goal}, the long way takes too long"
    return f"{mission}\nnear: {near}\nrecall: {recalled}"


# ---- The parts of an example ----


def _can_be_told(moment: Moment) -> bool:
    return not moment.chooses or moment.ground in _SHARES


def _is_plain_choice(moment: Moment) -> bool:
    return moment.chooses and moment.ground in _SHARES


def _in_shares(choices: Sequence[Moment], wanted: int, seed: int) -> list[Moment]:
    """Return so many of the choices, on each ground its share; others where there are too few."""
    mixed = random.Random(seed).sample(choices, len(choices))
    first: list[Moment] = []
    for ground, share in _SHARES.items():
        first += [one for one in mixed if one.ground is ground][: round(share * wanted)]
    taken = {id(one) for one in first}
    return [*first, *(one for one in mixed if id(one) not in taken)][:wanted]


def _kind(moment: Moment) -> tuple[Skill, Manner]:
    return moment.intent.skill, moment.intent.manner


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
    if intent.skill is Skill.CROSS and moment.chooses:
        return read_again(moment.read) + _weighed(moment.hopes)
    if intent.skill is Skill.CROSS:
        return f"over the {name}"
    if intent.manner is Manner.CAREFUL:
        return "there is time, i go the long way round"
    return f"i need the {name}"


def _weighed(hopes: dict[Target, float]) -> str:
    """Say of each way what is to be thought of it: who learns to say that learns to read."""
    return ", ".join(f"{way.words(TRIP)} {_in_a_word(hope)}" for way, hope in hopes.items())


def _in_a_word(hope: float) -> str:
    if abs(hope - _probability(_UNKNOWN)) < AS_GOOD:
        return "unknown"
    return "good" if hope > _probability(_UNKNOWN) else "bad"


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
