"""Two runs side by side: which can be, what is written, and what a person sees of it."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from envs.babyai.spec import BABYAI
from experiments.running.cli import BadInput
from experiments.viewers.page import ReplayPage
from experiments.viewers.side_by_side import page_data_of, write_beside

PARTS_AT = 22  # the tick in which the second life goes another way


@pytest.fixture
def live(made_up, tmp_path):
    """Return a function that leaves the folder of a run, which may part from the others."""
    start, step = made_up

    def live(name, *, ticks=40, parts_at=None, options=(), missions=("go there",), **changed):
        folder = tmp_path / name
        (folder / ".hydra").mkdir(parents=True)
        lines = [f"- {option}\n" for option in ("+env=trip", *options)]
        (folder / ".hydra" / "overrides.yaml").write_text("".join(lines))
        page = ReplayPage(folder, f"the life of {name}")
        for episode, mission in enumerate(missions):
            page.on_episode_start(replace(start, episode=episode, mission=mission, **changed))
            for tick in range(ticks):
                lived = step(tick, episode)
                parted = parts_at is not None and tick >= parts_at
                page.on_step(another(lived) if parted else lived)
        page.close()
        return folder

    return live


def another(step):
    """Return a moment of somebody who does something else, which moves the body a tick later."""
    x, y, heading = step.state["cell"]
    moved = [x, y - 1, heading] if step.tick > PARTS_AT else [x, y, heading]
    thought = replace(step.trace, intent_words="look around, normal")
    return replace(step, action="left", trace=thought, state={**step.state, "cell": moved})


@pytest.fixture
def both(live):
    """Return the page of two runs that part."""
    other = live("other", ticks=50, parts_at=PARTS_AT, options=["agent=random"])
    return write_beside(live("one"), other)


# ---- What is written ----


def test_the_page_of_both_holds_what_each_told_and_what_only_one_was_asked(both):
    html = both.read_text()
    runs = json.loads(html.split('id="story">')[1].split("</script>")[0])["runs"]
    assert [run["title"] for run in runs] == ["the life of one", "the life of other"]
    assert [run["options"] for run in runs] == ["one: no other options", "other: agent=random"]
    assert [run["episodes"][0]["ticks"] for run in runs] == [40, 50]
    assert both.name == "replay_beside_other.html"
    assert runs[0]["episodes"] == page_data_of(both.parent)["episodes"]


def test_runs_that_begin_in_different_rooms_are_refused_in_a_line(live):
    scene = {"left": 6, "top": 6, "grid": [[2, 2], [2, 1]], "things": [], "fall_at": [0.4, 0.3]}
    with pytest.raises(BadInput, match=r"begins alike.*'the life of one' and 'the life of two'"):
        write_beside(live("one"), live("two", scene=scene))


def test_runs_of_different_worlds_are_refused(live):
    one, two = live("one"), live("two")
    rewrite(two, '"world":"trip"', f'"world":"{BABYAI.name}"')
    with pytest.raises(BadInput, match="the same world"):
        write_beside(one, two)


def test_only_episodes_that_begin_alike_are_shown(live):
    one = live("one", missions=["go there", "go home"])
    other = live("other", missions=["go there", "go away", "go on"])
    html = write_beside(one, other).read_text()
    runs = json.loads(html.split('id="story">')[1].split("</script>")[0])["runs"]
    assert [[episode["episode"] for episode in run["episodes"]] for run in runs] == [[0], [0]]


UNSOUND = [
    "",
    "nonsense",
    "[]",
    '{"runs":3}',
    '{"runs":[]}',
    '{"runs":[1]}',
    '{"runs":[{"version":1}]}',
    '{"runs":[{"version":2}]}',
    '{"runs":[{"version":2,"title":"t","world":"trip","episodes":3}]}',
    '{"runs":[{"version":2,"title":"t","world":"trip","episodes":[{"states":{"cell":[]}}]}]}',
]


@pytest.mark.parametrize("story", UNSOUND)
def test_a_page_that_tells_nothing_is_answered_in_a_line(live, tmp_path, story):
    broken = tmp_path / "broken"
    broken.mkdir()
    script = f'<script type="application/json" id="story">{story}</script>' if story else ""
    (broken / "replay.html").write_text(f"<html>{script}</html>")
    with pytest.raises(BadInput, match=r"expected a replay.html of this version in .*broken"):
        write_beside(live("one"), broken)


def test_a_page_of_both_is_not_taken_for_the_page_of_a_run(both, live):
    shutil.copy(both, both.parent / "replay.html")
    with pytest.raises(BadInput, match="of this version"):
        write_beside(both.parent, live("third"))


def rewrite(folder, old, new):
    page = folder / "replay.html"
    html = page.read_text()
    assert old in html
    page.write_text(html.replace(old, new))


@pytest.mark.slow
def test_what_a_page_says_stays_text_on_the_page_of_both(live, open_page):
    one, two = live("one"), live("two")
    rewrite(two, "the life of two", "</scr\\u003cb>two\\u003c/b>\\u003c/script>")
    page = open_page(write_beside(one, two))
    assert "<b>two</b></script>" in page.locator("#title").inner_text()
    assert page.locator("#title b").count() == 0


# ---- What is seen ----


def of(page, life, part):
    """Return a part of what is shown of one of the lives."""
    return page.locator(f".run[data-name={life}] [data-part={part}]")


def picture(page, life):
    return of(page, life, "world").evaluate("canvas => canvas.toDataURL()")


@pytest.mark.slow
def test_both_lives_are_shown_at_the_same_tick(both, open_page, scrub):
    page = open_page(both)
    assert page.locator(".run").count() == 2
    assert page.locator("#scrubber").count() == 1
    scrub(page, 20)
    assert picture(page, "A") == picture(page, "B")
    assert of(page, "A", "action").inner_text() == of(page, "B", "action").inner_text()
    scrub(page, 23)
    assert picture(page, "A") != picture(page, "B")
    assert [of(page, life, "action").inner_text() for life in "AB"] == ["forward", "left"]
    assert [of(page, life, "intent").inner_text() for life in "AB"] == [
        "intent 2", "look around, normal",
    ]  # fmt: skip


@pytest.mark.slow
def test_where_the_two_part_is_told_and_can_be_jumped_to(both, open_page):
    page = open_page(both)
    told = page.locator("#difference-words").inner_text()
    assert told == (
        "Alike until 2.2 s: intents differ from 2.2 s (A: intent 2; B: look around, normal), "
        "motor commands differ from 2.2 s (A: forward; B: left), "
        "bodies and worlds differ from 2.3 s (cell), "
        "ends differ from 3.9 s (A: going on in tick 39; B: going on in tick 49)."
    )
    for tick in ("22", "23", "39"):
        page.keyboard.press("x")
        assert page.locator("#scrubber").input_value() == tick
    page.keyboard.press("X")
    assert page.locator("#scrubber").input_value() == "23"
    page.keyboard.press("Home")
    page.locator("#next-difference").click()
    assert page.locator("#scrubber").input_value() == "22"


def test_the_track_has_a_mark_as_high_as_itself_wherever_the_two_part(both, open_page, pixels):
    track = pixels(open_page(both).locator("#marks"))
    high = np.flatnonzero((track[..., 3] == 255).all(axis=0))
    marks = [8 + (track.shape[1] - 16) * tick / 49 for tick in (PARTS_AT, PARTS_AT + 1, 39)]
    assert {int(np.abs(np.subtract(marks, x + 0.5)).argmin()) for x in high} == {0, 1, 2}
    assert all(np.abs(np.subtract(marks, x + 0.5)).min() < 1.5 for x in high)


def test_two_lives_that_never_part_are_said_to_be_alike(live, open_page):
    page = open_page(write_beside(live("one"), live("two")))
    told = page.locator("#difference-words").inner_text()
    assert told == "The two lives are alike from beginning to end."


def test_the_shorter_life_stands_still_at_its_end(both, open_page):
    from playwright.sync_api import expect

    page = open_page(both)
    page.keyboard.press("End")
    assert page.locator("#scrubber").input_value() == "49"
    at_the_end = picture(page, "A")
    page.evaluate("location.hash = '#t=39'")
    expect(page.locator("#scrubber")).to_have_value("39")
    assert picture(page, "A") == at_the_end


@pytest.mark.slow
def test_senses_of_both_are_unfolded_together_and_stay_level(both, open_page):
    page = open_page(both)
    page.get_by_role("button", name="balance", exact=True).first.click()
    heights = [
        [
            row.bounding_box()["y"]
            for row in page.locator(f".run[data-name={life}] .row:visible").all()
        ]
        for life in "AB"
    ]
    assert len(heights[0]) > 12
    assert heights[0] == heights[1]


def test_the_page_of_both_fits_a_phone(both, open_page):
    page = open_page(both, width=390, height=844)
    page.keyboard.press("u")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_page_of_one_run_says_nothing_of_a_difference(live, open_page):
    page = open_page(live("one") / "replay.html")
    assert page.locator("#difference").is_hidden()
    assert page.locator("#next-difference").is_hidden()
