"""What a mind is taught in `forage`: what could be known, and nothing else."""

import re
from dataclasses import replace

import numpy as np
import pytest

from agents.planners.foods import PRIOR
from body.motor import default_motor
from body.types import Intent, Skill, Target
from envs.forage.spec import FORAGE
from envs.forage.vocabulary import PHRASINGS, Effect, Object, Verdict
from experiments.training.mind.forage import (
    Evidence,
    agreeing,
    collect,
    reply_to,
    verdict_of,
    word_for,
)
from mind.memory import ExperienceStore
from mind.reasoning.parsing import Reply, parse_reply
from mind.types import Experience

_SAID_OF_WATER = PHRASINGS[Verdict.WATER][0]
RED_BERRY = (int(Object.BERRY), 0)


@pytest.fixture(scope="module")
def moments():
    return collect(200, split="train", seed=3, motor=default_motor("forage"))


@pytest.mark.slow
def test_what_is_good_is_among_what_is_offered(moments):
    assert all(one.intent.words(FORAGE) in one.offered.answers for one in moments)


@pytest.mark.slow
def test_a_reply_can_be_read_and_does_what_is_good(moments):
    for one in moments:
        assert parse_reply(reply_to(one), FORAGE).intent.words(FORAGE) == one.intent.words(FORAGE)


@pytest.mark.slow
def test_all_that_keeps_a_body_alive_is_taught(moments):
    done = {one.intent.skill for one in moments}
    assert {Skill.EAT, Skill.DRINK_FROM, Skill.EXPLORE, Skill.SLEEP_IN} <= done


@pytest.mark.slow
def test_careless_spells_show_what_is_good_in_need(moments):
    """A planner that drinks in good time never needs water badly."""
    asked = [(one.prompt.messages[-1].text, one.intent.skill) for one in moments]
    thirsty = [skill for text, skill in asked if "badly needs water" in text]
    assert len(thirsty) > len(moments) / 20
    assert thirsty.count(Skill.DRINK_FROM) > len(thirsty) / 2


@pytest.mark.slow
def test_a_meal_worth_as_much_is_as_good_and_another_is_not(moments):
    meal = next(one for one in moments if len(one.worth) > 2)
    best, worst = (choose(meal.worth, key=meal.worth.get) for choose in (max, min))
    assert agreeing([meal] * 2, [_eats(best), _eats(worst)]) == [True, False]
    even = replace(meal, worth=dict.fromkeys(meal.worth, 0.5))
    assert agreeing([even, even], [_eats(worst), None]) == [True, False]


def _eats(food):
    target = Target(object=food[0], color=food[1])
    return Reply(intent=Intent(skill=Skill.EAT, target=target))


# ---- What could be known ----


@pytest.fixture
def evidence():
    memory = ExperienceStore(":memory:")
    return memory, Evidence(memory, ["body-0"])


def test_of_what_nobody_knows_the_usual_is_expected(evidence):
    _, known = evidence
    known.remember(0)
    assert known.effects(0, *RED_BERRY) == pytest.approx(PRIOR)


def test_what_was_lived_counts_for_more_than_what_was_told(evidence):
    memory, known = evidence
    memory.add([_experience("was_told", "heard green person: red berry gives me energy")])
    known.remember(0)
    assert known.effects(0, *RED_BERRY).argmax() == Effect.ENERGY
    memory.add([_experience("made_ill", "fell ill from red berry")])
    known.remember(0)
    assert known.effects(0, *RED_BERRY).argmax() == Effect.ILLNESS


def test_who_says_it_again_says_no_more_than_once(evidence):
    memory, known = evidence
    chances = []
    for speaker in ("green", "green", "blue"):
        memory.add([_experience("was_told", f"heard {speaker} person: red berry is poison")])
        known.remember(0)
        chances.append(known.effects(0, *RED_BERRY)[Effect.ILLNESS])
    assert chances[0] == pytest.approx(chances[1])
    assert chances[2] > chances[1]


def test_every_phrasing_is_understood_by_who_makes_the_labels():
    for verdict, lines in PHRASINGS.items():
        for line in lines:
            words = f"heard red person: {line.format(object='red berry')}"
            assert verdict_of(_experience("was_told", words)) is verdict
    assert verdict_of(_experience("was_told", "heard red person: hm")) is Verdict.SAYS_NOTHING


@pytest.mark.parametrize(
    ("kind", "words", "word"),
    [
        ("gave_protein", "got protein from red berry", "protein"),
        ("made_ill", "fell ill from red berry", "bad"),
        ("was_told", f"heard blue person: {_SAID_OF_WATER.format(object='red berry')}", "water"),
        ("was_told", "heard blue person: hm", "unknown"),
        ("fell", "fell over red cable", ""),
    ],
)
def test_what_an_experience_says_of_a_food_in_a_word(kind, words, word):
    assert word_for(_experience(kind, words)) == word


@pytest.mark.slow
def test_a_meal_says_first_what_comes_to_mind_line_by_line(moments):
    meals = [one for one in moments if one.worth and one.read]
    assert len(meals) > 10
    for one in meals:
        recalled = one.prompt.messages[-1].text.partition("recall: ")[2].split("\n")[0]
        lines = dict(re.findall(r"#(\d+) (.*?)(?=; #|$)", recalled))
        for number, food, word in one.read:
            assert food in lines[str(number)]
            assert f"#{number} {food} {word}" in reply_to(one).partition("</think>")[0]


def _experience(kind, words):
    return Experience(
        sensation="nothing", visual="nothing", emotion="even", proprioception="walking",
        motor="eat", words=words, body_id="body-0", run_id="run", episode=0, first_tick=0,
        last_tick=0, kind=kind, about="red berry", pain=0.0, surprise=0.0, reward_error=0.0,
        importance=0.0,
    )  # fmt: skip


def test_what_is_expected_is_a_probability(evidence):
    _, known = evidence
    known.remember(0)
    assert np.isclose(known.effects(0, *RED_BERRY).sum(), 1.0)
