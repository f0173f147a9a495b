"""The training env of `trip`, its reset curriculum, and the training of a body, all small."""

import json

import gymnasium
import numpy as np
import pytest
from hydra import compose, initialize_config_module
from torch.distributions import Categorical

from body.policy import load_policy
from envs.engine.body_senses import Posture
from envs.trip.vocabulary import Action
from experiments.running.cli import BadInput, Interrupted
from experiments.running.schema import register
from experiments.training.motor.contract import motor_training
from experiments.training.motor.imitation import Imitation
from experiments.training.motor.ppo import load_checkpoint
from experiments.training.motor.train import make_motor_ppo, train
from experiments.training.motor.trip import (
    CURRICULUM_TICKS,
    TRAINING,
    StumbleCurriculum,
    TripTrainingEnv,
)

TINY = [
    "+env=trip",
    "ticks=1500",
    "avatars=16",
    "stumbling=8",
    "levels=[0,4]",
    "layouts=8",
    "hidden=[16]",
    "view_features=8",
    "imitation.ticks=400",
    "ppo.steps=16",
    "ppo.batch=64",
    "ppo.epochs=1",
]


def options(*more: str):
    register("train_body")
    with initialize_config_module("configs", version_base="1.3"):
        return compose("train_body", overrides=[*TINY, *more])


def small_env(seed: int = 0) -> TripTrainingEnv:
    worlds = [
        gymnasium.make_vec("envs:Trip-v0", num_envs=6, level=level, layouts=8, copy=False)
        for level in (0, 4)
    ]
    return TripTrainingEnv([*worlds, StumbleCurriculum(5, stumbles=60)], seed=seed)


def test_a_curriculum_resets_into_a_stumble_every_three_seconds():
    curriculum = StumbleCurriculum(8, stumbles=60)
    observation, _ = curriculum.reset(seed=1)
    assert (observation["proprio"][:, 8 + Posture.STUMBLE] == 1).all()
    ended = np.zeros(8, np.int64)
    for _ in range(2 * CURRICULUM_TICKS):
        *_, done, _, info = curriculum.step(np.full(8, Action.DONE))
        ended += done
        assert ("final_info" in info) == done.any()
    assert (ended >= 2).all()


def test_a_return_goes_on_after_a_mission_but_ends_where_the_curriculum_resets():
    env = small_env()
    env.reset()
    rng = np.random.default_rng(0)
    ends, told = np.zeros(17, np.int64), 0
    for _ in range(260):
        env.step_async(rng.integers(len(Action), size=17))
        observation, rewards, done, infos = env.step_wait()
        ends += done
        told += sum("episode" in info for info in infos)
        assert observation["felt"].shape == (17, 79)
        assert np.isfinite(rewards).all()
    assert not ends[:12].any(), "an ordinary episode must not end a return"
    assert (ends[12:] >= 8).all(), "stumbles are over after three seconds"
    assert told >= 6, "missions that are over are still told"


@pytest.mark.slow
def test_the_same_seed_gives_the_same_rewards():
    def digest(seed: int):
        env, rng = small_env(seed), np.random.default_rng(5)
        total = env.reset()["felt"].sum()
        for _ in range(40):
            env.step_async(rng.integers(len(Action), size=17))
            observation, rewards, *_ = env.step_wait()
            total += observation["felt"].sum() + rewards.sum()
        return total

    assert digest(3) == digest(3)
    assert digest(3) != digest(4)


def test_only_the_first_execution_of_an_episode_is_an_exercise():
    env = small_env()
    env.reset()
    first = env._exercising.copy()
    assert 0 < first.sum() < len(first)
    rng = np.random.default_rng(0)
    begun = np.zeros(len(first), np.int64)
    for _ in range(60):
        before = env._exercising.copy()
        env.step_async(rng.integers(len(Action), size=17))
        *_, done, infos = env.step_wait()
        anew = done | np.array(["episode" in info for info in infos])
        begun += env._exercising & ~before & ~anew
    assert not begun.any(), "an exercise that begins in mid-life could be farmed for reward"


@pytest.mark.slow
def test_training_leaves_a_policy_with_a_card_and_goes_on_from_its_checkpoint(tmp_path):
    folder = train(options(f"folder={tmp_path}"))
    card = json.loads((folder / "policy.json").read_text())
    assert card["ticks"] >= 1500
    assert "imitation" in card
    network = load_policy(folder)
    longer = options(f"folder={tmp_path}", "ticks=2600")
    ppo = make_motor_ppo(TRAINING.make_env(longer), longer)
    assert load_checkpoint(ppo, folder) == card["ticks"]
    for mine, kept in zip(
        ppo.policy.action_net.parameters(), network.command.parameters(), strict=True
    ):
        assert (mine == kept).all()
    train(longer)
    assert json.loads((folder / "policy.json").read_text())["ticks"] >= 2600


