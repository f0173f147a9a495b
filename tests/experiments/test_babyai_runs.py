"""`babyai` in the commands that know more than one world: run, evaluate and play."""

import io
import json

import imageio_ffmpeg
import numpy as np
import pytest
from rich.console import Console

from agents.random_agent import RandomAgent
from envs.babyai.env import BabyAIEnv, BabyAIVectorEnv
from envs.babyai.vocabulary import Action, DoorState, Object
from experiments import evaluate, run
from experiments.launching.rollout import rollout
from experiments.play import NEXT_EPISODE, Game, make_env, picture_of
from experiments.running.loop import Loop
from experiments.running.schema import register
from experiments.viewers import controls
from experiments.viewers.page import ReplayPage
from experiments.viewers.side_by_side import page_data_of
from experiments.viewers.terminal import felt, seen

REACTIVE = ("+env=babyai", "agent=reactive", "body=scripted", "env.task=putnext")
RANDOM = ("+env=babyai", "agent=random", "render=none")


@pytest.fixture
def command(answered, tmp_path):
    """Return a function that runs a command here, and returns its status and what it said."""

    def command(module, *overrides):
        return answered(module.main, "run", *overrides, f"hydra.run.dir={tmp_path / 'run'}")

    return command


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# ---- Run ----


@pytest.mark.slow
def test_a_run_is_filmed_recorded_and_told_in_ticks(command, strip, tmp_path):
    status, out, err = command(run, *REACTIVE, "episodes=1")
    assert (status, err) == (0, "")
    assert "success; no effect 0, repeats 0" in out
    story = lines(tmp_path / "run" / "episodes" / "0000.jsonl")
    ticks = [line for line in story if line["type"] == "tick"]
    assert story[0]["mission"].startswith("put the ")
    assert "got_it" in story[0]["senses"]["touch"]
    assert {tick["hand"] for tick in ticks} > {"empty"}
    happened = [event["kind"] for tick in ticks for event in tick.get("events", [])]
    assert happened == ["picked_up", "put_down"]
    frames, _ = imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "run/episodes/0000.mp4"))
    assert frames == len(ticks) + 8  # and the end is held
    told = page_data_of(tmp_path / "run")
    assert told["title"] == "babyai, putnext, seed 6"
    assert strip(told, "touch", "got it").count(1.0) == 1


def test_what_had_no_effect_is_counted(command, tmp_path):
    assert command(run, *RANDOM, "episodes=1")[0] == 0
    *ticks, end = lines(tmp_path / "run" / "episodes" / "0000.jsonl")
    vain = ("bump", "nothing_there", "refused", "still_full", "locked")
    events = [e["kind"] for tick in ticks[1:] for e in tick.get("events", [])]
    assert end["no_effect"] == sum(kind in vain for kind in events) > 0
    assert end["actions"] == sum(tick["action"] != "done" for tick in ticks[1:])
    assert 0 < end["repeats"] < end["no_effect"]


@pytest.mark.parametrize(
    ("overrides", "answer"),
    [
        ((*RANDOM, "env.task=dance"), "env: task must be one of goto, pickup, open, putnext"),
        (
            (*RANDOM, "env.level_id=BabyAI-No-v0"),
            "env: level_id must be a MiniGrid-* or BabyAI-* level of",
        ),
        (
            (*RANDOM, "env.level_id=BabyAI-v0"),
            "level of minigrid, got 'BabyAI-v0'; did you mean BabyAI-",
        ),
        (
            (*RANDOM, "env.level_id=MiniGrid-Empty-6x6-v0"),
            "take split=any (env.split=any on the command",
        ),
        ((*RANDOM, "env.level=2"), "there is no option 'env.level'"),
        ((*REACTIVE, "body.senses.tuch=false"), "did you mean 'body.senses.touch'?"),
        ((*REACTIVE, "body.senses.touch=maybe"), "sense 'touch' must be true, false or shuffled"),
    ],
)
def test_a_mistake_is_answered_with_one_line(command, tmp_path, overrides, answer):
    status, _, err = command(run, *overrides)
    assert status == 2
    assert answer in err
    assert len(err.splitlines()) == 1, err
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


class Ear:
    """Keeps what it hears, and passes it on."""

    wants_frames = False

    def __init__(self, *others):
        self.steps, self.others = [], others

    def on_episode_start(self, start):
        for other in self.others:
            other.on_episode_start(start)

    def on_step(self, step):
        self.steps.append(step)
        for other in self.others:
            other.on_step(step)

    def on_episode_end(self, end):
        for other in self.others:
            other.on_episode_end(end)

    def close(self):
        """Nothing is open."""


@pytest.fixture(scope="module")
def told():
    """Return a function that tells listeners of one clumsy episode, and returns its moments."""

    def told(*others):
        ear, env = (
            Ear(*others),
            BabyAIVectorEnv(1, task="open", autoreset_mode="Disabled", layouts=4),
        )
        Loop(env, RandomAgent(1, num_actions=6, seed=1), [ear], episodes=1, world_seed=1).run()
        return ear.steps

    return told


