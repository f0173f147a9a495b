"""The replay page, opened as a person would: in a browser, without a network."""

import json
import shutil

import pytest

from experiments.page import ReplayPage, json_script
from experiments.watch import address_of
from mind.memory import ExperienceStore
from mind.types import Experience

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def experience(run_id, first_tick, words):
    """Return a memory of episode 0 of a run."""
    return Experience(
        sensation="", visual="", emotion="", proprioception="", motor="", words=words,
        body_id="body-0", run_id=run_id, episode=0, first_tick=first_tick, last_tick=first_tick,
        kind="fell", about="", pain=0.1, surprise=1.0, reward_error=0.0, importance=0.0,
    )  # fmt: skip


@pytest.fixture
def written(tell, tmp_path):
    memory = ExperienceStore(":memory:")
    memory.add([experience("this run", 25, "I fell over <b>my lace</b>")])
    memory.add([experience("another run", 7, "I fell long ago")])
    page = ReplayPage(tmp_path, "a made-up life", memory=memory, run_id="this run")
    tell(page, episode=0)
    tell(page, episode=1, outcome="failure")
    page.close()
    return tmp_path / "replay.html"


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM:
        pytest.skip("no Chromium here: apt-get install chromium, to have the page opened")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Without its sandbox, because tests in containers run as root.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(written, browser):
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url[:60])
            if request.url.startswith("http") else None)  # fmt: skip
    page.goto(written.as_uri())
    yield page
    page.close()
    assert complaints == []


def scrub(page, tick):
    page.locator("#scrubber").evaluate(
        "(bar, tick) => { bar.value = tick; bar.dispatchEvent(new Event('input')) }", tick
    )


def drawn(page, name):
    """Return what is on a canvas."""
    return page.locator(f"#{name}").evaluate("canvas => canvas.toDataURL()")


def test_moving_the_scrubber_changes_what_is_shown(opened):
    before = drawn(opened, "world"), drawn(opened, "figure")
    assert "thought of tick 0" in opened.locator("#thought").inner_text()
    scrub(opened, 27)
    assert "tick 27" in opened.locator("#clock").inner_text()
    assert "thought of tick 20" in opened.locator("#thought").inner_text()
    assert opened.locator("#speech").inner_text() == "speech of tick 20"
    assert opened.locator("#intent").inner_text() == "intent 2"
    assert opened.locator("#stance").inner_text() == "down"
    assert opened.locator("#emotion").inner_text() == "fear"
    assert "fall (own lace), seen by 2" in opened.locator("#flash").inner_text()
    world, figure = drawn(opened, "world"), drawn(opened, "figure")
    assert world != before[0]
    assert figure != before[1]
    scrub(opened, 28)
    assert (drawn(opened, "world"), drawn(opened, "figure")) == (world, figure)


def test_what_a_model_said_is_shown_as_text_and_never_becomes_markup(opened):
    assert "</script><b>not bold</b>" in opened.locator("#thought").inner_text()
    assert opened.locator("#thought b").count() == 0


def test_the_keyboard_moves_through_ticks_events_and_episodes(opened):
    opened.keyboard.press("ArrowRight")
    assert "tick 1" in opened.locator("#clock").inner_text()
    opened.keyboard.press("e")
    assert "tick 25" in opened.locator("#clock").inner_text()
    opened.keyboard.press("d")
    assert "tick 30" in opened.locator("#clock").inner_text()
    opened.keyboard.press("End")
    assert "tick 39" in opened.locator("#clock").inner_text()
    opened.keyboard.press("]")
    assert "tick 0" in opened.locator("#clock").inner_text()
    chosen = opened.locator("#episodes button[aria-pressed=true]")
    assert chosen.inner_text() == "episode 1"


def shown(page):
    """Return which episode and tick are shown."""
    chosen = page.locator("#episodes button[aria-pressed=true]").inner_text()
    return chosen, page.locator("#scrubber").input_value()


def test_a_link_to_a_tick_opens_the_page_there(written, browser):
    page = browser.new_page()
    page.goto(f"{written.as_uri()}#e=1&t=27")
    assert shown(page) == ("episode 1", "27")
    page.goto(f"{written.as_uri()}#t=5")
    assert shown(page) == ("episode 1", "5")
    page.close()


@pytest.mark.parametrize(
    ("link", "there"),
    [
        ("#e=1&t=99999", ("episode 1", "39")),
        ("#e=1&t=-4", ("episode 1", "0")),
        ("#e=1&t=nonsense", ("episode 1", "0")),
        ("#e=1", ("episode 1", "0")),
        ("#e=77&t=12", ("episode 0", "0")),
        ("#nonsense", ("episode 0", "0")),
    ],
)
def test_a_link_that_leads_nowhere_is_no_harm(opened, link, there):
    opened.evaluate("link => { location.hash = link }", link)
    opened.wait_for_timeout(50)
    assert shown(opened) == there


