"""What Gymnasium promises of an environment holds for `trip`, at every level and both ways."""

import pickle
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

from envs.engine.events import events_of_row
from envs.trip.env import TripEnv, TripVectorEnv
from envs.trip.oracle import oracle_actions
from envs.trip.vocabulary import EventKind
from envs.trip.worldgen import LEVELS, SHIFTS, SPLITS

WORLD = "envs:Trip-v0"


@pytest.fixture(autouse=True)
def a_screen_that_nobody_sees(monkeypatch):
    """`check_env` opens every render mode, and tests run where there is no screen."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")


def play(env, ticks, seed):
    """Yield all that a vector env returns; the oracle leads every other body, chance the rest."""
    rng = np.random.default_rng(seed)
    led = np.arange(env.num_envs) % 2 == 0
    for _ in range(ticks):
        guesses = rng.integers(0, env.single_action_space.n, env.num_envs)
        yield env.step(np.where(led, oracle_actions(env.unwrapped.world), guesses))


# ---- The registry ----


def test_the_registry_holds_the_worlds_that_are_tested_here():
    gymnasium.make(WORLD).close()
    ours = {
        name
        for name, spec in gymnasium.registry.items()
        if str(spec.entry_point).startswith("envs.")
        and spec.namespace is None  # such as those of levels, see `envs.babyai.numbered`
    }
    assert ours == {"Trip-v0", "BabyAI-v0", "Forage-v0"}


@pytest.mark.parametrize("level", LEVELS)
def test_the_checker_has_nothing_to_say(level):
    env = gymnasium.make(WORLD, level=level, render_mode="rgb_array")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped, skip_render_check=level != 4)
    env.close()


def test_a_spec_can_be_pickled_and_makes_the_same_world():
    env = gymnasium.make(WORLD, level=3, shift="S1", split="test", layouts=8)
    spec = pickle.loads(pickle.dumps(env.spec))
    assert spec == env.spec
    again = gymnasium.make(spec)
    for name, values in again.reset(seed=4)[0].items():
        assert np.array_equal(values, env.reset(seed=4)[0][name]), name
    assert env.spec is not None
    assert gymnasium.make(EnvSpec.from_json(env.spec.to_json()))


def test_a_vector_spec_can_be_pickled():
    env = gymnasium.make_vec(WORLD, num_envs=3, level=1)
    assert pickle.loads(pickle.dumps(env.spec)) == env.spec


def test_make_vec_is_the_compiled_batch_and_make_a_batch_of_one():
    batch = gymnasium.make_vec(WORLD, num_envs=5, level=1)
    single = gymnasium.make(WORLD, level=1)
    assert isinstance(batch.unwrapped, TripVectorEnv)
    assert isinstance(single.unwrapped, TripEnv)
    assert (batch.unwrapped.world.num_envs, single.unwrapped.world.num_envs) == (5, 1)
    assert batch.single_observation_space == single.observation_space
    assert batch.single_action_space == single.action_space


def test_the_single_env_runs_in_gymnasiums_own_vector_env():
    env = gymnasium.make_vec(WORLD, num_envs=2, vectorization_mode="sync", level=0)
    ours = gymnasium.make_vec(WORLD, num_envs=2, level=0)
    theirs_seen, ours_seen = env.reset(seed=6)[0], ours.reset(seed=6)[0]
    for _ in range(20):
        for name, values in ours_seen.items():
            assert np.array_equal(values, theirs_seen[name]), name
        commands = np.array([2, 0])
        theirs_seen, ours_seen = env.step(commands)[0], ours.step(commands)[0]
    env.close()


# ---- Spaces ----


@pytest.mark.parametrize("level", LEVELS)
def test_whatever_happens_observations_stay_in_their_space(level):
    env = gymnasium.make_vec(WORLD, num_envs=16, level=level, layouts=16)
    observation, _ = env.reset(seed=level)
    assert env.observation_space.contains(observation)
    for observation, reward, terminated, truncated, _ in play(env, 120, seed=level):
        assert env.observation_space.contains(observation)
        assert (reward.dtype, reward.shape) == (np.float64, (16,))
        assert (terminated.dtype, truncated.dtype) == (bool, bool)
        assert not (terminated & truncated).any()


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("split", SPLITS)
def test_every_shift_and_split_can_be_lived_in(shift, split):
    env = gymnasium.make_vec(WORLD, num_envs=4, level=4, layouts=4, shift=shift, split=split)
    observation, _ = env.reset(seed=1)
    for observation, *_ in play(env, 10, seed=1):
        assert env.observation_space.contains(observation)


def test_the_felt_senses_have_the_ranges_of_the_documentation():
    env = gymnasium.make_vec(WORLD, num_envs=32, level=4, layouts=16)
    env.reset(seed=2)
    for observation, *_ in play(env, 150, seed=2):
        for sense in ("touch", "pain", "intero", "efference", "social"):
            assert observation[sense].min() >= 0.0, sense
            assert observation[sense].max() <= 1.0, sense
        assert np.abs(observation["proprio"][:, 1:]).max() <= 1.0
        assert (observation["proprio"][:, 8:13].sum(1) == 1.0).all()
        assert (observation["efference"].sum(1) == 1.0).all()


# ---- Endings and beginnings ----


def two_batches(num_envs=24):
    """Return the same batch twice: one that begins anew by itself, and one that waits."""
    by_itself = gymnasium.make_vec(WORLD, num_envs=num_envs, level=0, layouts=8)
    waiting = gymnasium.make_vec(
        WORLD, num_envs=num_envs, level=0, layouts=8, autoreset_mode="Disabled"
    )
    assert by_itself.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    assert waiting.metadata["autoreset_mode"] == AutoresetMode.DISABLED
    by_itself.reset(seed=3)
    waiting.reset(seed=3)
    return by_itself, waiting


def assert_equal(one, other, rows: slice | np.ndarray = slice(None)):
    for name, values in one.items():
        assert np.array_equal(values[rows], other[name][rows]), name


def test_finished_rows_begin_anew_in_the_same_step_with_their_last_moment_in_the_info():
    by_itself, waiting = two_batches()
    finished = 0
    for one, other in zip(play(by_itself, 520, 7), play_with_resets(waiting, 520, 7), strict=True):
        (seen, reward, terminated, truncated, info), (last, *rest, anew) = one, other
        assert all(map(np.array_equal, (reward, terminated, truncated), rest))
        assert_equal(seen, anew)
        done = terminated | truncated
        assert ("final_obs" in info) == done.any()
        if done.any():
            assert (info["_final_obs"] == done).all()
            assert (info["_final_info"] == done).all()
            for row in np.flatnonzero(done):
                assert_equal(info["final_obs"][row], {k: v[row] for k, v in last.items()})
                assert seen["clock"][row, 0] == 0
            assert all(info["final_obs"][row] is None for row in np.flatnonzero(~done))
            finished += done.sum()
    assert finished > 24


def play_with_resets(env, ticks, seed):
    """Yield (last observation, reward, terminated, truncated, observation after resets)."""
    for observation, reward, terminated, truncated, _ in play(env, ticks, seed):
        done, anew = terminated | truncated, observation
        if done.any():
            anew, _ = env.reset(options={"reset_mask": done})
        yield observation, reward, terminated, truncated, anew


def test_the_final_info_tells_how_the_episodes_that_ended_went():
    env = gymnasium.make_vec(WORLD, num_envs=24, level=0, layouts=8)
    env.reset(seed=3)
    ended, clocks, counts = [], np.zeros(24, int), {kind: np.zeros(24, int) for kind in EventKind}
    for _, reward, terminated, truncated, info in play(env, 520, 7):
        clocks += 1
        for row in range(24):
            for event in events_of_row(info["events"], row):
                counts[EventKind(event["kind"])][row] += 1
        done = terminated | truncated
        if done.any():
            final = info["final_info"]
            assert (final["success"][done] == terminated[done]).all()  # nothing fails at level 0
            assert (final["ticks"][done] == clocks[done]).all()
            assert (final["falls"][done] == counts[EventKind.FALL][done]).all()
            assert (final["stumbles"][done] == counts[EventKind.STUMBLE][done]).all()
            assert (info["mission_reward"][done & terminated] > 0.0).all()
            assert np.allclose(info["mission_reward"] + info["homeostatic_reward"], reward)
            ended.extend(terminated[done])
            for count in (clocks, *counts.values()):
                count[done] = 0
    assert 0 < sum(ended) < len(ended)


def test_a_masked_reset_leaves_the_other_rows_alone():
    env = gymnasium.make_vec(WORLD, num_envs=6, autoreset_mode="Disabled", level=4, layouts=8)
    env.reset(seed=1)
    *_, (observation, *_) = play(env, 30, 1)
    mask = np.array([True, False, False, True, False, False])
    anew, _ = env.reset(options={"reset_mask": mask})
    assert (anew["clock"][mask] == 0).all()
    assert_equal(observation, anew, rows=~mask)


def test_a_reset_with_seeds_is_a_new_body_and_one_without_is_the_same_body_going_on():
    env = TripVectorEnv(num_envs=2, level=4, layouts=8)
    world = env.world
    env.reset(seed=5)
    keys, rng_keys = world.bodies["key"].copy(), world.bodies["rng_key"].copy()
    legs = world.bodies["leg"].copy()
    env.reset()
    assert (world.bodies["key"] == keys).all()
    assert (world.bodies["leg"] == legs).all()
    assert (world.bodies["rng_key"] != rng_keys).all()
    assert (world.bodies["episode"] == 1).all()
    env.reset(seed=[6, 5])
    assert world.bodies["key"][1] == keys[0]
    assert world.bodies["rng_key"][1] == rng_keys[0]
    assert world.bodies["key"][0] == keys[1]  # row 1 of seed 5 has seed 6


def test_a_masked_reset_with_seeds_gives_each_row_its_own():
    env = TripVectorEnv(num_envs=3, level=1, layouts=8, autoreset_mode="Disabled")
    env.reset(seed=5)
    keys = env.world.bodies["key"].copy()
    mask = np.array([False, True, False])
    env.reset(seed=40, options={"reset_mask": mask})
    now = env.world.bodies["key"].copy()
    env.reset(seed=40)
    assert (now == np.where(mask, env.world.bodies["key"], keys)).all()


def test_numpy_seeds_are_seeds_too():
    env = TripVectorEnv(num_envs=2, level=1, layouts=8)
    by_int, _ = env.reset(seed=7)
    by_numpy, _ = env.reset(seed=np.int64(7))
    assert_equal(by_int, by_numpy)


def test_observations_are_copies_unless_asked_otherwise():
    for copy in (True, False):
        env = gymnasium.make_vec(WORLD, num_envs=2, level=1, copy=copy)
        first, _ = env.reset(seed=1)
        clock = first["clock"]
        env.step(np.array([2, 2]))
        assert (clock == 0).all() == copy


def test_the_felt_reward_is_weighed():
    rewards = []
    for weight in (0.0, 1.0, 3.0):
        env = gymnasium.make_vec(WORLD, num_envs=4, level=2, homeostatic_weight=weight)
        env.reset(seed=1)
        *_, (_, reward, _, _, info) = play(env, 5, 1)
        assert np.allclose(reward, info["mission_reward"] + weight * info["homeostatic_reward"])
        rewards.append(reward.sum())
    assert rewards[0] == info["mission_reward"].sum()
    assert rewards[2] == pytest.approx(3.0 * rewards[1])
    assert rewards[1] != 0.0


# ---- Pictures ----


def test_pictures_are_drawn_from_both_faces():
    single = gymnasium.make(WORLD, level=4, render_mode="rgb_array")
    single.reset(seed=1)
    batch = gymnasium.make_vec(WORLD, num_envs=2, level=4, render_mode="rgb_array")
    batch.reset(seed=1)
    picture, pictures = np.asarray(single.render()), batch.render()
    assert pictures is not None
    assert (picture.dtype, picture.ndim, picture.shape[2]) == (np.uint8, 3, 3)
    assert np.array_equal(picture, pictures[0])  # row 0 of seed 1 has seed 1
    assert not np.array_equal(pictures[0], pictures[1])
    single.step(2)
    assert not np.array_equal(np.asarray(single.render()), picture)


def test_a_batch_without_a_render_mode_draws_nothing():
    batch = gymnasium.make_vec(WORLD, num_envs=2, level=0)
    batch.reset(seed=1)
    assert batch.render() is None


# ---- Bad input ----


def one_line(refusal):
    text = str(refusal.value)
    assert text
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("argument", "value", "told"),
    [
        ("level", 9, "0, 1, 2, 3, 4"),
        ("level", -1, "level"),
        ("level", "2", "level"),
        ("level", 2.0, "level"),
        ("level", True, "level"),
        ("level", None, "level"),
        ("shift", "S9", "S0, S1, S2, S5, S6"),
        ("shift", "s1", "shift"),
        ("split", "dev", "train, test"),
        ("layouts", 0, "layouts"),
        ("layouts", 2.5, "layouts"),
        ("constants", {"gravitty": 9.8}, "gravitty"),
        ("constants", {"gravity": "heavy"}, "heavy"),
        ("constants", {"gravity": float("nan")}, "gravity"),
        ("constants", {"gravity": float("inf")}, "gravity"),
        ("render_mode", "ansi", "ansi"),
    ],
)
@pytest.mark.parametrize("face", [TripEnv, TripVectorEnv])
def test_a_wrong_argument_is_named_in_one_line(face, argument, value, told):
    with pytest.raises(ValueError, match=told) as refusal:
        face(**{argument: value})
    assert argument in one_line(refusal) or argument == "constants"


@pytest.mark.parametrize("count", [0, -3, 2.0, "4", True, None])
@pytest.mark.parametrize("argument", ["num_envs", "threads"])
def test_a_wrong_number_of_bodies_or_threads_is_refused(argument, count):
    with pytest.raises(ValueError, match=argument) as refusal:
        TripVectorEnv(**{argument: count})
    one_line(refusal)


def test_a_batch_has_no_window():
    with pytest.raises(ValueError, match="render_mode"):
        TripVectorEnv(2, render_mode="human")


@pytest.mark.parametrize(
    "actions",
    [
        3,
        [3],
        [3, 3, 3],
        [[3, 3]],
        [3, 14],
        [-1, 3],
        [0.5, 3.0],
        [float("nan"), 3.0],
        ["walk", "on"],
        [None, 3],
        None,
    ],
)
def test_wrong_commands_for_a_batch_are_refused_and_nothing_happens(actions):
    env = TripVectorEnv(2)
    env.reset(seed=1)
    with pytest.raises(ValueError, match=r"actions in 0\.\.13") as refusal:
        env.step(actions)
    one_line(refusal)
    assert (env.world.bodies["tick"] == 0).all()


@pytest.mark.parametrize("action", [14, -1, 2.5, "walk", None, np.array([1, 2])])
def test_a_wrong_command_for_one_body_is_refused(action):
    env = TripEnv()
    env.reset(seed=1)
    with pytest.raises(ValueError, match=r"0\.\.13") as refusal:
        env.step(action)
    one_line(refusal)
    assert env.world.bodies["tick"][0] == 0


@pytest.mark.parametrize("make", [lambda: TripEnv(), lambda: gymnasium.make(WORLD)])
def test_stepping_before_the_first_reset_is_refused(make):
    with pytest.raises(gymnasium.error.ResetNeeded):
        make().step(2)
    with pytest.raises(gymnasium.error.ResetNeeded):
        TripVectorEnv(2).step(np.array([2, 2]))


@pytest.mark.parametrize("seed", [-1, 1.5, "x", [1], [1, 2, 3], [1, None], [-1, 2]])
def test_wrong_seeds_for_a_batch_are_refused(seed):
    with pytest.raises(ValueError, match="seed") as refusal:
        TripVectorEnv(2).reset(seed=seed)
    one_line(refusal)


@pytest.mark.parametrize(
    "mask", [[True], [True, False, True], np.array([5, 0]), "x", np.ones((2, 1), bool)]
)
def test_a_wrong_reset_mask_is_refused(mask):
    env = TripVectorEnv(2, autoreset_mode="Disabled")
    env.reset(seed=1)
    with pytest.raises(ValueError, match="reset_mask") as refusal:
        env.reset(options={"reset_mask": mask})
    one_line(refusal)


def test_rows_that_have_never_begun_cannot_be_left_out_of_the_first_reset():
    env = TripVectorEnv(2, autoreset_mode="Disabled")
    with pytest.raises(ValueError, match="reset_mask"):
        env.reset(seed=1, options={"reset_mask": np.array([True, False])})