@pytest.mark.slow
def test_imitation_that_is_stopped_goes_on_from_there(tmp_path, monkeypatch, capsys):
    small = options(f"folder={tmp_path}", "imitation.ticks=2000", "print_every_s=0")
    step, steps = Imitation.step, []

    def stop_at_the_sixth(imitation):
        steps.append(step(imitation))
        if len(steps) == 6:
            raise KeyboardInterrupt
        return steps[-1]

    monkeypatch.setattr(Imitation, "step", stop_at_the_sixth)
    with pytest.raises(Interrupted):
        train(small)
    bodies = TRAINING.make_env(small).num_envs
    seen = 5 * 8 * bodies  # the sixth step was not over
    assert json.loads((tmp_path / "checkpoint.json").read_text()) == {"ticks": 0, "imitated": seen}
    out = capsys.readouterr().out
    assert out.startswith(f"imitation {8 * bodies:,} of 2,000 ticks  loss ")
    assert f"stopped at tick {seen:,} of the imitation; the same command goes on" in out
    train(small)
    out = capsys.readouterr().out
    assert out.startswith(
        f"goes on from the checkpoint in {tmp_path}, tick {seen:,} of the imitation\n"
    )
    copied = [line for line in out.splitlines() if line.startswith("imitation")]
    assert len(copied) == 2000 // bodies // 8 - 5, "what was copied is not copied again"
    assert json.loads((tmp_path / "policy.json").read_text())["ticks"] >= 1500


@pytest.mark.slow
def test_learning_that_is_stopped_goes_on_from_there(tmp_path, monkeypatch, capsys):
    from experiments.training.motor import ppo

    small = options(f"folder={tmp_path}")
    with monkeypatch.context() as stopping:
        stopping.setattr(ppo.Progress, "_on_rollout_end", raise_keyboard_interrupt)
        with pytest.raises(Interrupted):
            train(small)
    seen = json.loads((tmp_path / "checkpoint.json").read_text())["ticks"]
    assert seen > 0
    assert f"stopped at tick {seen:,}" in capsys.readouterr().out
    train(small)
    assert f"goes on from the checkpoint in {tmp_path}, tick {seen:,}" in capsys.readouterr().out


def raise_keyboard_interrupt(_):
    raise KeyboardInterrupt


def test_a_damaged_checkpoint_is_one_line(tmp_path):
    small = options(f"folder={tmp_path}")
    (tmp_path / "checkpoint.safetensors").write_bytes(b"not tensors")
    (tmp_path / "checkpoint.json").write_text('{"ticks": 5}')
    with pytest.raises(BadInput, match="cannot be read") as error:
        load_checkpoint(make_motor_ppo(TRAINING.make_env(small), small), tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_the_teacher_is_imitated_but_never_in_a_stumble():
    small = options()
    env = TRAINING.make_env(small)
    ppo = make_motor_ppo(env, small)
    observation = env.reset()
    imitation = Imitation(ppo, env, TRAINING, 1e-2)
    stumbling = env.percept.proprio[:, 8 + Posture.STUMBLE] == 1
    assert stumbling.any()
    assert not stumbling.all()

    def probabilities():
        seen, _ = ppo.policy.obs_to_tensor(observation)
        choice = ppo.policy.get_distribution(seen).distribution
        assert isinstance(choice, Categorical)
        return choice.probs.detach().numpy()

    for _ in range(150):
        commands = imitation.watch(observation)
        imitation.step()
    learned = probabilities()
    rows = np.flatnonzero(~stumbling)
    assert learned[rows, commands[rows]].mean() > 0.8
    assert learned[stumbling].max() < 0.3, "in a stumble all commands stay about as likely"


def test_a_rehearsal_leaves_a_stumble_to_reward():
    env = small_env()
    env.reset()
    percept, commands = env.percept, TRAINING.teacher.act(env.percept, env.skill_command)
    stumbling = percept.proprio[:, 8 + Posture.STUMBLE] == 1
    first, beside = (
        TRAINING.imitation_targets(percept, commands, rehearsal=rehearsal)
        for rehearsal in (False, True)
    )
    np.testing.assert_allclose(first[stumbling], 1 / len(Action))
    assert not beside[stumbling].any()
    np.testing.assert_array_equal(first[~stumbling], beside[~stumbling])


def test_a_world_without_motor_training_is_told_in_one_line():
    with pytest.raises(BadInput, match="there is no world 'moon'"):
        motor_training("moon")
