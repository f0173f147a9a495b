"""Stable-Baselines3 learns with nothing but itself."""

import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import pytest

ROOT = Path(__file__).parents[2]
WORLDS = ["envs:Trip-v0", "envs:BabyAI-v0"]  # of the example
IDS = [*WORLDS, "envs:Forage-v0"]


@pytest.mark.slow
def test_the_example_learns_for_some_steps_on_both_worlds():
    told = subprocess.run(
        [sys.executable, "examples/sb3_ppo.py", "--steps", "600"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},  # the code that is tested, installed or not
    )
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert [line.split(": ")[0] for line in lines] == WORLDS
    assert all(int(line.split()[1]) >= 600 for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("world", IDS)
def test_the_image_is_a_flat_input_and_learning_moves_every_weight(world):
    from stable_baselines3 import PPO
    from stable_baselines3.common.preprocessing import is_image_space
    from torch import nn

    env: Any = gymnasium.make(world, layouts=8)
    assert not is_image_space(env.observation_space["image"])
    ppo = PPO("MultiInputPolicy", env, n_steps=32, batch_size=16, n_epochs=1, seed=1)
    extractor: Any = ppo.policy.features_extractor
    assert isinstance(extractor.extractors["image"], nn.Flatten)
    before = {name: weights.clone() for name, weights in ppo.policy.named_parameters()}
    ppo.learn(64)
    assert all((weights != before[name]).any() for name, weights in ppo.policy.named_parameters())


@pytest.mark.slow
@pytest.mark.parametrize("world", IDS)
def test_its_checker_says_only_that_the_image_would_be_a_small_picture(world):
    """It takes any three axes for a picture; of the rest, and of a flat image, it says nothing."""
    from stable_baselines3.common.env_checker import check_env

    env = gymnasium.make(world, layouts=8)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        check_env(env)
    assert all(" image " in str(one.message) for one in told), [str(one.message) for one in told]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.wrappers.FlattenObservation(env))
