"""A window that shows the first avatar while it lives, as the film does, with keys to watch by.

space   stand still, go on        right   one tick on
up      faster                    down    slower
return  ask the avatar something: type a question, and return again; escape takes it back
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from agents.types import Agent, AnswersQuestions
from experiments.running.callbacks import EpisodeEnd, EpisodeStart, StepRecord
from experiments.viewers.film import Caption, Subtitles, font, strip, title_of

FRAMES_PER_SECOND = 30
SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
_LAST_SECONDS = 1.5
_IDLE_S = 0.002
_LONGEST_QUESTION = 120  # letters, which fit into the window
_NIGHT, _QUIET, _ACCENT = "#12141c", "#8f98ab", "#7cc7ff"
_KEYS = "space: stand still   right: one tick   up, down: speed"

Ask = Callable[[str], str]  # from a question to what is answered


@dataclass(slots=True)
class Pace:
    """How fast it goes, and whether at all.

    Attributes:
        speed: Of `SPEEDS`; 1 is as in the world.
        paused: Whether it stands still.
        steps: Ticks that shall be lived although it stands still.
    """

    speed: float = 1.0
    paused: bool = False
    steps: int = 0

    def press(self, key: str) -> None:
        """Do what a key asks for, by pygame's name of it; other keys do nothing."""
        at = SPEEDS.index(self.speed)
        if key == "space":
            self.paused, self.steps = not self.paused, 0
        elif key == "right":
            self.paused, self.steps = True, self.steps + 1
        elif key == "up":
            self.speed = SPEEDS[min(at + 1, len(SPEEDS) - 1)]
        elif key == "down":
            self.speed = SPEEDS[max(at - 1, 0)]

    def goes_on(self, shown_s: float, tick_s: float) -> bool:
        """Return whether the next tick is due, and count it.

        Args:
            shown_s: Seconds since this tick has been shown.
            tick_s: Seconds that a tick lasts in the world.
        """
        if not self.paused:
            return shown_s >= tick_s / self.speed
        if self.steps:
            self.steps -= 1
            return True
        return False


class Conversation:
    """A question that is being typed, and what was answered to it.

    Args:
        ask: Answers; None where nobody can be asked.
    """

    def __init__(self, ask: Ask | None):
        self._ask = ask
        self.typed: str | None = None  # None while nobody types
        self.answer = ""

    def press(self, key: str) -> bool:
        """Take a key that is meant for a question, and say whether it was."""
        if self._ask is None or (self.typed is None and key != "return"):
            return False
        if self.typed is None:
            self.typed, self.answer = "", ""
        elif key == "escape":
            self.typed = None
        elif key == "backspace":
            self.typed = self.typed[:-1]
        elif key == "return":
            question, self.typed = self.typed.strip(), None
            self.answer = f"{question}  {self._ask(question)}" if question else ""
        return True

    def write(self, text: str) -> None:
        """Take letters, while somebody types."""
        if self.typed is not None:
            self.typed = (self.typed + text)[:_LONGEST_QUESTION]

    def line(self) -> str:
        """Return what there is to read of it; empty for nothing."""
        return f"ask: {self.typed}_" if self.typed is not None else self.answer

    @property
    def hint(self) -> str:
        """Which key begins one; empty where nobody can be asked."""
        return "   return: ask" if self._ask else ""


class Screen:
    """Shows each tick for as long as it lasts, or for as long as somebody wants to look at it.

    Args:
        ask: Answers a question that somebody types; None where nobody can be asked.

    Raises:
        NoDisplayError: If there is no screen.
    """

    wants_frames = True

    def __init__(self, ask: Ask | None = None):
        from envs.engine.render.window import Window

        self._window = Window("Groundrush", FRAMES_PER_SECOND)
        self._subtitles = Subtitles()
        self._pace, self._conversation = Pace(), Conversation(ask)
        self._drawn_at = 0.0

    def on_episode_start(self, start: EpisodeStart) -> None:
        """Set the title; the first picture comes with the first moment."""
        if start.avatar == 0:
            self._subtitles = Subtitles(title_of(start))

    def on_step(self, step: StepRecord) -> None:
        """Show the moment until the next one is due."""
        if step.frame is not None:
            self._show(step.frame, self._subtitles.at(step), step.world.tick_seconds)

    def on_episode_end(self, end: EpisodeEnd) -> None:
        """Show how it ended."""
        if end.frame is not None:
            self._show(end.frame, self._subtitles.last(end), _LAST_SECONDS)

    def close(self) -> None:
        """Close the window."""
        self._window.close()

    def _show(self, frame: NDArray[np.uint8], caption: Caption, seconds: float) -> None:
        """Show a picture until it has been seen long enough; who is fast leaves some out."""
        began = time.perf_counter()
        picture = np.vstack([frame, strip(caption, frame.shape[1])])
        while not self._window.closed:
            now = time.perf_counter()
            if now - self._drawn_at >= 1 / FRAMES_PER_SECOND:
                self._window.show(np.vstack([picture, self._bar(frame.shape[1])]))
                self._drawn_at = now
            self._read_keys()
            talking = self._conversation.typed is not None
            if not talking and self._pace.goes_on(now - began, seconds):
                return
            time.sleep(_IDLE_S)

    def _bar(self, width: int) -> NDArray[np.uint8]:
        pace = "standing still" if self._pace.paused else f"speed {self._pace.speed:g}"
        keys = f"{pace}   {_KEYS}{self._conversation.hint}"
        return bar(keys, self._conversation.line(), width)

    def _read_keys(self) -> None:
        import pygame

        if self._window.closed:
            return
        for event in pygame.event.get(exclude=pygame.QUIT):
            if event.type == pygame.TEXTINPUT:
                self._conversation.write(event.text)
            elif event.type == pygame.KEYDOWN:
                key = pygame.key.name(event.key)
                if not self._conversation.press(key):
                    self._pace.press(key)


@lru_cache(maxsize=64)
def bar(keys: str, said: str, width: int) -> NDArray[np.uint8]:
    """Return a bar with the keys, and what is asked and answered below, (height, width, 3) uint8.

    Args:
        keys: What can be pressed.
        said: A question or an answer; where it does not fit, its end is shown.
        width: Pixels.
    """
    size = max(8, round(width / 60))
    image = Image.new("RGB", (width, 4 * size), _NIGHT)
    draw = ImageDraw.Draw(image)
    for line, (words, colour) in enumerate(((keys, _QUIET), (said, _ACCENT))):
        draw.text((size, size // 3 + line * 2 * size), _fitting(words, size, width - 2 * size),
                  fill=colour, font=font(size))  # fmt: skip
    return np.asarray(image)


def _fitting(words: str, size: int, width: int) -> str:
    while words and font(size).getlength(words) > width:
        words = words[1:]
    return words


def asked_of(agent: Agent) -> Ask | None:
    """Return how an agent's first avatar is asked about its life; None if it does not answer."""
    if not isinstance(agent, AnswersQuestions):
        return None

    def ask(question: str) -> str:
        from experiments.running.cli import one_line
        from experiments.viewers.terminal import printable, sureness
        from mind.language_models.types import LanguageModelError

        answerer = agent.question_answerer(0)
        if refused := answerer.refusal(question):
            return refused
        try:
            (answer,) = agent.answers([answerer.ask(question)])
        except LanguageModelError as error:
            return f"it cannot be asked: {one_line(error)}"
        return f"“{printable(answer.said)}”, {sureness(answer)}"

    return ask
