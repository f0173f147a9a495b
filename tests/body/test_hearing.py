"""What a body hears: it is noticed, drowned by a mishap, and nothing to one who is deaf."""

import numpy as np
import pytest

from body.body import Body
from body.events import EVENT_TRAITS, About
from body.motor import HandyMotor, ScriptedMotor
from body.senses import Senses
from body.types import NoticedEvent
from envs.babyai.env import BabyAIVectorEnv
from envs.babyai.spec import BABYAI
from envs.trip.env import TripVectorEnv
from envs.trip.spec import TRIP
from envs.trip.vocabulary import Action, EventKind

BATCH = 40
TOLD = NoticedEvent.WAS_TOLD


def listening(senses=None, ticks=14):
    """Return what bodies perceive that stand where persons speak, and what truly happened."""
    env = TripVectorEnv(BATCH, level=5, layouts=64, autoreset_mode="Disabled")
    body = Body(BATCH, TRIP, ScriptedMotor(), senses)
    percepts, told = [body.perceive(env.reset(seed=3)[0])], [np.zeros(BATCH, bool)]
    for _ in range(ticks):
        observation, *_, info = env.step(np.full(BATCH, Action.DONE))
        percepts.append(body.perceive(observation))
        told.append((info["events"]["kind"] == EventKind.TOLD).any(1))
    return percepts, np.array(told)


def test_whatever_is_said_is_noticed_and_what_it_is_about():
    percepts, told = listening()
    assert told.sum() > BATCH
    for percept, happened in zip(percepts, told, strict=True):
        np.testing.assert_array_equal(percept.events[:, TOLD], happened)
        np.testing.assert_array_equal(percept.heard[:, 0] > 0, happened)
        about = percept.event_objects[happened]
        np.testing.assert_array_equal(about, percept.heard[happened, 2:4])
    assert EVENT_TRAITS[TOLD].about is About.TOLD


def test_what_one_avatar_heard_can_be_put_into_words():
    percepts, told = listening()
    tick, row = np.argwhere(told)[0]
    percept = percepts[tick].row(row)
    assert percept.heard.shape == (5,)
    assert " person: " in TRIP.heard_words(percept.heard)
    assert TRIP.heard_words(percepts[0].row(row).heard) == ""


def test_the_deaf_notice_nothing_and_see_the_same():
    deaf, told = listening({"heard": False})
    well, _ = listening()
    assert told.any()
    for one, other in zip(deaf, well, strict=True):
        assert one.heard.shape == (BATCH, 5)
        assert not one.heard.any()
        assert not one.events[:, TOLD].any()
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.landmarks, other.landmarks)


def test_a_mishap_drowns_what_is_said():
    env, senses = TripVectorEnv(2, level=5, layouts=8), Senses(2, TRIP)
    observation, _ = env.reset(seed=3)
    senses.perceive(observation)
    observation["heard"][:] = (1, 2, 13, 4, 0)
    observation["touch"][1, :] = 1.0  # the sole slips, and more
    percept = senses.perceive(observation)
    assert percept.events[:, TOLD].tolist() == [True, False]
    assert percept.events[1].any()
    assert percept.event_objects[0].tolist() == [13, 4]


@pytest.mark.parametrize("senses", [None, {"heard": False}, {"heard": "shuffled"}])
def test_where_nobody_speaks_there_is_nothing_to_hear(senses):
    env = BabyAIVectorEnv(3, task="goto", layouts=4)
    percept = Body(3, BABYAI, HandyMotor(), senses).perceive(env.reset(seed=1)[0])
    assert percept.heard.shape == (3, 0)
    assert percept.row(1).heard.shape == (0,)
    assert not percept.events[:, TOLD].any()
    assert BABYAI.heard_words(percept.row(1).heard) == ""


def test_a_world_of_another_level_is_silent():
    env = TripVectorEnv(8, level=4, layouts=8)
    senses, observation = Senses(8, TRIP), env.reset(seed=1)[0]
    for _ in range(30):
        percept = senses.perceive(observation)
        assert percept.heard.shape == (8, 5)
        assert not percept.heard.any()
        observation = env.step(np.full(8, Action.TOGGLE))[0]
