"""Contexts of `trip`: what is hidden in them, which rooms fit them, and how long they last."""

from inspect import signature

import gymnasium
import numpy as np
import pytest

from envs.babyai.env import BabyAIEnv, BabyAIVectorEnv
from envs.engine.random import mix
from envs.engine.world import World, WorldWithContexts
from envs.trip.contexts import (
    JOKERS,
    KINDS,
    LOOKS,
    NOTHING,
    WAYS,
    draw_context,
    fits,
    is_joker,
    is_worse,
    lived_by,
    look_of,
    object_of,
    said_by,
    ways_of,
)
from envs.trip.env import TripEnv, TripVectorEnv
from envs.trip.vocabulary import Action, Color, EventKind, Object
from envs.trip.world import TripWorld
from envs.trip.worldgen import SPLITS

COUNT = 3000


def context(number, split="train"):
    return np.uint64(draw_context(number, split == "test"))


def worse(context):
    """Return whether each look feels worse, (kinds, colors)."""
    looks = [is_worse(context, look) for look in range(LOOKS)]
    return np.array(looks).reshape(len(KINDS), len(Color))


@pytest.fixture(scope="module")
def contexts():
    return {split: [context(number, split) for number in range(COUNT)] for split in SPLITS}


# ---- What is in one ----


@pytest.mark.parametrize("split", SPLITS)
def test_half_of_the_colors_of_each_kind_are_worse(contexts, split):
    for one in contexts[split]:
        assert worse(one).sum(1).tolist() == [3] * len(KINDS)


def test_no_context_is_of_both_splits(contexts):
    train, test = (set(map(int, contexts[split])) for split in SPLITS)
    assert min(len(train), len(test)) > 500
    assert not train & test


def test_a_number_is_always_the_same_context(contexts):
    again = [context(number) for number in range(100)]
    assert again == contexts["train"][:100]
    assert len(set(again)) > 50
    assert context(2**31 - 1) == context(2**31 - 1) != context(2**31 - 2)


def test_some_kinds_are_exceptions_to_the_colors_in_two_of_them_and_most_are_not(contexts):
    table = np.array([worse(one) for one in contexts["train"]])
    votes = table.sum(1)
    clear = (votes != len(KINDS) / 2).all(1)  # what the colors are mostly like can be told
    differ = (table[clear] != (votes[clear] > len(KINDS) / 2)[:, None]).sum(2)
    assert np.isin(differ, (0, 2)).mean() > 0.99  # or the votes are wrong
    assert clear.mean() > 0.9
    assert 0.05 < (differ == 2).mean() < 0.25


def test_every_look_is_worse_in_half_of_the_lifetimes(contexts):
    share = np.mean([worse(one) for one in contexts["train"]], axis=0)
    assert share == pytest.approx(0.5, abs=0.06)


def test_a_look_is_a_kind_and_a_color_and_nothing_else_has_one():
    found = [object_of(look) for look in range(LOOKS)]
    assert found == [(kind, color) for kind in KINDS for color in Color]
    assert [look_of(*one) for one in found] == list(range(LOOKS))
    others = set(Object) - set(KINDS)
    assert {look_of(int(other), 0) for other in others} == {-1}


# ---- Persons ----


def lives(contexts, count=300):
    """Yield context, person and look of some lifetimes."""
    for one in contexts["train"][:count]:
        for person in Color:
            for look in range(0, LOOKS, 5):
                yield one, int(person), look


def test_a_joker_says_the_opposite_of_what_it_lived_and_others_say_what_they_lived(contexts):
    for one, person, look in lives(contexts):
        lived, said = lived_by(one, person, look), said_by(one, person, look)
        if lived == NOTHING or not is_joker(one, person):
            assert said == lived
        else:
            assert sorted((said, lived)) == [1, 2]


def test_one_person_in_six_is_a_joker_all_lifetime(contexts):
    jokers = [is_joker(one, int(person)) for one in contexts["train"] for person in Color]
    assert np.mean(jokers) == pytest.approx(JOKERS, abs=0.02)
    assert jokers[:6] == [is_joker(contexts["train"][0], int(person)) for person in Color]


