"""A blocked action is felt, told and counted; forks are exact; Gymnasium's promises hold."""

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from minigrid.core.grid import Grid
from minigrid.core.mission import MissionSpace
from minigrid.core.world_object import Ball, Box, Door, Floor, Goal, Key, Lava, Wall
from minigrid.minigrid_env import MiniGridEnv

from envs.babyai.env import BabyAIEnv, BabyAIVectorEnv
from envs.babyai.levels import Levels
from envs.babyai.spec import BABYAI
from envs.babyai.vocabulary import Action, Cause, EventKind, mission_words
from envs.babyai.world import BabyAIWorld

ID = "BabyAI-PutNextLocal-v0"
TOUCH = BABYAI.senses["touch"]


class Corridor(MiniGridEnv):
    """One cell to stand on, with something in front; the avatar looks east."""

    def __init__(self, front, held):
        self._front, self._held = front, held
        super().__init__(MissionSpace(lambda: "feel it"), width=4, height=3, max_steps=9)

    def _gen_grid(self, width, height):
        self.grid = Grid(width, height)
        self.grid.wall_rect(0, 0, width, height)
        self.grid.set(2, 1, self._front)
        self.agent_pos, self.agent_dir = (1, 1), 0
        self.mission = "feel it"

    def reset(self, **arguments):
        answer = super().reset(**arguments)
        self.carrying = self._held
        return answer


class CorridorLevels:
    width, height = 4, 3

    def __init__(self, front, held):
        self._env = Corridor(front, held)

    def reset(self, index, fresh=False):
        self._env.reset(seed=index)
        return self._env


def corridor(front=None, held=None):
    world = BabyAIWorld(1, levels=CorridorLevels(front, held), layouts=1)
    world.reset(np.arange(1), np.arange(1))
    return world


def felt(world):
    """Return the names of all that is felt."""
    return {name for name, value in zip(TOUCH, world.observation["touch"][0], strict=True) if value}


# ---- Touch ----


def locked(color="red"):
    return Door(color, is_locked=True)


@pytest.mark.parametrize(
    ("front", "held", "action", "names", "cause"),
    [
        (Wall(), None, "FORWARD", {"bump", "blocked_by_wall"}, "WALL"),
        (Door("red"), None, "FORWARD", {"bump", "blocked_by_door"}, "DOOR"),
        (locked(), None, "FORWARD", {"bump", "blocked_by_door"}, "DOOR"),
        (Key("red"), None, "FORWARD", {"bump", "blocked_by_thing"}, "KEY"),
        (Ball("red"), None, "FORWARD", {"bump", "blocked_by_thing"}, "BALL"),
        (Box("red"), None, "FORWARD", {"bump", "blocked_by_thing"}, "BOX"),
        (Ball("red"), None, "PICKUP", {"got_it"}, "BALL"),
        (Ball("red"), Key("red"), "PICKUP", {"still_full"}, "BALL"),
        (Wall(), None, "PICKUP", {"refused"}, "WALL"),
        (Wall(), Key("red"), "PICKUP", {"refused"}, "WALL"),
        (Door("red"), None, "PICKUP", {"refused"}, "DOOR"),
        (Goal(), None, "PICKUP", {"refused"}, "OTHER"),
        (Lava(), None, "PICKUP", {"refused"}, "OTHER"),
        (None, None, "PICKUP", {"nothing_there"}, "NONE"),
        (Floor(), Key("red"), "PICKUP", {"nothing_there"}, "NONE"),
        (None, None, "DROP", {"nothing_there"}, "NONE"),
        (Wall(), None, "DROP", {"nothing_there"}, "NONE"),
        (None, Key("red"), "DROP", {"put_down"}, "KEY"),
        (Floor(), Key("red"), "DROP", {"refused"}, "OTHER"),
        (Goal(), Key("red"), "DROP", {"refused"}, "OTHER"),
        (Wall(), Key("red"), "DROP", {"refused"}, "WALL"),
        (None, None, "TOGGLE", {"nothing_there"}, "NONE"),
        (Floor(), None, "TOGGLE", {"nothing_there"}, "NONE"),
        (Door("red"), None, "TOGGLE", {"opened"}, "DOOR"),
        (Door("red", is_open=True), None, "TOGGLE", {"shut"}, "DOOR"),
        (locked(), None, "TOGGLE", {"locked"}, "DOOR"),
        (locked(), Key("blue"), "TOGGLE", {"locked"}, "DOOR"),
        (locked(), Ball("red"), "TOGGLE", {"locked"}, "DOOR"),
        (locked(), Key("red"), "TOGGLE", {"opened"}, "DOOR"),
        (Box("red", Key("blue")), None, "TOGGLE", {"opened"}, "BOX"),
        (Ball("red"), None, "TOGGLE", {"refused"}, "BALL"),
        (Wall(), None, "TOGGLE", {"refused"}, "WALL"),
    ],
)
def test_what_an_action_met_is_felt_and_told(front, held, action, names, cause):
    world = corridor(front, held)
    world.step(np.array([Action[action]]))
    assert felt(world) == names
    event = world.events()[0]
    assert Cause(event["cause"]) == Cause[cause]
    name = EventKind(event["kind"]).name.lower()
    assert {"picked_up": "got_it"}.get(name, name) in names
    assert (event["row"], event["tick"], event["x"], event["y"]) == (0, 1, 1, 1)
    no_effect = names & {"bump", "nothing_there", "refused", "still_full", "locked"}
    assert world.score(np.arange(1))["no_effect"][0] == bool(no_effect)


