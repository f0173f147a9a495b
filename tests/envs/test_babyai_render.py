"""A frame shows the grid, what is seen, held, asked for and felt, and changes nothing."""

import os
import subprocess
import sys

import numpy as np
import pytest

from envs.babyai.env import BabyAIVectorEnv
from envs.babyai.levels import Levels
from envs.babyai.package import PackageWorld
from envs.babyai.render import HEIGHT, WIDTH, frame
from envs.babyai.spec import BABYAI
from envs.babyai.vocabulary import Action, Color, DoorState, Object
from envs.babyai.world import BabyAIWorld

MAP = np.s_[15:561, 15:561]
PANEL = np.s_[15:561, 576:945]
TOUCH = tuple(name for name in BABYAI.senses["touch"][6:] if name != "rail")
PORTABLE = (Object.KEY, Object.BALL, Object.BOX)


def room(*object_types, span=8):
    """Return an empty room, encoded, with (x, y, object, color, state) in it."""
    cells = np.full((span, span, 3), (Object.WALL, Color.GREY, 0), np.uint8)
    cells[1:-1, 1:-1] = (Object.EMPTY, 0, 0)
    for x, y, *what in object_types:
        cells[x, y] = what
    return cells


def view(*object_types):
    """Return a view of empty cells with (column, row, object, color, state) in it."""
    image = np.zeros((7, 7, 3), np.uint8)
    image[..., 0] = Object.EMPTY
    for column, row, *what in object_types:
        image[column, row] = what
    return image


def draw(
    cells=None, pose=(3, 3, 0), held=(0, 0), image=None, felt=(), mission="go to the red ball"
):
    touch = np.array([name in felt for name in BABYAI.senses["touch"]], np.float32)
    cells, image = room() if cells is None else cells, view() if image is None else image
    return frame(cells, pose, held, image, touch, mission)


def test_a_frame_has_the_same_even_size_for_all_grids():
    for span in (5, 8, 16, 25):
        picture = draw(room(span=span))
        assert picture.shape == (HEIGHT, WIDTH, 3) == (576, 960, 3)
        assert picture.dtype == np.uint8
        assert picture[MAP].std() > 10
    assert HEIGHT % 2 == WIDTH % 2 == 0


def test_every_object_color_and_door_looks_different_on_the_map_and_in_the_view():
    kinds = [
        (object_type, color, 0)
        for object_type in (*PORTABLE, Object.FLOOR, Object.GOAL)
        for color in Color
    ]
    kinds += [(Object.DOOR, color, state) for color in Color for state in DoorState]
    kinds += [(Object.LAVA, Color.RED, 0), (Object.WALL, Color.GREY, 0), (Object.EMPTY, 0, 0)]
    maps = {draw(room((5, 2, *kind)))[MAP].tobytes() for kind in kinds}
    views = {draw(image=view((1, 2, *kind)))[PANEL].tobytes() for kind in kinds}
    unseen = draw(image=view((1, 2, Object.UNSEEN, 0, 0)))[PANEL].tobytes()
    assert (len(maps), len(views | {unseen})) == (len(kinds), len(kinds) + 1)


def test_every_touch_lights_a_lamp_of_its_own_and_nothing_else():
    dark = draw()
    lamps = {name: draw(felt=(name,)) for name in TOUCH}
    lit = {name: (picture != dark).any(2) for name, picture in lamps.items()}
    for name, pixels in lit.items():
        assert 500 < pixels.sum() < 4000, name
        assert pixels[PANEL].sum() == pixels.sum(), name
        for other in TOUCH:
            assert other == name or not (pixels & lit[other]).any(), (name, other)


def test_what_is_in_hand_is_shown_beside_the_view():
    hands = {
        draw(held=(object_type, color))[PANEL].tobytes()
        for object_type in PORTABLE
        for color in Color
    }
    hands.add(draw(held=(Object.UNSEEN, 0))[PANEL].tobytes())
    assert len(hands) == 19
    assert np.array_equal(draw(held=(Object.UNSEEN, 0)), draw(held=(Object.EMPTY, 0)))


