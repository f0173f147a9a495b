"""The senses on a field of `forage`: what is eaten, and what it did, is noticed as it happens."""

from collections import Counter

import numpy as np
import pytest

from agents.reactive import Reactive
from body.body import Body
from body.motor import ScriptedMotor
from body.senses import Senses
from body.types import NoticedEvent
from envs.engine.body_senses import Posture
from envs.forage.contexts import object_of
from envs.forage.env import ForageVectorEnv
from envs.forage.spec import FORAGE
from envs.forage.vocabulary import Action, Effect, EventKind
from envs.forage.world import ForageWorld

SAID_AS = {
    EventKind.ATE: NoticedEvent.ATE,
    EventKind.GAVE_ENERGY: NoticedEvent.GAVE_ENERGY,
    EventKind.GAVE_PROTEIN: NoticedEvent.GAVE_PROTEIN,
    EventKind.GAVE_WATER: NoticedEvent.GAVE_WATER,
    EventKind.GAVE_NOTHING: NoticedEvent.GAVE_NOTHING,
    EventKind.MADE_ILL: NoticedEvent.MADE_ILL,
    EventKind.DRANK: NoticedEvent.DRANK,
    EventKind.LAY_DOWN: NoticedEvent.LAY_DOWN,
    EventKind.BURNED: NoticedEvent.BURNED,
    EventKind.REFUSED: NoticedEvent.WAS_REFUSED,
    EventKind.TOLD: NoticedEvent.WAS_TOLD,
    EventKind.FALL: NoticedEvent.FELL,
    EventKind.STUMBLE: NoticedEvent.STUMBLED,
}
DID = (
    NoticedEvent.GAVE_ENERGY,
    NoticedEvent.GAVE_PROTEIN,
    NoticedEvent.GAVE_WATER,
    NoticedEvent.GAVE_NOTHING,
    NoticedEvent.MADE_ILL,
)
AHEAD = (NoticedEvent.ATE, NoticedEvent.WAS_REFUSED, NoticedEvent.WAS_TOLD)
PLANNED, GREEDY = 32, 24


class Days:
    """Counts of what happened, what was noticed, and what of it agrees; by event."""

    def __init__(self):
        self.happened, self.noticed, self.both, self.right = (Counter() for _ in range(4))

    def count(self, events, percept):
        true = {
            (int(one["row"]), SAID_AS[kind]): (int(one["object"]), int(one["color"]))
            for one in events
            if (kind := EventKind(int(one["kind"]))) in SAID_AS
        }
        felt = {
            (int(row), NoticedEvent(event)): tuple(percept.event_objects[row].tolist())
            for row, event in np.argwhere(percept.events)
            if event in SAID_AS.values()
        }
        self.happened.update(event for _, event in true)
        self.noticed.update(event for _, event in felt)
        self.both.update(event for _, event in true.keys() & felt.keys())
        self.right.update(key[1] for key in true.keys() & felt.keys() if true[key] == felt[key])

    def of_happened(self, *events):
        """Return which share of what happened was noticed."""
        return self._share(self.both, self.happened, events)

    def of_noticed(self, *events):
        """Return which share of what was noticed had happened."""
        return self._share(self.both, self.noticed, events)

    def put_down(self, *events):
        """Return which share of what was noticed rightly was put down to the right thing."""
        return self._share(self.right, self.both, events)

    def _share(self, some, all_of_them, events):
        total = sum(all_of_them[event] for event in events)
        assert total > 0, events
        return sum(some[event] for event in events) / total


def live(bodies, ticks, seed, choose):
    """Let bodies live, by commands that `choose` gives, and return what came of it."""
    env, days = ForageVectorEnv(num_envs=bodies, autoreset_mode="Disabled"), Days()
    observation, _ = env.reset(seed=seed)
    senses = Senses(bodies, FORAGE)
    senses.perceive(observation)
    began = np.arange(bodies)
    for _ in range(ticks):
        actions = choose(env, observation, began)
        observation, _, terminated, truncated, _ = env.step(actions)
        events, began = env.world.events(), np.flatnonzero(terminated | truncated)
        if len(began):
            events = events[~np.isin(events["row"], began)]
            mask = np.isin(np.arange(bodies), began)
            observation, _ = env.reset(options={"reset_mask": mask})
            senses.begin(began)
        days.count(events, senses.perceive(observation))
    env.close()
    return days


@pytest.fixture(scope="module")
def planned():
    """Days of the planner that eats what is nearest."""
    agent = Reactive(Body(PLANNED, FORAGE, ScriptedMotor(FORAGE)))

    def choose(env, observation, began):
        if len(began):
            agent.begin(observation, began, [0] * len(began))
        return agent.act(observation)

    return live(PLANNED, 1_600, 3, choose)


