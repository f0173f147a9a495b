"""The package's own environments, as a world: they feel what the compiled engine feels."""

import warnings

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from minigrid.core.world_object import Ball, Wall
from side_by_side import Meddler

from envs.babyai.env import BabyAIEnv, BabyAIVectorEnv
from envs.babyai.levels import Levels
from envs.babyai.package import PackageWorld
from envs.babyai.spec import BABYAI
from envs.babyai.vocabulary import Action, Cause, EventKind
from envs.babyai.world import BabyAIWorld

ROWS = np.arange(3)
OBSTACLES = "MiniGrid-Dynamic-Obstacles-6x6-v0"
COVERED = (
    {"task": "mixed"},
    {"id": "BabyAI-KeyInBox-v0"},
    {"id": "BabyAI-PutNextS5N2Carrying-v0"},
    {"id": "BabyAI-BossLevel-v0"},
    {"id": "MiniGrid-DoorKey-6x6-v0"},
    {"id": "MiniGrid-LavaCrossingS9N1-v0"},
    {"id": "MiniGrid-MemoryS7-v0"},
    {"id": "MiniGrid-Fetch-5x5-N2-v0"},
)


def world_of(kind: type = PackageWorld, seed=0, layouts=8, **arguments):
    world = kind(len(ROWS), levels=Levels(split="any", **arguments), layouts=layouts)
    world.reset(ROWS, ROWS + seed)
    return world


