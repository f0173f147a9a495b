"""What is told of a world to those who draw it."""

import json

import numpy as np
import pytest

from envs.babyai.levels import Levels
from envs.babyai.package import PackageWorld
from envs.babyai.world import BabyAIWorld
from envs.engine.body_senses import Posture
from envs.trip.vocabulary import Action, Object
from envs.trip.world import TripWorld


@pytest.fixture(scope="module")
def world():
    world = TripWorld(2, level=4)
    yield world
    world.close()


def test_the_scene_has_the_room_with_its_walls_and_all_that_can_move(world):
    world.reset(np.arange(2), np.array([1, 2]))
    scene = json.loads(json.dumps(world.scene(0)))
    grid = np.array(scene["grid"])
    assert (
        np.concatenate([grid[0], grid[-1], grid[:, 0], grid[:, -1]]) & 0xFF == Object.WALL
    ).all()
    objects = [obj for obj in world.objects[0]["kind"].tolist() if obj]
    assert [kind for kind, _ in scene["things"] if kind] == objects != []
    ahead, side = scene["fall_at"]
    assert ahead > side > 0
    assert scene["sight"] == world.constants["sight_cells"][0]


def test_the_state_follows_the_body(world):
    world.reset(np.arange(2), np.array([1, 2]))
    before = world.state(0)
    for _ in range(12):
        world.step(np.array([Action.FORWARD, Action.DONE]))
    after, other = json.loads(json.dumps(world.state(0))), world.state(1)
    assert after["cell"] != before["cell"] or after["progress"] != before["progress"]
    assert (other["posture"], other["progress"]) == (Posture.STAND, 0)
    body = world.bodies[0]
    assert after["cell"] == [body["x"], body["y"], body["heading"]]
    assert after["lean"] == pytest.approx([body["lean_forward"], body["lean_right"]], abs=0.006)


@pytest.mark.parametrize("kind", [BabyAIWorld, PackageWorld])
def test_a_grid_is_shown_as_it_is(kind):
    world = kind(1, levels=Levels(task="putnext"), layouts=4)
    world.reset(np.arange(1), np.array([7]))
    for action in (Action.LEFT, Action.FORWARD, Action.LEFT):
        scene, state = world.scene(0), json.loads(json.dumps(world.state(0)))
        columns, rows = scene["size"]
        left, top = scene["left"], scene["top"]
        cells = world.grid(0)[left : left + columns, top : top + rows].astype(int)
        packed = cells[..., 0] | cells[..., 1] << 8 | cells[..., 2] << 16
        assert state["grid"] == packed.T.tolist()
        assert (np.array(state["grid"])[[0, -1]] & 0xFF == Object.WALL).all()
        assert state["cell"] == list(map(int, world.pose(0)))
        world.step(np.array([action]))
    world.close()
