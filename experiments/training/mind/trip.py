"""Teaching a mind what is good: act, stop at each decision, try the choices on exact forks.

A body acts at random among the choices worth trying. At each decision world and body are copied;
afterwards every such choice is simulated from those copies, under several random streams, until the
mission is over. The best choice, and words that say why, make an example: what is asked, and the
reply of a good mind. The forks are the world's truth, so the labels are an oracle's; a mind is only
ever shown the words.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from random import Random

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from body.body import Motor
from body.columns import index
from body.types import (
    Failure,
    Intent,
    Manner,
    NoticedEvent,
    Skill,
)
from envs.trip.spec import TRIP
from envs.trip.worldgen import WHICH_WAY
from experiments.training.mind import ways
from experiments.training.mind.collecting import (
    balanced,
    form_of,
)
from experiments.training.mind.contract import Visits, motor_of
from experiments.training.mind.measuring import HELD_OUT_SEED, FirstReply, Respondent, rates
from experiments.training.mind.trip_moments import (
    AS_GOOD,
    Moment,
    best,
    collect_moments,
    values,
)
from mind.learning.cold_start import Example
from mind.reasoning.narration import feeling_words, near, object_words
from mind.reasoning.parsing import Reply

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

    def examples(self, options: DictConfig, visits: Visits) -> list[Example]:
        """Return an example for each of the moments that are wanted, on all levels."""
        motor = motor_of(options, TRIP.name)
        examples: list[Example] = []
        for level, share in options.levels.items():
            if level == WHICH_WAY:
                examples += ways.examples(round(visits.moments * share), visits, motor)
                continue
            moments = _kept(round(visits.moments * share), level, visits, motor)
            found = values(moments, level=level, split="train", motor=motor)
            examples += [
                Example(prompt=moment.prompt, reply=reply_to(moment, best(moment, value)))
                for moment, value in zip(moments, found, strict=True)
            ]
            print(f"trip, level {level}: {len(moments):,} moments of decision", flush=True)
        return examples

    def lessons(self, wanted: int, seed: int) -> list[Example]:
        """Return choices between ways, by words alone."""
        return ways.lessons(wanted, seed)

    def measure(self, respondent: Respondent, options: DictConfig) -> dict[str, float]:
        """Return the rates of replies in the right form, and of those that agree.

        In `step` it is skill and thing that count, whatever the manner.
        """
        right: list[tuple[bool, bool]] = []
        answers: list[FirstReply] = []
        motor = motor_of(options, TRIP.name)
        for level, share in options.levels.items():
            wanted, seed = int(options.held_out * share), options.seed + HELD_OUT_SEED
            measured = _measure_ways if level == WHICH_WAY else partial(_measure_level, level)
            agrees, found = measured(respondent, wanted, seed, motor)
            right += agrees
            answers += found
        whole, steps = ([one[kind] for one in right] for kind in (0, 1))
        formed = sum(one.reply is not None for one in answers)
        counts = {"format": formed, "agreement": sum(whole), "step": sum(steps)}
        return {
            **rates("trip", len(right), **counts),
            **respondent.calibration("trip", whole, [one.sure for one in answers]),
            **respondent.calibration("trip_step", steps, [one.sure_of_step for one in answers]),
        }

    def reworded(self, asked: str, rng: Random) -> str:
        """Return it with all that persons say in other phrasings."""
        return ways.reworded(asked, rng)

    def is_held_out(self, mission: str) -> bool:
        """Return False: no words are kept for tests."""
        return False


Measured = tuple[list[tuple[bool, bool]], list[FirstReply]]


def _measure_level(
    level: int, respondent: Respondent, wanted: int, seed: int, motor: Motor
) -> Measured:
    """Return whether each of so many replies is right, and its step, and the replies."""
    moments = collect_moments(wanted, level=level, split="test", seed=seed, motor=motor)
    found = respondent.first_replies([(one.prompt, one.offered) for one in moments], TRIP.name)
    replies = [one.reply for one in found]
    return agreeing(moments, replies, level=level, split="test", motor=motor), found


def _measure_ways(respondent: Respondent, wanted: int, seed: int, motor: Motor) -> Measured:
    """Return the same where there are several ways, all told in words that are held out."""
    moments = ways.collect(wanted, split="test", words="test", seed=seed, motor=motor)
    found = respondent.first_replies([(one.prompt, one.offered) for one in moments], TRIP.name)
    return ways.agreeing(moments, [one.reply for one in found]), found


def _kept(wanted: int, level: int, visits: Visits, motor: Motor) -> list[Moment]:
    """Return that many moments out of a larger number, of many kinds."""
    lived = visits.lived(wanted)
    moments = collect_moments(
        lived,
        level=level,
        split="train",
        seed=visits.seed,
        motor=motor,
        avatars=visits.bodies(lived, most=64),
        acting=visits.acting,
    )
    return balanced(moments, wanted, _kind, visits.seed)


def _kind(moment: Moment) -> tuple[str, Skill, bool]:
    """Return what is asked, what serves it by the table, and whether something has failed."""
    spec = moment.percept.spec
    form = form_of(spec.mission_words(moment.percept.mission), (*spec.objects, *spec.colors))
    return form, moment.choices[0].skill, moment.context.status.failure is not Failure.NONE


def agreeing(
    moments: Sequence[Moment],
    replies: Sequence[Reply | None],
    *,
    level: int,
    split: str,
    motor: Motor,
) -> list[tuple[bool, bool]]:
    """Return of each reply whether it is as good as the best choice that was tried, and its step.

    A step is skill and thing: it is as good where it is that of a choice that was, in any manner.
    Whole replies are let off lightly: what is lost by looking around once is little.
    """
    answered = [
        replace(moment, choices=(*moment.choices, replace(reply.intent, reason="")))
        for moment, reply in zip(moments, replies, strict=True)
        if reply
    ]
    found = values(answered, level=level, split=split, motor=motor)
    good = iter([_as_good(*pair) for pair in zip(answered, found, strict=True)])
    return [next(good) if reply else (False, False) for reply in replies]


def _as_good(moment: Moment, value: NDArray) -> tuple[bool, bool]:
    """Return whether the last choice is as good as the best of the others, and whether its step is.

    Args:
        moment: With all choices.
        value: Of each of them.
    """
    *tried, taken = moment.choices
    as_good = value >= value[:-1].max() - AS_GOOD
    steps = [(one.skill, one.target) for one, good in zip(tried, as_good, strict=False) if good]
    return bool(as_good[-1]), (taken.skill, taken.target) in steps


TRAINING = TripTraining()