def test_the_avatar_is_where_it_stands_and_looks_where_it_looks():
    places = [(3, 3, heading) for heading in range(4)] + [(4, 3, 0)]
    nothing_seen = np.zeros((7, 7, 3), np.uint8)
    maps = {draw(pose=pose, image=nothing_seen)[MAP].tobytes() for pose in places}
    assert len(maps) == len(places)


def test_the_cells_in_view_are_lit():
    def cell(picture, x, y):
        return picture[15 + 68 * y + 5, 15 + 68 * x + 5].astype(int).sum()

    image = np.zeros((7, 7, 3), np.uint8)
    image[3, 4:] = image[4, 5] = (Object.EMPTY, 0, 0)
    picture = draw(pose=(3, 3, 1), image=image)  # looks south, so that its right is west
    lit = [(x, y) for x in range(1, 7) for y in range(1, 7) if cell(picture, x, y) > 160]
    assert lit == [(2, 4), (3, 3), (3, 4), (3, 5)]


def test_walls_beyond_the_rooms_are_left_out():
    wide = np.full((15, 8, 3), (Object.WALL, Color.GREY, 0), np.uint8)
    wide[:8] = room((5, 2, Object.BALL, Color.RED, 0))
    assert np.array_equal(draw(wide), draw(room((5, 2, Object.BALL, Color.RED, 0))))


def test_a_long_mission_stays_on_its_card():
    rest = np.s_[107:]
    long = "put the yellow ball behind you next to a purple door on your left " * 5
    assert np.array_equal(draw(mission=long)[rest], draw()[rest])
    assert not np.array_equal(draw(mission=long), draw())


# ---- Worlds ----


@pytest.mark.parametrize("arguments", [{"task": "open"}, {"id": "BabyAI-PutNextS5N2Carrying-v0"}])
def test_both_worlds_draw_the_same_and_live_on_as_if_nobody_had_looked(arguments):
    engine, package, unseen = (
        kind(2, levels=Levels(split="any", **arguments), layouts=4)
        for kind in (BabyAIWorld, PackageWorld, BabyAIWorld)
    )
    worlds = (engine, package, unseen)
    for world in worlds:
        world.reset(np.arange(2), np.arange(2))
    frames = set()
    for action in (Action.DROP, Action.FORWARD, Action.LEFT, Action.PICKUP, Action.TOGGLE):
        for world in worlds:
            world.step(np.full(2, action))
        pictures = [engine.frame(row) for row in range(2)]
        frames |= {picture.tobytes() for picture in pictures}
        for row, picture in enumerate(pictures):
            assert np.array_equal(picture, package.frame(row))
        for name, sense in unseen.observation.items():
            assert np.array_equal(sense, engine.observation[name]), name
    assert len(frames) > 6


def test_a_frame_is_the_callers_to_keep():
    first = draw()
    kept = first.copy()
    first[:] = 0
    assert np.array_equal(draw(mission="go to the red ball"), kept)


def test_the_vector_env_renders_a_frame_for_each_row():
    env = BabyAIVectorEnv(2, task="goto", layouts=4, render_mode="rgb_array")
    env.reset(seed=0)
    pictures = env.render() or ()
    assert [picture.shape for picture in pictures] == [(576, 960, 3)] * 2


@pytest.mark.slow
def test_drawing_needs_no_screen_and_prints_nothing():
    code = (
        "import numpy as np; from envs.babyai.render import frame; "
        "cells = np.ones((5, 5, 3), np.uint8); image = np.zeros((7, 7, 3), np.uint8); "
        "assert frame(cells, (2, 2, 0), (0, 0), image, np.zeros(19), 'go').std() > 0"
    )
    unset = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER", "PYGAME_HIDE_SUPPORT_PROMPT")
    told = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run([sys.executable, "-c", code], env=told, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
