"""What Gymnasium's own vector envs and wrappers do holds for the compiled batches."""

import json
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import vector as wrappers

from envs.engine.events import events_of_row

IDS = {
    "envs:Trip-v0": {"level": 4, "layouts": 8},
    "envs:BabyAI-v0": {"level_id": "MiniGrid-LavaGapS5-v0", "layouts": 8},
    "envs:Forage-v0": {"layouts": 8},
}
NUM, SHORT = 4, 60  # rows, and a time limit that is met often
MODES = [mode.value for mode in AutoresetMode]


def single(id, **options) -> Any:
    return gymnasium.make(id, **options)


def batch_of(id, **options) -> Any:
    return gymnasium.make_vec(id, **options)


def ours(id, mode, **more) -> Any:
    options = IDS[id] | {"max_episode_steps": SHORT} | more
    return gymnasium.make_vec(id, num_envs=NUM, autoreset_mode=mode, **options)


def theirs(id, mode) -> Any:
    """Return Gymnasium's vector env over single envs of ours."""
    makes = [lambda: single(id, max_episode_steps=SHORT, **IDS[id])] * NUM
    return SyncVectorEnv(makes, autoreset_mode=mode)


def actions_of(env, ticks=200):
    return np.random.default_rng(1).integers(0, env.single_action_space.n, (ticks, NUM))


# ---- Modes ----


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("id", IDS)
def test_each_mode_is_that_of_gymnasiums_own_vector_env(id, mode):
    own, other = ours(id, mode), theirs(id, AutoresetMode(mode))
    assert own.metadata["autoreset_mode"] == other.metadata["autoreset_mode"]
    assert own.observation_space == other.observation_space
    assert_equal(own.reset(seed=6)[0], other.reset(seed=6)[0])
    ended = 0
    for action in actions_of(own):
        (seen, *told, info), (their_seen, *their_told, their_info) = map(
            lambda env: env.step(action), (own, other)
        )
        assert_equal(seen, their_seen)
        assert all(map(np.array_equal, told, their_told))
        done = told[1] | told[2]
        ended += done.sum()
        if mode == "SameStep":
            assert_last_moments(info, their_info, done)
        else:
            assert_infos(info, their_info)
        if mode == "Disabled" and done.any():
            options = ({"reset_mask": done.copy()} for _ in range(2))
            anew = [env.reset(options=next(options))[0] for env in (own, other)]
            assert_equal(*anew)
    assert ended > NUM
    own.close()
    other.close()


def assert_equal(one, other):
    assert one.keys() == other.keys()
    for name, values in one.items():
        assert values.dtype == other[name].dtype, name
        assert np.array_equal(values, other[name]), name


def assert_last_moments(info, their_info, done):
    assert ("final_obs" in info) == done.any() == ("final_obs" in their_info)
    for row in np.flatnonzero(done):
        assert_equal(info["final_obs"][row], their_info["final_obs"][row])
        for name, values in info["final_info"].items():
            if name != "mission":  # in words where there is one
                assert values[row] == their_info["final_info"][name][row], name
    if done.any():
        assert np.array_equal(info["_final_obs"], their_info["_final_obs"])


def assert_infos(info, their_info):
    for name in ("mission_reward", "homeostatic_reward"):
        stepped = their_info.get(f"_{name}", np.zeros(NUM, bool))
        assert np.array_equal(info[name], np.where(stepped, their_info.get(name, 0.0), 0.0)), name
    for row in range(NUM):
        events = events_of_row(info["events"], row)
        assert info["_events"][row] == bool(events)
        assert [event | {"row": 0} for event in events] == list(their_info["events"][row])


@pytest.mark.parametrize("given", [AutoresetMode.NEXT_STEP, "NextStep"])
def test_a_mode_may_be_given_by_its_name(given):
    env = ours("envs:Trip-v0", given)
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert env.unwrapped.autoreset_mode is AutoresetMode.NEXT_STEP


@pytest.mark.parametrize("given", ["next", True, None, 1])
def test_a_mode_that_there_is_not_is_refused(given):
    with pytest.raises(ValueError, match="NextStep, SameStep, Disabled"):
        ours("envs:Trip-v0", given)


# ---- Wrappers ----


def wrapped(id, mode, *around) -> Any:
    env = ours(id, mode)
    for wrap in around:
        env = wrap(env)
    return env


