"""Skills of the hands, and those that stay on the spot, on small drawings."""

import numpy as np
import pytest
from drawn_life import DONE, RUNNING, Life
from drawn_world import COLOR

from body.skills import ARRIVED, DISTANCE, TO_THE_RIGHT
from body.types import Skill
from envs.engine.body_senses import Posture
from envs.trip.vocabulary import Object


def test_pick_up_is_done_when_the_object_is_in_the_hand():
    life = Life("######", "#>..B#", "######")
    life.intend(Skill.PICK_UP, Object.BALL, COLOR)
    life.obey(ticks=12)
    assert life.status == RUNNING
    assert life.navigation_features[ARRIVED] == 1.0
    life.world.held = Object.BALL
    assert life.tick() == DONE


def test_put_down_turns_to_where_there_is_room():
    life = Life("#####", "#.B.#", "#.^.#", "#####")
    life.world.held = Object.CUP
    life.tick()
    life.intend(Skill.PUT_DOWN)
    assert life.navigation_features[TO_THE_RIGHT] == 1.0
    assert life.navigation_features[DISTANCE] == pytest.approx(np.log1p(1) / np.log1p(33))
    life.world.obey(life.navigation_features)
    life.tick()
    assert life.navigation_features[ARRIVED] == 1.0
    life.world.held = Object.EMPTY
    assert life.tick() == DONE


def test_tie_lace_is_done_when_both_laces_feel_tight():
    life = Life("####", "#>.#", "####")
    life.world.sense["touch"][4:6] = 0.45, 0.3
    life.tick()
    life.intend(Skill.TIE_LACE)
    life.world.sense["touch"][4] = 0.0
    assert life.tick() == RUNNING
    life.world.sense["touch"][5] = 0.0
    assert life.tick() == DONE


def test_wait_is_done_after_ten_ticks():
    life = Life("####", "#>.#", "####")
    life.intend(Skill.WAIT)
    for _ in range(9):
        assert life.tick() == RUNNING
    assert life.tick() == DONE


def test_get_up_is_done_when_standing_and_does_not_mind_another_fall():
    life = Life("####", "#>.#", "####")
    life.world.posture = Posture.DOWN
    life.tick()
    life.intend(Skill.GET_UP)
    for posture in (Posture.RISING, Posture.DOWN, Posture.RISING):
        life.world.posture = posture
        assert life.tick() == RUNNING
    life.world.posture = Posture.STAND
    assert life.tick() == DONE