def test_what_persons_lived_is_mostly_what_is_true_and_some_of_it_they_have_not(contexts):
    lived = [(lived_by(*life), is_worse(life[0], life[2])) for life in lives(contexts)]
    knows = np.array([verdict != NOTHING for verdict, _ in lived])
    right = np.array([(verdict == 2) == is_bad for verdict, is_bad in lived])
    assert 0.7 < knows.mean() < 0.8
    assert 0.85 < right[knows].mean() < 0.97


# ---- Rooms that fit ----


@pytest.mark.parametrize("split", SPLITS)
def test_the_ways_of_a_room_share_neither_kind_nor_color(split):
    for room in range(300):
        kinds, colors = zip(*(object_of(look) for look in looks(room, split)), strict=True)
        assert (len(set(kinds)), len(set(colors))) == (WAYS, WAYS)


def looks(room, split="train"):
    return ways_of(room, split == "test")[:WAYS]


def test_a_room_fits_where_exactly_one_of_its_ways_is_good(contexts):
    fitting = []
    for one in contexts["train"][:30]:
        for room in range(60):
            good = sum(not is_worse(one, look) for look in looks(room))
            fitting.append(bool(fits(room, False, one)))
            assert fitting[-1] == (good == 1)
    assert 0.2 < np.mean(fitting) < 0.6


@pytest.mark.parametrize("split", SPLITS)
def test_every_episode_is_in_a_room_with_exactly_one_good_way(split):
    world = TripWorld(400, level=5, split=split, layouts=256)
    rows, rooms = np.arange(400), []
    world.reset(rows, rows)
    for _ in range(4):
        rooms.append(world.bodies["layout"].copy())
        ways = world.layouts["ways"][world.bodies["layout"]]
        for row in rows:
            feel = [is_worse(world.bodies["looks"][row], look) for look in ways[row]]
            assert sum(feel) == WAYS - 1
        world.reset(rows)
    assert len(np.unique(world.bodies["looks"])) > 100
    assert (np.diff(rooms, axis=0) != 0).mean() > 0.9


@pytest.mark.parametrize("split", SPLITS)
def test_the_looks_of_the_ways_are_what_lies_in_the_cells_four_of_each(split):
    world = TripWorld(100, level=5, split=split, layouts=64)
    world.reset(np.arange(100), np.arange(100))
    used = np.unique(world.bodies["layout"])
    assert len(used) > 30
    for room in used:
        cells = world.layouts["cells"][room]
        lying = [look_of(int(cell & 0xFF), int(cell >> 8 & 0xFF)) for cell in cells.ravel()]
        found = {look: lying.count(look) for look in set(lying) - {-1}}
        assert found == dict.fromkeys(world.layouts["ways"][room].tolist(), 4)
        assert set(found) == set(looks(int(room), split))


# ---- A lifetime ----


def single(level=5, **options):
    return TripEnv(level=level, layouts=32, **options)


def batch(num_envs=4, level=5, **options):
    return TripVectorEnv(num_envs, level=level, layouts=32, **options)


def hidden(env):
    return env.world.bodies["looks"].tolist()


def test_a_lifetime_keeps_its_context_until_the_next_seed():
    for env in (single(), batch()):
        env.reset(seed=3)
        first, rooms = hidden(env), [env.world.bodies["layout"].tolist()]
        for _ in range(5):
            env.reset()
            assert hidden(env) == first
            rooms.append(env.world.bodies["layout"].tolist())
        assert len({str(room) for room in rooms}) > 1
        env.reset(seed=30)
        assert hidden(env) != first
        env.reset(seed=3)
        assert hidden(env) == first


def test_episodes_that_begin_by_themselves_are_of_the_same_lifetime():
    env = batch(max_episode_steps=5)
    env.reset(seed=3)
    first = hidden(env)
    for _ in range(18):
        env.step(np.full(4, Action.DONE))
    assert env.world.bodies["episode"].tolist() == [3] * 4
    assert hidden(env) == first


