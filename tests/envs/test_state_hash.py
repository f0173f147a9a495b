"""What state a world is in, as a number: equal for equal states, whatever the clock says."""

import gymnasium
import numpy as np
import pytest

from envs.babyai.env import BabyAIEnv, BabyAIVectorEnv
from envs.babyai.vocabulary import Action as Command
from envs.engine.world import hash_rows
from envs.trip.env import TripEnv, TripVectorEnv
from envs.trip.state import BODY
from envs.trip.vocabulary import Action

# MiniGrid's own package steps the last ones, and says so in a warning.
pytestmark = pytest.mark.filterwarnings("ignore:.*is stepped by the minigrid package")
PACKAGE = {"level_id": "MiniGrid-Dynamic-Obstacles-6x6-v0", "layouts": 4, "split": "any"}
SINGLE = {
    "trip": lambda: TripEnv(level=4, layouts=8),
    "ways": lambda: TripEnv(level=5, layouts=32),
    "babyai": lambda: BabyAIEnv(task="goto", layouts=8),
    "package": lambda: BabyAIEnv(**PACKAGE),
}
BATCHES = {
    "trip": lambda **more: TripVectorEnv(6, level=4, layouts=8, **more),
    "ways": lambda **more: TripVectorEnv(6, level=5, layouts=32, **more),
    "babyai": lambda **more: BabyAIVectorEnv(6, task="goto", layouts=8, **more),
    "package": lambda **more: BabyAIVectorEnv(6, **PACKAGE, **more),
}


def hashes(env):
    return env.world.state_hash().tolist()


def lively(name, ticks=20, **more):
    """Return a batch some ticks into its episodes."""
    env = BATCHES[name](autoreset_mode="Disabled", **more)
    env.reset(seed=3)
    rng = np.random.default_rng(0)
    for _ in range(ticks):
        env.step(rng.choice([Command.FORWARD, Command.FORWARD, Command.LEFT, Command.PICKUP], 6))
    return env


# ---- Equal for equal states ----


@pytest.mark.parametrize("name", BATCHES)
def test_the_same_state_is_the_same_number_as_often_as_one_asks(name):
    env = lively(name)
    first = hashes(env)
    assert [hashes(env) for _ in range(20)] == [first] * 20
    some = np.array([4, 1])
    assert env.world.state_hash(some).tolist() == [first[4], first[1]]
    assert len(set(first)) == 6
    assert all(0 <= number < 2**63 for number in first)


@pytest.mark.parametrize("name", BATCHES)
def test_a_state_that_is_loaded_again_later_is_the_same_number(name):
    env = lively(name)
    state, first = env.fork_state(), hashes(env)
    seen = set(first)
    for _ in range(10):
        env.step(np.full(6, Command.FORWARD))
        env.step(np.full(6, Command.LEFT))
    assert set(hashes(env)) != seen
    env.load_state(state)
    assert hashes(env) == first


@pytest.mark.parametrize("name", BATCHES)
def test_a_fork_in_another_world_is_in_the_same_state_and_stays_so(name):
    env, other = lively(name), BATCHES[name](autoreset_mode="Disabled")
    other.load_state(env.fork_state())
    for command in (Command.FORWARD, Command.RIGHT, Command.FORWARD, Command.DROP):
        assert hashes(other) == hashes(env)
        for one in (env, other):
            one.step(np.full(6, command))
    assert hashes(other) == hashes(env)


@pytest.mark.parametrize("name", BATCHES)
def test_the_clock_is_no_part_of_the_state(name):
    env = lively(name)
    state, first = env.fork_state(), hashes(env)
    state["bodies"]["tick"] += 7
    env.load_state(state)
    assert (env.world.observation["clock"] == 27).all()
    assert hashes(env) == first


def test_who_turns_to_and_fro_comes_back_to_the_same_state():
    env = BATCHES["babyai"](autoreset_mode="Disabled")
    env.reset(seed=3)
    beginning, rounds = hashes(env), []
    for _ in range(4):
        for command in (Command.LEFT, Command.RIGHT):
            env.step(np.full(6, command))
        rounds.append(hashes(env))
    assert rounds == [rounds[0]] * 4
    assert not set(rounds[0]) & set(beginning)  # where nothing had been done before


