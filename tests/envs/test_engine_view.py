"""The view is MiniGrid's own: compared with the installed package, cell by cell."""

import numpy as np
import pytest
from minigrid.core.constants import COLOR_NAMES, COLOR_TO_IDX, OBJECT_TO_IDX
from minigrid.core.grid import Grid
from minigrid.core.world_object import Ball, Box, Floor, Goal, Key, Lava, Wall
from minigrid.envs.empty import EmptyEnv

from envs.engine.view import OFFSETS, VIEW, flat_offsets, look, look_past, place_in_view
from envs.trip.oracle import oracle_actions
from envs.trip.state import PAD, SPAN
from envs.trip.vocabulary import Object
from envs.trip.world import TripWorld

SIDE = 9
PADDED = SIDE + 2 * PAD
WALL = OBJECT_TO_IDX["wall"]
OUTSIDE = WALL | COLOR_TO_IDX["grey"] << 8  # MiniGrid sees grey walls beyond the grid
OPAQUE = np.uint64(1 << WALL)
SEEN_PAST = (Ball, Box, Key, Goal, Lava, Floor)


@pytest.fixture(scope="module")
def minigrid():
    env = EmptyEnv(size=SIDE)
    env.reset(seed=0)
    env.see_through_walls = False
    return env


def random_grid(rng):
    """Return a MiniGrid grid and the same as packed cells with a border."""
    grid = Grid(SIDE, SIDE)
    walls, objects = rng.uniform(0.0, 0.6), rng.uniform(0.0, 0.5)
    cells = np.full((PADDED, PADDED), OUTSIDE, np.uint32)
    for x in range(SIDE):
        for y in range(SIDE):
            rng_key, colour = rng.random(), COLOR_NAMES[rng.integers(len(COLOR_NAMES))]
            obj = None
            if rng_key < walls:
                obj = Wall(colour)
            elif rng_key < walls + objects:
                kind = SEEN_PAST[rng.integers(len(SEEN_PAST))]
                obj = kind() if kind in (Goal, Lava) else kind(colour)
            grid.set(x, y, obj)
            encoded = (OBJECT_TO_IDX["empty"], 0, 0) if obj is None else obj.encode()
            cells[y + PAD, x + PAD] = encoded[0] | encoded[1] << 8 | encoded[2] << 16
    return grid, cells


def seen_by_minigrid(env, grid, x, y, heading):
    env.grid, env.agent_pos, env.agent_dir = grid, (x, y), heading
    seen, visible = env.gen_obs_grid()
    return seen.encode(visible), visible


@pytest.mark.slow
def test_the_view_is_minigrids_in_random_grids_from_every_heading(minigrid):
    rng = np.random.default_rng(8)
    offsets, image = flat_offsets(PADDED), np.zeros((VIEW, VIEW, 3), np.uint8)
    hidden = 0
    for _ in range(700):
        grid, cells = random_grid(rng)
        for heading in range(4):
            x, y = rng.integers(0, SIDE, 2)
            expected, visible = seen_by_minigrid(minigrid, grid, x, y, heading)
            origin = (y + PAD) * PADDED + x + PAD
            look(cells.ravel(), origin, offsets[heading], OPAQUE, image)
            image[VIEW // 2, VIEW - 1] = expected[VIEW // 2, VIEW - 1]  # MiniGrid's empty hand
            assert np.array_equal(image, expected), (x, y, heading)
            hidden += (~visible).sum()
    assert hidden > 10_000


def test_cells_that_say_themselves_what_stops_light_are_seen_alike(minigrid):
    rng, flat = np.random.default_rng(9), np.zeros(3 * VIEW**2, np.uint8)
    ahead = (1, PADDED, -1, -PADDED)
    for turn in range(300):
        grid, cells = random_grid(rng)
        kinds, numbers = np.unique(cells.ravel(), return_inverse=True)
        looks = np.zeros(256, np.uint32)
        opaque = np.uint8(0x80 if turn % 3 else 0)
        walls = kinds & 0xFF == WALL
        looks[: len(kinds)] = looks[0x80 : 0x80 + len(kinds)] = kinds
        numbers = (numbers | walls[numbers] * 0x80).astype(np.uint8)
        minigrid.see_through_walls = not opaque
        for heading in range(4):
            x, y = rng.integers(0, SIDE, 2)
            expected, _ = seen_by_minigrid(minigrid, grid, x, y, heading)
            origin, right = (y + PAD) * PADDED + x + PAD, ahead[(heading + 1) % 4]
            look_past(numbers, looks, origin, ahead[heading], right, opaque, flat)
            image = flat.reshape(VIEW, VIEW, 3).copy()
            image[VIEW // 2, VIEW - 1] = expected[VIEW // 2, VIEW - 1]
            assert np.array_equal(image, expected), (x, y, heading)
    minigrid.see_through_walls = False


@pytest.mark.slow
def test_what_trip_shows_is_what_minigrid_would_see_in_its_rooms(minigrid):
    world = TripWorld(24, level=4, layouts=16)
    world.reset(np.arange(24), seeds=np.arange(24))
    rng, compared = np.random.default_rng(5), 0
    for tick in range(90):
        guesses = rng.integers(0, 14, 24)
        world.step(np.where(rng.random(24) < 0.7, oracle_actions(world), guesses))
        if tick % 9 == 0:
            for row in range(24):
                expected = expected_image(minigrid, world, row)
                assert np.array_equal(world.observation["image"][row], expected), (tick, row)
                compared += 1
    assert compared == 240


def expected_image(minigrid, world, row):
    """Gather the view cell by cell, and let MiniGrid say which of them are seen."""
    body, objects = world.bodies[row], world.objects[row]
    cells = world.layouts[body["layout"]]["cells"].copy()
    for obj in objects[objects["x"] > 0][::-1]:
        cells[obj["y"], obj["x"]] = (
            int(obj["kind"]) | int(obj["color"]) << 8 | int(obj["state"]) << 16
        )
    grid = Grid(SPAN, SPAN)
    for y, x in np.argwhere(cells & 0xFF == Object.WALL):
        grid.set(int(x), int(y), Wall())
    _, visible = seen_by_minigrid(minigrid, grid, int(body["x"]), int(body["y"]), body["heading"])
    image = np.zeros((VIEW, VIEW, 3), np.uint8)
    for column, line in np.argwhere(visible):
        dx, dy = OFFSETS[body["heading"], column, line]
        cell = int(cells[body["y"] + dy, body["x"] + dx])
        image[column, line] = cell & 0xFF, cell >> 8 & 0xFF, cell >> 16 & 0xFF
    image[VIEW // 2, VIEW - 1] = body["held_object"] or Object.EMPTY, body["held_color"], 0
    return image


@pytest.mark.parametrize("heading", range(4))
def test_a_cell_is_placed_in_the_view_where_the_gather_takes_it_from(heading):
    for column in range(VIEW):
        for row in range(VIEW):
            dx, dy = OFFSETS[heading, column, row]
            assert place_in_view(10, 20, heading, 10 + dx, 20 + dy) == (column, row)


def test_ahead_is_up_and_right_is_right():
    steps = ((1, 0), (0, 1), (-1, 0), (0, -1))
    for heading in range(4):
        assert tuple(OFFSETS[heading, VIEW // 2, VIEW - 2]) == steps[heading]
        assert tuple(OFFSETS[heading, VIEW // 2 + 1, VIEW - 1]) == steps[(heading + 1) % 4]