@pytest.fixture(scope="module")
def greedy():
    """Bodies that walk about at random, and use whatever is ahead for seconds on end."""
    rng = np.random.default_rng(0)
    uses = np.zeros(GREEDY, int)

    def choose(env, observation, began):
        bodies = env.world.bodies
        actions = rng.choice([Action.FORWARD] * 6 + [Action.LEFT, Action.RIGHT, Action.RUN], GREEDY)
        ahead = observation["image"][:, 3, 5, 0]
        starts = np.isin(ahead, list(FORAGE.targets - FORAGE.hazards)) & (rng.random(GREEDY) < 0.5)
        uses[starts & (uses == 0)] = rng.integers(1, 30, GREEDY)[starts & (uses == 0)]
        actions[uses > 0] = Action.TOGGLE
        uses[uses > 0] -= 1
        actions[bodies["posture"] >= Posture.DOWN] = Action.RISE
        return actions

    return live(GREEDY, 2_500, 5, choose)


# ---- Days that are planned ----


@pytest.mark.slow
@pytest.mark.parametrize(
    "event",
    [NoticedEvent.ATE, NoticedEvent.DRANK, NoticedEvent.MADE_ILL, *DID[:3], NoticedEvent.WAS_TOLD],
)
def test_all_that_is_eaten_drunk_and_heard_is_noticed_and_what_it_does(planned, event):
    assert planned.of_happened(event) == planned.of_noticed(event) == 1.0


@pytest.mark.slow
def test_that_a_food_did_nothing_is_noticed_but_by_one_who_has_enough_of_all(planned):
    assert planned.of_happened(NoticedEvent.GAVE_NOTHING) > 0.9
    assert planned.of_noticed(NoticedEvent.GAVE_NOTHING) == 1.0


@pytest.mark.slow
def test_going_to_sleep_is_noticed(planned):
    assert planned.of_happened(NoticedEvent.LAY_DOWN) > 0.95
    assert planned.of_noticed(NoticedEvent.LAY_DOWN) > 0.95


@pytest.mark.slow
def test_what_a_food_did_is_put_down_to_that_food_and_no_other(planned):
    assert planned.both[NoticedEvent.MADE_ILL] > 100
    assert planned.put_down(*DID) == planned.put_down(*AHEAD[::2]) == 1.0


# ---- Days of greed ----


@pytest.mark.slow
def test_who_eats_more_than_can_be_told_apart_still_puts_it_down_to_the_right_food(greedy):
    assert greedy.both[NoticedEvent.ATE] > 100
    assert greedy.put_down(*DID) == 1.0


@pytest.mark.slow
def test_what_is_ahead_is_told_by_all_but_one_who_eats_as_a_meal_tells(greedy):
    assert greedy.put_down(*AHEAD) > 0.99


@pytest.mark.slow
def test_nothing_is_noticed_that_did_not_happen(greedy):
    assert greedy.of_noticed(*DID, *AHEAD, NoticedEvent.DRANK, NoticedEvent.LAY_DOWN) == 1.0
    assert greedy.of_noticed(NoticedEvent.BURNED) > 0.99


@pytest.mark.slow
def test_who_is_ill_already_notices_another_illness(greedy):
    assert greedy.of_happened(NoticedEvent.MADE_ILL) == 1.0


@pytest.mark.slow
def test_a_fruit_that_is_not_there_is_bitten_at_but_once(greedy):
    assert greedy.happened[NoticedEvent.WAS_REFUSED] > 50
    assert greedy.of_happened(NoticedEvent.WAS_REFUSED) == 1.0


@pytest.mark.slow
def test_a_burn_is_noticed_unless_the_hands_hurt_as_much_already(greedy):
    assert greedy.of_happened(NoticedEvent.BURNED) > 0.8


@pytest.mark.slow
def test_what_one_has_enough_of_is_not_felt_to_come(greedy):
    assert greedy.of_happened(*DID[:3]) < 1.0


# ---- An illness ----


def ill(world, ticks):
    """Return belly pain and noticed events, tick by tick, of one that eats what makes ill twice."""
    body = world.bodies[0]
    food = int(np.flatnonzero(body["effects"] == Effect.ILLNESS)[0])
    senses, felt = Senses(1, FORAGE), []
    senses.perceive(world.observation)
    for _ in range(ticks):
        world.step(np.array([Action.DONE]))
        percept = senses.perceive(world.observation)
        felt.append((float(percept.pain[0, FORAGE.column("pain", "belly")]), percept.events[0]))
        if len(felt) in (1, 100):
            body["meal"][0], body["meal_ticks"][0], body["meals"] = food, 40, 1
            senses.sensor_state["meal_count"] = 1
            senses.sensor_state["meals"][0, 0] = object_of(food)
    return np.array([pain for pain, _ in felt]), [events for _, events in felt]


def test_an_illness_eases_and_one_that_comes_on_top_of_it_is_felt_to_begin_anew():
    world = ForageWorld(1)
    world.reset(np.array([0]), seeds=np.array([4]))
    pain, events = ill(world, 500)
    ticks = [tick for tick, noticed in enumerate(events) if noticed[NoticedEvent.MADE_ILL]]
    assert ticks == [40, 139]
    assert pain[39] == 0.0
    c = world.constants[0]
    assert pain[40] == pain[139] == pytest.approx(c["belly_hurts"])
    assert (np.diff(pain)[np.flatnonzero(pain[1:] > 0)] < 0).sum() == (pain > 0).sum() - 2
    last = pain[pain > 0][-1]
    assert last == pytest.approx(c["belly_hurts"] * (1 - c["belly_eases"]), abs=0.01)
    assert last > c["pain_most"]