def test_the_terminal_shows_doors_and_what_the_hand_has_met(told):
    steps = told()
    doors = {DoorState.OPEN: "╎╎", DoorState.CLOSED: "▐▌", DoorState.LOCKED: "▐×"}
    found = set()
    for step in steps:
        states = {int(state) for obj, _, state in step.senses["image"].reshape(-1, 3)
                  if obj == Object.DOOR}  # fmt: skip
        found |= states
        drawn = seen(step).plain
        assert all(doors[DoorState(state)] in drawn for state in states)
    assert found
    vain = next(step for step in steps if step.sense("touch", "nothing_there"))
    printed = io.StringIO()
    Console(file=printed, width=60, color_system=None).print(felt(vain))
    marks = dict(line.rsplit(maxsplit=1) for line in printed.getvalue().splitlines())
    assert marks["holds"] == "empty"
    assert [name for name, mark in marks.items() if mark == "●"] == ["nothing there"]


def test_the_page_has_a_strip_of_each_touch_and_keeps_what_never_changes_as_a_number(
    told, strip, tmp_path
):
    page = ReplayPage(tmp_path, "clumsy")
    steps = told(page)
    page.close()
    data = page_data_of(tmp_path)
    assert (data["timed"], data["stance"]) == (False, "hand")
    for name in ("refused", "nothing_there"):
        felt = [float(step.sense("touch", name)) for step in steps]
        kept = strip(data, "touch", name.replace("_", " "))
        assert (kept[:-1], len(kept)) == (felt, data["episodes"][0]["ticks"])  # and how it ended
        assert 1.0 in felt
    assert 1.0 in data["episodes"][0]["felt"]  # energy, of which nobody has less here


# ---- Evaluate ----


@pytest.mark.slow
def test_an_evaluation_measures_what_had_no_effect(command, tmp_path):
    status, out, err = command(
        evaluate, "+env=babyai", "agents=[oracle,random,scripted]", "episodes=8"
    )
    assert (status, err) == (0, "")
    assert "oracle: left out, since babyai has none" in out
    found = json.loads((tmp_path / "run" / "evaluation.json").read_text("utf-8"))
    assert (found["status"], found["world"]["split"]) == ("finished", "test")
    measured = {name: agent["measures"] for name, agent in found["agents"].items()}
    assert list(measured) == ["random", "scripted"]
    vain = {name: measures["actions without effect"][0] for name, measures in measured.items()}
    assert vain["random"] > 0.2 > vain["scripted"]
    assert measured["scripted"]["success"][0] > measured["random"]["success"][0]
    assert "falls per 100 cells" not in measured["random"]
    assert {*found["agents"]["random"]["missions"]} <= {
        "goto", "pickup", "open", "putnext", "pick up, then go to"
    }  # fmt: skip


def test_an_evaluation_in_levels_that_are_all_alike_does_not_call_them_unseen(command, tmp_path):
    chosen = ("env.level_id=MiniGrid-Empty-8x8-v0", "agents=[random]", "episodes=2")
    status, out, _ = command(evaluate, "+env=babyai", *chosen, "env.split=any")
    assert status == 0
    assert "2 episodes each, in any rooms, seen in training or not" in out
    found = json.loads((tmp_path / "run" / "evaluation.json").read_text("utf-8"))
    assert found["world"]["split"] == "any"
    status, _, err = command(evaluate, "+env=babyai", *chosen, "overwrite=true")
    assert status == 2
    assert "take split=any" in err.splitlines()[-1]


def test_everybody_lives_the_same_layouts():
    class Still:
        """Does nothing."""

        def begin(self, observation, rows, episodes):
            self.missions = [bytes(mission) for mission in observation["mission"]]

        def act(self, observation):
            return np.full(4, Action.DONE)

        def end(self, rows):
            """Nothing is open."""

        def trace(self, row):
            from agents.types import Trace

            return Trace()

        def close(self):
            """Nothing is open."""

    env = BabyAIVectorEnv(4, task="pickup", split="test", autoreset_mode="Disabled", layouts=64)
    one, other = Still(), Still()
    lived = rollout(one, env, 3)
    rollout(other, env, 3)
    assert one.missions == other.missions
    assert lived is not None
    assert lived["waits"].tolist() == [64] * 4
    assert lived["no_effect"].tolist() == [0] * 4


# ---- Play ----


@pytest.fixture
def game():
    env = BabyAIEnv(task="goto", layouts=4, render_mode="rgb_array")
    yield Game(env, seed=1)
    env.close()


def ticks_of(game):
    return int(game._senses["clock"][0])


def test_the_world_waits_for_a_key(game):
    assert [game.tick(()).action for _ in range(5)] == [None] * 5
    assert ticks_of(game) == 0
    for key in controls.BABYAI.keys:
        assert game.tick({key.name}).action == key.action
        game.tick(())
    assert ticks_of(game) == len(controls.BABYAI.keys)


def test_each_command_has_a_key_and_a_held_key_waits(game):
    assert {key.action for key in controls.BABYAI.keys} == {*Action}
    done = [game.tick({"left"}).action for _ in range(9)]
    assert [i for i, action in enumerate(done) if action == Action.LEFT] == [0, 4, 8]


def test_what_the_hand_meets_is_told_and_drawn(game):
    scene = game.tick({"d"})  # with an empty hand
    assert scene.log[-1].endswith("nothing there")
    assert picture_of(scene).shape[1] == scene.frame.shape[1]
    game.tick({NEXT_EPISODE})
    assert (game.episodes, ticks_of(game)) == (2, 0)


def test_play_builds_the_world_that_was_chosen():
    from hydra import compose, initialize_config_module

    register("play")
    with initialize_config_module("configs", version_base="1.3"):
        config = compose("play", ["+env=babyai", "env.level_id=MiniGrid-Empty-5x5-v0"])
    env = make_env(config)
    assert "goal" in Game(env, 0).tick(()).log[0]
    env.close()
