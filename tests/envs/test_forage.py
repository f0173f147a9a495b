"""The rules of `forage`: eating and what comes of it, water, fire, sleep, night, persons."""

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from envs.engine.view import HEADINGS
from envs.forage.constants import load_constants
from envs.forage.contexts import (
    DEALT,
    FOOD_COUNT,
    JOKERS,
    KNOWN,
    draw_context,
    fits,
    hash_of,
    is_joker,
    said_by,
)
from envs.forage.env import ForageEnv, ForageVectorEnv
from envs.forage.vocabulary import (
    FOODS,
    PHRASINGS,
    TRAINED_PHRASINGS,
    Action,
    Color,
    Effect,
    EventKind,
    Object,
    Verdict,
    heard_words,
)
from envs.forage.world import ForageWorld

RULES = load_constants()[0]
DONE, TOGGLE = Action.DONE, Action.TOGGLE


@pytest.fixture
def world():
    """One body on a field, with steady needs: nothing changes but by what it does."""
    world = ForageWorld(1, constants={"energy_use": 0.0, "protein_use": 0.0, "water_use": 0.0})
    world.reset(np.arange(1), np.array([3]))
    return world


def stand_before(world, x, y):
    """Put the body on a free cell beside (x, y), facing it."""
    cells = world.layouts[world.bodies["layout"][0]]["cells"]
    taken = {(int(obj["x"]), int(obj["y"])) for obj in world.objects[0] if obj["kind"]}
    for heading, (dx, dy) in enumerate(HEADINGS):
        cell = (int(x) - dx, int(y) - dy)
        if cells[cell[1], cell[0]] == Object.EMPTY and cell not in taken:
            state = world.fork_state()
            state["bodies"]["x"], state["bodies"]["y"] = cell
            state["bodies"]["heading"] = heading
            world.load_state(state)
            return
    raise AssertionError("nowhere to stand")


def stand_before_plant(world, effect, plant=0):
    """Put the body before a plant whose food has that effect in this lifetime."""
    layout = world.layouts[world.bodies["layout"][0]]
    world.bodies["effects"][0, layout["foods"][plant]] = effect
    stand_before(world, layout["plant_x"][plant], layout["plant_y"][plant])


def place_of(world, object):
    """Return x and y of an object of the layout."""
    cells = world.layouts[world.bodies["layout"][0]]["cells"] & 0xFF
    y, x = np.argwhere(cells == object)[0]
    return int(x), int(y)


def step(world, action, ticks=1):
    """Return the kinds of all events of so many ticks, with their tick."""
    found = []
    for _ in range(ticks):
        world.step(np.array([action], np.int64))
        found += [(EventKind(event["kind"]), int(event["tick"])) for event in world.events()]
    return [one for one in found if one[0] is not EventKind.TOLD]


def eat(world):
    """Let the body eat one fruit of the plant ahead."""
    events = step(world, TOGGLE, int(RULES["bite_ticks"]))
    assert [kind for kind, _ in events] == [EventKind.ATE]


# ---- Eating ----


@pytest.mark.parametrize(
    ("effect", "kind", "need"),
    [
        (Effect.ENERGY, EventKind.GAVE_ENERGY, "energy"),
        (Effect.PROTEIN, EventKind.GAVE_PROTEIN, "protein"),
        (Effect.WATER, EventKind.GAVE_WATER, "water"),
        (Effect.NOTHING, EventKind.GAVE_NOTHING, None),
    ],
)
def test_a_meal_does_what_it_does_and_not_at_once(world, effect, kind, need):
    stand_before_plant(world, effect)
    eat(world)
    before = world.bodies[0].copy()
    events = step(world, DONE, int(RULES["delay_most"]) + 1)
    assert [one for one, _ in events] == [kind]
    assert RULES["delay_least"] <= events[0][1] - before["tick"] <= RULES["delay_most"]
    for name in ("energy", "protein", "water"):
        more = world.bodies[0][name] - before[name]
        assert more == pytest.approx(min(RULES[f"gives_{name}"], 1 - before[name]) * (name == need))


def test_what_makes_ill_is_sweet_at_first_and_hurts_for_long(world):
    stand_before_plant(world, Effect.ILLNESS)
    energy = float(world.bodies["energy"][0])
    eat(world)
    assert world.bodies["energy"][0] == pytest.approx(energy + RULES["tempts"])
    assert world.bodies["belly"][0] == 0.0
    step(world, DONE, int(RULES["delay_most"]) + 1)
    assert world.bodies["belly"][0] > RULES["pain_most"]
    assert world.bodies["times_ill"][0] == 1
    ill = int(world.bodies["ill_ticks"][0])
    step(world, DONE, ill + 1)
    assert world.bodies["belly"][0] == 0.0


