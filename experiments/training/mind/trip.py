"""Teaching a mind what is good: act, stop at each decision, try the choices on exact forks.

A body acts at random among the choices worth trying. At each decision world and body are copied;
afterwards every such choice is simulated from those copies, under several random streams, until the
mission is over. The best choice, and words that say why, make an example: what is asked, and the
reply of a good mind. The forks are the world's truth, so the labels are an oracle's; a mind is only
ever shown the words.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from agents.being import Being
from agents.planners.trip import next_intent, next_skills
from agents.soul import Soul
from body.body import Body, Motor
from body.columns import LACES, index
from body.types import (
    Failure,
    Intent,
    Manner,
    NoticedEvent,
    Percept,
    PerceptBatch,
    Skill,
    Status,
)
from envs.engine.random import mix
from envs.trip.env import TripVectorEnv
from envs.trip.spec import TRIP
from envs.trip.world import TripWorld
from experiments.training.behavior import BehaviorMind, BehaviorMindFactory, ReflexlessMotor
from experiments.training.mind.collecting import run_episodes
from experiments.training.mind.contract import motor_of
from experiments.training.mind.measuring import HELD_OUT_SEED, first_replies, rates
from mind.language_models.types import Prompt
from mind.learning.cold_start import Example
from mind.memory import ExperienceStore, Memory
from mind.reasoning.deliberation import anything_goes, recall
from mind.reasoning.narration import feeling_words, near, object_words
from mind.reasoning.parsing import Reply
from mind.reasoning.prompting import Prompts
from mind.types import Decision, DecisionContext, Feeling, WhyNot

RNG_KEYS = 3
RECALLED = 3  # experiences that a prompt shows, at most
HORIZON_TICKS = 250
AS_GOOD = 0.02  # of value: a difference that does not count
_HANDS_BUSY = (Skill.PUT_DOWN, Skill.GET_UP, Skill.TIE_LACE, Skill.LOOK_AROUND, Skill.WAIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A decision that had to be taken, with copies of all it depended on."""

    prompt: Prompt
    percept: Percept
    feeling: Feeling
    context: DecisionContext
    recalled: tuple[str, ...]
    choices: tuple[Intent, ...]
    world: dict[str, NDArray]
    body: dict[str, NDArray]


# ---- Collecting moments of decision ----


