"""The pictures of `trip`: complete, the same each time, and only looking."""

import math
import subprocess
import sys

import gymnasium
import numpy as np
import pygame
import pytest

from envs.engine.body_senses import Posture
from envs.engine.render.window import NoDisplayError, Window
from envs.trip.render import Renderer
from envs.trip.render.eyes import DIRECTIONS, distances_to_walls
from envs.trip.render.room import seen_cells
from envs.trip.render.sight import eye_of
from envs.trip.state import BODY, GRID, LAYOUT, OBJECT, OBJECTS, PAD
from envs.trip.vocabulary import Action, Color, Object, PersonState, mission_words

FLAT = (Object.CABLE, Object.RUG_EDGE, Object.ICE, Object.KERB, Object.WET, Object.GRAVEL)
FIXED = (*FLAT, Object.RAIL, Object.TABLE, Object.GOAL)
MOVABLE = (Object.CUP, Object.BOX, Object.BALL, Object.KEY, Object.PERSON)
MAP = np.s_[15:561, 15:561]
PANEL = np.s_[15:399, 576:945]
EYES = np.s_[407:561, 576:945]
CARRY = (1, Object.CUP, Color.RED, Object.TABLE, Color.BLUE)


@pytest.fixture(scope="module")
def renderer():
    return Renderer()


def scene(cells=(), objects=(), **state):
    """Return (layout, body, objects): an empty room, the body facing north at (6, 7) of it."""
    layout = np.zeros((), LAYOUT)
    layout["cells"][:] = int(Object.WALL) | int(Color.GREY) << 8
    layout["cells"][PAD + 1 : PAD + GRID - 1, PAD + 1 : PAD + GRID - 1] = int(Object.EMPTY)
    for x, y, obj, color in cells:
        layout["cells"][PAD + y, PAD + x] = int(obj) | int(color) << 8
    others = np.zeros(OBJECTS, OBJECT)
    for slot, (x, y, kind, color, person) in enumerate(objects):
        others[slot]["kind"], others[slot]["color"] = kind, color
        others[slot]["x"], others[slot]["y"] = x + PAD, y + PAD
        others[slot]["heading"], others[slot]["state"] = person % 4, person
    body = np.zeros((), BODY)
    standing = dict(
        x=PAD + 6, y=PAD + 7, heading=3, leg=0.9, speed=1.2, phase=0.7, lace=(0.9, 0.6),
        energy=0.8, water=0.6, warmth=0.9, dignity=0.7, mission=CARRY, time_limit=300,
    )  # fmt: skip
    for name, value in {**standing, **state}.items():
        body[name] = value
    return layout, body, others


def draw(renderer, *args, **state):
    layout, body, objects = scene(*args, **state)
    return renderer.frame(layout, body, objects, mission_words(body["mission"]))


POSTURES = {
    "standing": dict(speed=0.0),
    "walking": {},
    "running": dict(speed=2.5, phase=0.1),
    "bracing": dict(posture=Posture.CROUCH, last_action=Action.BRACE),
    "tying": dict(posture=Posture.CROUCH, last_action=Action.TIE_LACE),
    "stumbling": dict(posture=Posture.STUMBLE, lean_forward=0.34, lean_right=0.1),
    "falling back": dict(posture=Posture.STUMBLE, lean_forward=-0.34),
    "down forward": dict(posture=Posture.DOWN, lean_forward_before=0.5, ticks_to_rise=9),
    "down backward": dict(posture=Posture.DOWN, lean_forward_before=-0.5, ticks_to_rise=9),
    "down aside": dict(posture=Posture.DOWN, lean_right_before=0.5, ticks_to_rise=9),
    "rising": dict(posture=Posture.RISING, lean_forward_before=0.5, ticks_to_rise=4),
    "on the rail": dict(rail_in_hand=1),
    "carrying": dict(held_object=Object.CUP, held_color=Color.RED, cup=0.5),
}


def test_every_posture_makes_a_full_frame_of_the_same_size_that_no_other_one_makes(renderer):
    frames = {name: draw(renderer, **state) for name, state in POSTURES.items()}
    for name, frame in frames.items():
        assert frame.shape == (576, 960, 3), name
        assert frame.dtype == np.uint8, name
        for region in (MAP, PANEL, EYES):
            assert frame[region].std() > 10, f"{name}: nothing to see in {region}"
    assert len({frame[MAP].tobytes() for frame in frames.values()}) == len(POSTURES)


@pytest.mark.slow
def test_every_object_and_color_looks_different_on_the_map_and_before_the_eyes(renderer):
    kinds = [(obj, color) for obj in FIXED for color in Color]
    maps, sights = set(), set()
    for obj, color in kinds:
        frame = draw(renderer, [(6, 3, obj, color)], mission=(0, 0, 0, 0, 0))
        maps.add(frame[MAP].tobytes())
        sights.add(frame[EYES].tobytes())
    for obj in MOVABLE:
        for color in Color:
            frame = draw(renderer, (), [(6, 3, obj, color, PersonState.FACING_SOUTH)])
            maps.add(frame[MAP].tobytes())
            sights.add(frame[EYES].tobytes())
    count = len(Color) * (len(FIXED) + len(MOVABLE))
    assert (len(maps), len(sights)) == (count, count)


def test_persons_show_where_they_face_and_what_they_do(renderer):
    frames = [draw(renderer, (), [(6, 3, Object.PERSON, Color.RED, s)]) for s in PersonState]
    assert len({frame[MAP].tobytes() for frame in frames}) == len(PersonState)


