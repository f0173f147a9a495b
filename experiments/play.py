"""Be the body yourself: `python -m experiments.play +env=trip`, `+env=forage` or `+env=babyai`.

In `trip` and `forage` ten ticks a second, with the senses and the fourteen motor commands that an
agent has. Keys that are held act each tick; only a turn waits a moment before it is made again,
because a quarter turn ten times a second is more than anybody wants. In a stumble each tick counts,
and it does not wait. The world of `babyai` stands still until a key is pressed, and each key waits.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from experiments.running.callbacks import events_of, heard_by, mission_of, told_by
from experiments.running.cli import BadInput, command, one_line, require_world, spec_of
from experiments.running.startup import Startup
from experiments.viewers.controls import Controls, Key

_NO_SCREEN = (
    "playing needs a screen and a keyboard, and no display was found; "
    "for a film instead, use python -m experiments.run +env={world}"
)
_SHOWN_A_SECOND = 10
_AGAIN_AFTER = 4  # times shown, while a key is held that waits
_LINES_SHOWN = 5
_KEY_WIDTH = 134  # pixels that a key has, with its label
QUIT, NEXT_EPISODE = "escape", "n"


# ---- The game, which knows of no screen ----


@dataclass(frozen=True, slots=True)
class Scene:
    """What a player gets to see after a tick."""

    frame: NDArray[np.uint8]
    keys: tuple[Key, ...]  # all that there are
    action: IntEnum | None  # what was done
    log: tuple[str, ...]  # what happened lately, the newest last


class Game:
    """A person's lives in the body: held keys go in, ticks come out.

    Args:
        env: Gymnasium env of one body that renders "rgb_array".
        seed: Of the first life; each further life takes the next one.
    """

    def __init__(self, env: Any, seed: int):
        self._env, self._seed = env, seed
        self._words = env.unwrapped.world.spec
        self._controls: Controls = self._words.load("controls")
        self._log: deque[str] = deque(maxlen=_LINES_SHOWN)
        self._senses: Mapping[str, NDArray] = {}
        self._waiting: IntEnum | None = None
        self._wait = 0
        self.over = False
        self.episodes = 0
        self._begin()

    def tick(self, held: Collection[str]) -> Scene:
        """Let a tenth of a second pass with these keys held, by name."""
        action = self._controls.idle
        if NEXT_EPISODE in held and (self.over or int(self._senses["clock"][0]) > 0):
            self._begin()
        elif not self.over:
            action = self.action_for(held)
            if action is not None:
                self._step(action)
        return Scene(self._env.render(), self._controls.keys, action, tuple(self._log))

    def action_for(self, held: Collection[str]) -> IntEnum | None:
        """Return the motor command that the held keys ask for; None for not even standing still."""
        wanted = [key for key in self._controls.keys if key.name in held]
        waiting = next((key.action for key in wanted if key.waits), None)
        self._wait = max(0, self._wait - 1) if waiting == self._waiting else 0
        self._waiting = waiting
        stumbling = self._senses["proprio"][self._words.column("proprio", "stumbling")] > 0.5
        for key in wanted:
            if not key.waits:
                return key.action
            if key.action == waiting and (stumbling or self._wait == 0):
                self._wait = _AGAIN_AFTER
                return key.action
        return self._controls.idle

    def _begin(self) -> None:
        self._senses, _ = self._env.reset(seed=self._seed + self.episodes)
        self.episodes += 1
        self.over = False
        self._log.append(f"{mission_of(self._words, self._senses).capitalize()}.")

    def _step(self, action: IntEnum) -> None:
        self._senses, _, terminated, truncated, info = self._env.step(int(action))
        clock = self._words.clock(int(self._senses["clock"][0]))
        if heard := heard_by(self._words, self._senses):
            self._log.append(f"{clock}  {heard}")
        for event in told_by(events_of(self._words, info["events"]), self._senses):
            self._log.append(f"{clock}  {event.words()}")
        if terminated or truncated:
            self.over = True
            outcome = "Done!" if info["success"] else ("Failed." if terminated else "Time is up.")
            self._log.append(f"{outcome} Press {NEXT_EPISODE.upper()} for another life.")


def play(game: Game, keys: Callable[[], Collection[str]], show: Callable[[Scene], bool]) -> None:
    """Let somebody play until they quit.

    Args:
        game: The game.
        keys: Asked before each tick for the keys that are held.
        show: Shows a scene and keeps the pace; False ends the game.
    """
    held: Collection[str] = ()
    while QUIT not in held and show(game.tick(held)):
        held = keys()


# ---- The screen and the keyboard ----


class Stage:
    """Shows scenes in a window, with the keys and the latest events below the picture.

    Args:
        keys: Names of the keys that mean something in the world.

    Raises:
        NoDisplayError: If there is no screen.
    """

    HEIGHT = 112  # of the strip below the picture

    def __init__(self, keys: Iterable[str]):
        from envs.engine.render.window import Window

        self._names = {*keys, QUIT, NEXT_EPISODE}

        self._window = Window("Groundrush: you are the body", _SHOWN_A_SECOND)

    def show(self, scene: Scene) -> bool:
        """Show a scene; False once the window has been closed."""
        self._window.show(picture_of(scene))
        return not self._window.closed

    def keys(self) -> Collection[str]:
        """Return the names of the keys that are down, or were since the last time."""
        import pygame

        events = pygame.event.get(exclude=pygame.QUIT)  # which is the window's own
        tapped = {pygame.key.name(event.key) for event in events if event.type == pygame.KEYDOWN}
        down = pygame.key.get_pressed()
        return tapped | {name for name in self._names if down[pygame.key.key_code(name)]}

    def close(self) -> None:
        """Close the window."""
        self._window.close()


def picture_of(scene: Scene) -> NDArray[np.uint8]:
    """Return the frame with the strip below it, (height + 112, width, 3) uint8."""
    import pygame

    from envs.engine.render.ink import NIGHT

    width = scene.frame.shape[1]
    strip = pygame.Surface((width, Stage.HEIGHT), depth=32)
    strip.fill(NIGHT)
    _draw_keys(strip, scene)
    _draw_log(strip, scene.log)
    pixels = pygame.surfarray.array3d(strip).swapaxes(0, 1)
    return np.concatenate((scene.frame, pixels))


def _draw_keys(strip: Any, scene: Scene) -> None:
    """Draw a cap for each key, lit while it acts."""
    from envs.engine.render.ink import (
        CARD,
        GROOVE,
        JACKET,
        QUIET_WORDS,
        WORDS,
        pill,
        stamp,
        text,
        text_width,
    )

    stamp(strip, pill(546, Stage.HEIGHT - 15, CARD, 10.0), (15, 0))
    captions = [(key.name, key.label, key.action == scene.action) for key in scene.keys]
    captions += [(NEXT_EPISODE, "new life", False), ("esc", "end", False)]
    for i, (name, label, acts) in enumerate(captions):
        left, top = 25 + i % 4 * _KEY_WIDTH, 7 + i // 4 * 21
        cap = text(name.upper() if len(name) == 1 else name, 11, WORDS, bold=True)
        width = max(20, cap.get_width() + 12)
        stamp(strip, pill(width, 18, JACKET if acts else GROOVE, 5.0), (left, top))
        stamp(strip, cap, (left + (width - cap.get_width()) / 2, top + 9 - cap.get_height() / 2))
        room = _KEY_WIDTH - width - 10
        size = next((size for size in (12, 11, 10) if text_width(label, size) <= room), 9)
        words = text(label, size, WORDS if acts else QUIET_WORDS)
        stamp(strip, words, (left + width + 6, top + 9 - words.get_height() / 2))


def _draw_log(strip: Any, log: tuple[str, ...]) -> None:
    """Write the latest events, the newest brightest."""
    from envs.engine.render.ink import CARD, QUIET_WORDS, WORDS, pill, stamp, text, wrapped

    stamp(strip, pill(369, Stage.HEIGHT - 15, CARD, 10.0), (576, 0))
    lines = [
        (line, age == len(log) - 1)
        for age, words in enumerate(log)
        for line in wrapped(words, 12, 345.0)
    ]
    for row, (line, newest) in enumerate(lines[-_LINES_SHOWN:]):
        stamp(strip, text(line, 12, WORDS if newest else QUIET_WORDS), (588, 8 + row * 17))


# ---- The command ----


def make_env(config: DictConfig) -> Any:
    """Return the single Gymnasium env that a configured world is, drawing pictures.

    Raises:
        ValueError: If it does not like its settings.
    """
    from hydra.utils import get_class

    settings: dict[str, Any] = OmegaConf.to_container(config.env, resolve=True)  # type: ignore
    controls, of_many = spec_of(config).load("controls"), ("_target_", "num_envs", "autoreset_mode")
    own = {name: value for name, value in settings.items() if name not in of_many}
    if settings["_target_"] == "gymnasium.make_vec":
        del own["id"]  # Gymnasium's name of the world, and not a choice in it
    return get_class(controls.env)(**own, render_mode="rgb_array")


@command("play")
def main(config: DictConfig, _: Path) -> None:
    """Let a person play.

    Raises:
        BadInput: Without a screen, or if something is out of range.
    """
    from envs.engine.render.window import NoDisplayError

    require_world(config)
    if config.seed < 0:
        raise BadInput(f"seed must be at least 0, got {config.seed}")
    try:
        keys = (key.name for key in spec_of(config).load("controls").keys)
        with (
            closing(Stage(keys)) as stage,
            closing(make_env(config)) as env,
            closing(Startup(f"starting {config.world} to be played")) as startup,
        ):
            game = Game(env, config.seed)
            startup.ready()
            play(game, stage.keys, stage.show)
    except NoDisplayError as error:
        raise BadInput(_NO_SCREEN.format(world=config.world)) from error
    except (ValueError, TypeError) as error:
        raise BadInput(one_line(error)) from error


if __name__ == "__main__":
    main()
