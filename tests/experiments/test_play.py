"""A person in the body: keys go in, ticks come out, with no screen but the dummy one."""

import os
import subprocess
import sys

import gymnasium
import numpy as np
import pytest

from envs.engine.body_senses import Posture
from envs.trip.vocabulary import Action
from experiments.play import NEXT_EPISODE, QUIT, Game, Stage, picture_of, play
from experiments.viewers import controls

KEYS = controls.TRIP.keys


@pytest.fixture
def game():
    env = gymnasium.make("envs:Trip-v0", level=0, layouts=4, render_mode="rgb_array")
    yield Game(env, seed=1)
    env.close()


def body_of(game):
    return game._env.unwrapped.world.bodies[0]


def actions(game, held, ticks):
    return [game.tick(held).action for _ in range(ticks)]


def test_each_motor_command_has_one_key():
    assert sorted(key.action for key in KEYS) == sorted(Action)
    assert len({key.name for key in KEYS} | {QUIT, NEXT_EPISODE}) == len(Action) + 2


@pytest.mark.slow
def test_each_key_makes_its_motor_command(game):
    for key in KEYS:
        assert actions(game, {key.name}, 1) == [key.action]
        game.tick(())
    assert actions(game, (), 1) == [Action.DONE]


def test_a_held_key_acts_each_tick_and_a_turn_waits_between_quarters(game):
    assert actions(game, {"c"}, 6) == [Action.CAREFUL] * 6
    turns = actions(game, {"left"}, 9)
    assert [tick for tick, action in enumerate(turns) if action == Action.LEFT] == [0, 4, 8]
    assert actions(game, {"right"}, 1) == [Action.RIGHT]
    assert actions(game, (), 1) + actions(game, {"right"}, 1) == [Action.DONE, Action.RIGHT]


def test_one_walks_on_while_a_turn_waits(game):
    assert actions(game, {"left", "up"}, 3) == [Action.LEFT, Action.FORWARD, Action.FORWARD]


def test_in_a_stumble_a_side_step_does_not_wait(game):
    assert actions(game, {"left"}, 2) == [Action.LEFT, Action.DONE]
    body_of(game)["posture"], body_of(game)["lean_forward"] = Posture.STUMBLE, 0.2
    game.tick(())
    assert body_of(game)["posture"] == Posture.STUMBLE
    assert actions(game, {"left"}, 2) == [Action.LEFT, Action.LEFT]


@pytest.mark.slow
def test_what_happens_is_told_and_a_finished_life_waits_for_another(game):
    scene = [game.tick({"r"}) for _ in range(40)][-1]
    assert any("bump (wall)" in line for line in scene.log)
    body_of(game)["tick"] = 249  # the time of level 0 is up after 250
    scene = game.tick({"r"})
    assert game.over
    assert "Press N for another life." in scene.log[-1]
    game.tick({"up"})
    assert body_of(game)["tick"] == 250
    game.tick({NEXT_EPISODE})
    assert (game.over, game.episodes, int(body_of(game)["tick"])) == (False, 2, 0)


def test_a_scripted_player_walks_and_quits(game):
    script = iter([{"up"}] * 12 + [{QUIT}])
    scenes = []
    began = int(body_of(game)["x"]), int(body_of(game)["y"])

    def show(scene):
        scenes.append(scene)
        return True

    play(game, lambda: next(script), show)
    assert len(scenes) == 13  # one before the first key
    assert all(scene.frame.shape == scenes[0].frame.shape for scene in scenes)
    body = body_of(game)
    assert (int(body["x"]), int(body["y"])) != began or body["progress"] > 0 or body["pain"].any()


def test_a_closed_window_ends_the_game(game):
    calls = []
    play(game, lambda: calls.append("asked") or (), lambda scene: False)
    assert calls == []


def test_the_picture_carries_keys_and_events_and_lights_what_acts(game):
    scene = game.tick({"g"})
    other = game.tick(())
    picture, unlit = picture_of(scene), picture_of(other)
    assert picture.shape == (scene.frame.shape[0] + Stage.HEIGHT, *scene.frame.shape[1:])
    assert picture.shape[0] % 16 == 0
    strip = np.s_[scene.frame.shape[0] :]
    assert picture[strip].std() > 10
    assert (picture[strip] != unlit[strip]).any()


def test_keys_are_read_from_the_keyboard_and_the_window_closes(monkeypatch, game):
    import pygame

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    stage = Stage(["up"])
    try:
        assert stage.show(game.tick(()))
        pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_UP))
        pygame.event.post(pygame.event.Event(pygame.QUIT))
        assert stage.keys() == {"up"}  # and the closing of the window is not lost
        assert not stage.show(game.tick(()))
    finally:
        stage.close()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a screen")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["+env=trip"], "no display was found"),
        (["+env=forage"], "use python -m experiments.run +env=forage"),
        ([], "add +env=NAME"),
        (["+env=tripp"], "there is no env 'tripp'; choose one of babyai, forage, trip"),
        (["+env=trip", "lvel=3"], "there is no option 'lvel'; did you mean 'level'?"),
        (["+env=trip", "seed=-1"], "seed must be at least 0, got -1"),
    ],
)
def test_a_missing_screen_and_mistakes_are_answered_in_one_line(arguments, words):
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    done = subprocess.run(
        [sys.executable, "-m", "experiments.play", *arguments],
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if name not in hidden},
        check=False,
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
