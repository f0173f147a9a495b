"""The replay page, checked by axe-core for those who cannot see it well, or at all."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from agents.random_agent import RandomAgent
from envs.babyai.env import BabyAIVectorEnv
from experiments.running.loop import Loop
from experiments.viewers.page import ReplayPage
from experiments.viewers.side_by_side import write_beside

pytestmark = pytest.mark.slow


@pytest.fixture
def trip(tell, tmp_path):
    for name in ("trip", "other"):
        (tmp_path / name).mkdir()
        page = ReplayPage(tmp_path / name, "a made-up life")
        tell(page, episode=0)
        tell(page, episode=1, outcome="failure")
        page.close()
    return tmp_path / "trip" / "replay.html"


@pytest.fixture
def babyai(tmp_path):
    page = ReplayPage(tmp_path, "a clumsy life")
    env = BabyAIVectorEnv(1, task="open", autoreset_mode="Disabled", layouts=4)
    Loop(env, RandomAgent(1, num_actions=6, seed=1), [page], episodes=1, world_seed=1).run()
    page.close()
    return tmp_path / "replay.html"


@pytest.fixture
def beside(trip):
    return write_beside(trip.parent, trip.parent.parent / "other")


def findings(page):
    """Return what axe has to complain of, and how gravely."""
    results = Axe().run(page).response
    assert {"color-contrast", "label", "button-name"} <= {one["id"] for one in results["passes"]}
    return [(one["id"], one["impact"], one["nodes"][0]["html"]) for one in results["violations"]]


@pytest.mark.parametrize(("width", "scheme"), [(1200, "dark"), (1200, "light"), (390, "light")])
@pytest.mark.parametrize("world", ["trip", "babyai", "beside"])
def test_nothing_on_the_page_is_hard_to_reach_or_to_read(request, open_page, world, width, scheme):
    page = open_page(request.getfixturevalue(world), "#t=27", width=width, scheme=scheme)
    found = {"folded": findings(page)}
    page.keyboard.press("u")
    assert page.locator(".channel:visible").count() > 50
    found["unfolded"] = findings(page)
    page.keyboard.press("End")
    found["at the end"] = findings(page)
    assert {state: [] for state in found} == found


def test_the_list_of_keys_can_be_read_by_everybody(trip, open_page):
    page = open_page(trip)
    page.keyboard.press("?")
    results = Axe().run(page, context="#help").response
    assert "color-contrast" in {one["id"] for one in results["passes"]}
    assert results["violations"] == []


@pytest.mark.parametrize(
    ("harm", "finding"),
    [
        ("document.querySelector('#scrubber').removeAttribute('aria-label')", "label"),
        ("document.querySelector('#title').style.color = '#444'", "color-contrast"),
        ("document.documentElement.removeAttribute('lang')", "html-has-lang"),
    ],
)
def test_what_would_be_hard_is_found(trip, open_page, harm, finding):
    page = open_page(trip)
    page.evaluate(harm)
    found = Axe().run(page).response["violations"]
    grave = [one["id"] for one in found if one["impact"] in ("serious", "critical")]
    assert grave == [finding]


def test_every_value_can_be_read_as_text_and_every_picture_has_a_name(trip, open_page):
    page = open_page(trip)
    page.keyboard.press("u")
    assert all(row.inner_text() for row in page.locator(".row:visible .value").all())
    named = page.locator("canvas[role=img]")
    assert named.count() == 3
    assert all(canvas.get_attribute("aria-label") for canvas in named.all())
