"""The pictures of `forage`: complete, the same each time, and true to the field."""

import gymnasium
import numpy as np
import pytest

from envs.engine.body_senses import Posture
from envs.forage.env import ForageEnv
from envs.forage.render import Renderer
from envs.forage.render.light import light_of
from envs.forage.vocabulary import FOODS, MISSION, Effect, Object, Verdict
from envs.trip import render as trip
from envs.trip.vocabulary import Action, Color

MAP = np.s_[15:561, 15:561]
PANEL = np.s_[15:399, 576:945]
EYES = np.s_[407:561, 576:945]
NIGHT = 1200  # a tick


@pytest.fixture
def env():
    env = ForageEnv(layouts=64, render_mode="rgb_array")
    env.reset(seed=3)
    yield env
    env.close()


@pytest.fixture(scope="module")
def renderer():
    return Renderer()


def body_of(env):
    return env.world.bodies[0]


def layout_of(env):
    return env.world.layouts[body_of(env)["layout"]]


def draw(renderer, env, **changes):
    """Return a frame of an env's body with something else about it."""
    body = body_of(env).copy()
    for name, value in changes.items():
        body[name] = value
    return renderer.frame(layout_of(env), body, env.world.objects[0], MISSION)


def stand_before(env, x, y, away=1):
    body = body_of(env)
    body["x"], body["y"], body["heading"], body["speed"] = x - away, y, 0, 0.0


def stand_before_a_plant(env, away=1):
    """Put the body to the west of a plant, with nothing but grass between; return which plant."""
    layout = layout_of(env)
    places = list(zip(layout["plant_x"].tolist(), layout["plant_y"].tolist(), strict=True))
    cells = layout["cells"] & 0xFF
    clear = [(cells[y, x - away : x] == Object.EMPTY).all() for x, y in places]
    plant = clear.index(True)
    stand_before(env, *places[plant], away)
    return plant


def brightness(frame):
    return float(frame.mean())


def test_a_frame_is_full_and_the_same_each_time(env):
    frame = env.render()
    assert isinstance(frame, np.ndarray)
    assert (frame.shape, frame.dtype) == ((576, 960, 3), np.uint8)
    for region in (MAP, PANEL, EYES):
        assert frame[region].std() > 10
    assert (env.render() == frame).all()
    assert (draw(Renderer(), env) == frame).all()


def test_a_forked_state_looks_the_same(env):
    for _ in range(30):
        env.step(int(Action.FORWARD))
    before, state = env.render(), env.fork_state()
    for _ in range(30):
        env.step(int(Action.LEFT))
    assert (env.render() != before).any()
    env.load_state(state)
    assert (env.render() == before).all()


def test_looking_changes_nothing():
    def story(look):
        env = gymnasium.make("envs:Forage-v0", layouts=64, render_mode="rgb_array")
        env.reset(seed=3)
        for tick in range(30):
            env.step(int(Action.FORWARD if tick % 7 else Action.LEFT))
            if look:
                env.render()
        state = env.unwrapped.fork_state()  # type: ignore[attr-defined]
        return [
            records[name].tolist() for records in state.values() for name in records.dtype.names
        ]

    assert story(look=True) == story(look=False)


def test_what_is_eaten_is_gone_from_the_plant_and_in_the_gut(env):
    plant = stand_before_a_plant(env)
    before = env.render()
    for _ in range(5):
        env.step(int(Action.TOGGLE))
    assert body_of(env)["ripe"][plant] == 2
    after = env.render()
    for region in (MAP, PANEL, EYES):
        assert (after[region] != before[region]).any()


def test_how_much_is_ripe_can_be_seen_of_each_plant(renderer, env):
    for plant in range(8):
        ripe = np.full(8, 2)
        maps = set()
        for fruits in range(4):
            ripe[plant] = fruits
            maps.add(draw(renderer, env, ripe=ripe)[MAP].tobytes())
        assert len(maps) == 4, plant


@pytest.mark.slow
def test_every_food_looks_different_on_the_map_and_before_the_eyes(renderer, env):
    plant = stand_before_a_plant(env, away=3)  # nearer, it would stand below the view
    body, layout = body_of(env), layout_of(env).copy()
    x, y = layout["plant_x"][plant], layout["plant_y"][plant]
    maps, sights = set(), set()
    for kind in FOODS:
        for color in Color:
            layout["cells"][y, x] = int(kind) | int(color) << 8
            for fruits in (0, 3):
                body["ripe"][plant] = fruits
                frame = renderer.frame(layout, body, env.world.objects[0], MISSION)
                maps.add(frame[MAP].tobytes())
                sights.add(frame[EYES].tobytes())
    assert (len(maps), len(sights)) == (48, 48)