def lived(env, ticks=150):
    """Yield what a wrapped env tells, with the resets that its mode leaves to others."""
    env.reset(seed=6)
    for action in actions_of(env, ticks):
        told = env.step(action)
        yield told
        done = told[2] | told[3]
        if env.metadata["autoreset_mode"] is AutoresetMode.DISABLED and done.any():
            env.reset(options={"reset_mask": done})


WITHOUT_LAST = ["NextStep", "Disabled"]  # the modes in which Gymnasium changes observations


@pytest.mark.parametrize("mode", WITHOUT_LAST)
@pytest.mark.parametrize("id", IDS)
def test_observations_can_be_filtered_and_flattened(id, mode):
    names = ["image", "touch"]
    filtered = wrapped(id, mode, lambda env: wrappers.FilterObservation(env, names))
    flat = wrapped(id, mode, wrappers.FlattenObservation)
    space = flat.unwrapped.single_observation_space
    for whole, some, row in zip(*map(lived, (ours(id, mode), filtered, flat)), strict=True):
        assert_equal(some[0], {name: whole[0][name] for name in names})
        first = {name: values[0] for name, values in whole[0].items()}
        assert np.array_equal(row[0][0], np.asarray(gymnasium.spaces.flatten(space, first)))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("id", IDS)
def test_statistics_of_episodes_are_counted_right(id, mode):
    env = wrapped(id, mode, wrappers.RecordEpisodeStatistics)
    returns, lengths, told, skipped = np.zeros(NUM), np.zeros(NUM, int), [], np.zeros(NUM, bool)
    for _, reward, terminated, truncated, info in lived(env):
        lengths[~skipped] += 1
        returns[~skipped] += reward[~skipped]
        done = terminated | truncated
        for row in np.flatnonzero(done):
            assert info["episode"]["l"][row] == lengths[row]
            assert info["episode"]["r"][row] == pytest.approx(returns[row])
            told.append(lengths[row])
        returns[done], lengths[done] = 0.0, 0
        skipped = done if mode == "NextStep" else np.zeros(NUM, bool)
    assert len(told) > NUM
    assert list(env.length_queue) == told[-100:]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("id", IDS)
def test_rewards_can_be_normalised(id, mode):
    rewards = np.array([told[1] for told in lived(wrapped(id, mode, wrappers.NormalizeReward))])
    assert np.isfinite(rewards).all()
    assert rewards.any()


@pytest.mark.parametrize("id", IDS)
def test_observations_can_be_normalised_in_the_mode_that_gymnasium_does_it_in(id):
    flat = (lambda env: wrappers.FilterObservation(env, ["proprio"]), wrappers.FlattenObservation)
    env = wrapped(id, "NextStep", *flat, wrappers.NormalizeObservation)
    seen = np.array([told[0] for told in lived(env)])
    assert np.isfinite(seen).all()
    assert np.abs(seen).max() > 1.0


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("id", IDS)
def test_infos_can_be_taken_apart(id, mode):
    ended = 0
    for *_, terminated, truncated, infos in lived(wrapped(id, mode, wrappers.DictInfoToList)):
        for row, info in enumerate(infos):
            assert "events" not in info or info["events"]["kind"].any()
            done = terminated[row] or truncated[row]
            assert ("final_info" in info) == done
            assert ("final_obs" in info) == (done and mode == "SameStep")
            ended += done
    assert ended > NUM


# ---- Actions ----


@pytest.mark.parametrize("kind", "bhilqBHILQ")
def test_every_kind_of_whole_number_is_an_action(kind):
    env, other = (ours("envs:Trip-v0", "SameStep") for _ in range(2))
    env.reset(seed=1)
    other.reset(seed=1)
    for action in actions_of(env, 5):
        assert_equal(env.step(action.astype(kind))[0], other.step(action)[0])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *((kind, value) for kind in "bhil" for value in (-1, 14, 100)),
        *((kind, 14) for kind in "BHIL"),
        ("L", 2**64 - 1),
        ("L", 2**63),
        ("l", -(2**63)),
        ("?", 1),
        ("f", 1),
    ],
)
def test_what_is_no_action_is_refused_with_its_kind(kind, value):
    env = ours("envs:Trip-v0", "SameStep")
    env.reset(seed=1)
    given = np.array([2, 2, 2, value], kind)
    with pytest.raises(ValueError, match=r"in 0\.\.13") as refusal:
        env.step(given)
    assert str(given.dtype) in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert (env.world.bodies["tick"] == 0).all()


# ---- Single envs ----


