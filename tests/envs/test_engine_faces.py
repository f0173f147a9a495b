"""The two faces over a world that counts: no tick is lost, doubled or given to another row."""

import json
from typing import cast

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from envs.engine.faces import WorldEnv, WorldVectorEnv
from envs.engine.spec import WorldSpec
from envs.engine.world import hash_rows

EVENTS = np.dtype([("row", np.int32), ("kind", np.int8), ("severity", np.float32)])
LENGTHS = (3, 5, 8)  # ticks until an episode of each row ends; the last one by time


class CountingSpec:
    """As much of a spec as the faces ask for."""

    def observation_space(self):
        counts = spaces.Box(0, 10_000, (4,), np.int64)
        return spaces.Dict({"counts": counts, "mission": spaces.Box(0, 9, (1,), np.uint8)})

    def mission_words(self, mission):
        return f"count to {mission[0]}"

    def action_space(self):
        return spaces.Discrete(6)


class CountingWorld:
    """Shows (row, seed, episode, tick) and ends each row's episodes after its own length."""

    spec = cast(WorldSpec, CountingSpec())
    time_limit = None

    def __init__(self, num_envs=3):
        self.num_envs = num_envs
        self.rewards = np.zeros((num_envs, 2), np.float32)
        self.lengths = np.array(LENGTHS[:num_envs])
        self._shown = np.zeros((num_envs, 4), np.int64)
        self._shown[:, 0] = np.arange(num_envs)
        self.closed = 0

    @property
    def observation(self):
        return {"counts": self._shown, "mission": self.lengths[:, None].astype(np.uint8)}

    def observed(self, rows):
        return {name: values[rows].copy() for name, values in self.observation.items()}

    @property
    def _over(self):
        return self._shown[:, 3] >= self.lengths

    @property
    def terminated(self):
        return self._over & (self.lengths < 8)

    @property
    def truncated(self):
        return self._over & (self.lengths == 8)

    def reset(self, rows, seeds=None, episode=0):
        if seeds is not None:
            self._shown[rows, 1], self._shown[rows, 2] = seeds, episode - 1
        self._shown[rows, 2] += 1
        self._shown[rows, 3] = 0

    def step(self, actions):
        self._shown[:, 3] += 1
        self.rewards[:, 0], self.rewards[:, 1] = actions, self._shown[:, 3]

    def events(self):
        return np.zeros(0, EVENTS)

    def score(self, rows):
        return {"ticks": self._shown[rows, 3].copy(), "success": self.terminated[rows]}

    def state_hash(self, rows=None):
        return hash_rows({"shown": self._shown[slice(None) if rows is None else rows]}, {})

    def fork_state(self, rows=None):
        return {"shown": self._shown.copy()}

    def load_state(self, state, rows=None):
        self._shown[:] = state["shown"]

    def frame(self, row):
        return np.full((2, 2, 3), row, np.uint8)

    def scene(self, row):
        return {}

    def state(self, row):
        return {"row": row}

    def close(self):
        self.closed += 1


def batch(**options):
    env = WorldVectorEnv(CountingWorld(), **options)
    return env, env.reset(seed=100)[0]["counts"]