@pytest.mark.parametrize(
    "change",
    [
        dict(lean_forward=0.1),
        dict(lean_right=0.1),
        dict(lace=(0.1, 0.6)),
        dict(speed=0.6),
        dict(pain=(0, 0, 0.5, 0, 0)),
        dict(bruise=(0, 0.5, 0, 0, 0)),
        dict(energy=0.3),
        dict(water=0.3),
        dict(warmth=0.3),
        dict(fatigue=0.6),
        dict(dignity=0.2),
        dict(seen_by=2 / 3),
        dict(laughter=1.0),
        dict(being_helped=1.0),
        dict(tick=50),
        dict(succeeded=1),
        dict(failed=1),
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_panel_shows_what_the_body_feels(renderer, change):
    before, after = draw(renderer), draw(renderer, **change)
    assert (before[PANEL] != after[PANEL]).any()


def test_drawing_changes_nothing_and_is_the_same_each_time(renderer):
    records = scene(
        [(3, 4, Object.ICE, Color.BLUE)], [(5, 5, Object.BOX, Color.RED, 0)], progress=0.4
    )
    before = [record.tobytes() for record in records]
    first = renderer.frame(*records, "go")
    draw(renderer, **POSTURES["down aside"])
    assert (renderer.frame(*records, "go") == first).all()
    assert (Renderer().frame(*records, "go") == first).all()
    assert [record.tobytes() for record in records] == before


def test_a_frame_is_the_callers_to_keep(renderer):
    frame = draw(renderer)
    kept = frame.copy()
    draw(renderer, **POSTURES["rising"])
    assert (frame == kept).all()
    frame[:] = 0  # it may be written to


def test_a_world_draws_itself_with_and_without_being_looked_at():
    def story(look):
        env = gymnasium.make("envs:Trip-v0", level=4, layouts=4, render_mode="rgb_array")
        env.reset(seed=3)
        for tick in range(30):
            env.step(int(Action.RUN if tick % 7 else Action.LEFT))
            if look:
                frame = env.render()
                assert isinstance(frame, np.ndarray)
                assert frame.std() > 20
        state = env.unwrapped.world.fork_state()  # type: ignore[attr-defined]
        return [
            records[name].tolist() for records in state.values() for name in records.dtype.names
        ]

    assert story(look=True) == story(look=False)


def test_the_lit_cells_are_those_that_the_observation_shows():
    env = gymnasium.make("envs:Trip-v0", level=4, layouts=8)
    for seed in range(6):
        env.reset(seed=seed)
        for action in (Action.LEFT, Action.FORWARD, Action.FORWARD, Action.FORWARD):
            image = env.step(int(action))[0]["image"]
        world = env.unwrapped.world  # type: ignore[attr-defined]
        body = world.bodies[0]
        objects = world.layouts[body["layout"]]["cells"] & 0xFF
        seen = seen_cells(objects, int(body["x"]), int(body["y"]), int(body["heading"]))
        assert len(seen) == int((image[..., 0] != Object.UNSEEN).sum())


# ---- Through the eyes ----


def test_walls_are_as_far_as_they_are():
    is_wall = np.ones((9, 9), bool)
    is_wall[2:7, 3:8] = False
    distances, faces = distances_to_walls(4.5, 4.5, is_wall)
    quarter = DIRECTIONS // 4
    expected = [8 - 4.5, 7 - 4.5, 4.5 - 3, 4.5 - 2]  # east, south, west, north
    np.testing.assert_allclose(distances[::quarter], expected, rtol=1e-5)
    assert faces[::quarter].tolist() == [0, 1, 0, 1]


def test_the_head_is_level_in_standing_and_goes_down_with_a_fall():
    def eye(**state):
        return eye_of(scene(**state)[1], fall_at_leg=0.6, side_share=0.7)

    level, tipping, fallen = (
        eye(),
        eye(posture=Posture.STUMBLE, lean_forward=0.4),
        eye(**POSTURES["down forward"]),
    )
    assert level.height > tipping.height > fallen.height > 0.0
    assert level.pitch > tipping.pitch
    assert (level.roll, tipping.roll) == (0.0, 0.0)
    assert eye(posture=Posture.STUMBLE, lean_right=0.3).roll > math.radians(20)
    assert eye(posture=Posture.STUMBLE, lean_forward=-0.4).pitch > 0.0


def test_the_ground_fills_the_view_as_it_comes_closer(renderer):
    def floor_share(**state):
        view = draw(renderer, **state)[EYES].astype(int)
        return float((view[..., 0] > view[..., 2] + 8).mean())  # the floor is warm, walls are cold

    shares = [floor_share(posture=Posture.STUMBLE, lean_forward=lean) for lean in (0.1, 0.3, 0.5)]
    assert shares == sorted(shares)
    assert shares[-1] > 0.9


# ---- Screens ----


@pytest.mark.slow
def test_drawing_needs_no_screen_and_prints_nothing():
    code = (
        "import sys; sys.path.insert(0, 'tests/envs')\n"
        "from test_trip_render import Renderer, draw, pygame\n"
        "draw(Renderer())\n"
        "assert not pygame.display.get_init()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a screen")
def test_a_window_without_a_display_is_refused_in_one_line(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(NoDisplayError, match=r"^a window needs a display.*render=video\)$"):
        Window()


def test_a_closed_window_goes_quietly(monkeypatch, renderer):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    window = Window(frames_per_second=1000)
    frame = draw(renderer)
    window.show(frame)
    surface = pygame.display.get_surface()
    assert surface is not None
    shown = pygame.surfarray.array3d(surface).swapaxes(0, 1)
    assert (shown == frame).all()
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    window.show(frame)
    assert window.closed
    window.show(frame)
    window.close()
    assert not pygame.display.get_init()
