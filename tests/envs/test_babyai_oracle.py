"""The oracle of babyai: the fewest commands, by its own replay, by hand, by search and the bot."""

import numpy as np
import pytest
from drawn_levels import ClausesLevel, DrawnLevel, LevelsOf, breadth_first, world_of

from envs.babyai.env import BabyAIVectorEnv
from envs.babyai.levels import Levels
from envs.babyai.oracle import least_commands, shortest_plan
from envs.babyai.world import BabyAIWorld

BY_HAND = {
    "straight on": (("#####", "#>.G#", "#####"), 2),
    "turned round": (("#####", "#<.G#", "#####"), 4),
    "round a corner": (("#####", "#>..#", "#..G#", "#####"), 4),
    "a closed door": (("######", "#>d.G#", "######"), 4),
    "an open door": (("######", "#>o.G#", "######"), 3),
    "a locked door": (("#######", "#>kL.G#", "#######"), 6),
    "a key in a box": (("#######", "#>KL.G#", "#######"), 7),
    "a ball in the way": (("#####", "#>bG#", "#####"), 3),
    "two of them": (("######", "#>bxG#", "######"), 5),  # a box is opened, and gone
    "a way round would be longer": (("######", "#>b.G#", "#....#", "######"), 4),
    "lava": (("#####", "#>~G#", "#...#", "#####"), 7),
}


@pytest.mark.parametrize(("lines", "commands"), BY_HAND.values(), ids=BY_HAND)
def test_a_plan_is_as_long_as_one_counts_by_hand(lines, commands):
    plan = shortest_plan(world_of(LevelsOf(DrawnLevel(lines))), 0)
    assert plan is not None
    assert len(plan) == commands


@pytest.mark.parametrize(
    "lines",
    [("#####", "#>#G#", "#####"), ("#####", "#>~G#", "#####"), ("######", "#>L.G#", "######")],
)
def test_there_is_no_plan_where_nothing_succeeds(lines):
    assert shortest_plan(world_of(LevelsOf(DrawnLevel(lines))), 0) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kinds", "joined"),
    [
        (("put",), 1),
        *(((one, other), joined)
          for one in ("go", "pick", "put") for other in ("go", "pick", "put") for joined in (1, 2)),
        (("put", "go 0"), 1),  # from here on one object is spoken of twice
        (("put", "go 0"), 2),
        (("put", "pick 0"), 1),
        (("pick", "go 0"), 1),
        (("go", "put 0"), 1),
        (("put", "put 1"), 1),
        (("pick", "put 2"), 1),
        (("go", "go 0", "put 2"), 1),
        (("pick", "pick", "go"), 2),
        (("pick", "go", "pick"), 1),
        (("pick", "pick", "pick"), 2),
        (("put", "pick", "go"), 1),
    ],
)  # fmt: skip
def test_no_search_finds_a_shorter_one(kinds, joined):
    exact_and_never_more(LevelsOf(ClausesLevel(kinds, joined)))


def exact_and_never_more(levels):
    """Check plans against a search without any bound, and bounds against plans."""
    world = world_of(levels, 2)
    for row in range(2):
        plan = shortest_plan(world, row)
        assert plan is not None
        assert len(plan) == breadth_first(levels, world.fork_state(np.array([row])))
    for row in range(2):
        never_more_than_it_takes(world, row)


def never_more_than_it_takes(world, row):
    """Check at each step of a plan that what the search believes to be left is not more."""
    plan = shortest_plan(world, row)
    assert plan is not None
    for i, action in enumerate(plan):
        assert 1 <= least_commands(world, row) <= len(plan) - i
        actions = np.full(world.num_envs, 6)
        actions[row] = action
        world.step(actions)


@pytest.mark.slow
@pytest.mark.parametrize(
    "id",
    [
        "BabyAI-KeyCorridorS3R1-v0", "BabyAI-UnlockPickup-v0", "MiniGrid-DoorKey-6x6-v0",
        "MiniGrid-Fetch-5x5-N2-v0", "MiniGrid-ObstructedMaze-1Dlh-v0", "groundrush/Rooms-N2-v0",
    ],
)  # fmt: skip
def test_nor_in_levels_with_doors_keys_and_boxes(id):
    exact_and_never_more(Levels(id=id))


@pytest.mark.slow
@pytest.mark.parametrize(
    "id",
    [
        "BabyAI-GoToSeq-v0", "BabyAI-KeyInBox-v0", "BabyAI-MiniBossLevel-v0",
        "BabyAI-UnlockToUnlock-v0", "BabyAI-MoveTwoAcrossS5N2-v0", "groundrush/Subgoals-N3-v0",
    ],
)  # fmt: skip
def test_nor_is_more_believed_to_be_left_than_is_where_doors_are_passed_twice(id):
    world = world_of(Levels(id=id), 8, layouts=4096)
    for row in range(8):
        never_more_than_it_takes(world, row)


def bot_commands(levels, layout):
    """Return how many commands the package's bot takes; it sees no more than its view."""
    from minigrid.utils.baby_ai_bot import BabyAIBot

    env = levels.reset(layout, fresh=True)
    bot, count, over = BabyAIBot(env), 0, False
    while not over:
        action = bot.replan()
        assert action is not None
        _, reward, over, late, _ = env.step(int(action))
        count += 1
        assert not late
        assert not over or reward > 0
    return count


@pytest.mark.slow
@pytest.mark.parametrize(
    "id",
    [
        "groundrush/Subgoals-N2-v0", "groundrush/Subgoals-N4-v0", "BabyAI-PutNextLocal-v0",
        "BabyAI-KeyCorridorS3R2-v0", "BabyAI-UnblockPickup-v0", "BabyAI-Unlock-v0",
    ],
)  # fmt: skip
def test_a_plan_is_never_longer_than_the_package_s_bot(id):
    levels = Levels(id=id)
    world = world_of(levels, 4, layouts=256)
    for row in range(4):
        plan = shortest_plan(world, row)
        assert plan is not None
        assert len(plan) <= bot_commands(levels, int(world.bodies["layout"][row]))


def test_the_world_is_left_as_it_is_and_the_plan_succeeds_in_it_at_its_end_and_not_before():
    env = BabyAIVectorEnv(3, level_id="groundrush/Subgoals-N3-v0", autoreset_mode="Disabled")
    env.reset(seed=4)
    world, before = env.world, env.world.fork_state()
    assert isinstance(world, BabyAIWorld)
    plan = shortest_plan(world, 1)
    assert plan is not None
    assert all(np.array_equal(part, before[name]) for name, part in world.fork_state().items())
    for i, action in enumerate(plan):
        assert not world.bodies["succeeded"][1], i
        world.step(np.array([6, action, 6]))
    assert world.bodies["succeeded"].tolist() == [0, 1, 0]


def test_a_plan_goes_on_from_where_an_episode_has_come_to():
    world = world_of(LevelsOf(DrawnLevel(("#######", "#>kL.G#", "#######"))))
    for left in range(6, 0, -1):
        plan = shortest_plan(world, 0)
        assert plan is not None
        assert len(plan) == left
        world.step(plan[:1])


def test_whoever_may_not_go_through_enough_states_finds_none():
    world = world_of(LevelsOf(DrawnLevel(("#######", "#>kL.G#", "#######"))))
    assert shortest_plan(world, 0, states=3) is None
    assert shortest_plan(world, 0, configurations=2) is None
    assert shortest_plan(world, 0, configurations=64) is not None
