"""Senses that are muted or shuffled, in the observation and in what the body makes of it."""

import numpy as np
import pytest

from body.ablation import Ablation
from body.body import Body
from body.motor import HandyMotor
from body.types import NoticedEvent
from envs.babyai.env import BabyAIVectorEnv
from envs.babyai.spec import BABYAI
from envs.babyai.vocabulary import Action


def bumping(senses=None, ticks=8):
    """Return what is noticed by bodies that walk on until they meet a wall, and their percepts."""
    env = BabyAIVectorEnv(4, task="goto", layouts=8, autoreset_mode="Disabled")
    body = Body(4, BABYAI, HandyMotor(), senses)
    observation, _ = env.reset(seed=5)
    percepts = [body.perceive(observation)]
    for _ in range(ticks):
        observation, *_ = env.step(np.full(4, Action.FORWARD))
        percepts.append(body.perceive(observation))
    return percepts


def test_a_body_that_is_well_feels_what_blocks_its_way():
    events = np.array([percept.events for percept in bumping()])
    assert events[:, :, NoticedEvent.BUMPED].any(axis=0).all()


def test_without_touch_nothing_is_felt_to_block_the_way():
    percepts = bumping({"touch": False})
    assert not any(percept.touch.any() for percept in percepts)
    assert not any(percept.events[:, NoticedEvent.BUMPED].any() for percept in percepts)
    assert any(percept.proprio.any() for percept in percepts)


def test_true_leaves_a_sense_as_it_is():
    for one, other in zip(bumping(), bumping({"touch": True}), strict=True):
        np.testing.assert_array_equal(one.touch, other.touch)


@pytest.mark.parametrize("sense", ["image", *BABYAI.senses])
def test_a_shuffled_sense_keeps_its_values_but_not_their_places(sense):
    observation, _ = BabyAIVectorEnv(4, task="goto", layouts=8).reset(seed=5)
    observation = {name: values.copy() for name, values in observation.items()}
    some = observation[sense].reshape(4, -1)
    some[:] = np.arange(some.shape[1])
    sensed = Ablation({sense: "shuffled"}, BABYAI).of(observation)
    assert sorted(sensed[sense][0].ravel()) == sorted(observation[sense][0].ravel())
    assert (sensed[sense] != observation[sense]).any()
    np.testing.assert_array_equal(sensed[sense][0], sensed[sense][1])
    assert all(sensed[name] is observation[name] for name in BABYAI.senses if name != sense)


@pytest.mark.parametrize(
    ("senses", "words"),
    [
        ({"tuch": False}, "no sense 'tuch'"),
        ({"touch": "off"}, "must be true, false or shuffled"),
        (False, "senses must be named, as in senses.touch=false, got False"),
    ],
)
def test_what_cannot_be_done_to_a_sense_is_refused(senses, words):
    with pytest.raises(ValueError, match=words):
        Ablation(senses, BABYAI)
