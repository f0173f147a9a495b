"""A copy of an env, and what comes of its pickle, go on as the env does: exactly, and for ever."""

import copy
import hashlib
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import gymnasium
import numpy as np
import pytest

from envs.babyai.env import BabyAIEnv, BabyAIVectorEnv
from envs.forage.env import ForageEnv, ForageVectorEnv
from envs.trip.env import TripEnv, TripVectorEnv

# MiniGrid's own package steps the last ones, and says so in a warning.
pytestmark = pytest.mark.filterwarnings("ignore:.*is stepped by the minigrid package")
TRIP = {"level": 4, "layouts": 8}
PACKAGE = {"level_id": "MiniGrid-Dynamic-Obstacles-6x6-v0", "layouts": 8, "split": "any"}
TASK = {"task": "putnext", "layouts": 8}
FIELD = {"layouts": 8}
SINGLE = {
    "trip": (TripEnv, TRIP),
    "babyai": (BabyAIEnv, TASK),
    "forage": (ForageEnv, FIELD),
    "package": (BabyAIEnv, PACKAGE),
}
BATCHES = {
    "trip": (TripVectorEnv, TRIP | {"num_envs": 5}),
    "threads": (TripVectorEnv, TRIP | {"num_envs": 5, "threads": 2}),
    "babyai": (BabyAIVectorEnv, TASK | {"num_envs": 5}),
    "forage": (ForageVectorEnv, FIELD | {"num_envs": 5}),
    "next step": (BabyAIVectorEnv, TASK | {"num_envs": 5, "autoreset_mode": "NextStep"}),
    "package": (BabyAIVectorEnv, PACKAGE | {"num_envs": 3}),
}
MADE = {f"one {name}": made for name, made in SINGLE.items()} | BATCHES
WAYS = {"deepcopy": copy.deepcopy, "pickle": lambda env: pickle.loads(pickle.dumps(env))}


def begun(name, ticks=30):
    """Return an env in the middle of an episode, and its actions from then on."""
    make, options = MADE[name]
    env = make(**options)
    env.reset(seed=11)
    rng = np.random.default_rng(3)
    actions = rng.integers(0, env.unwrapped._actions, (400, *env.action_space.shape))
    for action in actions[:ticks]:
        step(env, action)
    return env, actions[ticks:]


def step(env, action):
    """Return what a step tells, and that of the reset that a single env needs after an end."""
    told = env.step(action)
    if not env.action_space.shape and (told[2] or told[3]):
        return told, env.reset()
    return (told,)


def plain(told):
    """Return all that an env told as bytes and plain values, which can be compared."""
    if isinstance(told, dict):
        return {name: plain(value) for name, value in told.items()}
    if isinstance(told, list | tuple):
        return [plain(value) for value in told]
    if isinstance(told, np.ndarray) and told.dtype == object:
        return [plain(value) for value in told]
    if isinstance(told, np.ndarray) and told.dtype.names:  # what pads its records is nothing
        return told.dtype.descr, told.tolist()
    if isinstance(told, np.ndarray | np.generic):
        return told.dtype.descr, told.shape, told.tobytes()
    return told


def life(env, actions):
    """Yield all that is told from now on, through ends, resets and another seed."""
    yield plain(env.world.observed(slice(None)))
    yield plain((env.world.rewards, env.world.events()))
    for action in actions[:200]:
        yield plain(step(env, action))
    yield plain(env.reset(seed=5))
    for action in actions[200:300]:
        yield plain(step(env, action))
    yield env.np_random_seed


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", MADE)
def test_a_copy_goes_on_as_the_original(name, way):
    env, actions = begun(name)
    copied = WAYS[way](env)
    expected = list(life(env, actions))  # first the one and then the other: neither moves the other
    assert list(life(copied, actions)) == expected
    assert len({str(moment) for moment in expected}) > 250  # something happens


@pytest.mark.parametrize("name", MADE)
def test_what_was_not_begun_can_be_copied_too(name):
    make, options = MADE[name]
    env = make(**options)
    for way in WAYS.values():
        copied = way(env)
        with pytest.raises(gymnasium.error.ResetNeeded):
            copied.render()
        copied.reset(seed=1)
        assert plain(copied.reset(seed=2)) == plain(way(env).reset(seed=2))


def test_a_copy_of_a_copy_and_a_fork_of_it_fit_together():
    env, actions = begun("babyai")
    fork = env.fork_state()
    copied = copy.deepcopy(pickle.loads(pickle.dumps(copy.deepcopy(env))))
    for action in actions[:20]:
        copied.step(action)
    copied.load_state(fork)
    env.load_state(fork)
    assert list(life(copied, actions))[2:] == list(life(env, actions))[2:]


@pytest.mark.parametrize("id", ["envs:Trip-v0", "envs:BabyAI-v0"])
def test_a_wrapped_env_is_copied_whole(id):
    env = gymnasium.make(id, layouts=8)
    env.reset(seed=1)
    env.step(2)
    for way in WAYS.values():
        copied, original = way(env), copy.deepcopy(env)
        assert copied.spec == env.spec
        for _ in range(20):
            assert plain(copied.step(2)) == plain(original.step(2))


@pytest.mark.slow
def test_a_pickle_goes_on_in_another_process(tmp_path):
    envs = [begun(name) for name in MADE]
    (tmp_path / "envs").write_bytes(pickle.dumps(envs))
    code = (
        "import pickle, sys\n"
        "from tests.envs.test_copies import digest, life\n"
        "for env, actions in pickle.load(open(sys.argv[1], 'rb')):\n"
        "    print(digest(life(env, actions)))\n"
    )
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, tmp_path / "envs"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == [digest(life(*lived)) for lived in envs]


def digest(moments):
    return hashlib.sha256(repr(list(moments)).encode()).hexdigest()


@pytest.mark.parametrize("name", ["one trip", "one babyai"])
def test_a_copy_is_quick_and_a_pickle_small(name):
    """As for a search: what never changes is shared, and never written."""
    make, options = MADE[name]
    env = make(**options | {"layouts": 4096})
    env.reset(seed=1)
    assert copy.deepcopy(env).world.layouts is env.world.layouts
    assert len(pickle.dumps(env)) < 60_000


def test_copies_may_begin_episodes_in_several_threads():
    """They share a bank, which fills as episodes begin."""
    env = BabyAIVectorEnv(1, layouts=64, task="putnext")
    env.reset(seed=1)

    def shown(copied):
        return [plain(copied.reset(seed=seed)) for seed in range(40)]

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(shown, [copy.deepcopy(env) for _ in range(4)]))
    fresh = BabyAIVectorEnv(1, layouts=64, task="putnext")
    assert told == [shown(fresh)] * 4


class Window:
    def __init__(self):
        self.shown = 0

    def show(self, frame):
        self.shown += 1

    def __deepcopy__(self, memo):
        raise AssertionError("a window was copied")

    def __reduce__(self):
        raise AssertionError("a window was pickled")


@pytest.mark.parametrize("way", WAYS)
def test_a_window_is_not_copied(way):
    env = TripEnv(level=4, layouts=8)
    env.render_mode, env._window = "human", Window()
    env.reset(seed=1)
    copied = WAYS[way](env)
    copied.step(2)
    copied.close()
    assert env._window.shown == 1
    env.step(2)
    assert env._window.shown == 2
