"""What a person sees of `forage`: terminal, film, replay page and play."""

import io
import re
from dataclasses import replace
from pathlib import Path

import gymnasium
import imageio_ffmpeg
import numpy as np
import pytest
from rich.console import Console

from agents.random_agent import RandomAgent
from body.types import NoticedEvent
from envs.forage.env import ForageVectorEnv
from envs.forage.spec import FORAGE
from envs.forage.vocabulary import FOODS, Action, EventKind, Object
from experiments import run
from experiments.pictures import take_day_and_night
from experiments.play import Game, picture_of
from experiments.running.callbacks import WorldEvent, events_of
from experiments.running.loop import Loop
from experiments.viewers import controls
from experiments.viewers.page import ReplayPage
from experiments.viewers.side_by_side import page_data_of
from experiments.viewers.terminal import LiveView, felt, legend, seen
from mind.reasoning.narration import event_words

VIEWERS = Path(run.__file__).with_name("viewers")


class Ear:
    """Keeps what it hears."""

    wants_frames = False

    def __init__(self):
        self.steps = []

    def on_episode_start(self, start):
        """Nothing to keep."""

    def on_step(self, step):
        self.steps.append(step)

    def on_episode_end(self, end):
        """Nothing to keep."""

    def close(self):
        """Nothing is open."""


@pytest.fixture(scope="module")
def told():
    """Return a function that tells listeners of one aimless day, and returns its moments."""

    def told(*others):
        ear, env = Ear(), ForageVectorEnv(1, autoreset_mode="Disabled", layouts=64)
        agent = RandomAgent(1, num_actions=len(Action), seed=1)
        Loop(env, agent, [ear, *others], episodes=1, world_seed=1).run()
        return ear.steps

    return told


# ---- Terminal ----


def test_the_terminal_shows_plants_with_what_is_ripe(told):
    letters = dict(zip(map(int, FOODS), "bamn", strict=True))
    shown = set()
    for step in told()[::10]:
        drawn, words = seen(step).plain, legend(step).plain.replace("\u00a0", " ")
        plants = [cell for cell in step.senses["image"].reshape(-1, 3).tolist() if cell[0] in FOODS]
        for kind, _, ripe in plants:
            glyph = f"{letters[kind]}{ripe}"
            assert glyph in drawn
            assert f"{glyph} {FORAGE.objects[kind]} with {ripe} ripe" in words
            shown.add(kind)
    assert shown


def test_the_terminal_shows_the_needs_that_there_are(told):
    printed = io.StringIO()
    Console(file=printed, width=60, color_system=None).print(felt(told()[0]))
    names = [line.split()[0] for line in printed.getvalue().splitlines()]
    needs = ["energy", "protein", "water", "warmth", "rest", "dignity", "gut"]
    assert names == ["balance", *needs, "pain", "belly"]


def test_the_live_view_says_what_is_heard_once(told):
    screen = io.StringIO()
    view = LiveView(Console(file=screen, width=110, height=40, force_terminal=True), 1)
    view._drawn_at = float("-inf")
    told(view)
    view.close()
    lines = [line.plain for line in view._happened]
    assert [line for line in lines if "person: " in line]
    assert not [line for line in lines if "told" in line]
    assert "live through the day" in screen.getvalue()


def test_an_event_about_a_food_names_it():
    event = dict.fromkeys(("row", "episode", "tick", "cause", "x", "y", "severity", "seen_by"), 0)
    event |= {"kind": int(EventKind.MADE_ILL), "object": int(Object.NUT), "color": 2}
    (happened,) = events_of(FORAGE, [event])
    assert (happened.object, happened.words()) == ("blue nut", "fell ill from blue nut")
    (happened,) = events_of(FORAGE, [event | {"kind": int(EventKind.DRANK), "object": 0}])
    assert (happened.object, happened.words()) == ("", "drank")


@pytest.mark.parametrize("kind", range(EventKind.ATE, EventKind.MADE_ILL + 1))
def test_what_a_food_did_is_said_as_the_mind_says_it(kind):
    """The log of a run, and the memories of whoever lived it, are read side by side."""
    said = WorldEvent(
        kind=EventKind(kind).name.lower(),
        cause="none",
        tick=0,
        position=(0, 0),
        severity=0.0,
        seen_by=0,
        object="red berry",
    ).words()
    assert said == event_words(NoticedEvent[EventKind(kind).name], "red berry")
    assert said.endswith("red berry")


# ---- Film and page ----


