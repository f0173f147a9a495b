"""What the replay page draws, looked at pixel by pixel.

`replay_golden.png` is the world, beneath it the body, and beneath that what it sees, of the made-up
life in its fall, 64 pixels wide. Should another look be wanted, the failing test says where the new
picture is: look at it, and put it in the place of the old one.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments.viewers.page import ReplayPage
from experiments.viewers.side_by_side import write_beside

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).with_name("replay_golden.png")
ALIKE = 2.0  # mean difference of colours from 0 to 255 that another version of a browser may make
FALL = "#t=27"
TALL = 2400  # of a window: the player lies over nothing


@pytest.fixture
def written(tell, tmp_path):
    page = ReplayPage(tmp_path, "a made-up life")
    tell(page)
    page.close()
    return tmp_path / "replay.html"


@pytest.fixture
def seen(pixels):
    """Return a function that reads all that a page draws of one tick, by the name of the canvas."""

    def seen(page):
        parts = {name: page.locator(f".{name}") for name in ("world", "figure", "sight")}
        parts["balance"] = page.locator(".group canvas").first
        return {name: pixels(canvas) for name, canvas in parts.items()}

    return seen


def same(one, other):
    return all(np.array_equal(one[name], other[name]) for name in one)


def test_the_same_tick_looks_the_same_however_one_came_there(written, open_page, scrub, seen):
    page = open_page(written, height=TALL)
    page.keyboard.press("Space")
    page.wait_for_timeout(900)
    page.keyboard.press("Space")
    tick = int(page.locator("#scrubber").input_value())
    assert tick > 3
    played, shot = seen(page), page.locator(".rows").screenshot()
    scrub(page, 40)
    scrub(page, tick)
    assert same(seen(page), played)
    assert page.locator(".rows").screenshot() == shot
    linked = open_page(written, f"#t={tick}", height=TALL)
    assert same(seen(linked), played)
    assert linked.locator(".rows").screenshot() == shot


def test_what_moves_in_the_world_and_in_the_body_is_seen(written, open_page, scrub, seen):
    page = open_page(written)
    start = seen(page)
    scrub(page, 11)  # a step to the east
    stepped = seen(page)
    scrub(page, 27)  # it has fallen
    fallen = seen(page)
    assert not np.array_equal(start["world"], stepped["world"])
    assert np.array_equal(start["figure"], stepped["figure"])
    assert not np.array_equal(stepped["world"], fallen["world"])
    assert not np.array_equal(stepped["figure"], fallen["figure"])
    assert np.array_equal(start["balance"], fallen["balance"])  # a strip shows all ticks at once


def test_only_the_playhead_moves_over_the_senses(written, open_page, scrub):
    page = open_page(written, height=TALL)
    before = page.locator(".rows").screenshot()
    scrub(page, 20)
    assert page.locator(".rows").screenshot() != before


def test_a_world_has_sharp_edges_on_any_screen(made_up, tmp_path, browser, pixels):
    """Of a floor of two colours, there is no third one between them."""
    start, step = made_up
    callback = ReplayPage(tmp_path, "a wide floor")
    floor = start.scene | {"grid": [[1] * 7] * 5}
    callback.on_episode_start(replace(start, scene=floor))
    lived = step(0)
    unseen = np.zeros_like(lived.senses["image"])  # so that all of it is shaded alike
    callback.on_step(replace(lived, senses={**lived.senses, "image": unseen}))
    callback.close()
    for scale in (1, 1.25, 2, 3):
        page = browser.new_page(viewport={"width": 777, "height": 900}, device_scale_factor=scale)
        page.goto((tmp_path / "replay.html").as_uri())
        world = pixels(page.locator(".world"))
        upper_cells = world[world.shape[0] // 10]
        assert len({*map(tuple, upper_cells[upper_cells[:, 3] > 0].tolist())}) == 2
        page.close()


def test_a_curve_goes_where_its_values_are(written, open_page, pixels):
    """The lean of the made-up life is 0.3 sin(tick / 5), on a strip that goes from -0.3 to 0.3."""
    page = open_page(written)
    page.get_by_role("button", name="balance", exact=True).click()
    curve = pixels(page.locator(".channel canvas").first)
    blue = np.abs(curve[..., :3].astype(int) - [0x7C, 0xC7, 0xFF]).sum(axis=-1) < 60
    ink = np.where(blue, curve[..., 3], 0).astype(float)
    height, width = ink.shape
    for tick in range(1, 40):
        column = ink[:, round(width * tick / 40)]
        wanted = 3 + (height - 6) * (0.3 - 0.3 * np.sin(tick / 5)) / 0.6
        assert column.sum() > 0
        assert abs(np.average(np.arange(height) + 0.5, weights=column) - wanted) < 1


def small(page, pixels):
    """Return the pictures of world, body and view beneath each other, 64 wide, on black."""
    rows = []
    for name in ("world", "figure", "sight"):
        picture = Image.fromarray(pixels(page.locator(f".{name}")))
        ground = Image.new("RGBA", picture.size, "black")
        drawn = Image.alpha_composite(ground, picture).convert("RGB")
        rows.append(
            np.asarray(
                drawn.resize((64, round(64 * drawn.height / drawn.width)), Image.Resampling.BOX)
            )
        )
    return np.concatenate(rows)


def difference(one, other):
    """Return how much two small pictures differ on average, in colours from 0 to 255."""
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


def test_world_and_body_in_their_fall_look_as_they_did_when_somebody_looked(
    written, open_page, pixels, tmp_path
):
    drawn = small(open_page(written, FALL), pixels)
    Image.fromarray(drawn).save(tmp_path / "drawn.png")
    golden = np.asarray(Image.open(GOLDEN).convert("RGB"))
    assert golden.shape == drawn.shape, f"look at {tmp_path / 'drawn.png'}"
    assert difference(drawn, golden) < ALIKE, f"look at {tmp_path / 'drawn.png'}"


@pytest.mark.parametrize("link", ["#t=0", "#t=11", "#t=24"])
def test_another_tick_does_not_look_like_the_fall(written, open_page, pixels, link):
    golden = np.asarray(Image.open(GOLDEN).convert("RGB"))
    assert difference(small(open_page(written, link), pixels), golden) > 2 * ALIKE


def test_both_lives_of_two_are_drawn_as_each_is_alone(tell, tmp_path, open_page, pixels):
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
        page = ReplayPage(folder, folder.name)
        tell(page)
        page.close()
    page = open_page(write_beside(*folders), FALL)
    drawn = [pixels(page.locator(f".run[data-name={life}] .world")) for life in "AB"]
    assert np.array_equal(*drawn)
    assert len(np.unique(drawn[0].reshape(-1, 4), axis=0)) > 20
