"""A body has the same story alone or among thousands, on any threads, looked at or not."""

from functools import partial

import gymnasium
import numpy as np
import pytest

from envs.engine.events import events_of_row
from envs.trip.env import TripEnv, TripVectorEnv
from envs.trip.oracle import oracle_actions
from envs.trip.vocabulary import Action
from envs.trip.world import TripWorld

SEED = 50
LEVEL, LAYOUTS = 4, 32
batch = partial(TripVectorEnv, level=LEVEL, layouts=LAYOUTS)
WATCHED = (0, 7, 31, 63)


@pytest.fixture(scope="module")
def commands():
    """(ticks, 64) commands that lead through many an episode: an oracle's, now and then noise's."""
    env = batch(num_envs=64)
    env.reset(seed=SEED)
    rng, given = np.random.default_rng(0), []
    for _ in range(250):
        led = oracle_actions(env.world, careful=False)
        given.append(np.where(rng.random(64) < 0.15, rng.integers(0, 14, 64), led))
        env.step(given[-1])
    return np.array(given)


def batch_story(commands, rows, **options):
    """Return per tick what the first 64 rows of a batch observed, earned and met."""
    env = batch(**options)
    env.reset(seed=SEED)
    told = []
    for tick_commands in commands:
        padded = np.full(env.num_envs, Action.FORWARD)
        padded[:64] = tick_commands
        observation, reward, terminated, truncated, info = env.step(padded)
        told.append(
            {row: moment(observation, reward, terminated, truncated, info, row) for row in rows}
        )
    env.close()
    return told


def moment(observation, reward, terminated, truncated, info, row):
    """Return all of one row of a vector env's step; of a finished episode, its last moment."""
    if terminated[row] or truncated[row]:
        observation = {name: v[None] for name, v in info["final_obs"][row].items()}
        seen = [values[0].tobytes() for values in observation.values()]
    else:
        seen = [values[row].tobytes() for values in observation.values()]
    events = [list(event.values())[1:] for event in events_of_row(info["events"], row)]
    return seen, float(reward[row]), bool(terminated[row]), bool(truncated[row]), events


@pytest.fixture(scope="module")
def among_64(commands):
    return batch_story(commands, range(64), num_envs=64)


def test_the_story_that_is_compared_is_eventful(among_64):
    ended = sum(tick[row][2] or tick[row][3] for tick in among_64 for row in range(64))
    events = sum(len(tick[row][4]) for tick in among_64 for row in range(64))
    assert ended > 60
    assert events > 600


@pytest.mark.parametrize("row", WATCHED)
def test_alone_a_body_lives_as_it_does_among_others(commands, among_64, row):
    env = TripEnv(level=LEVEL, layouts=LAYOUTS)
    env.reset(seed=SEED + row)
    for tick, command in enumerate(commands[:, row]):
        observation, reward, terminated, truncated, info = env.step(int(command))
        events = [list(event.values())[1:] for event in info["events"]]
        seen = [values.tobytes() for values in observation.values()]
        theirs = among_64[tick][row]
        assert (seen, reward, terminated, truncated) == theirs[:4], tick
        assert [list(event) for event in theirs[4]] == events
        if terminated or truncated:
            env.reset()


@pytest.mark.slow
def test_among_thousands_a_body_lives_as_it_does_among_few(commands, among_64):
    told = batch_story(commands[:60], range(64), num_envs=16_384)
    assert told == among_64[:60]


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_nothing(commands, among_64, threads):
    assert batch_story(commands, range(64), num_envs=64, threads=threads) == among_64


def test_more_threads_than_bodies_change_nothing(commands, among_64):
    told = batch_story_of_few(commands[:50, :2], threads=3)
    assert told == [{row: tick[row] for row in range(2)} for tick in among_64[:50]]


def batch_story_of_few(commands, **options):
    env = batch(num_envs=2, **options)
    env.reset(seed=SEED)
    told = [{row: moment(*step, row) for row in range(2)} for step in map(env.step, commands)]
    env.close()
    return told


@pytest.mark.slow
def test_a_batch_split_in_two_lives_as_one(commands, among_64):
    halves = []
    for start in (0, 32):
        env = batch(num_envs=32)
        env.reset(seed=SEED + start)
        halves.append(
            [
                {start + row: moment(*step, row) for row in range(32)}
                for step in (env.step(c) for c in commands[:80, start : start + 32])
            ]
        )
    assert [one | other for one, other in zip(*halves, strict=True)] == among_64[:80]


def test_a_bigger_bank_of_layouts_holds_the_smaller_one():
    small, big = (TripWorld(1, level=3, layouts=count) for count in (8, 16))
    for world in (small, big):
        world.reset(np.arange(1), seeds=np.arange(1))
        for seed in range(60):
            world.reset(np.arange(1), seeds=np.array([seed]))
    made = (small.layouts["time_limit"] > 0) & (big.layouts["time_limit"][:8] > 0)
    assert made.sum() > 4
    assert np.array_equal(small.layouts["cells"][made], big.layouts["cells"][:8][made])


def test_another_seed_is_another_story(among_64):
    stories = [tuple(map(str, (tick[row][0] for tick in among_64[:5]))) for row in range(64)]
    assert len(set(stories)) == 64


@pytest.mark.slow
def test_looking_does_not_change_the_world(commands):
    stories = []
    for looks in (False, True):
        env = gymnasium.make("envs:Trip-v0", render_mode="rgb_array", level=LEVEL, layouts=LAYOUTS)
        seen = [env.reset(seed=3)[0]]
        for tick in range(60):
            if looks and tick % 3 == 0:
                env.render()
            seen.append(env.step(commands[tick, 3])[0])
        stories.append([[v.tobytes() for v in observation.values()] for observation in seen])
        env.close()
    assert stories[0] == stories[1]


def global_randomness():
    state = np.random.get_state(legacy=False)  # noqa: NPY002  # what is tested is that it stays
    return state["state"]["key"].copy()


def test_global_randomness_is_neither_used_nor_disturbed():
    stories, states = [], []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002  # the global generator is what is tested
        before = global_randomness()
        world = TripWorld(8, level=4, layouts=8)
        world.reset(np.arange(8), seeds=np.arange(8))
        for _ in range(50):
            world.step(oracle_actions(world))
        stories.append(world.senses.tobytes())
        states.append(np.array_equal(global_randomness(), before))
    assert stories[0] == stories[1]
    assert all(states)