@pytest.mark.parametrize("front", [None, Floor(), Goal(), Lava(), Door("red", is_open=True)])
def test_a_free_way_is_felt_as_progress_only(front):
    world = corridor(front)
    world.step(np.array([Action.FORWARD]))
    assert felt(world) == set()
    assert len(world.events()) == 0
    assert world.observation["proprio"][0, BABYAI.senses["proprio"].index("progress")] == 1.0
    assert world.pose(0) == (2, 1, 0)


@pytest.mark.parametrize(("action", "turn"), [("LEFT", -1.0), ("RIGHT", 1.0), ("DONE", 0.0)])
def test_turning_and_waiting_are_not_touch(action, turn):
    world = corridor(Wall())
    world.step(np.array([Action[action]]))
    assert felt(world) == set()
    assert world.observation["proprio"][0, BABYAI.senses["proprio"].index("last_turn")] == turn


def test_touch_lasts_one_tick():
    world = corridor(Wall())
    world.step(np.array([Action.FORWARD]))
    world.step(np.array([Action.DONE]))
    assert felt(world) == set()


def test_at_the_start_a_body_rests_and_has_done_nothing():
    seen = corridor(Wall()).observation
    for sense, names in BABYAI.senses.items():
        for name, value in zip(names, seen[sense][0], strict=True):
            assert value == BABYAI.columns[sense][BABYAI.column(sense, name)].rest, (sense, name)


def test_the_last_command_is_felt():
    world = corridor(Wall())
    for action in Action:
        world.step(np.array([action]))
        assert np.flatnonzero(world.observation["efference"][0]).tolist() == [action]


def test_what_was_done_in_vain_is_counted():
    world = corridor(Wall())
    for name in ("FORWARD", "FORWARD", "PICKUP", "PICKUP", "DONE", "PICKUP", "LEFT", "LEFT"):
        world.step(np.array([Action[name]]))
    score = {name: values[0] for name, values in world.score(np.arange(1)).items()}
    assert (score["ticks"], score["actions"], score["waits"]) == (8, 7, 1)
    assert (score["no_effect"], score["repeats"], score["cells_walked"]) == (5, 2, 0)
    assert (score["success"], score["failed"], score["mission"]) == (False, False, 5)


def test_a_box_leaves_what_it_held_and_a_key_opens_once():
    world = corridor(Box("red", Key("blue")))
    for name in ("TOGGLE", "PICKUP"):
        world.step(np.array([Action[name]]))
    assert felt(world) == {"got_it"}
    assert world.observation["image"][0, 3, 6].tolist() == [5, 2, 0]
    assert world.observation["image"][0, 3, 5].tolist() == [1, 0, 0]


def test_a_mission_is_read_in_words_and_its_kind_is_told():
    for kind, task in enumerate(("goto", "pickup", "open", "putnext", "pick_up_seq_go_to")):
        world = BabyAIWorld(4, levels=Levels(task=task), layouts=8)
        world.reset(np.arange(4), np.arange(4))
        assert (world.score(np.arange(4))["mission"] == kind).all()
        assert world.mission_words(2) == mission_words(world.observation["mission"][2])
        assert world.mission_words(2).split()[0] == ("go", "pick", "open", "put", "pick")[kind] or (
            kind == 4
        )


# ---- Forks and noise ----


def lively_world(rows=8, ticks=40, seed=0):
    world = BabyAIWorld(rows, levels=Levels(id=ID, split="any"), layouts=8)
    world.reset(np.arange(rows), seed + np.arange(rows))
    story(world, ticks, seed)
    return world


def story(world, ticks=60, seed=9):
    """Live on at random; return all that was observed, rewarded and told."""
    rng, told = np.random.default_rng(seed), []
    for _ in range(ticks):
        world.step(rng.integers(0, 7, world.num_envs))
        done = np.flatnonzero(world.terminated | world.truncated)
        parts = (*world.observation.values(), world.rewards, world.terminated, world.truncated)
        told.append((*(part.tobytes() for part in parts), world.events().tolist()))
        if len(done):
            world.reset(done)
    return told