def test_a_memory_leads_to_the_tick_it_is_of_each_time(opened):
    scrub(opened, 32)
    assert opened.locator("#recalled li").all_inner_texts() == [
        "I fell over <b>my lace</b>",
        "I fell long ago",
    ]
    for _ in range(2):
        scrub(opened, 32)
        opened.locator("#recalled a").click()
        assert shown(opened) == ("episode 0", "25")
    assert opened.locator("#recalled").is_hidden()


def test_a_memory_of_another_run_leads_nowhere(opened):
    scrub(opened, 32)
    assert opened.locator("#recalled a").all_inner_texts() == ["I fell over <b>my lace</b>"]


def test_playing_goes_on_by_itself_until_it_is_paused(opened):
    opened.keyboard.press("Space")
    opened.wait_for_timeout(700)
    opened.keyboard.press("Space")
    stopped_at = opened.locator("#scrubber").input_value()
    assert int(stopped_at) >= 2
    opened.wait_for_timeout(250)
    assert opened.locator("#scrubber").input_value() == stopped_at


def test_clicking_on_the_strips_seeks(opened):
    box = opened.locator("#strips").bounding_box()
    opened.mouse.click(box["x"] + box["width"] / 2, box["y"] + 40)
    assert 15 < int(opened.locator("#scrubber").input_value()) < 25


def test_the_page_fits_a_narrow_window(opened):
    opened.set_viewport_size({"width": 400, "height": 800})
    assert opened.evaluate("document.documentElement.scrollWidth") <= 400


def test_the_page_is_one_file_that_asks_for_nothing(written):
    html = written.read_text(encoding="utf-8")
    assert "http://" not in html
    assert "https://" not in html
    assert [path.name for path in written.parent.iterdir()] == ["replay.html"]


def story_of(folder):
    html = (folder / "replay.html").read_text(encoding="utf-8")
    return json.loads(html.split('id="story">')[1].split("</script>")[0])


def test_the_page_follows_a_life_that_is_going_on(made_up, tmp_path, browser, monkeypatch):
    beginning, moment = made_up
    monkeypatch.setattr("experiments.page._FRESH_S", 0.0)
    monkeypatch.setattr("experiments.page._WORTH", 0)
    from playwright.sync_api import expect

    listener = ReplayPage(tmp_path, "going on")
    listener.begin(beginning)
    for tick in range(5):
        listener.live(moment(tick))
    page = browser.new_page()
    page.goto(address_of(tmp_path, live=True))
    assert "tick 4" in page.locator("#clock").inner_text()
    for tick in range(5, 9):
        listener.live(moment(tick))
    expect(page.locator("#clock")).to_contain_text("tick 8")
    page.keyboard.press("Home")
    for tick in range(9, 12):
        listener.live(moment(tick))
    page.wait_for_timeout(2500)
    assert "tick 0" in page.locator("#clock").inner_text()
    page.close()


def test_the_page_of_a_run_that_is_over_is_not_loaded_again(written):
    assert story_of(written.parent)["done"]


def test_of_an_episode_without_a_tick_there_is_no_page(tell, tmp_path):
    page = ReplayPage(tmp_path, "over before it began")
    tell(page, ticks=0, outcome="interrupted")
    page.close()
    assert not (tmp_path / "replay.html").exists()


def test_of_the_truth_only_changes_are_kept(tell, tmp_path):
    tell(ReplayPage(tmp_path, "told once", memory=None))
    (episode,) = story_of(tmp_path)["episodes"]
    states = episode["states"]
    assert states["cell"] == [[0, [7, 8, 0]], [11, [8, 8, 0]]]
    assert states["posture"] == [[0, 0], [26, 3]]
    assert states["things"] == [[0, [[8, 7, 1, 4], [0, 0, 0, 0]]]]


def test_a_life_of_10_000_ticks_is_small_and_opens_soon(tell, tmp_path, browser):
    tell(ReplayPage(tmp_path, "long"), ticks=10_000)
    assert (tmp_path / "replay.html").stat().st_size < 5_000_000
    page = browser.new_page()
    page.goto((tmp_path / "replay.html").as_uri())
    page.keyboard.press("End")
    assert "tick 9999" in page.locator("#clock").inner_text()
    page.close()


def test_nothing_in_a_data_block_can_end_it():
    block = json_script("story", {"thought": "</script><!-- <script>"})
    assert block.count("<") == 2
    assert json.loads(block[block.index(">") + 1 : block.rindex("<")]) == {
        "thought": "</script><!-- <script>"
    }