@pytest.mark.parametrize("name", ["babyai", "package"])
def test_a_move_and_a_turn_lead_to_other_states(name):
    env = lively(name)
    before = hashes(env)
    env.step(np.full(6, Command.LEFT))
    turned = hashes(env)
    env.step(np.full(6, Command.LEFT))
    assert all(len({*three}) == 3 for three in zip(before, turned, hashes(env), strict=True))


@pytest.mark.parametrize("level", [0, 4, 5])
def test_each_tick_of_a_body_that_tires_is_another_state(level):
    env = TripEnv(level=level, layouts=32)
    states = [env.reset(seed=3)[1]["state_hash"]]
    states += [env.step(Action.FORWARD)[-1]["state_hash"] for _ in range(40)]
    assert len(set(states)) == 41


def test_whoever_is_hidden_a_different_context_is_in_another_state():
    env = TripEnv(level=5, layouts=32)
    states = {env.reset(seed=3, options={"context": k})[1]["state_hash"] for k in range(20)}
    assert len(states) == 20


# ---- Of records ----


def test_what_pads_a_record_does_not_count_and_each_of_its_fields_does():
    assert BODY.itemsize > sum(kind.itemsize for kind, *_ in (BODY.fields or {}).values())
    dirty = np.full(2 * BODY.itemsize, 0xAB, np.uint8).view(BODY)
    clean = np.zeros(2, BODY)
    for name in BODY.names or ():
        dirty[name] = clean[name] = 1
    first = hash_rows({"bodies": clean}, {})
    assert hash_rows({"bodies": dirty}, {}).tolist() == first.tolist()
    for name in BODY.names or ():
        changed = clean.copy()
        changed[name][1] = 2
        found = hash_rows({"bodies": changed}, {})
        assert (found == first).tolist() == [True, False], name
        apart = hash_rows({"bodies": changed}, {"bodies": [name]})
        assert apart[0] == apart[1], name


def test_arrays_without_fields_count_whole_whatever_their_width():
    rows = np.arange(15, dtype=np.uint8).reshape(3, 5)
    first = hash_rows({"rows": rows}, {})
    other = rows.copy()
    other[2, 4] += 1
    assert (hash_rows({"rows": other}, {}) == first).tolist() == [True, True, False]


# ---- In the infos ----


@pytest.mark.parametrize("name", SINGLE)
def test_a_single_env_tells_its_state_in_each_info_as_its_row_of_a_batch_does(name):
    env, batch = SINGLE[name](), BATCHES[name](state_hash=True, autoreset_mode="Disabled")
    alone, together = env.reset(seed=5)[1], batch.reset(seed=3)[1]
    for command in (Command.FORWARD, Command.LEFT, Command.FORWARD):
        assert type(alone["state_hash"]) is int
        assert together["state_hash"].shape == (6,)
        assert alone["state_hash"] == together["state_hash"][2] == hashes(env)[0]
        alone, together = env.step(command)[-1], batch.step(np.full(6, command))[-1]
    assert alone["state_hash"] == together["state_hash"][2]


@pytest.mark.parametrize("name", BATCHES)
def test_a_batch_tells_states_only_where_it_is_asked_to(name):
    env = BATCHES[name]()
    assert "state_hash" not in env.reset(seed=3)[1]
    assert "state_hash" not in env.step(np.full(6, Command.FORWARD))[-1]


def test_where_an_episode_begins_by_itself_it_is_the_state_of_what_is_observed():
    env = BATCHES["trip"](state_hash=True, max_episode_steps=4)
    env.reset(seed=3)
    for _ in range(9):
        *_, info = env.step(np.full(6, Action.FORWARD))
        assert info["state_hash"].tolist() == hashes(env)
    assert env.world.bodies["episode"].tolist() == [2] * 6


def test_gymnasiums_own_vector_env_can_keep_it():
    env = gymnasium.make_vec(
        "envs:Trip-v0", num_envs=2, vectorization_mode="sync", level=2, layouts=8
    )
    assert len(set(env.reset(seed=3)[1]["state_hash"].tolist())) == 2
    kept = [env.step([2, 2])[-1]["state_hash"] for _ in range(30)]
    assert len({int(number) for both in kept for number in both}) == 60
