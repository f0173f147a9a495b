"""A life made up by hand, for those who record and show lives, and a browser to see it in."""

import base64
import io
import sys
from dataclasses import replace

import numpy as np
import pytest

from agents.types import Trace
from body.types import Intent, Skill, SkillStatus, Status
from envs.trip.spec import TRIP
from experiments.running.callbacks import EpisodeEnd, EpisodeStart, Score, StepRecord, WorldEvent
from experiments.viewers.browser import CHROMIUM, WITHOUT, browsing
from mind.types import Decision, Exchange, Feeling

TICKS = 40
FALL_TICK = 25


def senses(tick):
    """Return the senses of one tick, all zero but balance and posture."""
    values: dict[str, np.ndarray] = {
        group: np.zeros(len(names), np.float32) for group, names in TRIP.senses.items()
    }
    values["vestibular"][0] = 0.3 * np.sin(tick / 5)
    values["proprio"][TRIP.senses["proprio"].index("down" if tick > FALL_TICK else "standing")] = 1
    values["image"] = np.ones((7, 7, 3), np.uint8)
    values["mission"] = np.array([0, 6, 0, 0, 0], np.int32)
    values["clock"] = np.array([tick], np.int32)
    return values


SCENE = {
    "left": 6, "top": 6, "grid": [[2, 2, 2, 2], [2, 1, 779, 2], [2, 1, 1, 2], [2, 2, 2, 2]],
    "things": [[18, 1], [0, 0]], "fall_at": [0.42, 0.3],
    "sight": 2.0,
}  # fmt: skip


BEGINNING = EpisodeStart(world=TRIP, episode=0, avatar=0, mission="go to the red ball", scene=SCENE)


def state(tick):
    """Return the truth of one tick: two steps east, and a fall at `FALL_TICK`."""
    return {
        "cell": [7 + (tick > 10), 8, 0], "progress": 0.0, "posture": 3 if tick > FALL_TICK else 0,
        "lean": [0.1, 0.0], "foot": 1, "laces": [0.0, 1.0], "held": [0, 0],
        "pain": [0.0, 0.6 if tick > FALL_TICK else 0.0, 0.0, 0.0, 0.0],
        "things": [[8, 7, 1, 4], [0, 0, 0, 0]],
    }  # fmt: skip


def decision(tick):
    return Decision(
        intent=Intent(skill=Skill.WAIT, reason="to see"),
        thoughts=f"thought of tick {tick} </script><b>not bold</b>",
        speech=f"speech of tick {tick}" if tick else "",
        goals=("go to the red ball", f"subgoal {tick}"),
        memories=(1, 2) if tick == 30 else (),
        tokens=10,
        prompt_tokens=100,
        latency_s=0.5,
        confidence=0.986,
        exchanges=exchanges(tick),
    )


SYSTEM = "[system]\nYou are a mind.\n\nReply briefly."


def exchanges(tick):
    """Return what was asked and replied in two rounds: a reply that was refused, and another."""
    first = f"{SYSTEM}\n\n[user]\nmission: go to the red ball\nnow: tick {tick}"
    refused = "<think></script><b>no</b></think>"
    again = f"{first}\n\n[assistant]\n{refused}\n\n[user]\nThat was no answer. Again."
    told = {"prompt_tokens": 50, "tokens": 5, "latency_s": 0.25}
    return (
        Exchange(key="1", prompt=first, reply=refused, finish="length", **told),
        Exchange(
            key="2", prompt=again, reply="<answer>wait</answer>", log_probability=-0.1, **told
        ),
    )


FEELING = Feeling(
    needs={"energy": 0.5}, deficits={"energy": 0.5}, drive=0.25, reward=0.0, surprise=1.0,
    mood=-0.5, emotions={"fear": 0.6},
)  # fmt: skip
ENDING = Trace(
    intent_words=f"intent {TICKS // 10 - 1}",
    status=SkillStatus(status=Status.DONE),
    feeling=replace(FEELING, emotions={"relief": 0.5}),
    events=("arrived",),
)
FALL = WorldEvent(
    kind="fall", cause="own_lace", tick=FALL_TICK, position=(9, 8), severity=0.7, seen_by=2
)


