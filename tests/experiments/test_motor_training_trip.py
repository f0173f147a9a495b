"""Practice, its drills, and the training of the body at its smallest."""

import json

import gymnasium
import numpy as np
import pytest
from hydra import compose, initialize_config_module

from body.policy import load_policy
from envs.trip.vocabulary import Action, Posture
from experiments.running.cli import BadInput
from experiments.train_body import Lessons, load_checkpoint, make_ppo, make_practice, train
from experiments.training.motor.trip import DRILL_TICKS, Drills, Practice

TINY = [
    "+env=trip",
    "ticks=1500",
    "avatars=16",
    "drilled=8",
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
    with initialize_config_module("configs", version_base="1.3"):
        return compose("train_body", overrides=[*TINY, *more])


def small_practice(seed: int = 0) -> Practice:
    worlds = [
        gymnasium.make_vec("envs:Trip-v0", num_envs=6, level=level, layouts=8, copy=False)
        for level in (0, 4)
    ]
    return Practice([*worlds, Drills(5, stumbles=60)], seed=seed)


def test_drills_begin_in_a_stumble_and_end_after_three_seconds():
    drills = Drills(8, stumbles=60)
    observation, _ = drills.reset(seed=1)
    assert (observation["proprio"][:, 8 + Posture.STUMBLE] == 1).all()
    ended = np.zeros(8, np.int64)
    for _ in range(2 * DRILL_TICKS):
        *_, done, _, info = drills.step(np.full(8, Action.DONE))
        ended += done
        assert ("final_info" in info) == done.any()
    assert (ended >= 2).all()


def test_life_goes_on_after_a_mission_but_a_drill_ends():
    practice = small_practice()
    practice.reset()
    rng = np.random.default_rng(0)
    ends, told = np.zeros(17, np.int64), 0
    for _ in range(260):
        practice.step_async(rng.integers(len(Action), size=17))
        observation, rewards, done, infos = practice.step_wait()
        ends += done
        told += sum("episode" in info for info in infos)
        assert observation["felt"].shape == (17, 79)
        assert np.isfinite(rewards).all()
    assert not ends[:12].any(), "an episode of an ordinary life must not end a return"
    assert (ends[12:] >= 8).all(), "drills are over after three seconds"
    assert told >= 6, "missions that are over are still told"


def test_the_same_seed_practises_the_same_story():
    def digest(seed: int):
        practice, rng = small_practice(seed), np.random.default_rng(5)
        total = practice.reset()["felt"].sum()
        for _ in range(40):
            practice.step_async(rng.integers(len(Action), size=17))
            observation, rewards, *_ = practice.step_wait()
            total += observation["felt"].sum() + rewards.sum()
        return total

    assert digest(3) == digest(3)
    assert digest(3) != digest(4)


def test_only_the_first_execution_of_an_episode_is_an_exercise():
    practice = small_practice()
    practice.reset()
    first = practice._exercising.copy()
    assert 0 < first.sum() < len(first)
    rng = np.random.default_rng(0)
    begun = np.zeros(len(first), np.int64)
    for _ in range(60):
        before = practice._exercising.copy()
        practice.step_async(rng.integers(len(Action), size=17))
        *_, done, infos = practice.step_wait()
        anew = done | np.array(["episode" in info for info in infos])
        begun += practice._exercising & ~before & ~anew
    assert not begun.any(), "an exercise that begins in mid-life could be farmed for reward"


def test_training_leaves_a_policy_with_a_card_and_goes_on_from_its_checkpoint(tmp_path):
    folder = train(options(f"folder={tmp_path}"))
    card = json.loads((folder / "policy.json").read_text())
    assert card["ticks"] >= 1500
    assert "imitation" in card
    network = load_policy(folder)
    longer = options(f"folder={tmp_path}", "ticks=2600")
    ppo = make_ppo(make_practice(longer), longer)
    assert load_checkpoint(ppo, folder) == card["ticks"]
    for mine, kept in zip(
        ppo.policy.action_net.parameters(), network.command.parameters(), strict=True
    ):
        assert (mine == kept).all()
    train(longer)
    assert json.loads((folder / "policy.json").read_text())["ticks"] >= 2600


def test_a_damaged_checkpoint_is_one_line(tmp_path):
    small = options(f"folder={tmp_path}")
    (tmp_path / "checkpoint.safetensors").write_bytes(b"not tensors")
    (tmp_path / "checkpoint.json").write_text('{"ticks": 5}')
    with pytest.raises(BadInput, match="cannot be read") as error:
        load_checkpoint(make_ppo(make_practice(small), small), tmp_path)
    assert "\n" not in str(error.value)


def test_what_is_shown_is_copied_but_never_in_a_stumble():
    small = options()
    practice = make_practice(small)
    ppo = make_ppo(practice, small)
    observation = practice.reset()
    lessons = Lessons(ppo, practice, 1e-2)
    stumbling = practice.percept.proprio[:, 8 + Posture.STUMBLE] == 1
    assert stumbling.any()
    assert not stumbling.all()

    def probabilities():
        seen = {name: ppo.policy.obs_to_tensor(observation)[0][name] for name in observation}
        return ppo.policy.get_distribution(seen).distribution.probs.detach().numpy()

    for _ in range(150):
        shown = lessons.watch(observation)
        lessons.copy(even_in_stumbles=True)
    learned = probabilities()
    rows = np.flatnonzero(~stumbling)
    assert learned[rows, shown[rows]].mean() > 0.8
    assert learned[stumbling].max() < 0.3, "in a stumble all commands stay about as likely"
