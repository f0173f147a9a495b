"""What the replay page shows of a mind: what it was asked, what it replied, and the last tick."""

from dataclasses import replace

import pytest

from experiments.running.callbacks import Score
from experiments.viewers.page import ReplayPage
from experiments.viewers.side_by_side import page_data_of
from mind.memory import ExperienceStore
from mind.types import Exchange, Experience

END = Experience(
    sensation="", visual="", emotion="", proprioception="", motor="", words="picked up red key",
    body_id="body-0", run_id="this run", episode=0, first_tick=40, last_tick=40,
    kind="picked_up", about="", pain=0.1, surprise=1.0, reward_error=0.0, importance=0.0,
)  # fmt: skip


@pytest.fixture
def opened(tell, tmp_path, open_page):
    memory = ExperienceStore(":memory:")
    memory.add([END, replace(END, run_id="another run")])
    page = ReplayPage(tmp_path, "a made-up life", memory=memory, run_id="this run")
    tell(page, episode=0)
    tell(page, episode=1)
    page.close()
    return open_page(tmp_path / "replay.html")


def whole(page, side):
    """Return the text of each round, prompt or reply, folded parts included."""
    return [
        [block.text_content() for block in round.locator(f"> div:nth-of-type({side}) pre").all()]
        for round in page.locator(".round").all()
    ]


def test_each_decision_is_shown_with_all_that_was_asked_and_replied(opened, scrub, made_up):
    _, step = made_up
    for tick, asked_at in [(0, 0), (9, 0), (10, 10), (25, 20)]:
        scrub(opened, tick)
        first, second = step(asked_at).trace.exchanges
        system, user = first.prompt.split("\n\n[user]\n")
        assert whole(opened, 1) == [
            [system, f"[user]\n{user}"],
            [first.prompt, second.prompt.removeprefix(first.prompt).strip()],
        ]
        assert whole(opened, 2) == [[first.reply], [second.reply]]


def test_a_round_says_what_it_cost_and_how_it_ended(opened, scrub):
    scrub(opened, 12)
    told = opened.locator(".words .cost").all_inner_texts()
    spent = "50 tokens read · 5 written · 0.25 s on the clock"
    assert told == [
        "decision 2 of 4, which took effect at 1.0 s lived",
        f"round 1 of 2 · {spent} · broken off: length",
        f"round 2 of 2 · {spent} · mean token probability 90%",
    ]


def test_a_choice_is_shown_with_the_most_probable_of_what_there_was(made_up, tmp_path, open_page):
    beginning, step = made_up
    offered = (("wait", 0.75), *((f"go to ball {number}", 0.025) for number in range(10)))
    chosen = (
        Exchange(key="1", prompt="[user]\nwell?", reply="<answer>wait</answer>", offered=offered),
    )
    lived = step(0)
    decision = replace(lived.trace.decision, exchanges=chosen)
    page = ReplayPage(tmp_path, "a made-up life")
    page.on_episode_start(beginning)
    page.on_step(replace(lived, trace=replace(lived.trace, decision=decision, exchanges=chosen)))
    page.close()
    shown = open_page(tmp_path / "replay.html")
    titles = shown.locator(".round h2").all_text_contents()
    assert titles == ["prompt", "reply", "what it chose from, 11 in all"]
    told = [row.split() for row in shown.locator(".offered li").all_inner_texts()]
    assert told[:2] == [["75%", "wait"], ["3%", "go", "to", "ball", "0"]]
    assert len(told) == 8
    bars = [
        bar.evaluate("bar => getComputedStyle(bar).getPropertyValue('--share')")
        for bar in shown.locator(".offered .share").all()
    ]
    assert bars[:2] == ["0.75", "0.025"]
    cost = shown.locator("[data-part=cost]").inner_text()
    assert "probability among the choices 99%" in cost


def test_what_was_imagined_is_shown_with_what_it_would_be_worth(made_up, tmp_path, open_page):
    beginning, step = made_up
    weighed = (("eat red nut", 0.9, 0.25), ("wait", 0.1, -0.012))
    lived = step(0)
    decision = replace(lived.trace.decision, weighed=weighed)
    page = ReplayPage(tmp_path, "a made-up life")
    page.on_episode_start(beginning)
    page.on_step(replace(lived, trace=replace(lived.trace, decision=decision)))
    page.close()
    shown = open_page(tmp_path / "replay.html")
    told = [row.split() for row in shown.locator(".offered li").all_inner_texts()]
    assert told == [
        ["90%", "eat", "red", "nut", "(worth", "+0.250)"],
        ["10%", "wait", "(worth", "\N{MINUS SIGN}0.012)"],
    ]


