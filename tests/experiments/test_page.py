"""The replay page, opened as a person would: in a browser, without a network."""

import json
from dataclasses import replace

import numpy as np
import pytest

from body.types import Failure, SkillStatus, Status
from envs.trip.spec import TRIP
from experiments.viewers.page import ReplayPage, json_script
from experiments.viewers.side_by_side import page_data_of
from mind.memory import ExperienceStore
from mind.types import Experience


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


@pytest.fixture
def opened(written, open_page):
    return open_page(written)


def drawn(page, name):
    """Return what is on a canvas."""
    return page.locator(name).evaluate("canvas => canvas.toDataURL()")


def test_moving_the_scrubber_changes_what_is_shown(opened, scrub):
    before = drawn(opened, ".world"), drawn(opened, ".figure")
    assert "thought of tick 0" in opened.locator("[data-part=thought]").inner_text()
    scrub(opened, 27)
    assert "tick 27" in opened.locator("#clock").inner_text()
    assert "thought of tick 20" in opened.locator("[data-part=thought]").inner_text()
    assert opened.locator("[data-part=speech]").inner_text() == "speech of tick 20"
    assert opened.locator("[data-part=intent]").inner_text() == "intent 2"
    assert opened.locator("[data-part=stance]").inner_text() == "down"
    assert opened.locator("[data-part=emotion]").inner_text() == "fear"
    assert "fall (own lace), seen by 2" in opened.locator("[data-part=flash]").inner_text()
    world, figure = drawn(opened, ".world"), drawn(opened, ".figure")
    assert world != before[0]
    assert figure != before[1]
    scrub(opened, 28)
    assert (drawn(opened, ".world"), drawn(opened, ".figure")) == (world, figure)


def test_what_is_said_stands_above_who_says_it_until_it_has_been_heard(opened, scrub):
    bubble = opened.locator("[data-part=bubble]")
    assert bubble.is_hidden()
    scrub(opened, 12)
    assert bubble.inner_text() == "speech of tick 10"
    said, world = bubble.bounding_box(), opened.locator(".world").bounding_box()
    cell = min(world["width"], world["height"]) / 4  # of the avatar, which is in the third row
    above = world["y"] + world["height"] / 2 + cell / 2 - (said["y"] + said["height"])
    assert 0 < above < cell
    there = world["x"] + world["width"] / 2 + cell / 2
    assert abs(said["x"] + said["width"] / 2 - there) < cell / 4
    opened.keyboard.press("Home")
    assert bubble.is_hidden()


def test_what_a_model_said_is_shown_as_text_and_never_becomes_markup(opened):
    assert "</script><b>not bold</b>" in opened.locator("[data-part=thought]").inner_text()
    assert opened.locator("[data-part=thought] b").count() == 0


def test_the_keyboard_moves_through_ticks_events_and_episodes(opened):
    opened.keyboard.press("ArrowRight")
    assert "tick 1" in opened.locator("#clock").inner_text()
    opened.keyboard.press("e")
    assert "tick 25" in opened.locator("#clock").inner_text()
    opened.keyboard.press("d")
    assert "tick 30" in opened.locator("#clock").inner_text()
    opened.keyboard.press("End")
    assert "tick 40" in opened.locator("#clock").inner_text()
    opened.keyboard.press("]")
    assert "tick 0" in opened.locator("#clock").inner_text()
    chosen = opened.locator("#episodes button[aria-pressed=true]")
    assert chosen.inner_text() == "episode 1"


def shown(page):
    """Return which episode and tick are shown."""
    chosen = page.locator("#episodes button[aria-pressed=true]").inner_text()
    return chosen, page.locator("#scrubber").input_value()


def test_a_link_to_a_tick_opens_the_page_there(written, open_page):
    page = open_page(written, "#e=1&t=27")
    assert shown(page) == ("episode 1", "27")
    page.goto(f"{written.as_uri()}#t=5")
    assert shown(page) == ("episode 1", "5")


