"""What the replay page shows of a body: its colours, its gait, and what it sees."""

from dataclasses import replace

import numpy as np
import pygame
import pytest

from agents.random_agent import RandomAgent
from envs.babyai.env import BabyAIVectorEnv
from envs.engine.view import OFFSETS, VIEW
from envs.trip.render import glyphs
from envs.trip.spec import TRIP
from envs.trip.vocabulary import Color, Object
from experiments.running.loop import Loop
from experiments.viewers.page import ReplayPage

PAINTED = """kinds => kinds.map(kind => [0, 2].map(skin => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 64;
  const pen = canvas.getContext("2d");
  pen.scale(64, 64);
  drawThing(pen, .5, .5, kind, skin, 0, 0);
  const pixels = pen.getImageData(0, 0, 64, 64).data;
  let redness = 0;
  for (let i = 0; i < pixels.length; i += 4) redness += (pixels[i] - pixels[i + 2]) * pixels[i + 3];
  return redness / 64 / 64 / 255;
}))"""


@pytest.fixture
def opened(tell, tmp_path, open_page):
    page = ReplayPage(tmp_path, "a made-up life")
    tell(page)
    page.close()
    return open_page(tmp_path / "replay.html")


@pytest.fixture
def plain(tmp_path, open_page):
    """Return the page of somebody who neither thinks nor feels."""
    page = ReplayPage(tmp_path, "a plain life")
    env = BabyAIVectorEnv(1, task="goto", autoreset_mode="Disabled", layouts=4)
    Loop(env, RandomAgent(1, num_actions=6, seed=1), [page], episodes=1, world_seed=1).run()
    page.close()
    return open_page(tmp_path / "replay.html", width=1280, height=800)


# ---- Colours ----


def looks(object_type, color):
    return pygame.image.tobytes(glyphs.from_above(int(object_type), int(color)), "RGBA")


def test_whatever_wears_a_colour_in_the_film_wears_it_on_the_page(opened):
    drawn = [object_type for object_type in Object if glyphs.has_glyph(object_type)]
    coloured = [one for one in drawn if looks(one, Color.RED) != looks(one, Color.BLUE)]
    assert {Object.GOAL, Object.TABLE, Object.RAIL, Object.ICE} <= {*coloured}
    kinds = [int(one) for one in (*coloured, Object.PERSON, Object.DOOR, Object.FLOOR)]
    redness = dict(zip(kinds, opened.evaluate(PAINTED, kinds), strict=True))
    assert {kind: red > blue + 1 for kind, (red, blue) in redness.items()} == dict.fromkeys(
        kinds, True
    )


# ---- Gait ----


@pytest.mark.parametrize(
    ("speed", "posture", "told"),
    [
        (0.0, "standing", "standing"),
        (0.6, "standing", "walking slowly 0.60 m/s"),
        (1.3, "standing", "walking 1.30 m/s"),
        (2.2, "standing", "running 2.20 m/s"),
        (0.9, "stumbling", "stumbling 0.90 m/s"),
    ],
)
def test_it_is_told_how_the_body_moves(made_up, tmp_path, open_page, speed, posture, told):
    start, step = made_up
    page = ReplayPage(tmp_path, "a gait")
    page.on_episode_start(start)
    page.on_step(step(0))
    moved = step(1)
    proprio = moved.senses["proprio"]
    proprio[:] = 0.0
    proprio[TRIP.column("proprio", "speed_mps")] = speed
    proprio[TRIP.column("proprio", posture)] = 1.0
    page.on_step(moved)
    page.close()
    shown = open_page(tmp_path / "replay.html", "#t=1")
    assert shown.locator(".stance p").inner_text() == told
    assert shown.locator(".band .value").first.inner_text() == told.split(" 0")[0].rstrip(
        "0123456789.m/s "
    )


# ---- Sight ----


@pytest.mark.parametrize("heading", range(4))
def test_those_cells_are_bright_that_the_view_shows(opened, heading):
    seen = np.random.default_rng(heading).random((VIEW, VIEW)) < 0.5  # by column and row
    view = [int(seen[column, row]) for row in range(VIEW) for column in range(VIEW)]
    places = opened.evaluate(
        "([heading, view]) => [...seenPlaces([10, 20, heading], view)]", [heading, view]
    )
    wanted = OFFSETS[heading][seen] + (10, 20)
    assert {*places} == {f"{x},{y}" for x, y in wanted.tolist()}


@pytest.fixture
def seen(made_up, tmp_path, open_page, pixels):
    """Return the pictures of world and view while a red ball is in view, two ahead of the body."""
    start, step = made_up
    image = np.zeros((VIEW, VIEW, 3), np.uint8)
    image[VIEW // 2, 3:] = (Object.EMPTY, 0, 0)
    image[VIEW // 2, 4] = (Object.BALL, Color.RED, 0)
    scene = start.scene | {"grid": [[Object.EMPTY] * 6] * 6, "left": 6, "top": 6}
    lived = step(0)
    page = ReplayPage(tmp_path, "a view")
    page.on_episode_start(replace(start, scene=scene))
    page.on_step(replace(lived, senses={**lived.senses, "image": image}))
    page.close()
    page = open_page(tmp_path / "replay.html")
    return pixels(page.locator(".world")), pixels(page.locator(".sight"))


def at(picture, column, row, cells):
    """Return the colour a little beside the middle of a cell of a square picture."""
    size = min(picture.shape[:2]) / cells
    left, top = ((length - size * cells) / 2 for length in (picture.shape[1], picture.shape[0]))
    return picture[round(top + (row + 0.6) * size), round(left + (column + 0.6) * size), :3]


def test_what_is_out_of_view_is_shaded_in_the_world(seen):
    world, _ = seen
    ahead, behind = at(world, 3, 2, 6), at(world, 0, 2, 6)  # it stands in (1, 2), looking east
    assert ahead.sum() > behind.sum() + 100


def test_the_view_shows_what_is_seen_with_the_body_below(seen):
    _, view = seen
    red, _, blue = at(view, 3, 4, VIEW).astype(int)
    assert red > blue + 80
    assert at(view, 3, 3, VIEW).min() > 180  # floor
    assert at(view, 0, 0, VIEW).max() < 40  # not seen


# ---- Cards ----

EMPTY = """() => [...document.querySelectorAll(".card, .card h2")].filter(one => {
  const part = one.matches("h2") ? one.parentElement : one;
  const titles = [...part.querySelectorAll("h2")].map(title => title.innerText);
  const text = titles.reduce((text, title) => text.replace(title, ""), part.innerText);
  const drawn = [...part.querySelectorAll("canvas")].some(canvas => canvas.checkVisibility());
  return one.checkVisibility() && !drawn && !text.trim();
}).map(one => one.outerHTML)"""  # fmt: skip


def test_nothing_is_shown_that_has_nothing_to_show(plain, opened):
    assert plain.evaluate(EMPTY) == []
    assert opened.evaluate(EMPTY) == []
    hidden = ("thought", "speech", "emotion", "rounds", "figure", "to-words")
    assert [part for part in hidden if plain.locator(f"[data-part={part}]").is_visible()] == []


def test_the_body_is_seen_in_a_small_window_without_scrolling(plain, opened):
    opened.set_viewport_size({"width": 1280, "height": 800})
    for page in (plain, opened):
        player = page.locator("#player").bounding_box()
        for part in (".stage", ".body", ".sight"):
            box = page.locator(part).bounding_box()
            assert box["y"] + box["height"] <= player["y"], part
