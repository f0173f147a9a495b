"""Active skills: given, kept, and told to the motor."""

import numpy as np
import pytest
from drawn_life import DONE, Life
from drawn_world import DrawnWorld, together

from body.senses import Senses
from body.skills import AHEAD, Skills, skill_command_size
from body.types import Intent, Manner, Skill, Target
from envs.trip.spec import TRIP
from envs.trip.vocabulary import Object


def test_an_intent_is_returned_as_it_was_given_and_forgotten_at_a_new_beginning():
    life = Life("####", "#>.#", "####")
    intent = Intent(
        skill=Skill.CROSS, target=Target(object=11, color=2), manner=Manner.FAST, reason="haste"
    )
    assert life.skills.intent(0) is None
    life.skills.intend(0, intent)
    assert life.skills.intent(0) == intent
    life.skills.begin(np.array([0]))
    assert life.skills.intent(0) is None
    assert life.status == DONE


@pytest.mark.slow
def test_the_code_is_skill_manner_and_compass():
    life = Life("######", "#>..B#", "######")
    life.intend(Skill.GO_TO, Object.BALL, manner=Manner.CAREFUL)
    skill_command = life.skills.skill_command()
    assert skill_command.shape == (1, skill_command_size(TRIP))
    assert skill_command.dtype == np.float32
    assert skill_command[0, :13].nonzero()[0].tolist() == [Skill.GO_TO, 10 + Manner.CAREFUL]


def test_an_execution_that_has_ended_is_shown_as_waiting():
    life = Life("#####", "#.>B#", "#####")
    life.intend(Skill.GO_TO, Object.BALL, manner=Manner.FAST)
    life.tick()
    skill_command = life.skills.skill_command()[0]
    assert skill_command[:13].nonzero()[0].tolist() == [Skill.WAIT, 10 + Manner.NORMAL]
    assert not skill_command[13:18].any()  # no way to go, and nothing to arrive at


def test_intents_given_to_many_are_in_the_code_of_the_same_tick():
    worlds = [DrawnWorld("######", "#>..B#", "######") for _ in range(3)]
    senses = Senses(3, TRIP)
    skills = Skills(senses)
    skills.advance(senses.perceive(together(*worlds)))
    skills.intend_many([0, 2], [Skill.GO_TO, Skill.PICK_UP], Object.BALL)
    skill_command = skills.skill_command()
    assert skill_command[:, :10].argmax(1).tolist() == [Skill.GO_TO, Skill.WAIT, Skill.PICK_UP]
    assert skill_command[:, 13 + AHEAD].tolist() == [1.0, 0.0, 1.0]


def test_a_life_is_the_same_alone_or_in_a_batch():
    room = "########", "#..=...#", "#.>=.#B#", "#..=.#.#", "#......#", "########"
    marks = ">v<^>v<^"
    worlds = [DrawnWorld(*[row.replace(">", mark) for row in room]) for mark in marks]
    alone = DrawnWorld(*[row.replace(">", marks[5]) for row in room])
    batch, single = Senses(8, TRIP), Senses(1, TRIP)
    many, one = Skills(batch), Skills(single)
    for tick in range(80):
        many.advance(batch.perceive(together(*worlds)))
        one.advance(single.perceive(alone.observe()))
        if tick == 0:
            skill = [Skill.GO_TO, Skill.CROSS] * 4
            obj = [Object.BALL, Object.CABLE] * 4
            many.intend_many(np.arange(8), skill, obj)
            one.intend(0, Intent(skill=Skill.CROSS, target=Target(object=int(Object.CABLE))))
        codes = many.skill_command()
        assert (codes[5] == one.skill_command()[0]).all()
        assert many.executions[5].tobytes() == one.executions[0].tobytes()
        for world, skill_command in zip(worlds, codes, strict=True):
            world.obey(skill_command[13:])
        alone.obey(one.skill_command()[0, 13:])
    assert many.status(5) == DONE


def test_to_read_the_skill_command_changes_nothing():
    life = Life("######", "#>..B#", "######")
    life.intend(Skill.GO_TO, Object.BALL)
    before = life.skills.executions.tobytes(), life.skills.navigation_features.tobytes()
    first = life.skills.skill_command()
    assert (first == life.skills.skill_command()).all()
    assert before == (
        life.skills.executions.tobytes(),
        life.skills.navigation_features.tobytes(),
    )
