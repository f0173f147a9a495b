"""Forks are exact: what has been lived once can be lived again, bit for bit, and otherwise too."""

import numpy as np
import pytest

from envs.engine.body_senses import Posture
from envs.trip.env import TripEnv, TripVectorEnv
from envs.trip.oracle import oracle_actions
from envs.trip.vocabulary import Action
from envs.trip.world import TripWorld

BATCH = 32
ALL = np.arange(BATCH)


def lively_world(seed=0, level=4, ticks=60):
    """Return a world some ticks into its lives, without an episode that has ended."""
    world = TripWorld(BATCH, level=level, layouts=16)
    world.reset(ALL, seeds=seed + ALL)
    rng = np.random.default_rng(seed)
    for _ in range(ticks):
        live_a_tick(world, rng.integers(0, 14, BATCH))
    return world


def live_a_tick(world, noise):
    """Let the oracle or a random command lead each body; finished ones begin anew."""
    rows = np.arange(world.num_envs)
    world.step(np.where(rows % 2 == 0, oracle_actions(world, careful=False), noise))
    finished = np.flatnonzero(world.terminated | world.truncated)
    if len(finished):
        world.reset(finished)


def story(world, ticks=80, seed=9):
    """Live on; return all that was observed, rewarded and told, tick by tick."""
    rng = np.random.default_rng(seed)
    told = []
    for _ in range(ticks):
        live_a_tick(world, rng.integers(0, 14, BATCH)[: world.num_envs])
        parts = (*world.observation.values(), world.rewards, world.terminated)
        told.append((*(part.tobytes() for part in parts), world.events().tolist()))
    return told


def assert_same(one, other):
    for name in one.dtype.names:
        assert np.array_equal(one[name], other[name]), name


@pytest.mark.parametrize("level", [4, 5])
def test_what_follows_a_fork_replays_bit_for_bit(level):
    world = lively_world(level=level)
    seen = {name: values.copy() for name, values in world.observation.items()}
    state = world.fork_state()
    first = story(world)
    world.load_state(state)
    for name, values in world.observation.items():
        assert np.array_equal(values, seen[name]), name
    assert story(world) == first


def test_what_persons_say_replays_too_in_the_same_context():
    world = TripWorld(BATCH, level=5, layouts=64)
    world.reset(ALL, seeds=ALL)
    state, heard = world.fork_state(), []
    for _ in range(2):
        told = []
        for _ in range(14):
            world.step(np.full(BATCH, Action.DONE))
            told += [world.observation["heard"].copy(), world.events().tolist()]
        heard.append(told)
        looks, contexts = world.bodies["looks"].copy(), world.bodies["context"].copy()
        world.reset(ALL, seeds=ALL + 1000)
        assert (world.bodies["looks"] != looks).any()
        world.load_state(state)
        assert_same(world.bodies[["looks", "context"]], state["bodies"][["looks", "context"]])
        assert np.array_equal(world.bodies["looks"], looks)
        assert np.array_equal(world.bodies["context"], contexts)
    assert str(heard[0]) == str(heard[1])
    assert sum((one[:, 0] > 0).sum() for one in heard[0][::2]) > BATCH


def test_a_fork_is_a_copy_that_the_world_does_not_change():
    world = lively_world()
    state = world.fork_state()
    kept = {name: part.copy() for name, part in state.items()}
    story(world, ticks=20)
    for name, part in state.items():
        assert_same(part, kept[name])
    world.load_state(state)
    story(world, ticks=20)
    for name, part in state.items():
        assert_same(part, kept[name])


def test_another_world_lives_on_from_a_fork_like_the_first():
    world = lively_world()
    other = TripWorld(BATCH, level=4, layouts=16)
    other.load_state(world.fork_state())
    assert story(other) == story(world)


def test_some_rows_replay_in_other_rows_of_another_world():
    world, other = lively_world(seed=1), lively_world(seed=2)
    source, target = np.array([3, 8, 21]), np.array([30, 0, 5])
    untouched = np.setdiff1d(ALL, target)
    bystanders = other.bodies[untouched].copy()
    other.load_state(world.fork_state(source), rows=target)
    assert_same(other.bodies[untouched], bystanders)
    rng = np.random.default_rng(4)
    for _ in range(60):
        commands = rng.integers(0, 14, BATCH)
        theirs = rng.integers(0, 14, BATCH)
        theirs[target] = commands[source]
        world.step(commands)
        other.step(theirs)
        assert_same(world.bodies[source], other.bodies[target])
        assert np.array_equal(world.objects[source], other.objects[target])
        assert np.array_equal(world.rewards[source], other.rewards[target])
        for name, values in world.observation.items():
            assert np.array_equal(values[source], other.observation[name][target]), name


