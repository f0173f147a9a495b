"""Observations stay inside the bounds that their space names, whatever is done."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

import envs  # noqa: F401  registers the worlds
from envs.babyai.env import BabyAIVectorEnv
from envs.engine.spec import find

ROWS, TICKS = 2000, 100
TRIP = [(level, "S0") for level in range(5)] + [(4, shift) for shift in ("S1", "S2", "S5", "S6")]
BABYAI = ("BabyAI-BossLevel-v0", "MiniGrid-LavaCrossingS9N2-v0", "MiniGrid-ObstructedMaze-2Q-v1")


def extremes(env, seed, ticks=TICKS):
    """Live at random, mostly on and on, and return the least and most of each sense's columns."""
    rng = np.random.default_rng(seed)
    observation, _ = env.reset(seed=seed)
    least = {name: values.min(axis=0) for name, values in observation.items()}
    most = {name: values.max(axis=0) for name, values in observation.items()}
    actions = env.action_space.sample()
    for _ in range(ticks):
        changed = rng.random(env.num_envs) < 0.4
        drawn = rng.integers(env.single_action_space.n, size=env.num_envs)
        actions = np.where(changed, drawn, actions)
        observation, *_ = env.step(actions)
        for name, values in observation.items():
            least[name] = np.minimum(least[name], values.min(axis=0))
            most[name] = np.maximum(most[name], values.max(axis=0))
    return least, most


def assert_inside(env, least, most):
    for name, space in env.single_observation_space.items():
        below, above = least[name] < space.low, most[name] > space.high
        assert not below.any(), f"{name} {np.argwhere(below)[:3]}: {least[name][below][:3]}"
        assert not above.any(), f"{name} {np.argwhere(above)[:3]}: {most[name][above][:3]}"


@pytest.mark.slow
@pytest.mark.parametrize(("level", "shift"), TRIP)
def test_a_million_random_ticks_of_trip_stay_inside(level, shift):
    env = gymnasium.make_vec("envs:Trip-v0", num_envs=ROWS, level=level, shift=shift, layouts=256)
    assert_inside(env, *extremes(env, seed=level))


@pytest.mark.slow
@pytest.mark.parametrize("level", BABYAI)
def test_random_ticks_of_babyai_stay_inside(level):
    env = BabyAIVectorEnv(num_envs=500, level_id=level, layouts=64)
    assert_inside(env, *extremes(env, seed=1))


def test_a_few_random_ticks_of_every_world_stay_inside():
    for env in (
        gymnasium.make_vec("envs:Trip-v0", num_envs=64, level=4, layouts=16),
        BabyAIVectorEnv(num_envs=64, task="mixed", layouts=16),
    ):
        assert_inside(env, *extremes(env, seed=3))


def test_a_value_outside_is_noticed():
    env = gymnasium.make_vec("envs:Trip-v0", num_envs=4, level=0, layouts=2)
    least, most = extremes(env, seed=3, ticks=2)
    most["touch"][6] = 1.5
    with pytest.raises(AssertionError, match="touch"):
        assert_inside(env, least, most)


@pytest.mark.slow
def test_bounds_are_not_wider_than_what_is_met():
    """Of what has no natural bound; half of the range is reached by careless running about."""
    env = gymnasium.make_vec("envs:Trip-v0", num_envs=ROWS, level=3, shift="S6", layouts=256)
    least, most = extremes(env, seed=9, ticks=300)
    spec, senses = find("trip"), env.single_observation_space
    assert isinstance(senses, spaces.Dict)
    for sense, name in (("proprio", "speed_mps"), ("proprio", "effort"),
                        *(("vestibular", one) for one in spec.senses["vestibular"])):  # fmt: skip
        column = spec.column(sense, name)
        space = senses[sense]
        assert isinstance(space, spaces.Box)
        met = most[sense][column] - least[sense][column]
        assert met > 0.5 * (space.high[column] - space.low[column]), (sense, name, met)


def test_the_image_is_no_picture_to_a_library_that_knows_pictures():
    from stable_baselines3.common.preprocessing import is_image_space

    for name in ("trip", "babyai"):
        assert not is_image_space(find(name).observation_space()["image"])