def test_every_tick_reaches_its_own_row_once_through_many_episodes():
    env, seen = batch()
    expected = np.array([[row, 100 + row, 0, 0] for row in range(3)])
    assert np.array_equal(seen, expected)
    for _ in range(200):
        observation, _, terminated, truncated, info = env.step(np.zeros(3, int))
        expected[:, 3] += 1
        done = expected[:, 3] == LENGTHS
        assert np.array_equal(terminated, done & [True, True, False])
        assert np.array_equal(truncated, done & [False, False, True])
        for row in np.flatnonzero(done):
            assert np.array_equal(info["final_obs"][row]["counts"], expected[row])
            assert info["final_info"]["ticks"][row] == LENGTHS[row]
        expected[done, 2] += 1
        expected[done, 3] = 0
        assert np.array_equal(observation["counts"], expected)
    assert expected[:, 2].tolist() == [200 // length for length in LENGTHS]


def test_without_autoreset_finished_rows_wait_for_their_mask():
    env, _ = batch(autoreset_mode="Disabled")
    for _ in range(4):
        observation, _, terminated, _, info = env.step(np.zeros(3, int))
    assert observation["counts"][:, 3].tolist() == [4, 4, 4]
    assert terminated.tolist() == [True, False, False]
    assert "final_obs" not in info
    assert info["final_info"]["ticks"].tolist() == [4, 0, 0]
    observation, _ = env.reset(options={"reset_mask": terminated})
    assert observation["counts"][:, 2:].tolist() == [[1, 0], [0, 4], [0, 4]]


def test_rewards_are_mixed_by_the_weight():
    env, _ = batch(homeostatic_weight=0.5)
    env.step(np.array([1, 2, 3]))
    _, reward, _, _, info = env.step(np.array([1, 2, 3]))
    assert reward.tolist() == [2.0, 3.0, 4.0]
    assert info["mission_reward"].tolist() == [1.0, 2.0, 3.0]
    assert info["homeostatic_reward"].tolist() == [2.0, 2.0, 2.0]


def test_seeds_may_be_given_row_by_row():
    env, _ = batch()
    observation, _ = env.reset(seed=[7, 3, 5])
    assert observation["counts"][:, 1].tolist() == [7, 3, 5]


def test_a_first_reset_without_a_seed_finds_one_by_itself():
    seeds = []
    for _ in range(2):
        env = WorldVectorEnv(CountingWorld())
        seeds.append(env.reset()[0]["counts"][:, 1].tolist())
    assert seeds[0] != seeds[1]
    assert seeds[0] == list(range(seeds[0][0], seeds[0][0] + 3))


def test_pictures_come_one_a_row_and_only_where_asked_for():
    assert batch()[0].render() is None
    pictures = batch(render_mode="rgb_array")[0].render()
    assert pictures is not None
    assert [picture[0, 0, 0] for picture in pictures] == [0, 1, 2]


def test_closing_a_face_closes_its_world_once():
    env, _ = batch()
    env.close()
    env.close()
    assert isinstance(env.world, CountingWorld)
    assert env.world.closed == 1


class Window:
    def __init__(self):
        self.shown, self.closed = 0, False

    def show(self, frame):
        assert frame.shape == (2, 2, 3)
        self.shown += 1

    def close(self):
        self.closed = True


def single(**options):
    return WorldEnv(CountingWorld(1), **options)


def test_the_single_face_shows_the_same_without_the_leading_axis():
    env = single(homeostatic_weight=2.0)
    observation, info = env.reset(seed=40)
    assert observation["counts"].tolist() == [0, 40, 0, 0]
    state = info.pop("state_hash")
    assert info == {"events": (), "success": False, "mission": "count to 3"}
    for tick in range(1, 4):
        observation, reward, terminated, truncated, info = env.step(4)
        assert observation["counts"].tolist() == [0, 40, 0, tick]
        assert reward == 4.0 + 2.0 * tick
        assert (terminated, truncated) == (tick == 3, False)
        assert info["state_hash"] != state
    assert (info["ticks"], info["success"]) == (3, True)
    assert env.reset()[0]["counts"].tolist() == [0, 40, 1, 0]


def test_a_later_episode_of_a_body_can_be_begun_at_once():
    env = single()
    observation, _ = env.reset(seed=40, options={"episode": np.int64(2)})
    assert observation["counts"].tolist() == [0, 40, 2, 0]
    assert env.reset()[0]["counts"].tolist() == [0, 40, 3, 0]
    many, _ = batch()
    observation, _ = many.reset(seed=[40, 7, 9], options={"episode": 2})
    assert observation["counts"][:, 1:3].tolist() == [[40, 2], [7, 2], [9, 2]]
    observation, _ = many.reset(
        seed=40, options={"episode": 5, "reset_mask": np.array([False, True, False])}
    )
    assert observation["counts"][:, 1:3].tolist() == [[40, 2], [41, 5], [9, 2]]


@pytest.mark.parametrize(
    ("seed", "episode", "wrong"),
    [(1, -1, "got -1"), (1, 1.0, "got 1.0"), (1, True, "got True"), (None, 1, "from a seed")],
)
def test_an_episode_that_no_body_has_is_refused(seed, episode, wrong):
    for face in (single(), batch()[0]):
        with pytest.raises(ValueError, match=wrong):
            face.reset(seed=seed, options={"episode": episode})


def test_a_window_is_shown_each_tick_and_closed_at_the_end():
    window = Window()
    env = single(render_mode="human", window=window)
    env.reset(seed=1)
    env.step(0)
    assert window.shown == 2
    assert env.render() is None
    env.close()
    assert window.closed


def test_stepping_before_a_reset_is_refused_by_both_faces():
    for env, action in (
        (single(), 0),
        (WorldVectorEnv(CountingWorld()), [0] * 3),
    ):
        with pytest.raises(gymnasium.error.ResetNeeded):
            env.step(action)


def test_events_stand_in_their_rows_in_their_order():
    env, _ = batch()
    env.world.events = lambda: np.array([(0, 7, 0.5), (2, 8, 0.25), (2, 9, 0.0)], EVENTS)
    *_, info = env.step(np.zeros(3, int))
    assert {name: values.tolist() for name, values in info["events"].items()} == {
        "row": [[0, 0], [0, 0], [2, 2]],
        "kind": [[7, 0], [0, 0], [8, 9]],
        "severity": [[0.5, 0.0], [0.0, 0.0], [0.25, 0.0]],
    }
    assert info["_events"].tolist() == [True, False, True]


def test_where_nothing_happened_there_is_one_empty_event_a_row():
    *_, info = batch()[0].step(np.zeros(3, int))
    assert {values.shape for values in info["events"].values()} == {(3, 1)}
    assert not info["events"]["kind"].any()
    assert not info["_events"].any()


def test_the_events_of_a_single_env_are_plain_dicts():
    env = single()
    env.reset(seed=1)
    env.world.events = lambda: np.array([(0, 7, 0.5)], EVENTS)
    *_, info = env.step(1)
    assert info["events"] == ({"row": 0, "kind": 7, "severity": 0.5},)
    json.dumps(info["events"])


def test_a_wrapper_of_gymnasium_can_take_events_apart():
    env = gymnasium.wrappers.vector.DictInfoToList(
        gymnasium.make_vec("envs:Trip-v0", num_envs=8, level=2, layouts=8)
    )
    env.reset(seed=3)
    for _ in range(60):
        *_, infos = env.step(env.action_space.sample())
        for info in infos:
            assert "events" not in info or info["events"]["kind"].any()