def test_what_follows_a_fork_replays_bit_for_bit_here_and_elsewhere():
    world = lively_world()
    seen = {name: values.copy() for name, values in world.observation.items()}
    state = world.fork_state()
    first = story(world)
    other = BabyAIWorld(8, levels=Levels(id=ID, split="any"), layouts=8)
    for again in (world, other):
        again.load_state(state)
        for name, values in again.observation.items():
            assert np.array_equal(values, seen[name]), name
        assert story(again) == first


def test_some_rows_replay_in_other_rows():
    world, other = lively_world(seed=1), lively_world(seed=2)
    source, target = np.array([3, 6]), np.array([5, 0])
    other.load_state(world.fork_state(source), rows=target)
    rng = np.random.default_rng(4)
    for _ in range(40):
        actions, theirs = rng.integers(0, 7, (2, 8))
        theirs[target] = actions[source]
        world.step(actions)
        other.step(theirs)
        for name, values in world.observation.items():
            assert np.array_equal(values[source], other.observation[name][target]), name
        assert np.array_equal(world.rewards[source], other.rewards[target])


def test_a_fork_can_be_kept_on_disk_without_pickle(tmp_path):
    world = lively_world()
    # None of its parts has the name of an option of `savez`.
    np.savez(tmp_path / "fork.npz", **world.fork_state())  # pyright: ignore[reportArgumentType]
    first = story(world)
    with np.load(tmp_path / "fork.npz", allow_pickle=False) as kept:
        world.load_state(dict(kept))
    assert story(world) == first


@pytest.mark.parametrize(
    ("levels", "layouts", "rows"),
    [
        (Levels(id="BabyAI-PutNextLocalS6N4-v0", split="any"), 8, 8),
        (Levels(id=ID, split="train"), 8, 8),
        (Levels(id=ID, split="any"), 1, 8),
        (Levels(id=ID, split="any"), 8, 7),
    ],
)
def test_the_state_of_another_world_is_refused_in_one_line(levels, layouts, rows):
    state = lively_world().fork_state()
    world = BabyAIWorld(rows, levels=levels, layouts=layouts)
    with pytest.raises(ValueError, match="expected") as error:
        world.load_state(state)
    assert "\n" not in str(error.value)


def test_an_avatar_has_the_same_levels_alone_and_among_others():
    batch, alone = BabyAIVectorEnv(6, layouts=64), BabyAIVectorEnv(1, layouts=64)
    batch.reset(seed=3)
    alone.reset(seed=7)  # rows are seeded 3, 4, 5, 6, 7, 8
    for _ in range(150):
        ours, theirs = batch.step(np.full(6, 2)), alone.step(np.full(1, 2))
        for name in ours[0]:
            assert np.array_equal(ours[0][name][4], theirs[0][name][0]), name
    one, other = batch.world, alone.world
    assert isinstance(one, BabyAIWorld)
    assert isinstance(other, BabyAIWorld)
    assert one.bodies["episode"][4] == other.bodies["episode"][0] == 1


# ---- Gymnasium ----


@pytest.mark.parametrize("arguments", [{}, {"level_id": "MiniGrid-LavaGapS5-v0", "split": "any"}])
def test_the_checker_has_nothing_to_say(arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(BabyAIEnv(**arguments, layouts=8), skip_render_check=True)


def test_make_vec_is_the_compiled_batch():
    env = gymnasium.make_vec("envs:BabyAI-v0", num_envs=5, task="goto", layouts=8)
    assert isinstance(env.unwrapped, BabyAIVectorEnv)
    assert isinstance(env.unwrapped.world, BabyAIWorld)
    observation, _ = env.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(140):
        observation, reward, terminated, truncated, infos = env.step(rng.integers(0, 7, 5))
        assert env.observation_space.contains(observation)
        done = terminated | truncated
        assert (observation["clock"][done] == 0).all()
        for row in np.flatnonzero(done):
            assert infos["final_obs"][row]["clock"][0] == infos["final_info"]["ticks"][row]
            assert infos["final_info"]["success"][row] == (reward[row] > 0)


@pytest.mark.parametrize("number", [0, -1, True, 1.5])
def test_a_wrong_number_is_refused_in_one_line(number):
    for arguments in ({"num_envs": number}, {"num_envs": 1, "layouts": number}):
        with pytest.raises(ValueError, match="must be a whole number of at least 1"):
            BabyAIWorld(levels=Levels(task="goto"), **arguments)