def test_a_fork_can_be_kept_on_disk_without_pickle(tmp_path):
    world = lively_world()
    # None of its parts has the name of an option of `savez`.
    np.savez(tmp_path / "fork.npz", **world.fork_state())  # pyright: ignore[reportArgumentType]
    with np.load(tmp_path / "fork.npz", allow_pickle=False) as kept:
        other = TripWorld(BATCH, level=4, layouts=16)
        other.load_state(dict(kept))
    assert story(other) == story(world)


def test_another_reflex_leads_elsewhere():
    world = TripWorld(64, level=2)
    world.reset(np.arange(64), seeds=np.arange(64))
    stumbles, falls = [], []
    for _ in range(120):
        before = world.bodies["posture"].copy()
        world.step(oracle_actions(world, careful=False))
        begun = (world.bodies["posture"] == Posture.STUMBLE) & (before != Posture.STUMBLE)
        if begun.any():
            stumbles.append(world.fork_state(np.flatnonzero(begun)))
    state = {name: np.concatenate([part[name] for part in stumbles]) for name in stumbles[0]}
    count = len(state["bodies"])
    assert count > 15
    for reflex in (Action.STEP_HIGH, Action.DONE):
        trial = TripWorld(count, level=2)
        trial.load_state(state)
        earlier = trial.bodies["falls"].copy()
        for _ in range(12):
            still = trial.bodies["posture"] == Posture.STUMBLE
            trial.step(np.where(still, reflex, Action.DONE))
        falls.append(trial.bodies["falls"] > earlier)
    lifted, lowered = falls
    assert (lifted & ~lowered).any()
    assert (lowered & ~lifted).any()


def test_both_faces_fork():
    for env, commands in (
        (TripEnv(level=3), [2] * 30),
        (TripVectorEnv(2, level=3), [np.array([2, 7])] * 30),
    ):
        env.reset(seed=3)
        state = env.fork_state()
        ends = []
        for _ in range(2):
            env.load_state(state)
            for command in commands:
                last = env.step(command)
            ends.append(last)
        for name, values in ends[0][0].items():
            assert np.array_equal(values, ends[1][0][name]), name
        assert np.array_equal(ends[0][1], ends[1][1])
        env.close()


def test_a_fork_may_be_where_a_face_begins():
    lived = TripVectorEnv(2, level=3)
    lived.reset(seed=3)
    fresh = TripVectorEnv(2, level=3)
    fresh.load_state(lived.fork_state())
    commands = np.array([2, 7])
    assert np.array_equal(fresh.step(commands)[1], lived.step(commands)[1])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: {},
        lambda state: {"bodies": state["bodies"]},
        lambda state: state | {"bodies": state["bodies"][:-1]},
        lambda state: state | {"objects": state["objects"][:-1]},
        lambda state: state | {"bodies": state["bodies"]["x"]},
        lambda state: state | {"bodies": state["objects"]},
        lambda state: state | {"objects": state["objects"][:, :3]},
    ],
)
def test_a_wrong_state_is_refused_and_changes_nothing(spoil):
    world = lively_world(ticks=5)
    bodies = world.bodies.copy()
    with pytest.raises(ValueError, match="expected") as refusal:
        world.load_state(spoil(world.fork_state()))
    assert "\n" not in str(refusal.value)
    assert_same(world.bodies, bodies)


@pytest.mark.parametrize("rows", [[0, 1, BATCH], [-1, 0, 1]])
def test_rows_that_the_world_does_not_have_are_refused(rows):
    world = lively_world(ticks=5)
    state = world.fork_state(np.arange(3))
    with pytest.raises(ValueError, match="row"):
        world.load_state(state, rows=np.array(rows))


@pytest.mark.parametrize(
    "other", [{"level": 2}, {"split": "test"}, {"shift": "S2"}, {"layouts": 4}]
)
def test_a_state_of_another_world_is_refused(other):
    state = lively_world(ticks=5).fork_state()
    world = TripWorld(BATCH, **({"level": 4, "layouts": 16} | other))
    with pytest.raises(ValueError, match="world"):
        world.load_state(state)