def test_meals_leave_the_gut_in_the_order_in_which_they_were_eaten(world):
    for plant in range(4):
        stand_before_plant(world, Effect.NOTHING, plant)
        eat(world)
    eaten = world.bodies["meal"][0].tolist()
    told = []
    for _ in range(150):
        world.step(np.array([DONE], np.int64))
        told += [
            FOODS.index(Object(event["object"])) * len(Color) + int(event["color"])
            for event in world.events()
            if event["kind"] == EventKind.GAVE_NOTHING
        ]
    assert told == eaten


def test_fruits_run_out_and_grow_again(world):
    stand_before_plant(world, Effect.NOTHING)
    for _ in range(int(RULES["most_ripe"])):
        eat(world)
    assert world.bodies["ripe"][0, 0] == 0
    kinds = [kind for kind, _ in step(world, TOGGLE, 3)]
    assert kinds == [EventKind.REFUSED]
    step(world, DONE, int(RULES["regrows_ticks"]))
    assert world.bodies["ripe"][0, 0] == 1


def test_a_full_belly_takes_no_more():
    world = ForageWorld(1, constants={"delay_least": 500, "delay_most": 501, "most_ripe": 9})
    world.reset(np.arange(1), np.array([3]))
    stand_before_plant(world, Effect.ENERGY)
    for _ in range(4):
        eat(world)
    assert step(world, TOGGLE)[0][0] is EventKind.REFUSED


def test_whoever_stops_biting_begins_anew(world):
    stand_before_plant(world, Effect.NOTHING)
    step(world, TOGGLE, int(RULES["bite_ticks"]) - 1)
    step(world, DONE)
    assert step(world, TOGGLE, int(RULES["bite_ticks"]) - 1) == []


# ---- Water, fire, sleep, night ----


def test_a_spring_gives_water_sip_by_sip(world):
    stand_before(world, *place_of(world, Object.SPRING))
    before = float(world.bodies["water"][0])
    assert [kind for kind, _ in step(world, TOGGLE, 3)] == [EventKind.DRANK]
    assert world.bodies["water"][0] == pytest.approx(before + 3 * RULES["sip"])


def test_sleep_takes_tiredness_away(world):
    world.bodies["fatigue"] = 0.5
    stand_before(world, *place_of(world, Object.BED))
    assert [kind for kind, _ in step(world, TOGGLE, 10)] == [EventKind.LAY_DOWN]
    assert world.bodies["fatigue"][0] < 0.45


def test_fire_warms_who_stands_near_and_burns_who_grasps_it(world):
    world.bodies["warmth"] = 0.5
    stand_before(world, *place_of(world, Object.FIRE))
    step(world, DONE, 10)
    assert world.bodies["heat"][0] == 1.0
    assert world.bodies["warmth"][0] == pytest.approx(0.5 + 10 * RULES["fire_warms"])
    assert [kind for kind, _ in step(world, TOGGLE, 2)] == [EventKind.BURNED]
    assert world.bodies["pain"][0, 2] > 0.3


def test_whoever_runs_into_the_fire_is_burned(world):
    stand_before(world, *place_of(world, Object.FIRE))
    kinds = [kind for kind, _ in step(world, Action.FORWARD, 12)]
    assert kinds[:2] == [EventKind.BUMP, EventKind.BURNED]


def test_night_is_cold_and_dark_but_for_the_fire(world):
    x, y = place_of(world, Object.SPRING)  # far from the fire
    stand_before(world, x, y)
    step(world, DONE)
    by_day, warmth = world.observation["image"][0].copy(), float(world.bodies["warmth"][0])
    world.bodies["tick"] = int(RULES["night_from"] * RULES["day_ticks"])
    step(world, DONE)
    by_night = world.observation["image"][0]
    assert world.bodies["warmth"][0] < warmth
    assert (by_night[:, :4, 0] == 0).sum() > (by_day[:, :4, 0] == 0).sum()
    assert (by_night[2:5, 5:] == by_day[2:5, 5:]).all()