def test_a_context_can_be_chosen_for_all_or_one_a_row():
    env = batch()
    env.reset(seed=3, options={"context": 7})
    assert hidden(env) == [context(7)] * 4
    env.reset(seed=3, options={"context": [7, 8, np.int64(9), 0]})
    assert hidden(env) == [context(number) for number in (7, 8, 9, 0)]
    env.reset()
    assert hidden(env) == [context(number) for number in (7, 8, 9, 0)]
    env.reset(seed=[5, 6, 7, 8], options={
        "context": [1, 2, 3, 4], "reset_mask": np.array([False, True, False, True])
    })  # fmt: skip
    assert hidden(env) == [context(number) for number in (7, 2, 9, 4)]
    one = single(split="test")
    one.reset(seed=3, options={"context": 7})
    assert hidden(one) == [context(7, "test")]


def test_who_chooses_the_context_that_the_seed_would_draw_changes_nothing():
    env = single()
    drawn = env.reset(seed=3)
    number = int(env.world.bodies["context"][0])
    assert env.reset(seed=3, options={"context": number})[1] == drawn[1]
    assert env.reset(seed=3, options={"context": number + 1})[1] != drawn[1]


def test_a_later_episode_of_a_chosen_context_can_be_begun_at_once():
    env = single()
    env.reset(seed=3, options={"context": 7})
    env.reset()
    later = env.reset()[1]
    assert env.reset(seed=3, options={"context": 7, "episode": 2})[1] == later


@pytest.mark.parametrize("wrong", [-1, "7", 1.5, True, None, [1, 2], 2**63, 2**64, [[1], [2]]])
@pytest.mark.parametrize("make", [single, batch])
def test_a_context_that_there_is_not_is_refused(make, wrong):
    env = make()
    with pytest.raises(ValueError, match="context must be a whole number of at least 0"):
        env.reset(seed=1, options={"context": wrong})


@pytest.mark.parametrize("make", [single, batch])
def test_a_context_without_a_lifetime_that_begins_is_refused(make):
    env = make()
    for _ in range(2):
        with pytest.raises(ValueError, match="begins with a seed; give one"):
            env.reset(options={"context": 7})
        env.reset(seed=1)


@pytest.mark.parametrize("make", [BabyAIEnv, lambda **options: BabyAIVectorEnv(2, **options)])
def test_a_world_without_contexts_refuses_them(make):
    env = make(task="goto", layouts=4)
    with pytest.raises(ValueError, match="world 'babyai' has no contexts"):
        env.reset(seed=1, options={"context": 7})


def test_worlds_take_contexts_if_their_spec_says_so_and_lifetimes_begin_with_them():
    trip: WorldWithContexts = TripWorld(3, level=5, layouts=8)
    babyai: World = BabyAIVectorEnv(3, task="goto", layouts=4).world
    for world in (trip, babyai):
        takes = "contexts" in signature(world.reset).parameters
        assert takes == world.spec.has_contexts
    rows = np.arange(3)
    trip.reset(rows, rows, 0, contexts=np.array([7, 8, 9]))
    assert trip.fork_state()["bodies"]["looks"].tolist() == [context(n) for n in (7, 8, 9)]


# ---- Levels without ----


@pytest.mark.parametrize("level", [0, 2, 4])
def test_below_level_5_contexts_change_nothing_and_nobody_speaks(level):
    def life(number):
        env = batch(16, level=level)
        seen = [env.reset(seed=3, options={"context": number})[0]]
        assert hidden(env) == [0] * 16
        rng = np.random.default_rng(0)
        for _ in range(80):
            observation, *_, info = env.step(rng.choice([2, 2, 2, 7, 1, 5, 12], 16))
            seen.append(observation)
            assert not (info["events"]["kind"] == EventKind.TOLD).any()
        return seen

    for one, other in zip(life(7), life(8), strict=True):
        assert not one["heard"].any()
        for name, values in one.items():
            np.testing.assert_array_equal(values, other[name])


# ---- Alone and in a batch ----


