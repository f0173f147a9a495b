"""The training env of `babyai`, teaching and training, at their smallest."""

import json
import random

import numpy as np
import pytest
from hydra import compose, initialize_config_module

from body.motor import HandyMotor, PolicyMotor
from body.types import Skill, Status
from envs.babyai.env import BabyAIVectorEnv
from envs.babyai.spec import BABYAI
from envs.babyai.vocabulary import HELD_OUT_WORDS, Action
from experiments.running.schema import register
from experiments.training.mind.babyai import agreeing, collect_moments, is_held_out, reply_to
from experiments.training.mind.variation import mission_lines, vary
from experiments.training.motor.babyai import MEDDLING_REWARD, TICK_REWARD, BabyAITrainingEnv
from experiments.training.motor.train import train
from mind.learning.cold_start import Example
from mind.reasoning.parsing import parse_reply

TINY = [
    "+env=babyai",
    "ticks=1024",
    "bodies.mixed=12",
    "layouts=16",
    "imitation.ticks=512",
    "ppo.steps=16",
    "ppo.batch=64",
    "ppo.epochs=1",
    "view_features=8",
    "hidden=[16]",
]


@pytest.fixture
def env():
    made = BabyAITrainingEnv([BabyAIVectorEnv(24, task="mixed", layouts=32, copy=False)], seed=3)
    yield made
    made.close()


@pytest.fixture(scope="module")
def moments():
    return collect_moments(150, split="train", seed=2, motor=HandyMotor(), avatars=16)


def lived(env, ticks, act):
    """Let all bodies act for some ticks; return rewards, ends and infos of each."""
    observation, steps = env.reset(), []
    for _ in range(ticks):
        observation, *rest = env.step(act(observation))
        steps.append(rest)
    return steps


def test_whoever_does_the_executions_is_paid_more_than_whoever_does_anything(env):
    motor, rng = HandyMotor(), np.random.default_rng(0)
    right = lived(env, 200, lambda _: motor.act(env.percept, env.skill_command))
    wrong = lived(env, 200, lambda _: rng.integers(7, size=24))
    assert np.mean([step[0] for step in right]) > np.mean([step[0] for step in wrong]) + 0.05


def test_an_execution_is_an_episode_and_says_whether_it_was_done(env):
    motor = HandyMotor()
    steps = lived(env, 100, lambda _: motor.act(env.percept, env.skill_command))
    told = [info["episode"] for _, _, infos in steps for info in infos if "episode" in info]
    assert len(told) == sum(int(ended.sum()) for _, ended, _ in steps) > 100
    assert np.mean([execution["r"] for execution in told]) > 0.7


def test_nobody_is_without_an_execution(env):
    motor = HandyMotor()
    for _ in range(50):
        lived(env, 1, lambda _: motor.act(env.percept, env.skill_command))
        assert (env.skills.executions["status"] == Status.RUNNING).all()


def test_to_turn_where_there_is_nothing_to_do_costs_something(env):
    env.reset()
    for row in range(24):
        env.skills.intend_many([row], Skill.WAIT, -1)
    _, rewards, _, _ = env.step(np.full(24, Action.LEFT))
    assert (rewards <= TICK_REWARD + MEDDLING_REWARD + 1e-6).all()


def test_a_tiny_training_leaves_a_policy_that_a_body_can_use_and_goes_on(tmp_path, capsys):
    register("train_body")
    with initialize_config_module("configs", version_base="1.3"):
        options = compose("train_body", overrides=[*TINY, f"folder={tmp_path}"])
    options.bodies.levels = {"BabyAI-GoToLocal-v0": 4}
    folder = train(options)
    motor = PolicyMotor(str(folder), world="babyai")
    env = BabyAITrainingEnv([BabyAIVectorEnv(4, task="goto", layouts=4, copy=False)], seed=1)
    env.reset()
    assert motor.act(env.percept, env.skill_command).shape == (4,)
    card = json.loads((folder / "policy.json").read_text())
    assert card["ticks"] == 1024
    assert train(options) == folder  # nothing is left to do
    assert json.loads((folder / "policy.json").read_text())["ticks"] == 1024


# ---- Teaching ----


def test_what_a_teacher_says_is_understood_and_is_what_the_table_says(moments):
    replies = [parse_reply(reply_to(moment), BABYAI) for moment in moments]
    intents, plans = agreeing(moments, replies)
    assert sum(intents) == len(moments)
    assert plans == sum(bool(moment.plan) for moment in moments) > 10


def test_there_are_failures_to_learn_from(moments):
    assert sum("failed" in moment.prompt.messages[-1].text for moment in moments) >= 3
    assert any("lately" in moment.prompt.messages[-1].text for moment in moments)


def test_a_plan_is_taught_where_there_is_none_and_only_there(moments):
    for moment in moments:
        has_goals = "\ngoals: " in moment.prompt.messages[-1].text
        assert has_goals == (moment.plan is None)


def test_another_wording_of_a_reply_does_not_agree(moments):
    wrong = [parse_reply("<answer>look around, normal</answer>", BABYAI) for _ in moments]
    intents, plans = agreeing(moments, wrong)
    assert sum(intents) < len(moments) / 4
    assert plans == 0


def test_the_same_seed_lives_the_same_moments(moments):
    again = collect_moments(150, split="train", seed=2, motor=HandyMotor(), avatars=16)
    assert [moment.prompt for moment in again] == [moment.prompt for moment in moments]


def test_no_variation_asks_in_words_that_are_held_out(moments):
    rng = random.Random(0)
    examples = [
        Example(prompt=moment.prompt, reply=reply_to(moment), world="babyai")
        for moment in moments
        if not is_held_out(moment.prompt.messages[-1].text)
    ]
    varied = [vary(example, rng, 0.9) for example in examples for _ in range(3)]
    assert not any(is_held_out(mission_lines(one.prompt.messages[1].text)) for one in varied)
    assert any(
        one.reply != example.reply for one, example in zip(varied, examples * 3, strict=True)
    )


def test_held_out_words_are_asked_where_they_are_wanted():
    asked = collect_moments(20, split="test", seed=1, motor=HandyMotor(), words="test", avatars=8)
    missions = [BABYAI.mission_words(moment.percept.mission) for moment in asked]
    assert all(any(words in mission for words in HELD_OUT_WORDS) for mission in missions)