def test_the_night_is_darker_than_the_day_but_at_the_fire(renderer, env):
    layout = layout_of(env)
    day, night = draw(renderer, env), draw(renderer, env, tick=NIGHT)
    for region in (MAP, EYES):
        assert brightness(night[region]) < 0.6 * brightness(day[region])
    body, fire = body_of(env).copy(), (layout["fire_x"] + 0.5, layout["fire_y"] + 0.5)
    body["tick"] = NIGHT
    light = light_of(body, fire, env.world.constants[0])
    assert light is not None
    at_fire, far = light.at(np.array([fire[0], 0.0]), np.array([fire[1], 0.0]))
    assert (at_fire > 1.5 * far)[:2].all()  # it shines red and yellow


def test_the_lit_cells_are_those_that_the_observation_shows(env):
    env.render()
    painter, room = env.world._renderer._map, env.world._renderer._rooms.of(layout_of(env))
    for tick in (0, NIGHT):
        body_of(env)["tick"] = tick
        for action in (Action.LEFT, Action.FORWARD, Action.FORWARD, Action.FORWARD):
            image = env.step(int(action))[0]["image"]
            seen = painter._seen(room, body_of(env))
            assert len(seen) == int((image[..., 0] != Object.UNSEEN).sum())


@pytest.mark.parametrize(
    "change",
    [
        *({name: 0.2} for name in ("energy", "protein", "water", "warmth", "fatigue")),
        dict(belly=0.5),
        dict(ill_ticks=40),
        dict(meals=2),
        dict(heat=1.0),
        dict(refused=1.0),
        dict(pain=(0, 0, 0.4, 0, 0)),
        dict(tick=500),
        dict(tick=NIGHT),
        dict(tick=1500),
        dict(collapsed=1),
    ],
    ids=lambda change: " ".join(map(str, change.items())),
)
def test_the_panel_shows_what_the_body_feels(renderer, env, change):
    assert (draw(renderer, env)[PANEL] != draw(renderer, env, **change)[PANEL]).any()


@pytest.mark.parametrize("change", [dict(ill_ticks=40), dict(pain=(0, 0, 0.4, 0, 0))])
def test_illness_and_burned_hands_are_seen_on_the_map(renderer, env, change):
    assert (draw(renderer, env)[MAP] != draw(renderer, env, **change)[MAP]).any()


@pytest.mark.parametrize("kind", [Object.SPRING, Object.BED, Object.FIRE])
def test_what_is_used_is_marked(renderer, env, kind):
    y, x = np.argwhere(layout_of(env)["cells"] & 0xFF == kind)[0]
    stand_before(env, x, y)
    idle, busy = draw(renderer, env), draw(renderer, env, use_ticks=3)
    for region in (MAP, PANEL):
        assert (idle[region] != busy[region]).any()


def test_a_fallen_body_lies(renderer, env):
    down = dict(posture=Posture.DOWN, lean_forward_before=0.5, ticks_to_rise=9)
    for region in (MAP, PANEL, EYES):
        assert (draw(renderer, env)[region] != draw(renderer, env, **down)[region]).any()


def test_every_verdict_is_read_above_who_says_it(renderer, env):
    objects, food = env.world.objects[0], int(FOODS[0])
    maps = set()
    for verdict in range(len(Effect) + 1):
        objects["said"][0] = (1, verdict, food, 2, 0) if verdict != Verdict.SAYS_NOTHING else 0
        maps.add(draw(renderer, env)[MAP].tobytes())
    assert len(maps) == len(Effect) + 1


def test_the_rooms_of_trip_look_as_before_beside_a_field(renderer, env):
    def frame():
        world = gymnasium.make("envs:Trip-v0", level=4, layouts=4, render_mode="rgb_array")
        world.reset(seed=3)
        return world.render()

    before = frame()
    draw(renderer, env, tick=NIGHT)
    np.testing.assert_array_equal(frame(), before)
    assert issubclass(Renderer, trip.Renderer)
