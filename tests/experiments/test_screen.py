"""The window: pace, keys, and questions, with no screen but the dummy one."""

import time
from dataclasses import replace

import numpy as np
import pygame
import pytest

from agents.random_agent import RandomAgent
from envs.trip.spec import TRIP
from experiments.viewers.screen import SPEEDS, Conversation, Pace, Screen, asked_of, bar
from experiments.viewers.terminal import sureness
from mind.claims.knowable import refusal
from mind.language_models.types import LanguageModelError
from mind.reasoning.question_answering import Answer
from mind.types import Exchange


@pytest.fixture
def screen(monkeypatch):
    """Return a function that opens a window, with keys that are pressed when it first looks."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    opened = []

    def open_one(*keys, ask=None):
        opened.append(Screen(ask))
        press(*keys)
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def press(*keys):
    for key in keys:
        if len(key) == 1:
            pygame.event.post(pygame.event.Event(pygame.TEXTINPUT, text=key))
        else:
            code = pygame.key.key_code(key)
            pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=code))


def test_a_tick_is_due_when_it_has_lasted_as_long_as_in_the_world():
    pace = Pace()
    assert not pace.goes_on(0.09, 0.1)
    assert pace.goes_on(0.1, 0.1)
    pace.press("up")
    assert pace.goes_on(0.05, 0.1)


def test_it_is_never_faster_or_slower_than_there_are_speeds():
    pace = Pace()
    for key, end in (("up", SPEEDS[-1]), ("down", SPEEDS[0])):
        for _ in range(20):
            pace.press(key)
        assert pace.speed == end


def test_who_stands_still_lives_one_tick_for_each_step():
    pace = Pace()
    pace.press("right")
    pace.press("right")
    assert [pace.goes_on(9.0, 0.1) for _ in range(3)] == [True, True, False]
    pace.press("space")
    assert pace.goes_on(0.1, 0.1)


def test_a_question_is_typed_answered_and_shown():
    asked = []
    talk = Conversation(lambda question: asked.append(question) or "“left”, answer probability 80%")
    assert not talk.press("space"), "the pace's own key"
    assert talk.press("return")
    talk.write("which foop")
    assert talk.press("backspace")
    talk.write("t?")
    assert talk.press("space"), "typing is not pausing"
    assert talk.line() == "ask: which foot?_"
    talk.press("return")
    assert asked == ["which foot?"]
    assert talk.line() == "which foot?  “left”, answer probability 80%"


def test_a_question_can_be_taken_back_and_nobody_is_asked_nothing():
    talk = Conversation(lambda question: pytest.fail("nobody asked anything"))
    for keys in (("return", "escape"), ("return", "return")):
        for key in keys:
            talk.press(key)
        assert talk.line() == ""


def test_where_nobody_can_be_asked_the_key_does_nothing():
    talk = Conversation(None)
    assert not talk.press("return")
    talk.write("hello")
    assert (talk.line(), talk.hint) == ("", "")


def test_the_window_shows_what_the_film_shows_and_the_keys(screen, tell):
    window = screen("up", "up", "up")  # as fast as it goes
    tell(window, picture=True, ticks=3)
    surface = pygame.display.get_surface()
    assert surface is not None
    shown = pygame.surfarray.array3d(surface).swapaxes(0, 1)
    assert shown.shape[0] > 96 + 20, "the caption and the keys stand below the picture"
    assert shown[96:].std() > 5


def test_a_tick_is_shown_for_as_long_as_it_lasts(screen, tell):
    window = screen("down")
    began = time.perf_counter()
    window.on_step(moment_of(tell))
    assert time.perf_counter() - began >= 0.2, "half the speed of a tenth of a second"


def moment_of(tell):
    """Return a moment with a picture."""
    kept = []

    class Keeper:
        def on_episode_start(self, start): ...
        def on_step(self, step):
            kept.append(step)

        def on_episode_end(self, end): ...

    tell(Keeper(), picture=True, ticks=1)
    return kept[0]


def test_a_question_in_the_window_stops_time_until_it_is_answered(screen, tell):
    asked = []
    window = screen("return", "h", "i", "return", ask=lambda text: asked.append(text) or "hello")
    window.on_step(moment_of(tell))
    assert asked == ["hi"]


def test_a_closed_window_lets_life_go_on(screen, tell):
    window = screen()
    window.close()
    began = time.perf_counter()
    tell(window, picture=True)
    assert time.perf_counter() - began < 2.0


@pytest.mark.slow
def test_what_is_too_long_for_the_bar_shows_its_end():
    assert (bar("keys", "a" * 900 + "b", 640) == bar("keys", "a" * 500 + "b", 640)).all()
    assert (bar("keys", "a" * 900 + "b", 640) != bar("keys", "a" * 900, 640)).any()


class Talker(RandomAgent):
    """Somebody who can be asked, or whose language model is gone."""

    def __init__(self, error=None):
        super().__init__(1)
        self._error = error

    def question_answerer(self, row):
        return self

    def refusal(self, question):
        return refusal(question, TRIP)

    def ask(self, question):
        return question

    def answers(self, asked):
        if self._error:
            raise self._error
        return [Answer(text="I don't know", said="left\x1b[2J", confidence=0.8, memories=())]


def test_an_answer_is_told_with_how_sure_it_is_and_cannot_steer_anything():
    ask = asked_of(Talker())
    assert ask is not None
    assert ask("which foot?").startswith("“left [2J”, ")
    assert "answer probability of “left [2J” 80%" in ask("which foot?")


def test_it_is_told_what_being_sure_of_an_answer_means():
    written = Answer(text="left", said="left", confidence=0.8, memories=())
    stated = replace(written, exchanges=(Exchange(key="k", reply="left <sure>0.8</sure>"),))
    assert sureness(written) == "answer probability 80%"
    assert sureness(stated) == "stated confidence 80%"


def test_what_cannot_be_known_is_said_and_no_model_is_asked():
    ask = asked_of(Talker(LanguageModelError("was asked")))
    assert ask is not None
    assert ask("did you swim?").startswith("I know nothing of 'swim'")


def test_a_model_that_is_gone_is_said_and_life_goes_on():
    ask = asked_of(Talker(LanguageModelError("no answer from\nhttp://x")))
    assert ask is not None
    assert ask("which foot?") == "it cannot be asked: no answer from http://x"


def test_who_cannot_talk_is_not_asked():
    assert asked_of(RandomAgent(1)) is None
    assert np.asarray(bar("", "", 320)).shape[1] == 320