@pytest.mark.slow
def test_a_day_is_told_filmed_and_put_on_a_page(answered, tmp_path):
    folder = tmp_path / "run"
    status, out, err = answered(
        run.main, "run", "+env=forage", "agent=scripted", "seed=2", "episodes=1",
        f"hydra.run.dir={folder}",
    )  # fmt: skip
    assert (status, err) == (0, "")
    assert "episode 0 (1 of 1): live through the day" in out
    assert re.search(r"s hears \w+ person: ", out)
    assert re.search(r"(got \w+|fell ill) from \w+ (berry|apple|mushroom|nut)\n", out)
    (episode,) = page_data_of(folder)["episodes"]
    frames, _ = imageio_ffmpeg.count_frames_and_secs(str(folder / "episodes/0000.mp4"))
    assert frames == episode["ticks"] - 1 + 15  # and the end is held
    assert len(episode["scene"]["plants"]) == 8
    assert episode["states"]["night"][0] == [0, False]
    assert episode["states"]["ripe"][0] == [0, [3] * 8]
    assert len(episode["states"]["ripe"]) > 1
    take_day_and_night(folder, (5, 200), tmp_path / "picture.webp")
    assert (tmp_path / "picture.webp").stat().st_size < 200_000


def test_the_page_has_what_is_heard_among_its_events(told, tmp_path):
    page = ReplayPage(tmp_path, "aimless")
    steps = told(page)
    page.close()
    (episode,) = page_data_of(tmp_path)["episodes"]
    heard = [(event["tick"], event["words"]) for event in episode["events"] if
             event["kind"] == "heard"]  # fmt: skip
    assert heard == [(step.tick, f"hears {step.heard}") for step in steps if step.heard]
    assert "told" not in {event["kind"] for event in episode["events"]}


def test_the_page_knows_every_food_and_place_by_its_number():
    script = (VIEWERS / "replay_world.js").read_text("utf-8")
    (known,) = re.findall(r"const KIND = \{(.*?)\}", script, re.DOTALL)
    numbers = {name: int(number) for name, number in re.findall(r"(\w+): (\d+)", known)}
    own = {obj.name.lower(): int(obj) for obj in Object if obj >= Object.BERRY}
    assert own.items() <= numbers.items()
    assert all(f"[KIND.{name}]" in script for name in own)


@pytest.mark.slow
def test_the_page_draws_what_is_ripe_and_the_night(made_up, tmp_path, open_page, scrub, pixels):
    start, step = made_up
    row = [2, *[1] * 10, 2]
    grid = [[2] * 12, [2, int(Object.APPLE), int(Object.FIRE), *row[3:]], row, row, [2] * 12]
    page = ReplayPage(tmp_path, "a made-up field")
    page.on_episode_start(replace(start, scene={**start.scene, "grid": grid, "plants": [[7, 7]]}))
    for tick in range(40):
        lived = step(0)
        truth = {"ripe": [3 if tick < 10 else 0], "night": tick >= 20, "ill": 9 * (tick >= 30)}
        page.on_step(replace(lived, tick=tick, state={**lived.state, **truth}))
    page.close()
    shown = open_page(tmp_path / "replay.html")
    worlds, figures = [], []
    for tick in (0, 12, 22, 32):
        scrub(shown, tick)
        worlds.append(pixels(shown.locator(".world")))
        figures.append(pixels(shown.locator(".figure")))
    ripe, bare, night, ill = worlds
    assert (ripe != bare).any()
    assert night[..., :3].mean() < 0.8 * bare[..., :3].mean()
    assert (night == ill).all()
    assert (figures[0] == figures[2]).all()
    assert (figures[2] != figures[3]).any()


# ---- Play ----


@pytest.fixture
def game():
    env = gymnasium.make("envs:Forage-v0", layouts=64, render_mode="rgb_array")
    yield Game(env, seed=2)
    env.close()


def test_each_motor_command_has_the_key_that_it_has_in_trip():
    assert FORAGE.load("controls") is controls.FORAGE
    pairs = [(key.name, key.action) for key in controls.FORAGE.keys]
    assert pairs == [(key.name, key.action) for key in controls.TRIP.keys]
    labels = {key.action: key.label for key in controls.FORAGE.keys}
    assert labels[Action.TOGGLE] == "eat, drink, sleep, ask"


def test_a_player_reads_what_persons_say(game):
    scene = [game.tick(()) for _ in range(8)][-1]
    assert [line for line in scene.log if "person: " in line]
    picture = picture_of(scene)
    assert picture.shape[1] == scene.frame.shape[1]
    other = picture_of(game.tick({"t"}))
    assert (picture[scene.frame.shape[0] :] != other[scene.frame.shape[0] :]).any()


def test_a_player_eats(game):
    body = game._env.unwrapped.world.bodies[0]
    layout = game._env.unwrapped.world.layouts[body["layout"]]
    places = zip(layout["plant_x"].tolist(), layout["plant_y"].tolist(), strict=True)
    cells = layout["cells"] & 0xFF
    x, y = next((x, y) for x, y in places if cells[y, x - 1] == Object.EMPTY)
    body["x"], body["y"], body["heading"] = x - 1, y, 0
    scene = [game.tick({"t"}) for _ in range(5)][-1]
    name = f"{FORAGE.colors[layout['cells'][y, x] >> 8 & 0xFF]} {FORAGE.objects[cells[y, x]]}"
    assert any(line.endswith(f"ate {name}") for line in scene.log)
    assert np.asarray(body["meals"]) == 1
