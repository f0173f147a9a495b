"""The senses in the real world: what is reckoned, noticed and believed agrees with the truth."""

import numpy as np
import pytest

from body.senses import Senses
from body.types import NoticedEvent
from envs.engine.body_senses import Posture
from envs.trip.env import TripVectorEnv
from envs.trip.spec import TRIP
from envs.trip.vocabulary import Action, Cause, EventKind, Object

STEPS = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)])


@pytest.fixture(scope="module")
def walk():
    """Walk 48 avatars at random for 1,000 ticks.

    Returns:
        Wrong poses, felt events, true events, and whether each belief about a mishap was right.
    """
    count, rng = 48, np.random.default_rng(0)
    env = TripVectorEnv(num_envs=count, level=4, autoreset_mode="Disabled")
    observation, _ = env.reset(seed=3)
    bodies = env.world.bodies
    start = bodies[["x", "y", "heading"]].copy()
    senses = Senses(count, TRIP)
    senses.perceive(observation)
    beliefs = []
    wrong, sensor_state, true = 0, np.zeros(len(NoticedEvent), int), np.zeros(len(EventKind), int)
    for _ in range(1_000):
        actions = rng.choice([Action.FORWARD] * 6 + [Action.RUN] * 3 + list(Action), count)
        actions[bodies["posture"] >= Posture.DOWN] = Action.RISE
        observation, _, terminated, truncated, info = env.step(actions)
        true += np.bincount(info["events"]["kind"].ravel(), minlength=len(true))
        done = terminated | truncated
        if done.any():
            observation, _ = env.reset(options={"reset_mask": done})
            start[done] = bodies[["x", "y", "heading"]][done]
            senses.begin(np.flatnonzero(done))
        percept = senses.perceive(observation)
        sensor_state += percept.events.sum(0)
        mishaps = percept.events[:, [NoticedEvent.STUMBLED, NoticedEvent.SLIPPED]].any(1)
        for row in np.flatnonzero(mishaps):
            beliefs.append(_true_object(bodies[row]) == tuple(percept.event_objects[row]))
        wrong += sum(
            senses.ego_map.pose(row) != _true_pose(start, bodies, row) for row in range(count)
        )
    env.close()
    return wrong, sensor_state, true, beliefs


def _true_object(body):
    """Return object and color of a body's last contact; (0, 0) where it is no object."""
    name = Cause(int(body["contact_cause"])).name
    if name in ("NONE", "OWN_LACE", "FLOOR"):
        return 0, 0
    return int(Object[name]), int(body["contact_color"])


def _true_pose(start, bodies, row):
    heading = int(start["heading"][row])
    moved = np.array([bodies["x"][row] - start["x"][row], bodies["y"][row] - start["y"][row]])
    turned = (int(bodies["heading"][row]) - heading) % 4
    return int(moved @ STEPS[heading]), int(moved @ STEPS[(heading + 1) % 4]), turned


def test_reckoned_and_true_pose_agree_at_every_tick(walk):
    wrong, sensor_state, _, _ = walk
    assert sensor_state[NoticedEvent.FELL] > 20  # or nothing would be shown about falls
    assert wrong == 0


@pytest.mark.parametrize(
    ("noticed", "happened"),
    [
        (NoticedEvent.FELL, EventKind.FALL),
        (NoticedEvent.STUMBLED, EventKind.STUMBLE),
        (NoticedEvent.BUMPED, EventKind.BUMP),
        (NoticedEvent.SLIPPED, EventKind.SLIP),
        (NoticedEvent.STEPPED_ON_LACE, EventKind.LACE_STEPPED_ON),
    ],
)
def test_what_the_body_notices_is_what_happened(walk, noticed, happened):
    _, sensor_state, true, _ = walk
    assert sensor_state[noticed] == pytest.approx(true[happened], rel=0.1, abs=2)


def test_the_body_knows_what_it_stumbled_over_as_long_as_it_has_seen_it(walk):
    beliefs = walk[3]
    assert len(beliefs) > 50
    assert np.mean(beliefs) > 0.9
