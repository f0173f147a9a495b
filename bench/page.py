"""How soon a replay page shows something: `python -m bench.page`, about two minutes.

Beings live in `trip`, level 4, and their lives are told as one that never ends, so that the page
holds as many events, thoughts and feelings as ten thousand real ticks have. It is then opened in
Chromium without a window, again and again, in turns with shorter ones.
"""

import sys
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from hydra import compose, initialize_config_module

from experiments.running.arguments import CommandParser, of_whole_numbers
from experiments.running.callbacks import EpisodeEnd, EpisodeStart, StepRecord
from experiments.running.cli import answering, built
from experiments.running.loop import Loop
from experiments.running.schema import register
from experiments.viewers.browser import CHROMIUM, WITHOUT, browsing
from experiments.viewers.page import ReplayPage

LOAD_TARGET_S, SIZE_TARGET_MB = 2.0, 5.0
SETTINGS = ("+env=trip", "level=4", "memory.path=':memory:'", "agent.run_id=bench")
DRAWN = """
window.drawn = new Promise(tell => addEventListener("load", () =>
  requestAnimationFrame(() => requestAnimationFrame(() => tell(performance.now() / 1000)))));
"""  # the page draws before it has loaded; of two frames after that the first is on the screen
TICKS_DRAWN = """() => {
  const began = performance.now();
  for (let tick = 0; tick < 200; tick++) player.show(Math.floor(player.last * tick / 200));
  return (performance.now() - began) / 200;
}"""


@dataclass(slots=True)
class Seamless:
    """Tells a page of many episodes as of one; says when it has heard enough."""

    page: ReplayPage
    wanted: int
    ticks: int = 0
    wants_frames: bool = field(default=False, init=False)

    def on_episode_start(self, start: EpisodeStart) -> None:
        """Begin once."""
        if not self.ticks:
            self.page.on_episode_start(start)

    def on_step(self, step: StepRecord) -> None:
        """Tell the tick with the number it has in all that was lived."""
        events = tuple(replace(event, tick=self.ticks) for event in step.events)
        self.page.on_step(replace(step, episode=0, tick=self.ticks, events=events))
        self.ticks += 1

    def on_episode_end(self, end: EpisodeEnd) -> None:
        """Go on."""

    def close(self) -> None:
        """Close the page."""
        self.page.close()

    def enough(self) -> bool:
        """Return whether as much was lived as was wanted."""
        return self.ticks >= self.wanted


def lived(folder: Path, ticks: int) -> Path:
    """Live so many ticks, and return the page."""
    with ExitStack() as opened:
        config = compose("run", list(SETTINGS))
        env, being = built("env", config, opened), built("agent", config, opened)
        page = ReplayPage(folder, f"{ticks} ticks", memory=being.memory, run_id=being.run_id)
        story = Seamless(page, ticks)
        Loop(env, being, [story], episodes=ticks, world_seed=0, stopped=story.enough).run()
        story.close()
    return folder / "replay.html"


def measure(pages: Iterable[Path], rounds: int, width: int) -> list[np.ndarray]:
    """Return of each page the medians of: s until the first frame is drawn, ms to draw a tick."""
    pages = list(pages)
    told: list[list[tuple[float, float]]] = [[] for _ in pages]
    with browsing() as browser:
        for _ in range(rounds):
            for path, measured in zip(pages, told, strict=True):
                page = browser.new_page(viewport={"width": width, "height": 900})
                page.add_init_script(DRAWN)
                page.goto(path.as_uri())
                measured.append((page.evaluate("drawn"), page.evaluate(TICKS_DRAWN)))
                page.close()
    return [np.median(measured, axis=0) for measured in told]


def main() -> None:
    """Live, open, and print a line for each length and width."""
    parser = CommandParser(
        "bench.page", "How soon a replay page shows something.", [("", "about two minutes")]
    )
    parser.add_argument(
        "--ticks",
        **of_whole_numbers(1),
        nargs="+",
        default=[100, 1_000, 10_000],
        help="ticks on each page",
    )
    parser.add_argument(
        "--rounds", **of_whole_numbers(1), default=5, help="times that each page is opened"
    )
    arguments = parser.parse_args()
    if CHROMIUM is None:
        sys.exit(WITHOUT)
    register("run")
    print("| ticks | window | MB | wanted | s to the first frame | wanted | ms to draw a tick |")
    print("|--:|--:|--:|--:|--:|--:|--:|")
    with (
        tempfile.TemporaryDirectory() as name,
        initialize_config_module("configs", version_base="1.3"),
    ):
        folders = [Path(name, str(ticks)) for ticks in arguments.ticks]
        for folder in folders:
            folder.mkdir()
        pages = [lived(*pair) for pair in zip(folders, arguments.ticks, strict=True)]
        for width in (1280, 390):
            measured = measure(pages, arguments.rounds, width)
            for ticks, path, (first_s, tick_ms) in zip(
                arguments.ticks, pages, measured, strict=True
            ):
                size = path.stat().st_size / 1e6
                print(
                    f"| {ticks:,} | {width} px | {size:.2f} | {SIZE_TARGET_MB:.0f} "
                    f"| {first_s:.2f} | {LOAD_TARGET_S:.0f} | {tick_ms:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    with answering():
        main()