def test_a_row_lives_the_same_alone_and_in_a_batch():
    rng = np.random.default_rng(5)
    actions = rng.choice([2, 2, 2, 2, 7, 0, 1, 5, 12, 12], (150, 4))
    env = batch(autoreset_mode="Disabled")
    told = [env.reset(seed=21)[0]]
    told += [env.step(some)[0] for some in actions]
    happened = []
    for row in range(4):
        alone = single()
        seen = [alone.reset(seed=21 + row)[0]]
        for action in actions[:, row]:
            observation, *_, info = alone.step(action)
            seen.append(observation)
            happened += [event["kind"] for event in info["events"]]
        for together, one in zip(told, seen, strict=True):
            for name, values in one.items():
                np.testing.assert_array_equal(together[name][row], values, name)
    assert {EventKind.TOLD, EventKind.BUMP} <= set(happened)
    assert sum(observation["heard"].any(1).sum() for observation in told) >= 8


def test_level_5_is_a_gymnasium_world_with_a_sense_of_hearing():
    env = gymnasium.make("envs:Trip-v0", level=5, layouts=8)
    observation, _ = env.reset(seed=1)
    assert observation["heard"].shape == (5,)
    assert env.observation_space.contains(observation)
    assert not env.observation_space.contains({**observation, "heard": observation["heard"] - 1})


def test_a_context_shows_in_nothing_but_what_is_felt_and_said():
    one, other = (TripWorld(300, level=5, layouts=64) for _ in range(2))
    for world, context in ((one, 1), (other, 2)):
        world.reset(np.arange(300), np.arange(300), contexts=np.full(300, context))
    alike = np.flatnonzero(one.bodies["layout"] == other.bodies["layout"])
    assert len(alike) > 20
    assert (one.bodies["looks"][alike] != other.bodies["looks"][alike]).all()
    for name, seen in one.observed(alike).items():
        assert np.array_equal(seen, other.observed(alike)[name]), name


# ---- A context that becomes another one ----


def lifetime_of(drift, episodes=4, bodies=8):
    """Return the looks and the layouts of each episode, (episodes, bodies) each."""
    world = TripWorld(bodies, level=5, drift=drift)
    rows = np.arange(bodies)
    world.reset(rows, seeds=rows)
    found = [world.bodies[["looks", "layout"]].copy()]
    for _ in range(episodes - 1):
        world.reset(rows)
        found.append(world.bodies[["looks", "layout"]].copy())
    return np.stack(found)


def test_a_context_that_drifts_is_another_one_from_then_on_and_the_same_before():
    always, drifts = lifetime_of(0), lifetime_of(2)
    assert (always[:2] == drifts[:2]).all()
    contexts = drifts["looks"]
    assert (contexts[1] != contexts[2]).all()
    assert (contexts[2] == contexts[3]).all()
    assert not any(mix(one) % np.uint64(5) == 0 for one in contexts.ravel())  # as of the test split


def test_a_room_after_the_drift_has_one_good_way_in_the_new_context():
    drifts = lifetime_of(1)
    for episode in drifts[1:]:
        for one in episode:
            worse = sum(bool(is_worse(one["looks"], look)) for look in looks(int(one["layout"])))
            assert worse == WAYS - 1


def test_a_fork_after_the_drift_goes_on_in_the_new_context():
    one, other = (TripWorld(2, level=5, drift=1) for _ in range(2))
    rows = np.arange(2)
    one.reset(rows, seeds=rows)
    one.reset(rows)
    other.load_state(one.fork_state())
    one.reset(rows)
    other.reset(rows)
    assert (one.bodies["looks"] == other.bodies["looks"]).all()


@pytest.mark.parametrize("drift", [-1, 1.5, True])
def test_a_drift_is_a_whole_number(drift):
    with pytest.raises(ValueError, match="drift must be a whole number"):
        TripWorld(1, level=5, drift=drift)


def test_nothing_drifts_below_level_5():
    with pytest.raises(ValueError, match="drift must be 0 below level 5, got 3"):
        TripWorld(1, level=4, drift=3)
