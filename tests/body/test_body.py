"""The whole body in the real world, with a motor that only obeys the navigation features."""

import gymnasium
import numpy as np
import pytest

from body.body import Body
from body.skills import AHEAD, ARRIVED, BEHIND, HAZARD_AHEAD, TO_THE_LEFT, TO_THE_RIGHT
from body.types import Failure, Intent, Skill, Status, Target
from body.vocabularies import TRIP
from envs.trip.vocabulary import Action, Posture


class ObedientMotor:
    """Steps where the navigation features point, high over hazards, and braces when it falls."""

    def __init__(self):
        self.begun = []

    def begin(self, rows):
        self.begun.extend(rows.tolist())

    def act(self, percept, skill_command):
        navigation_features, skill = skill_command[:, 13:], skill_command[:, :10].argmax(1)
        actions = np.full(len(skill_command), Action.DONE)
        for column, action in (
            (AHEAD, Action.FORWARD),
            (TO_THE_RIGHT, Action.RIGHT),
            (BEHIND, Action.RIGHT),
            (TO_THE_LEFT, Action.LEFT),
        ):
            actions[navigation_features[:, column] > 0] = action
        actions[
            (navigation_features[:, AHEAD] > 0) & (navigation_features[:, HAZARD_AHEAD] > 0)
        ] = Action.STEP_HIGH
        arrived = navigation_features[:, ARRIVED] > 0
        actions[(skill == Skill.PICK_UP) & arrived] = Action.PICKUP
        actions[(skill == Skill.PUT_DOWN) & arrived] = Action.DROP
        actions[skill == Skill.GET_UP] = Action.RISE
        stumbling = percept.proprio[:, 8 + Posture.STUMBLE] > 0
        backward = percept.vestibular[:, 0] < 0
        actions[stumbling] = np.where(backward, Action.BRACE, Action.STEP_HIGH)[stumbling]
        return actions


def live(level, count, ticks=400):
    """Let bodies go to what their mission names, getting up again; return (success, body)."""
    env = gymnasium.make_vec("envs:Trip-v0", num_envs=count, level=level, autoreset=False)
    observation, _ = env.reset(seed=7)
    body = Body(count, TRIP, ObedientMotor())
    alive, succeeded = np.ones(count, bool), np.zeros(count, bool)
    for _ in range(ticks):
        percept = body.perceive(observation)
        for row in np.flatnonzero(alive):
            if body.status(row).status != Status.RUNNING:
                body.intend(row, _next_intent(body, percept, row))
        observation, _, terminated, truncated, _ = env.step(body.act(percept))
        succeeded |= terminated & alive
        alive &= ~(terminated | truncated)
        if not alive.any():
            break
    env.close()
    return succeeded


def _next_intent(body, percept, row):
    if Skill.GET_UP in body.can_start(row):
        return Intent(skill=Skill.GET_UP)
    _, obj, color, _, _ = percept.mission[row].tolist()
    return Intent(skill=Skill.GO_TO, target=Target(object=obj, color=color))


@pytest.mark.parametrize("level", [0, 2])
def test_whoever_obeys_the_compass_arrives(level):
    assert live(level, count=24).mean() >= 0.95


def test_begin_reaches_senses_skills_and_motor():
    motor = ObedientMotor()
    body = Body(3, TRIP, motor)
    body.intend(1, Intent(skill=Skill.WAIT))
    body.begin(np.array([1]))
    assert body.intent(1) is None
    assert motor.begun == [1]


def test_an_intent_that_cannot_start_fails_and_says_why():
    body = Body(1, TRIP, ObedientMotor())
    intent = Intent(skill=Skill.PUT_DOWN)
    assert body.why_not(0, intent) == "there is nothing in the hand: pick something up first"
    body.intend(0, intent)
    assert body.status(0).failure == Failure.CANNOT_START