def test_prompt_and_reply_stay_text(opened):
    assert "</script><b>no</b>" in opened.locator(".round pre").nth(2).inner_text()
    assert opened.locator(".words b, .words think").count() == 0


def test_what_is_folded_stays_as_one_left_it(opened, scrub):
    system = opened.locator(".words details").first
    assert system.locator("pre").is_hidden()
    system.locator("summary").click()
    scrub(opened, 12)
    assert "You are a mind." in opened.locator(".words details pre").first.inner_text()


def test_a_round_without_a_reply_says_why(made_up, tmp_path, open_page):
    start, step = made_up
    lived, failed = step(0), Exchange(key="1", prompt="[user]\nwell?", error="NoReply: too slow")
    page = ReplayPage(tmp_path, "no reply")
    page.on_episode_start(start)
    page.on_step(replace(lived, trace=replace(lived.trace, exchanges=(failed,))))
    page.close()
    shown = open_page(tmp_path / "replay.html")
    assert whole(shown, 2) == [["no reply: NoReply: too slow"]]


def test_before_the_first_decision_nothing_is_made_up(made_up, tmp_path, open_page):
    start, step = made_up
    page = ReplayPage(tmp_path, "late")
    page.on_episode_start(start)
    for tick in (1, 2, 10):
        page.on_step(replace(step(tick), tick=min(tick, 3)))
    page.close()
    shown = open_page(tmp_path / "replay.html", "#t=2")
    assert shown.locator("[data-part=rounds]").inner_text() == "no decision has been made yet"


def test_prompts_share_what_they_have_in_common(made_up, tmp_path):
    start, step = made_up
    system = "\n".join(f"rule {number} of a long list of rules" for number in range(100))
    page = ReplayPage(tmp_path, "many decisions")
    page.on_episode_start(start)
    for tick in range(400):
        lived = step(tick)
        asked = Exchange(key="1", prompt=f"[system]\n{system}\n\n[user]\ntick {tick}")
        page.on_step(replace(lived, trace=replace(lived.trace, exchanges=(asked,))))
    page.close()
    data = page_data_of(tmp_path)
    assert len(data["lines"]) == 400 + 100 + len(["[system]", "", "[user]"])
    prompts = [one["rounds"][0]["prompt"] for one in data["episodes"][0]["asked"]]
    assert max(map(len, prompts)) <= 6


# ---- The end ----


def test_the_tick_that_ended_an_episode_is_shown(opened):
    opened.keyboard.press("End")
    assert "4.0 s of 4.0 s lived · tick 40" in opened.locator("#clock").inner_text()
    parts = {name: opened.locator(f"[data-part={name}]") for name in ("emotion", "outcome")}
    assert {name: part.inner_text() for name, part in parts.items()} == {
        "emotion": "relief",
        "outcome": "done",
    }
    row = opened.locator("[data-part=log] button").last
    assert row.inner_text().split("\n") == ["4.0 s", "noticed: arrived"]
    opened.keyboard.press("ArrowLeft")
    assert parts["emotion"].inner_text() == "fear"
    assert parts["outcome"].inner_text() == ""


def test_a_memory_of_the_last_tick_leads_to_it(opened, scrub):
    opened.keyboard.press("]")
    scrub(opened, 32)
    opened.locator("[data-part=recalled] a").click()
    assert opened.locator("#scrubber").input_value() == "40"
    assert opened.locator("#episodes button[aria-pressed=true]").inner_text() == "episode 0"


def test_what_was_asked_when_the_episode_ended_is_shown_too(made_up, tell, tmp_path, open_page):
    page = ReplayPage(tmp_path, "too late")
    ending = tell(page)
    late = Exchange(key="1", prompt="[user]\nand now?", reply="<answer>too late</answer>")
    page.on_episode_start(replace(made_up[0], episode=1))
    page.on_step(replace(made_up[1](1), episode=1, tick=0))
    trace = replace(ending.trace, exchanges=(late,))
    page.on_episode_end(replace(ending, episode=1, trace=trace, score=Score(ticks=1)))
    page.close()
    shown = open_page(tmp_path / "replay.html", "#e=1&t=1")
    assert whole(shown, 2) == [["<answer>too late</answer>"]]
    assert "no decision came of it" in shown.locator(".words .cost").first.inner_text()


def test_an_episode_whose_end_nobody_perceived_has_no_tick_for_it(made_up, tell, tmp_path):
    page = ReplayPage(tmp_path, "broken off")
    ending = tell(page)
    page.on_episode_start(replace(made_up[0], episode=1))
    page.on_step(replace(made_up[1](0), episode=1))
    page.on_episode_end(replace(ending, episode=1, senses={}, score=Score(ticks=1)))
    page.close()
    ticks = [episode["ticks"] for episode in page_data_of(tmp_path)["episodes"]]
    assert ticks == [41, 1]
