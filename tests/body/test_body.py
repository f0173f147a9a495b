"""The whole body in the real world, with a motor that only obeys the navigation features."""

import gymnasium
import numpy as np
import pytest

from body.body import Body
from body.motor import HandyMotor, ScriptedMotor
from body.skills import AHEAD, ARRIVED, BEHIND, HAZARD_AHEAD, TO_THE_LEFT, TO_THE_RIGHT
from body.types import Failure, Intent, Skill, Status, Target
from envs.babyai.spec import BABYAI
from envs.engine.body_senses import Posture
from envs.trip.spec import TRIP
from envs.trip.vocabulary import Action


class ObedientMotor:
    """Steps where the navigation features point, high over hazards, and braces when it falls."""

    def __init__(self):
        self.begun = []

    def begin(self, rows):
        self.begun.extend(rows.tolist())

    def act(self, percept, skill_command):
        navigation_features, skill = skill_command[:, 13:], skill_command[:, :10].argmax(1)
        actions = np.full(len(skill_command), Action.DONE)
        for column, action in (
            (AHEAD, Action.FORWARD),
            (TO_THE_RIGHT, Action.RIGHT),
            (BEHIND, Action.RIGHT),
            (TO_THE_LEFT, Action.LEFT),
        ):
            actions[navigation_features[:, column] > 0] = action
        actions[
            (navigation_features[:, AHEAD] > 0) & (navigation_features[:, HAZARD_AHEAD] > 0)
        ] = Action.STEP_HIGH
        arrived = navigation_features[:, ARRIVED] > 0
        actions[(skill == Skill.PICK_UP) & arrived] = Action.PICKUP
        actions[(skill == Skill.PUT_DOWN) & arrived] = Action.DROP
        actions[skill == Skill.GET_UP] = Action.RISE
        stumbling = percept.proprio[:, 8 + Posture.STUMBLE] > 0
        backward = percept.vestibular[:, 0] < 0
        actions[stumbling] = np.where(backward, Action.BRACE, Action.STEP_HIGH)[stumbling]
        return actions


def live(level, count, ticks=400):
    """Let bodies go to what their mission names, getting up again; return (success, body)."""
    env = gymnasium.make_vec("envs:Trip-v0", num_envs=count, level=level, autoreset_mode="Disabled")
    observation, _ = env.reset(seed=7)
    body = Body(count, TRIP, ObedientMotor())
    alive, succeeded = np.ones(count, bool), np.zeros(count, bool)
    for _ in range(ticks):
        percept = body.perceive(observation)
        for row in np.flatnonzero(alive).tolist():
            if body.status(row).status != Status.RUNNING:
                body.intend(row, _next_intent(body, percept, row))
        observation, _, terminated, truncated, _ = env.step(body.act(percept))
        succeeded |= terminated & alive
        alive &= ~(terminated | truncated)
        if not alive.any():
            break
    env.close()
    return succeeded


def _next_intent(body, percept, row):
    if Skill.GET_UP in body.can_start(row):
        return Intent(skill=Skill.GET_UP)
    _, obj, color, _, _ = percept.mission[row].tolist()
    return Intent(skill=Skill.GO_TO, target=Target(object=obj, color=color))


@pytest.mark.parametrize("level", [0, 2])
def test_whoever_obeys_the_compass_arrives(level):
    assert live(level, count=24).mean() >= 0.95


def test_begin_reaches_senses_skills_and_motor():
    motor = ObedientMotor()
    body = Body(3, TRIP, motor)
    body.intend(1, Intent(skill=Skill.WAIT))
    body.begin(np.array([1]))
    assert body.intent(1) is None
    assert motor.begun == [1]


def test_an_intent_that_cannot_start_fails_and_says_why():
    body = Body(1, TRIP, ObedientMotor())
    intent = Intent(skill=Skill.PUT_DOWN)
    assert body.why_not(0, intent) == "there is nothing in the hand: pick something up first"
    body.intend(0, intent)
    assert body.status(0).failure == Failure.CANNOT_START


FORKED = {
    "trip": (TRIP, ScriptedMotor, "envs:Trip-v0", {"level": 2}),
    "babyai": (BABYAI, HandyMotor, "envs:BabyAI-v0", {"task": "mixed"}),
}


def go_on(body, env, observation, ticks):
    """Return all commands of that many ticks, in which idle avatars look round and explore."""
    commands = []
    for tick in range(ticks):
        percept = body.perceive(observation)
        for row in range(body.num_avatars):
            if body.status(row).status != Status.RUNNING:
                skill = Skill.LOOK_AROUND if (row + tick) % 3 else Skill.WAIT
                seen = percept.landmarks[row, (row + tick) % 4].tolist()
                intent = Intent(skill=skill, reason=f"tick {tick}")
                if seen[0]:
                    target = Target(object=seen[0], color=seen[1])
                    intent = Intent(skill=Skill.GO_TO, target=target, reason=f"at {seen}")
                body.intend(row, intent)
        commands.append(body.act(percept))
        observation = {
            name: part.copy() for name, part in env.step(commands[-1])[0].items()
        }  # the world writes into its own
    return np.stack(commands), observation


@pytest.fixture(params=FORKED)
def lived(request):
    """A body and its world after some ticks, and the observation that comes next."""
    spec, motor, env_id, options = FORKED[request.param]
    env = gymnasium.make_vec(env_id, num_envs=4, **options)
    body = Body(4, spec, motor())
    observation = go_on(body, env, env.reset(seed=3)[0], 60)[1]
    yield body, env, observation
    env.close()


def test_a_body_goes_on_from_a_fork_as_if_nothing_had_been_between(lived):
    body, env, observation = lived
    world, forked = env.unwrapped.fork_state(), body.fork_state()
    reasons = [body.intent(row).reason for row in range(4)]
    once, _ = go_on(body, env, observation, 80)
    after = body.fork_state()
    env.unwrapped.load_state(world)
    body.load_state(forked)
    assert [body.intent(row).reason for row in range(4)] == reasons
    again, _ = go_on(body, env, observation, 80)
    np.testing.assert_array_equal(once, again)
    for name, kept in body.fork_state().items():
        np.testing.assert_array_equal(kept, after[name])


def test_one_avatar_s_fork_is_loaded_into_another_row_and_leaves_the_rest_alone(lived):
    body, _, _ = lived
    before = body.fork_state()
    body.load_state(body.fork_state(np.array([2])), np.array([0]))
    for name, kept in body.fork_state().items():
        np.testing.assert_array_equal(kept, before[name][[2, 1, 2, 3]])


def test_a_fork_is_a_copy(lived):
    body, env, observation = lived
    forked, kept = body.fork_state(), body.fork_state()
    go_on(body, env, observation, 20)
    for name, part in forked.items():
        np.testing.assert_array_equal(part, kept[name])


def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(lived):
    body, _, _ = lived
    before, state = body.fork_state(), body.fork_state(np.array([1]))
    with pytest.raises(ValueError, match=r"expected rows in 0\.\.3, got \[4\]"):
        body.load_state(state, np.array([4]))
    with pytest.raises(ValueError, match="'sensor_state' that fork_state returned for 4 rows"):
        body.load_state(state)
    with pytest.raises(ValueError, match=r"expected the 'landmarks' .* got none"):
        body.load_state({n: p for n, p in state.items() if n != "landmarks"}, np.array([0]))
    with pytest.raises(ValueError, match=r"expected the 'ego_map' .* got f of shape"):
        body.load_state(state | {"ego_map": np.zeros(1)}, np.array([0]))
    for name, kept in body.fork_state().items():
        np.testing.assert_array_equal(kept, before[name])