def step(tick, episode=0, picture=False):
    """Return a moment: a decision every tenth tick, and a fall at `FALL_TICK`."""
    frame = np.full((96, 128, 3), 5 * tick % 256, np.uint8) if picture else None
    return StepRecord(
        world=TRIP,
        episode=episode,
        avatar=0,
        tick=tick,
        senses=senses(tick),
        action="forward",
        trace=Trace(
            intent_words=f"intent {tick // 10}",
            feeling=FEELING,
            decision=decision(tick) if tick % 10 == 0 else None,
            exchanges=exchanges(tick) if tick % 10 == 0 else (),
        ),
        events=(FALL,) if tick == FALL_TICK else (),
        homeostatic_reward=-0.01,
        mission_reward=0.0,
        state=state(tick),
        frame=frame,
    )


@pytest.fixture
def made_up():
    """Return how the made-up life begins, and a function that returns one tick of it."""
    return BEGINNING, step


@pytest.fixture
def tell():
    """Return a function that tells a listener of one made-up episode of `TICKS` ticks."""

    def tell(callback, *, episode=0, ticks=TICKS, picture=False, outcome="success"):
        score = Score()
        callback.on_episode_start(replace(BEGINNING, episode=episode))
        for tick in range(ticks):
            lived = step(tick, episode, picture)
            score.add(lived)
            callback.on_step(lived)
        frame = step(ticks, episode, picture).frame
        end = EpisodeEnd(
            world=TRIP,
            episode=episode,
            avatar=0,
            mission="go to the red ball",
            outcome=outcome,
            score=score,
            seconds=1.5,
            senses=senses(ticks) if ticks else {},  # none was perceived where a mind failed first
            trace=ENDING,
            state=state(ticks),
            frame=frame,
        )
        callback.on_episode_end(end)
        return end

    return tell


@pytest.fixture(scope="module")  # while one is open no test can run an event loop of its own
def browser():
    """Return a browser, opened anew for each file of tests."""
    if not CHROMIUM:
        pytest.skip(WITHOUT)  # nothing else can show a page
    with browsing() as browser:
        yield browser


@pytest.fixture
def open_page(browser):
    """Return a function that opens a file in a browser; whatever a page complains of fails."""
    complaints, pages = [], []

    def open_page(path, link="", *, width=1200, height=900, scheme="dark"):
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        pages.append(page)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url[:60])
                if request.url.startswith("http") else None)  # fmt: skip
        page.goto(path.as_uri() + link)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert complaints == []


@pytest.fixture
def scrub():
    """Return a function that moves the scrubber of a replay page to a tick."""

    def scrub(page, tick):
        page.locator("#scrubber").evaluate(
            "(bar, tick) => { bar.value = tick; bar.dispatchEvent(new Event('input')) }", tick
        )

    return scrub


@pytest.fixture
def strip():
    """Return a function that reads one channel, tick by tick, from the data of a page."""

    def strip(data, title, name, episode=0):
        channels = [
            (group["title"], channel["name"])
            for group in data["groups"]
            for channel in group["channels"]
        ]
        shown = data["episodes"][episode]
        kept = shown["felt"][channels.index((title, name))]
        if isinstance(kept, float):
            return [kept] * shown["ticks"]
        levels = np.frombuffer(base64.b64decode(kept["levels"]), "<u2")
        return (kept["least"] + kept["step"] * levels).tolist()

    return strip


@pytest.fixture
def pixels():
    """Return a function that reads what is drawn on a canvas, (height, width, 4) uint8."""
    from PIL import Image

    def pixels(canvas):
        encoded = canvas.evaluate("canvas => canvas.toDataURL()").partition(",")[2]
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGBA"))

    return pixels


@pytest.fixture
def one_thread():
    """Let PyTorch use one: for a few bodies, more only wait for each other."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def answered(tmp_path, monkeypatch, capfd):
    """Return a function that runs a `main` here, and returns its status and what it said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")

    def answered(main, *arguments):
        monkeypatch.setattr(sys, "argv", [*arguments])
        try:
            main()
            status = 0
        except SystemExit as end:
            status = end.code
        said = capfd.readouterr()
        return status, said.out, said.err

    return answered