class RandomChoiceMind(BehaviorMind):
    """Takes any choice worth trying, and keeps each moment of decision.

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

    async def decide(
        self,
        percept: Percept,
        feeling: Feeling,
        context: DecisionContext,
        why_not: WhyNot = anything_goes,
    ) -> Decision:
        """Keep the moment, and return one of the choices."""
        found = recall(self._memory, self.body_id, percept, context, RECALLED)
        recalled = [recollection.experience.words for recollection in found]
        row = np.array([self._row])
        choices = choices_at(percept, context, why_not)
        self._moments.append(
            Moment(
                prompt=self._prompts.decide(percept, feeling, context, recalled),
                percept=percept,
                feeling=feeling,
                context=context,
                recalled=tuple(recalled),
                choices=choices,
                world=self._world.fork_state(row),
                body=self._body.fork_state(row),
            )
        )
        return Decision(intent=choices[self.rng.integers(len(choices))])


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
    moments_wanted: int, *, level: int, split: str, seed: int, motor: Motor, avatars: int = 64
) -> list[Moment]:
    """Return that many moments of decision, from episodes of the given level."""
    env = TripVectorEnv(avatars, level=level, split=split, layouts=1024, autoreset_mode="Disabled")
    body = Body(avatars, TRIP, ReflexlessMotor(motor))
    world, memory = env.world, ExperienceStore(":memory:")
    assert isinstance(world, TripWorld)
    moments: list[Moment] = []
    rows = count()
    minds = BehaviorMindFactory(
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
    )
    being = Being(body, Soul(avatars), minds, clock="paused", run_id="teaching")
    run_episodes(being, env, seed, until=lambda: len(moments) >= moments_wanted)
    being.close()
    env.close()
    return moments[:moments_wanted]


# ---- Trying the choices ----


def values(moments: Sequence[Moment], *, level: int, split: str, motor: Motor) -> list[NDArray]:
    """Return the value of each choice at each moment: reward to the end, mean over rng keys."""
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


# ---- Thoughts and speech ----


def reply_to(moment: Moment, intent: Intent) -> str:
    """Return the answer of a good mind: a thought, the intent, and a speech or none."""
    thought = ", ".join(part for part in (_step(moment, intent), _manner(moment, intent)) if part)
    said = speech(moment)
    words = intent.words(moment.percept.spec)
    say = f"<say>{said}</say>" if said else ""
    return f"<think>{thought}</think><answer>{words}</answer>{say}"


def _step(moment: Moment, intent: Intent) -> str:
    """Say which step of the mission this is."""
    spec = moment.percept.spec
    failure = moment.context.status.failure
    if intent.skill == Skill.GET_UP:
        return "i am down"
    if intent.skill == Skill.LOOK_AROUND and failure != Failure.NONE:
        return f"{failure.name.lower().replace('_', ' ')}, i look for another way"
    if intent.skill == Skill.TIE_LACE:
        return "a lace is loose, i could step on it"
    if intent.skill == Skill.PUT_DOWN:
        wanted = _held_words(moment) in spec.mission_words(moment.percept.mission)
        return "i am there" if wanted else "my hand is full"
    if intent.target is None:
        return "i wait"
    name = intent.target.words(spec)
    if intent.skill == Skill.CARRY_TO:
        return f"i have the {_held_words(moment)}, next the {name}"
    known = any(name in words for words in near(moment.percept, 8))
    return f"i need the {name}" + ("" if known else ", it is not in sight")


def _held_words(moment: Moment) -> str:
    return object_words(moment.percept, np.array(moment.percept.held))


def _manner(moment: Moment, intent: Intent) -> str:
    """Say what speaks for the manner: the nearest hazard, a memory of one, what is carried."""
    if intent.manner == Manner.FAST:
        return "the way looks clear"
    if intent.manner == Manner.NORMAL:
        return ""
    hazards = [words for words in near(moment.percept, 8) if words.startswith("hazard")]
    for number, words in enumerate(moment.recalled, start=1):
        if any(kind in words for kind in ("fell", "stumbled", "slipped")):
            return f"#{number} hurt, slow is safe"
    if hazards:
        return f"{hazards[0].removeprefix('hazard ')}, slow is safe"
    return "slow is safe"


_SAID = (
    ("very embarrassed", "how embarrassing"),
    ("embarrassed", "that was silly of me"),
    ("very afraid", "help, i am falling"),
    ("afraid", "oh, careful"),
    ("relieved", "phew, that was close"),
    ("disappointed", "oh no"),
    ("very distressed", "ouch"),
    ("distressed", "that was not nice"),
    ("hopeful", "almost there"),
    ("glad", "i feel good"),
    ("badly needs less pain", "everything hurts"),
    ("badly needs water", "i am so thirsty"),
    ("badly needs energy", "i am so hungry"),
)


def speech(moment: Moment) -> str:
    """Return the speech: what hurts most, else the strongest feeling, else nothing."""
    percept, feels = moment.percept, feeling_words(moment.feeling)
    if percept.social[index("social", "laughter")] > 0:
        return "do not laugh"
    if percept.social[index("social", "being_helped")] > 0:
        return "thank you"
    hurts = float(percept.pain.max())
    fell = percept.proprio[index("proprio", "down")] > 0.5 or percept.events[NoticedEvent.FELL]
    if fell and hurts > 0.05:
        part = ("feet", "knees", "hands", "hips", "head")[int(percept.pain.argmax())]
        return f"ouch, my {part}"
    return next((said for word, said in _SAID if word in feels), "")


# ---- For the trainer ----


class TripTraining:
    """See `experiments.training.mind.contract.MindTraining`.

    An example is the best of the choices that were tried. A reply agrees if its intent is that, or
    simulated from the same forks comes within `AS_GOOD` of its value.
    """

    fixed_colors = ("grey",)  # walls are

    def examples(self, options: DictConfig) -> list[Example]:
        """Return an example for each of `options.moments.trip` moments, on all levels."""
        motor = motor_of(options, TRIP.name)
        examples: list[Example] = []
        for level, share in options.levels.items():
            wanted = int(options.moments.trip * share)
            moments = collect_moments(
                wanted, level=level, split="train", seed=options.seed, motor=motor
            )
            found = values(moments, level=level, split="train", motor=motor)
            examples += [
                Example(prompt=moment.prompt, reply=reply_to(moment, best(moment, value)))
                for moment, value in zip(moments, found, strict=True)
            ]
            print(f"trip, level {level}: {len(moments):,} moments of decision", flush=True)
        return examples

    def measure(self, folder: Path, options: DictConfig) -> dict[str, float]:
        """Return the rates of replies in the right form, and of those that agree."""
        agreeing = formed = asked = 0
        motor, seed = motor_of(options, TRIP.name), options.seed + HELD_OUT_SEED
        for level, share in options.levels.items():
            wanted = int(options.held_out * share)
            moments = collect_moments(wanted, level=level, split="test", seed=seed, motor=motor)
            prompts = [moment.prompt for moment in moments]
            replies = first_replies(folder, prompts, options, TRIP.name)
            asked += len(moments)
            formed += sum(reply is not None for reply in replies)
            agreeing += _agreeing(moments, replies, level, motor)
        return rates("trip", asked, format=formed, agreement=agreeing)

    def is_held_out(self, mission: str) -> bool:
        """Return False: no words are kept for tests."""
        return False


def _agreeing(
    moments: Sequence[Moment], replies: Sequence[Reply | None], level: int, motor: Motor
) -> int:
    answered = [
        replace(moment, choices=(*moment.choices, replace(reply.intent, reason="")))
        for moment, reply in zip(moments, replies, strict=True)
        if reply
    ]
    if not answered:
        return 0
    found = values(answered, level=level, split="test", motor=motor)
    return sum(bool(value[-1] >= value[:-1].max() - AS_GOOD) for value in found)


TRAINING = TripTraining()