def test_a_body_without_water_collapses_and_the_day_is_over():
    env = ForageEnv(constants={"water_use": 0.02})
    env.reset(seed=1)
    for _ in range(100):
        _, _, terminated, truncated, info = env.step(DONE)
        if terminated:
            break
    assert terminated
    assert not truncated
    assert info["failed"]
    assert not info["success"]
    assert info["events"][-1]["kind"] == EventKind.COLLAPSED


def test_a_day_that_is_lived_to_its_end_is_a_success_and_time_was_up():
    env = ForageEnv(constants={"day_ticks": 30})
    assert env.spec is None
    assert env.world.time_limit == 30
    env.reset(seed=1)
    for _ in range(30):
        _, _, terminated, truncated, info = env.step(DONE)
    assert truncated
    assert not terminated
    assert info["success"]
    assert info["well"] == 1.0


def test_reward_is_the_drop_of_the_drive_and_nothing_else(world):
    stand_before(world, *place_of(world, Object.SPRING))
    drive = float(world.bodies["drive"][0])
    step(world, TOGGLE, 5)
    assert world.rewards[0, 0] == 0.0
    assert world.rewards[0, 1] > 0.0
    assert world.bodies["drive"][0] < drive


# ---- Contexts, and persons ----


def contexts(count, test=False):
    """Return (count, 24) effects."""
    drawn = np.zeros((count, FOOD_COUNT), np.int8)
    for number in range(count):
        draw_context(number, test, drawn[number])
    return drawn


def test_every_context_deals_the_same_effects_in_another_order():
    drawn = contexts(200)
    for effect, count in DEALT.items():
        assert ((drawn == effect).sum(1) == count).all()
    assert len(np.unique(drawn, axis=0)) == 200


def test_train_and_test_share_no_context():
    hashes = [{hash_of(one) for one in contexts(500, test)} for test in (False, True)]
    assert hashes[0].isdisjoint(hashes[1])


@pytest.mark.slow
def test_each_day_of_a_lifetime_lies_on_a_field_that_fits_it():
    world = ForageWorld(8)
    world.reset(np.arange(8), np.arange(8))
    for _ in range(3):
        for body in world.bodies:
            assert fits(int(body["layout"]), False, body["effects"], np.zeros(8, np.int64))
        effects = world.bodies["effects"].copy()
        world.reset(np.arange(8))
        assert (world.bodies["effects"] == effects).all()


def test_a_context_can_be_chosen():
    env = ForageVectorEnv(3)
    env.reset(seed=5, options={"context": [7, 7, 8]})
    effects = env.world.bodies["effects"]
    assert (effects[0] == effects[1]).all()
    assert (effects[0] != effects[2]).any()
    assert (effects[0] == contexts(8)[7]).all()


def test_a_context_shows_in_nothing_before_a_meal_has_told_or_somebody_has():
    worlds = [ForageWorld(1, constants={"volunteers": 0}) for _ in range(2)]
    for world in worlds:
        world.reset(np.arange(1), np.array([3]))
    state = worlds[1].fork_state()
    state["bodies"]["effects"] = np.roll(state["bodies"]["effects"], 5)
    state["bodies"]["persons"] = 1
    worlds[1].load_state(state)
    actions = np.where(actions_of(5, 150, 1) == TOGGLE, Action.FORWARD, actions_of(5, 150, 1))
    assert_same(*(story(world, actions) for world in worlds))


def test_persons_say_what_they_lived_but_for_jokers_and_mistakes():
    right, told, known, jokers = 0, 0, 0, 0
    for effects in contexts(150):
        key = np.uint64(hash_of(effects))
        for person in range(len(Color)):
            jokers += is_joker(key, person)
            for food in range(FOOD_COUNT):
                verdict = said_by(key, effects, person, food)
                known += verdict != Verdict.SAYS_NOTHING
                if verdict and not is_joker(key, person):
                    told += 1
                    right += verdict == effects[food] + 1
    persons = 150 * len(Color)
    assert jokers / persons == pytest.approx(JOKERS, abs=0.04)
    assert known / (persons * FOOD_COUNT) == pytest.approx(KNOWN, abs=0.02)
    assert right / told == pytest.approx(0.92, abs=0.02)


def test_persons_who_are_near_say_something_true_of_a_food_of_the_field():
    world = ForageWorld(16)
    world.reset(np.arange(16), np.arange(16))
    heard = []
    for _ in range(60):
        world.step(np.full(16, DONE, np.int64))
        heard += [(row, tokens.copy()) for row, tokens in enumerate(world.observation["heard"])]
    heard = [(row, tokens) for row, tokens in heard if tokens[0]]
    assert len(heard) > 16
    for row, tokens in heard:
        foods = world.layouts["foods"][world.bodies["layout"][row]]
        assert FOODS.index(Object(tokens[2])) * len(Color) + tokens[3] in foods
        assert tokens[4] < TRAINED_PHRASINGS
        assert " person: " in heard_words(tokens)