def told(world):
    """Return all that a world says of a tick."""
    facts = dict(world.observation) | world.score(ROWS)
    facts |= {"rewards": world.rewards, "over": world.terminated, "up": world.truncated}
    facts |= {"events": world.events(), "words": [world.mission_words(row) for row in ROWS]}
    facts |= {"pose": [world.pose(row) for row in ROWS], "grid": [world.grid(row) for row in ROWS]}
    return {name: np.array(fact) for name, fact in facts.items()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name, fact in one.items():
        assert np.array_equal(fact, other[name]), name


def begin_finished(*worlds):
    finished = np.flatnonzero(worlds[0].terminated | worlds[0].truncated)
    for world in worlds:
        world.reset(finished)


def felt(world, row=0):
    """Return the names of what a row's touch feels."""
    touch = world.observation["touch"][row]
    return {name for name, value in zip(BABYAI.senses["touch"], touch, strict=True) if value}


# ---- Side by side with the compiled engine ----


@pytest.mark.slow
@pytest.mark.parametrize("arguments", COVERED)
def test_what_the_package_is_felt_to_do_is_what_the_engine_feels(arguments):
    package, engine = world_of(**arguments), world_of(BabyAIWorld, **arguments)
    assert_same(told(package), told(engine))
    meddlers = [Meddler((7, row)) for row in ROWS]
    kinds = set()
    for _ in range(160):
        begin_finished(package, engine)
        actions = [meddlers[row].act(package.envs[row]) for row in ROWS]
        package.step(np.array(actions))
        engine.step(np.array(actions))
        assert_same(told(package), told(engine))
        kinds |= set(package.events()["kind"].tolist())
    assert len(kinds) > 1


def test_the_same_seeds_lead_through_the_same_layouts():
    arguments = {"task": "mixed", "layouts": 50}
    package, engine = world_of(**arguments), world_of(BabyAIWorld, **arguments)
    for _ in range(6):
        assert np.array_equal(package.bodies["layout"], engine.bodies["layout"])
        package.reset(ROWS)
        engine.reset(ROWS)
    assert len(set(package.bodies["layout"].tolist())) == 3


# ---- What only the package has ----


def test_an_obstacle_that_comes_is_bumped_into_and_ends_the_episode():
    world = world_of(id=OBSTACLES)
    env = world.envs[0]
    env.grid.set(*env.front_pos, ball := Ball("blue"))
    ball.cur_pos = tuple(env.front_pos)
    env.obstacles = []
    world.step(np.array([Action.FORWARD, Action.LEFT, Action.LEFT]))
    assert felt(world) == {"bump", "blocked_by_thing"}
    assert world.rewards[0, 0] == -1
    assert world.terminated.tolist() == [True, False, False]
    assert world.score(ROWS)["failed"].tolist() == [True, False, False]
    event = world.events()
    assert event[["row", "kind", "cause"]].tolist() == [(0, EventKind.BUMP, Cause.BALL)]


def test_a_command_that_an_environment_takes_for_another_is_felt_as_what_it_did():
    world = world_of(id=OBSTACLES)
    world.step(np.full(3, Action.PICKUP))
    assert felt(world) == set()
    assert world.observation["proprio"][0, BABYAI.senses["proprio"].index("last_turn")] == -1
    assert world.observation["efference"][0].argmax() == Action.PICKUP


def test_a_row_that_tries_again_in_vain_is_counted():
    world = world_of(id="BabyAI-GoToLocal-v0")
    for env in world.envs:
        env.grid.set(*env.front_pos, Wall())
    for action in (Action.PICKUP, Action.PICKUP, Action.DONE, Action.PICKUP, Action.FORWARD):
        world.step(np.full(3, action))
    score = world.score(ROWS)
    assert score["no_effect"].tolist() == [4] * 3
    assert score["repeats"].tolist() == [1] * 3
    assert score["waits"].tolist() == [1] * 3
    assert score["actions"].tolist() == [4] * 3
    assert score["cells_walked"].tolist() == [0] * 3


# ---- Forks ----


@pytest.mark.parametrize("id", [OBSTACLES, "BabyAI-GoToSeqS5R2-v0"])
def test_a_fork_replays_exactly_and_more_than_once(id):
    world, rng = world_of(id=id), np.random.default_rng(3)

    def story(commands):
        facts = []
        for actions in commands:
            begin_finished(world)
            world.step(actions)
            facts.append(told(world))
        return facts

    story(rng.integers(0, 3, (10, 3)))
    state, commands = world.fork_state(), rng.integers(0, 3, (25, 3))
    first = story(commands)
    for _ in range(2):
        world.load_state(state)
        for one, other in zip(first, story(commands), strict=True):
            assert_same(one, other)


def test_a_row_can_be_put_into_another_row():
    world = world_of(task="goto")
    world.load_state(world.fork_state(np.array([2])), np.array([0]))
    world.step(np.full(3, Action.RIGHT))
    after = told(world)
    assert np.array_equal(after["image"][0], after["image"][2])
    assert after["pose"][0].tolist() == after["pose"][2].tolist()
    assert world.envs[0] is not world.envs[2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("envs"), "expected the 'envs' that fork_state returned"),
        (lambda state: state.update(bodies=state["bodies"][:2]), "expected the 'bodies'"),
        (lambda state: state["bodies"].__setitem__("bank", 5), "of the same levels"),
    ],
)
def test_a_state_of_another_world_is_refused(change, said):
    world = world_of(task="goto")
    state = world.fork_state()
    change(state)
    with pytest.raises(ValueError, match=said):
        world.load_state(state)


# ---- As an environment ----


def test_an_id_that_the_engine_does_not_cover_runs_and_says_so():
    with pytest.warns(UserWarning, match="Dynamic-Obstacles.*by the minigrid package itself"):
        env = BabyAIVectorEnv(2, level_id=OBSTACLES, layouts=8, split="any")
    assert isinstance(env.world, PackageWorld)
    env.reset(seed=0)
    rng, ended = np.random.default_rng(0), 0
    for _ in range(60):
        observation, reward, terminated, truncated, info = env.step(rng.integers(0, 3, 2))
        assert observation in env.observation_space
        ended += (terminated | truncated).sum()
        if terminated.any():
            assert reward[terminated].min() >= -1
            assert not info["final_info"]["success"][~terminated].any()
    assert ended > 2


def test_the_single_env_passes_gymnasiums_checker():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_env(BabyAIEnv(level_id=OBSTACLES, split="any"), skip_render_check=True)


@pytest.mark.parametrize(("name", "value"), [("num_envs", 0), ("layouts", True)])
def test_a_number_that_is_not_at_least_one_is_refused(name, value):
    arguments = {"num_envs": 1, "layouts": 4} | {name: value}
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1"):
        PackageWorld(levels=Levels(task="goto"), **arguments)