@pytest.mark.parametrize("id", IDS)
def test_a_single_info_is_plain(id):
    env = single(id, **IDS[id])
    _, info = env.reset(seed=2)
    for action in np.random.default_rng(2).integers(0, env.action_space.n, 700):
        assert json.loads(json.dumps(info))["mission"] == env.unwrapped.mission
        _, reward, terminated, truncated, info = env.step(int(action))
        assert list(map(type, (reward, terminated, truncated))) == [float, bool, bool]
        if terminated or truncated:
            break
    assert terminated or truncated
    assert json.loads(json.dumps(info))["ticks"] == env.unwrapped.world.bodies["tick"][0]


@pytest.mark.parametrize("id", IDS)
def test_torch_takes_over_what_a_single_env_tells(id):
    pytest.importorskip("array_api_compat")
    import torch

    env = gymnasium.wrappers.NumpyToTorch(single(id, **IDS[id]))
    env.reset(seed=2)
    for _ in range(30):
        seen, *_, info = env.step(torch.tensor(2))
    assert isinstance(seen["image"], torch.Tensor)
    assert info["ticks"] == 30


@pytest.mark.parametrize("mode", WITHOUT_LAST)  # in the third not even of Gymnasium's own envs
@pytest.mark.parametrize("id", IDS)
def test_torch_takes_over_what_a_batch_tells(id, mode):
    pytest.importorskip("array_api_compat")
    import torch

    env = wrappers.NumpyToTorch(ours(id, mode))
    env.reset(seed=2)
    for _ in range(SHORT):
        seen, *_, info = env.step(torch.full((NUM,), 6))  # standing still
    assert isinstance(seen["image"], torch.Tensor)
    assert info["events"]["severity"].dtype == torch.float32
    assert info["final_info"]["ticks"].tolist() == [SHORT] * NUM


@pytest.mark.parametrize("id", IDS)
def test_the_seed_of_a_reset_is_told_and_brings_the_episode_back(id):
    for make in (single, lambda *a, **more: ours(id, "SameStep")):
        env = make(id, **IDS[id])
        env.reset(seed=41)
        assert env.unwrapped.np_random_seed == 41
        env.reset()
        assert env.unwrapped.np_random_seed == 41
        env = make(id, **IDS[id])
        first, _ = env.reset()
        assert_equal(first, env.reset(seed=env.unwrapped.np_random_seed)[0])


def test_the_time_limit_of_a_level_is_in_the_spec():
    for level, limit in enumerate((250, 300, 300, 400, 600)):
        for env in (single("envs:Trip-v0", level=level),
                    batch_of("envs:Trip-v0", num_envs=2, level=level)):  # fmt: skip
            assert env.spec.max_episode_steps == limit
    capped = single("envs:Trip-v0", level=0, max_episode_steps=20)
    assert capped.spec.max_episode_steps == 20
    assert ours("envs:Trip-v0", "SameStep").spec.max_episode_steps == SHORT
    assert single("envs:BabyAI-v0").spec.max_episode_steps is None  # each has its own


def test_an_episode_ends_by_the_worlds_own_limit_and_no_other():
    env = single("envs:Trip-v0", level=0, layouts=8)
    again = single(env.spec)
    batch = batch_of(batch_of("envs:Trip-v0", num_envs=1, level=0).spec)
    for one in (env, again, batch):
        one.reset(seed=1)
        for tick in range(1, 251):  # standing still
            *_, terminated, truncated, _ = one.step(6 if one is not batch else [6])
            assert (bool(terminated), bool(truncated)) == (False, tick == 250)


@pytest.mark.parametrize("limit", [0, -5, 2.5, True, "50"])
def test_a_time_limit_that_is_none_is_refused(limit):
    with pytest.raises(ValueError, match="max_episode_steps must be"):
        ours("envs:Trip-v0", "SameStep", max_episode_steps=limit)


@pytest.mark.parametrize("id", IDS)
def test_pictures_can_be_collected(id):
    env = single(id, render_mode="rgb_array_list", **IDS[id])
    env.reset(seed=1)
    for _ in range(3):
        env.step(2)
    pictures = env.render()
    assert len(pictures) == 4
    assert all(picture.ndim == 3 for picture in pictures)


@pytest.mark.parametrize("mode", [None, "rgb_array"])
@pytest.mark.parametrize("id", IDS)
def test_nothing_is_drawn_before_a_reset(id, mode):
    one = single(id, render_mode=mode, **IDS[id])
    for env in (one, one.unwrapped, ours(id, "SameStep", render_mode=mode)):
        with pytest.raises(gymnasium.error.ResetNeeded) as refusal:
            env.render()
        assert "\n" not in str(refusal.value)