def test_whoever_is_asked_says_more():
    world = ForageWorld(1, constants={"volunteers": 0})
    world.reset(np.arange(1), np.array([4]))
    person = next(obj for obj in world.objects[0] if obj["kind"] == Object.PERSON)
    stand_before(world, person["x"], person["y"])
    world.step(np.array([DONE], np.int64))
    assert world.observation["heard"][0, 0] == 0
    spoken = set()
    for _ in range(40):
        world.step(np.array([TOGGLE], np.int64))
        tokens = world.observation["heard"][0]
        if tokens[0]:
            assert tokens[0] == person["color"] + 1
            spoken.add(tuple(tokens[2:4].tolist()))
    assert len(spoken) >= 3


def test_phrasings_of_training_and_test_differ_and_say_of_what():
    said = [line for lines in PHRASINGS.values() for line in lines]
    assert len(set(said)) == len(said)
    assert all("{object}" in line for line in said)
    assert {len(lines) for lines in PHRASINGS.values()} == {8}
    assert TRAINED_PHRASINGS < 8


# ---- As Gymnasium has it ----


def test_it_is_an_env_as_gymnasium_wants_it():
    check_env(ForageEnv(), skip_render_check=True)


def actions_of(seed, ticks, count):
    rng = np.random.default_rng(seed)
    walk = rng.choice([Action.FORWARD, Action.LEFT, Action.TOGGLE, Action.RIGHT], (ticks, count))
    return walk.astype(np.int64)


def story(world, actions):
    """Return all that is observed."""
    told = []
    for some in actions:
        world.step(some)
        told.append({name: values.copy() for name, values in world.observation.items()})
    return told


def assert_same(one, other):
    for a, b in zip(one, other, strict=True):
        assert all((a[name] == b[name]).all() for name in a)


def test_a_body_has_the_same_story_alone_among_others_and_on_threads():
    actions = actions_of(0, 120, 6)
    many, threads = ForageWorld(6), ForageWorld(6, threads=3)
    for world in (many, threads):
        world.reset(np.arange(6), np.arange(6))
    together = story(many, actions)
    assert_same(together, story(threads, actions))
    alone = ForageWorld(1)
    alone.reset(np.arange(1), np.array([4]))
    own = [{name: values[4:5] for name, values in tick.items()} for tick in together]
    assert_same(own, story(alone, actions[:, 4:5]))


def test_a_fork_replays_exactly():
    world = ForageWorld(4)
    world.reset(np.arange(4), np.arange(4))
    story(world, actions_of(1, 80, 4))
    state = world.fork_state()
    first = story(world, actions_of(2, 80, 4))
    world.load_state(state)
    assert_same(first, story(world, actions_of(2, 80, 4)))


def test_observations_stay_within_their_space():
    env = ForageVectorEnv(8)
    env.reset(seed=0)
    for actions in actions_of(3, 200, 8):
        observation, *_ = env.step(actions)
        assert env.observation_space.contains(observation)


# ---- A context that becomes another one ----


def lifetime_of(drift, episodes=4, bodies=4):
    """Return the contexts and the fields of each episode, (episodes, bodies) each."""
    world, rows = ForageWorld(bodies, drift=drift), np.arange(bodies)
    world.reset(rows, seeds=rows)
    found = [world.bodies[["effects", "persons", "layout"]].copy()]
    for _ in range(episodes - 1):
        world.reset(rows)
        found.append(world.bodies[["effects", "persons", "layout"]].copy())
    return np.stack(found)


def test_a_context_that_drifts_is_another_one_from_then_on_and_the_same_before():
    always, drifts = lifetime_of(0), lifetime_of(2)
    assert (always[:2] == drifts[:2]).all()
    assert (drifts["persons"][1] != drifts["persons"][2]).all()
    assert (drifts["effects"][2] == drifts["effects"][3]).all()
    assert (np.sort(drifts["effects"][1]) == np.sort(drifts["effects"][2])).all()


@pytest.mark.parametrize("drift", [-1, 1.5, True])
def test_a_drift_is_a_whole_number(drift):
    with pytest.raises(ValueError, match="drift must be a whole number of at least 0"):
        ForageWorld(1, drift=drift)
