"""Why skills fail."""

import numpy as np
import pytest
from drawn_life import RUNNING, Life, failed

from body.senses import SENSOR_STATE
from body.skills import SKILL_EXECUTION, SKILL_SPECS
from body.skills.spec import SKILL_TABLE
from body.skills.termination import judge
from body.types import Failure, NoticedEvent, Skill, Status
from envs.engine.body_senses import Posture
from envs.trip.vocabulary import Object


def test_a_fall_ends_what_one_was_doing():
    life = Life("######", "#>..B#", "######")
    life.intend(Skill.GO_TO, Object.BALL)
    life.world.posture = Posture.DOWN
    assert life.tick() == failed(Failure.FELL)


@pytest.mark.parametrize(
    ("skill", "status"), [(Skill.CARRY_TO, failed(Failure.DROPPED)), (Skill.GO_TO, RUNNING)]
)
def test_a_object_let_go_on_the_way_is_dropped_where_it_was_to_be_carried(skill, status):
    life = Life("######", "#>..T#", "######")
    life.world.held = Object.BOX
    life.tick()
    life.intend(skill, Object.TABLE)
    life.world.held = Object.EMPTY
    assert life.tick() == status


def test_a_cup_that_runs_empty_on_the_way_is_dropped():
    life = Life("######", "#>..T#", "######")
    life.world.held, life.world.sense["intero"][6] = Object.CUP, 0.3
    life.tick()
    life.intend(Skill.CARRY_TO, Object.TABLE)
    life.world.sense["intero"][6] = 0.2
    assert life.tick() == RUNNING
    life.world.sense["intero"][6] = 0.0
    assert life.tick() == failed(Failure.DROPPED)


def test_bumping_again_and_again_is_blocked():
    life = Life("######", "#>..B#", "######")
    life.intend(Skill.GO_TO, Object.BALL)
    for tick in range(9):
        life.world.sense["touch"][6] = 1.0 - tick % 2
        status = life.tick()
    assert status == failed(Failure.BLOCKED)


@pytest.mark.parametrize(
    ("row", "failure"), [("#>####", Failure.LOST_SIGHT), ("#>#B##", Failure.BLOCKED)]
)
def test_a_body_without_a_way_on_waits_ten_ticks_for_one_and_gives_up_in_the_next(row, failure):
    life = Life("######", row, "######")
    for _ in range(4):  # all there is to be seen is on the map before the skill starts
        life.world.turn(1)
        life.tick()
    life.intend(Skill.GO_TO, Object.BALL)
    waited = [life.tick() for _ in range(11)]
    assert waited == [RUNNING] * 10 + [failed(failure)]


def test_what_never_ends_takes_too_long():
    life = Life("#####", "#>.T#", "#####")
    life.world.held = Object.CUP
    life.tick()
    life.intend(Skill.PUT_DOWN)
    for _ in range(61):
        life.tick()
    assert life.status == failed(Failure.TOOK_TOO_LONG)


@pytest.mark.parametrize("spec", SKILL_SPECS, ids=lambda spec: spec.skill.name)
def test_every_skill_takes_too_long_after_its_own_limit(spec):
    execution = np.zeros(1, SKILL_EXECUTION)[0]
    state = np.zeros(1, SENSOR_STATE)[0]
    events = np.zeros(len(NoticedEvent), np.bool_)
    execution["skill"], execution["status"] = spec.skill, Status.RUNNING
    state["tick"] = spec.limit_ticks
    judge(execution, SKILL_TABLE[spec.skill], state, events, True, False)
    assert execution["status"] == Status.RUNNING
    state["tick"] += 1
    judge(execution, SKILL_TABLE[spec.skill], state, events, True, False)
    assert (execution["status"], execution["failure"]) == (Status.FAILED, Failure.TOOK_TOO_LONG)
