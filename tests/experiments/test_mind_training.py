"""Moments of decision, the choices tried on exact forks, and the examples made of them."""

import random
import re
from dataclasses import replace

import numpy as np
import pytest
from omegaconf import OmegaConf

from body.motor import ScriptedMotor
from body.types import Failure, Intent, Manner, Skill, SkillStatus, Status
from envs.trip.spec import TRIP
from experiments.training.mind import lora, ways
from experiments.training.mind.measuring import Respondent, rates
from experiments.training.mind.train import make_examples
from experiments.training.mind.trip import agreeing, reply_to, speech
from experiments.training.mind.trip_moments import (
    RNG_KEYS,
    best,
    choices_at,
    collect_moments,
    values,
)
from experiments.training.mind.variation import ALWAYS_SHOWN, recolor, refused, shorten, spoil
from mind.language_models.chance import ChanceModel
from mind.language_models.scripted import ScriptedModel
from mind.language_models.types import TimedOut, Unreachable
from mind.learning.cold_start import Example
from mind.reasoning.choices import ReplyForm
from mind.reasoning.parsing import parse_reply
from mind.reasoning.prompting import Prompts

MOTOR = ScriptedMotor()


@pytest.fixture(scope="module")
def moments():
    return collect_moments(60, level=4, split="train", seed=2, motor=MOTOR, avatars=16)


@pytest.fixture(scope="module")
def found(moments):
    return values(moments, level=4, split="train", motor=MOTOR)


def test_the_same_seed_collects_the_same_moments(moments):
    again = collect_moments(60, level=4, split="train", seed=2, motor=MOTOR, avatars=16)
    assert [moment.prompt for moment in again] == [moment.prompt for moment in moments]
    assert [moment.choices for moment in again] == [moment.choices for moment in moments]


def test_lessons_come_beside_moments_of_decision():
    wanted = {"moments": {"trip": 0}, "visits": {"trip": 0}, "lessons": {"trip": 5}}
    options = OmegaConf.create({**wanted, "seed": 3})
    assert make_examples(options) == ways.lessons(5, seed=3)


@pytest.mark.slow
def test_a_model_is_told_what_is_good_where_it_gets_itself_to(monkeypatch):
    monkeypatch.setattr(ways, "_BODIES", 4)
    acted, inner = [], lora.acting_by
    monkeypatch.setattr(
        lora, "acting_by", lambda *model, **way: acted.append(way) or inner(*model, **way)
    )
    wanted = {"moments": {"trip": 0}, "visits": {"trip": 24}, "lessons": {"trip": 0}}
    rest = {"levels": {5: 1.0}, "seed": 3, "motor": "scripted", "device": "cpu", "start": None}
    visited = make_examples(OmegaConf.create({**wanted, **rest}))
    assert acted == [{"reply": "free"}]
    assert len({one.prompt for one in visited}) > 12
    for one in visited:
        assert parse_reply(one.reply, TRIP).intent.words(TRIP) in one.reply


