"""Anybody may call `pygame.quit()`, as MiniGrid's envs do when they are closed: we draw on."""

import gymnasium
import numpy as np
import pygame
import pytest

from envs.engine.render import ink
from envs.engine.render.window import Window

ENVS = {
    "trip": ("envs:Trip-v0", {"level": 4, "layouts": 8}),
    "babyai": ("envs:BabyAI-v0", {"task": "open", "layouts": 8}),
}


def quit_and_begin_again():
    pygame.quit()
    pygame.init()


@pytest.mark.parametrize("leave", [pygame.quit, pygame.font.quit, quit_and_begin_again])
@pytest.mark.parametrize("name", ENVS)
def test_pictures_are_the_same_afterwards(name, leave):
    id, options = ENVS[name]
    env = gymnasium.make(id, render_mode="rgb_array", **options)
    frames = []
    for _ in range(2):
        env.reset(seed=4)
        for action in (2, 0, 2, 1, 2):
            env.step(action)
            frames.append(env.render())
            ink.text.cache_clear()  # so that words are written anew
            leave()
    assert len(frames) == 10
    for one, other in zip(frames[:5], frames[5:], strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("leave", [pygame.quit, pygame.display.quit, quit_and_begin_again])
def test_a_window_opens_again(leave, monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    window = Window("a title")
    frame = np.full((40, 60, 3), 9, np.uint8)
    for value in (9, 200):
        window.show(np.full((40, 60, 3), value, np.uint8))
        screen = pygame.display.get_surface()
        assert screen is not None
        assert screen.get_at((5, 5))[:3] == (value,) * 3
        assert pygame.display.get_caption()[0] == "a title"
        leave()
    window.close()
    window.show(frame)
    assert window.closed


def test_another_env_may_close_while_ours_is_watched(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    ours = gymnasium.make("envs:BabyAI-v0", render_mode="human", layouts=8)
    theirs = gymnasium.make("MiniGrid-Empty-5x5-v0", render_mode="human")
    ours.reset(seed=1)
    theirs.reset(seed=1)
    theirs.close()
    ours.step(2)
    screen = pygame.display.get_surface()
    assert screen is not None
    assert screen.get_size() == (960, 576)
    ours.close()