@pytest.mark.parametrize(
    ("link", "there"),
    [
        ("#e=1&t=99999", ("episode 1", "40")),
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


def test_a_memory_leads_to_the_tick_it_is_of_each_time(opened, scrub):
    scrub(opened, 32)
    assert opened.locator("[data-part=recalled] li").all_inner_texts() == [
        "I fell over <b>my lace</b> episode 0, 2.5 s",
        "I fell long ago",
    ]
    for _ in range(2):
        scrub(opened, 32)
        opened.locator("[data-part=recalled] a").click()
        assert shown(opened) == ("episode 0", "25")
    assert opened.locator("[data-part=memories]").is_hidden()


def test_a_memory_of_another_run_leads_nowhere(opened, scrub):
    scrub(opened, 32)
    assert opened.locator("[data-part=recalled] a").all_inner_texts() == [
        "I fell over <b>my lace</b>"
    ]


@pytest.mark.slow
def test_playing_goes_on_by_itself_until_it_is_paused(opened):
    opened.keyboard.press("Space")
    opened.wait_for_timeout(700)
    opened.keyboard.press("Space")
    stopped_at = opened.locator("#scrubber").input_value()
    assert int(stopped_at) >= 2
    opened.wait_for_timeout(250)
    assert opened.locator("#scrubber").input_value() == stopped_at


def test_clicking_on_a_strip_seeks(opened):
    opened.locator(".group canvas").first.click()
    assert opened.locator("#scrubber").input_value() in ("19", "20")


# ---- Senses ----


def row(page, name):
    """Return the row of a sense, or of one of its channels, by its name."""
    return page.locator(".row", has=page.locator(f".name:text-is('{name}')"))


def test_every_channel_of_every_sense_has_a_strip_of_its_own(opened):
    opened.keyboard.press("u")
    names = opened.locator(".channel:visible .name").all_inner_texts()
    needs_and_feelings = ["energy", "drive", "mood", "surprise", "reward", "fear"]
    assert len(names) == sum(map(len, TRIP.senses.values())) + len(needs_and_feelings)
    assert {"lean forward", "toe left", "head", "speed", "cup", "laughter"} <= {*names}


@pytest.mark.slow
def test_a_strip_says_its_value_its_unit_and_its_range(opened):
    opened.keyboard.press("u")
    scrub_to = {7: "0.30 m", 24: "-0.30 m"}
    for tick, value in scrub_to.items():
        opened.keyboard.press("Home")
        for _ in range(tick):
            opened.keyboard.press("ArrowRight")
        assert row(opened, "lean forward").locator(".value span").inner_text() == value
    assert row(opened, "lean forward").locator("small").inner_text() == "-0.3 to 0.3"
    assert row(opened, "speed").locator("small").inner_text() == "0 to 1.5"


def test_a_group_of_senses_is_unfolded_and_folded_again(opened):
    assert opened.locator(".channel:visible").count() == 0
    balance = opened.get_by_role("button", name="balance", exact=True)
    balance.click()
    assert balance.get_attribute("aria-expanded") == "true"
    assert opened.locator(".channel:visible").count() == 4
    balance.click()
    assert opened.locator(".channel:visible").count() == 0


def test_a_group_in_which_nothing_changes_says_so(opened):
    assert row(opened, "pain").locator(".value").inner_text() == "unchanged"
    assert "lean forward" in row(opened, "balance").locator(".value").inner_text()


def test_the_playhead_is_where_the_tick_is_on_every_strip(opened, scrub):
    scrub(opened, 20)
    head = opened.locator(".playhead").bounding_box()
    strip = opened.locator(".group canvas").first.bounding_box()
    there = strip["x"] + strip["width"] * 20 / 40
    assert abs(head["x"] + head["width"] / 2 - there) < 1


# ---- What the mind does, and what it costs ----


def test_an_intent_is_shown_with_its_outcome_from_the_tick_on_in_which_it_ended(
    made_up, tmp_path, open_page, scrub
):
    start, step = made_up
    page = ReplayPage(tmp_path, "intents")
    page.on_episode_start(start)
    ends = {
        8: SkillStatus(status=Status.DONE),
        19: SkillStatus(status=Status.FAILED, failure=Failure.LOST_SIGHT),
    }
    for tick in range(40):
        lived = step(tick)
        status = ends.get(tick, SkillStatus(status=Status.RUNNING))
        page.on_step(replace(lived, trace=replace(lived.trace, status=status)))
    page.close()
    intents = page_data_of(tmp_path)["episodes"][0]["intents"]
    assert [(one["tick"], one["words"], one["outcome"], one["until"]) for one in intents] == [
        (0, "intent 0", "done", 8),
        (9, "intent 0", "", None),  # asked for again
        (10, "intent 1", "failed: lost sight", 19),
        (20, "intent 2", "", None),
        (30, "intent 3", "", None),
    ]
    shown = open_page(tmp_path / "replay.html")
    outcome = shown.locator("[data-part=outcome]")
    for tick, words in [(7, ""), (8, "done"), (9, ""), (18, ""), (19, "failed: lost sight")]:
        scrub(shown, tick)
        assert outcome.inner_text() == words
    assert "intent 1: failed: lost sight" in row(shown, "intent").inner_text()


def test_the_cost_of_a_decision_and_of_all_so_far_is_told(opened, scrub):
    scrub(opened, 25)
    cost = opened.locator("[data-part=cost]").inner_text().splitlines()
    assert cost == [
        "decided at 2.0 s lived · mean token probability 99%",
        "cost: 10 tokens written, 100 read, 0.50 s on the clock",
        "3 decisions so far: 30 tokens written, 300 read, 1.50 s on the clock",
    ]


def test_the_time_that_went_by_while_it_was_thought_counts_as_a_cost(
    made_up, tmp_path, open_page, scrub
):
    start, step = made_up
    page = ReplayPage(tmp_path, "slow")
    page.on_episode_start(start)
    for tick in range(40):
        lived = step(tick)
        page.on_step(replace(lived, trace=replace(lived.trace, thinking=15 <= tick < 20)))
    page.close()
    shown = open_page(tmp_path / "replay.html")
    cost, thinking = (shown.locator(f"[data-part={part}]") for part in ("cost", "thinking"))
    for tick, says in [(12, False), (17, False), (22, True), (32, False)]:
        scrub(shown, tick)
        assert ("while 0.5 s were lived" in cost.inner_text()) == says
        assert thinking.is_visible() == (tick == 17)


def test_the_goals_are_shown_below_the_mission_once(opened, scrub):
    scrub(opened, 12)
    assert opened.locator("[data-part=mission]").inner_text() == "go to the red ball"
    assert opened.locator("[data-part=goals] li").all_inner_texts() == ["subgoal 10"]


# ---- Getting about ----


def test_the_way_back_in_the_browser_leads_to_where_a_memory_was_followed(opened, scrub):
    scrub(opened, 32)
    opened.locator("[data-part=recalled] a").click()
    assert shown(opened) == ("episode 0", "25")
    opened.go_back()
    assert shown(opened) == ("episode 0", "32")


@pytest.mark.slow
def test_the_address_names_the_tick_that_is_shown(opened, scrub):
    scrub(opened, 27)
    opened.wait_for_url("**/replay.html#e=0&t=27")
    opened.reload()
    assert shown(opened) == ("episode 0", "27")


def test_events_and_decisions_are_stepped_through_backwards_too(opened):
    opened.keyboard.press("End")
    for key, tick in [("E", "25"), ("D", "20"), ("D", "10"), ("E", "0")]:
        opened.keyboard.press(key)
        assert opened.locator("#scrubber").input_value() == tick


def test_playing_can_be_hurried_and_slowed(opened):
    speed = opened.locator("#speed")
    opened.keyboard.press("+")
    assert speed.inner_text() == "2×"
    opened.keyboard.press("-")
    opened.keyboard.press("-")
    assert speed.inner_text() == "0.5×"


def test_a_button_that_has_the_focus_is_pressed_by_space_and_nothing_is_played(opened):
    opened.locator("#back").focus()
    opened.keyboard.press("Tab")
    opened.keyboard.press("Space")
    assert opened.locator("#scrubber").input_value() == "1"
    assert opened.locator("#play").get_attribute("aria-label") == "play"


def test_the_keys_are_told_and_put_away_again(opened):
    opened.keyboard.press("?")
    assert "next event, and the one before" in opened.locator("#help").inner_text()
    opened.keyboard.press("ArrowRight")  # nothing moves behind it
    assert opened.locator("#scrubber").input_value() == "0"
    opened.keyboard.press("Escape")
    assert opened.locator("#help").is_hidden()


def test_the_end_says_how_it_ended(opened):
    opened.keyboard.press("End")
    assert "the end: success" in opened.locator("[data-part=flash]").inner_text()


def test_the_page_fits_a_narrow_window(opened):
    opened.set_viewport_size({"width": 400, "height": 800})
    opened.keyboard.press("u")
    assert opened.evaluate("document.documentElement.scrollWidth") <= 400


def test_the_page_is_one_file_that_asks_for_nothing(written):
    html = written.read_text(encoding="utf-8")
    assert "http://" not in html
    assert "https://" not in html
    assert [path.name for path in written.parent.iterdir()] == ["replay.html"]


@pytest.mark.slow
def test_the_page_follows_a_life_that_is_going_on(made_up, tmp_path, open_page, monkeypatch):
    start, step = made_up
    monkeypatch.setattr("experiments.viewers.page._FRESH_S", 0.0)
    monkeypatch.setattr("experiments.viewers.page._WORTH", 0)
    from playwright.sync_api import expect

    callback = ReplayPage(tmp_path, "going on")
    callback.on_episode_start(start)
    for tick in range(5):
        callback.on_step(step(tick))
    page = open_page(tmp_path / "replay.html", "#live")
    assert "tick 4" in page.locator("#clock").inner_text()
    for tick in range(5, 9):
        callback.on_step(step(tick))
    expect(page.locator("#clock")).to_contain_text("tick 8")
    page.keyboard.press("Home")
    for tick in range(9, 12):
        callback.on_step(step(tick))
    page.wait_for_timeout(2500)
    assert "tick 0" in page.locator("#clock").inner_text()


def test_the_page_of_a_run_that_is_over_is_not_loaded_again(written):
    assert page_data_of(written.parent)["done"]


def test_of_an_episode_without_a_tick_there_is_no_page(tell, tmp_path):
    page = ReplayPage(tmp_path, "over before it began")
    tell(page, ticks=0, outcome="interrupted")
    page.close()
    assert not (tmp_path / "replay.html").exists()


def test_of_the_truth_only_changes_are_kept(tell, tmp_path):
    tell(ReplayPage(tmp_path, "told once", memory=None))
    (episode,) = page_data_of(tmp_path)["episodes"]
    states = episode["states"]
    assert states["cell"] == [[0, [7, 8, 0]], [11, [8, 8, 0]]]
    assert states["posture"] == [[0, 0], [26, 3]]
    assert states["things"] == [[0, [[8, 7, 1, 4], [0, 0, 0, 0]]]]


@pytest.mark.slow
def test_a_life_of_10_000_ticks_in_which_every_sense_always_changes_is_small(
    made_up, strip, tmp_path, open_page, monkeypatch
):
    start, step = made_up
    monkeypatch.setattr("experiments.viewers.page._FRESH_S", 1e6)
    random = np.random.default_rng(0)
    page = ReplayPage(tmp_path, "long")
    page.on_episode_start(start)
    balance = []
    for tick in range(10_000):
        lived = restless(step(tick), random)
        page.on_step(lived)
        balance.append(lived.sense("vestibular", "lean_right_m"))
    page.close()
    assert (tmp_path / "replay.html").stat().st_size < 5_000_000
    kept = strip(page_data_of(tmp_path), "balance", "lean right")
    assert np.abs(np.subtract(kept, balance)).max() < 1e-4
    shown = open_page(tmp_path / "replay.html")
    shown.keyboard.press("End")
    assert "tick 9999" in shown.locator("#clock").inner_text()


def restless(step, random):
    """Return a moment in which all that is felt and all that is true differs from the last one."""
    senses = {
        group: random.random(len(names)).astype(np.float32) if group in TRIP.senses else names
        for group, names in step.senses.items()
    }
    lean = random.random(2).round(2).tolist()
    state = {
        **step.state,
        "lean": lean,
        "pain": random.random(5).round(2).tolist(),
        "progress": lean[0],
    }
    feeling = replace(step.trace.feeling, mood=random.random(), surprise=random.random())
    return replace(step, senses=senses, state=state, trace=replace(step.trace, feeling=feeling))


def test_nothing_in_a_data_block_can_end_it():
    block = json_script("story", {"thought": "</script><!-- <script>"})
    assert block.count("<") == 2
    assert json.loads(block[block.index(">") + 1 : block.rindex("<")]) == {
        "thought": "</script><!-- <script>"
    }