def test_trying_a_choice_twice_gives_the_same_value(moments, found):
    again = values(moments[:10], level=4, split="train", motor=MOTOR)
    for first, second in zip(found[:10], again, strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_value_does_not_depend_on_who_else_is_tried(moments, found):
    (alone,) = values(moments[7:8], level=4, split="train", motor=MOTOR)
    np.testing.assert_array_equal(alone, found[7])


def test_waiting_is_worth_less_than_serving_the_mission(moments, found):
    idle = [replace(moment, choices=(Intent(skill=Skill.LOOK_AROUND),)) for moment in moments[:20]]
    worse = values(idle, level=4, split="train", motor=MOTOR)
    lost = [value.max() - other[0] for value, other in zip(found[:20], worse, strict=True)]
    assert np.mean(lost) > 0.01


def test_the_best_choice_is_the_plainest_of_those_as_good(moments):
    moment = next(moment for moment in moments if len(moment.choices) >= 3)
    level = np.zeros(len(moment.choices))
    assert best(moment, level) == moment.choices[0]
    level[2] = 0.5
    assert best(moment, level) == moment.choices[2]


def test_each_example_is_a_reply_that_is_understood_and_can_start(moments, found):
    for moment, value in zip(moments, found, strict=True):
        intent = best(moment, value)
        reply = parse_reply(reply_to(moment, intent), TRIP)
        assert replace(reply.intent, reason="") == intent
        assert reply.thoughts
        assert intent in moment.choices


def test_careful_and_fast_say_why(moments):
    moment = next(m for m in moments if any(c.manner == Manner.FAST for c in m.choices))
    fast = next(choice for choice in moment.choices if choice.manner == Manner.FAST)
    assert "clear" in reply_to(moment, fast)
    assert "slow is safe" in reply_to(moment, replace(fast, manner=Manner.CAREFUL))


def test_what_is_said_follows_what_is_felt(moments):
    moment = moments[0]
    percept = moment.percept
    laughed_at = replace(percept, social=np.array([0.3, 1.0, 0.0], np.float32))
    assert speech(replace(moment, percept=laughed_at)) == "do not laugh"
    proprio = percept.proprio.copy()
    proprio[8:13] = (0, 0, 0, 1, 0)
    sore = np.array([0, 0, 0.1, 0.6, 0], np.float32)
    down = replace(percept, proprio=proprio, pain=sore, social=np.zeros(3, np.float32))
    assert speech(replace(moment, percept=down)) == "ouch, my hips"
    calm = replace(
        moment.feeling, emotions={}, deficits=dict.fromkeys(moment.feeling.deficits, 0.0)
    )
    quiet = replace(percept, social=np.zeros(3, np.float32), pain=np.zeros(5, np.float32))
    assert speech(replace(moment, percept=quiet, feeling=calm)) == ""


def test_only_what_can_start_is_a_choice(moments):
    moment = moments[0]
    nothing = choices_at(moment.percept, moment.context, lambda intent: "no")
    assert nothing == (Intent(skill=Skill.WAIT),)
    lost = replace(
        moment.context,
        status=SkillStatus(status=Status.FAILED, failure=Failure.LOST_SIGHT),
    )
    assert choices_at(moment.percept, lost, lambda _: "")[0].skill == Skill.LOOK_AROUND


def test_several_rng_keys_are_tried():
    assert RNG_KEYS >= 2


def test_recoloring_keeps_prompt_and_reply_in_step(moments, found):
    moment, value = next(
        (moment, value)
        for moment, value in zip(moments, found, strict=True)
        if best(moment, value).target is not None
    )
    example = Example(prompt=moment.prompt, reply=reply_to(moment, best(moment, value)))
    for seed in range(10):
        other = recolor(example, random.Random(seed))
        asked = other.prompt.messages[-1].text
        name = re.search(r"<answer>(?:go to|pick up|carry to) (\w+ \w+)", other.reply)
        assert name is not None
        assert name[1] in asked
        parse_reply(other.reply, TRIP)


def test_a_spoilt_reply_is_sent_back_with_what_was_wrong(moments):
    reply = "<think>so</think><answer>go to red ball, normal</answer>"
    seen = set()
    for seed in range(20):
        spoilt = spoil(reply, random.Random(seed))
        prompt = refused(moments[0].prompt, spoilt)
        assert len(prompt.messages) == len(moments[0].prompt.messages) + 2
        assert "cannot be done" in prompt.messages[-1].text
        seen.add(spoilt)
    assert len(seen) >= 3


def test_at_first_only_the_mission_and_what_is_done_are_told(moments):
    example = Example(prompt=moments[-1].prompt, reply="<answer>wait, normal</answer>")
    whole = example.prompt.messages[-1].text.split("\n")
    little = shorten(example, random.Random(0), 0.0).prompt.messages[-1].text.split("\n")
    assert [line.partition(":")[0] for line in little] == [
        line.partition(":")[0] for line in whole if line.partition(":")[0] in ALWAYS_SHOWN
    ]
    assert shorten(example, random.Random(0), 1.0) == example


# ---- How good a mind is ----


def agreement(moments, replies):
    return agreeing(moments, replies, level=4, split="train", motor=MOTOR)


def test_the_best_choice_agrees_and_in_another_manner_its_step_does(moments, found):
    intents = [best(moment, value) for moment, value in zip(moments, found, strict=True)]
    replies = [parse_reply(reply_to(*pair), TRIP) for pair in zip(moments, intents, strict=True)]
    assert agreement(moments, replies) == [(True, True)] * len(moments)
    slow = [replace(one, intent=replace(one.intent, manner=Manner.CAREFUL)) for one in replies]
    right, steps = zip(*agreement(moments, slow), strict=True)
    assert all(steps)
    assert not all(right)


def test_what_cannot_be_used_or_serves_nothing_does_not_agree(moments):
    idle = parse_reply("<answer>look around, normal</answer>", TRIP)
    pairs = agreement(moments[:20], [None, *[idle] * 19])
    assert pairs[0] == (False, False)
    assert not any(step for _, step in pairs), "though it costs so little that most do agree"


@pytest.fixture
def respond():
    """Return a function that makes a respondent, which is closed afterwards."""
    made = []

    def respond(*settings):
        made.append(Respondent(*settings))
        return made[-1]

    yield respond
    for respondent in made:
        respondent.close()


def test_how_sure_of_a_step_is_the_sum_over_its_manners(moments, respond):
    chance = respond(ChanceModel(), ReplyForm("choice"))
    asked = [(moment.prompt, moment.offered) for moment in moments]
    for (_, offered), one in zip(asked, chance.first_replies(asked, "trip"), strict=True):
        alike = [
            answer.rpartition(",")[0] == one.reply.intent.words(TRIP).rpartition(",")[0]
            for answer in offered.answers
        ]
        assert one.sure == pytest.approx(1 / len(offered.answers))
        assert one.sure_of_step == pytest.approx(sum(alike) / len(offered.answers))
    told = chance.calibration("it", [True] * 60, [1.0] * 60)
    assert told == {"it_ece": 0.0, "it_sure": 1.0}
    assert respond(ChanceModel()).calibration("it", [True], [1.0]) == {}


def test_worked_examples_are_shown_before_what_is_asked(moments, respond):
    model = ScriptedModel(lambda prompt: "<answer>wait, normal</answer>")
    shown = Prompts(shots=2, answers_only=True)
    asked = [(moment.prompt, moment.offered) for moment in moments[:3]]
    respond(model, ReplyForm("choice"), shown).first_replies(asked, "trip")
    for prompt, moment in zip(model.prompts, moments, strict=False):
        assert len(prompt.messages) == 6
        assert prompt.messages[-1].text.splitlines()[0].startswith("mission: ")
        assert prompt.choices == moment.offered


def test_where_there_is_no_reply_there_is_none_and_the_others_count(moments, respond):
    replies = iter(["<answer>wait, normal</answer>", TimedOut("slow"), "hm"])
    asked = [(moment.prompt, moment.offered) for moment in moments[:3]]
    found = respond(ScriptedModel(lambda prompt: next(replies))).first_replies(asked, "trip")
    assert [one.reply is not None for one in found] == [True, False, False]
    with pytest.raises(Unreachable):
        respond(ScriptedModel([Unreachable("no server")])).first_replies(asked[:1], "trip")


def test_of_those_who_were_not_asked_nothing_is_told():
    assert rates("trip", 0, format=0, agreement=0) == {}
    assert rates("trip", 4, format=3)["trip_format"] == 0.75
