"""Make the pictures of the README anew: `python -m experiments.pictures`, a few minutes.

A few lives are lived as `experiments.run` lives them, and the moment is looked up in which a body
leans farthest without lying down yet. `docs/pictures/stumble.png` is that moment in the film,
`docs/pictures/stumble.webp` the seconds around it, and `docs/pictures/replay.png` the same moment
on the replay page, for which Chromium is needed. `docs/pictures/ways.png` shows a room of level 5
while persons say what they know of its ways, and `docs/pictures/forage.webp` a field while they say
what they know of its foods, and beside it the same field by night.

    python -m experiments.pictures seed=5           # what follows goes to that run
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.running.arguments import CommandParser
from experiments.running.cli import answering, near

if TYPE_CHECKING:
    from PIL.Image import Image

RUN_OF_A_HAND = ("+env=babyai", "env.task=putnext", "seed=6", "episodes=1")
RUN_OF_WAYS = ("+env=trip", "level=5", "agent=counting", "seed=6", "episodes=1")
_ALL_HAVE_SPOKEN = 9  # tick
RUN_OF_A_DAY = ("+env=forage", "agent=scripted", "seed=1", "episodes=1")
_BY_DAY, _BY_NIGHT = 30, 1150  # ticks: all have spoken, and somebody is ill in the dark
_FRAME_HEIGHT, _MAP_WIDTH = 576, 576  # of a frame without what stands below, and of its map
RUN = ("+env=trip", "level=4", "seed=8", "episodes=6")
_ROOT = Path(__file__).resolve().parent.parent
_PICTURES = _ROOT / "docs" / "pictures"
_WIDTH, _HEIGHT = 1200, 1340  # of the browser's window
_BEFORE, _AFTER = 30, 35  # ticks that the moving picture shows around the moment
_STILL_QUALITY = 82
_MOVING_WIDTH, _MOVING_QUALITY = 720, 60  # so that it stays well below 1.5 MB


@dataclass(frozen=True, slots=True, order=True)
class Instant:
    """A tick of an episode, and how far the body leans in it, in metres."""

    lean_m: float
    episode: int
    tick: int


def main(arguments: list[str] | None = None) -> None:
    """Live, choose, and write the pictures."""
    parser = CommandParser(
        "experiments.pictures",
        "Makes the pictures of the README anew, in a few minutes.",
        [("", "all of them"), ("seed=5", "a stumble of another run")],
    )
    parser.add_argument(
        "option", nargs="*", help="of the run with the stumble, as experiments.run takes it"
    )
    options = parser.parse_args(arguments).option
    _PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        _picture_a_stumble(_run(Path(folder, "trip"), [*RUN, *options]))
        _picture_a_grasp(_run(Path(folder, "babyai"), RUN_OF_A_HAND))
        ways = _run(Path(folder, "ways"), RUN_OF_WAYS)
        _take_from_film(ways, 0, _ALL_HAVE_SPOKEN, _PICTURES / "ways.png")
        day = _run(Path(folder, "forage"), RUN_OF_A_DAY)
        take_day_and_night(day, (_BY_DAY, _BY_NIGHT), _PICTURES / "forage.webp")


def _run(run: Path, options: Iterable[str]) -> Path:
    """Run in a folder, which does not last, and return it."""
    options = list(options)
    print(f"running {' '.join(options)} ...", flush=True)
    command = [sys.executable, "-m", "experiments.run", *options, f"hydra.run.dir={run}"]
    # What it prints names files in that folder.
    finished = subprocess.run(command, cwd=_ROOT, stdout=subprocess.DEVNULL)
    if finished.returncode:
        sys.exit(finished.returncode)  # it has said why
    return run


def _picture_a_stumble(run: Path) -> None:
    instant = farthest_lean(stumbles(run))
    if instant is None:
        sys.exit("nobody stumbled in this run; try another seed=N or level=3")
    print(f"the moment is tick {instant.tick} of episode {instant.episode}")
    _take_from_film(run, instant.episode, instant.tick, _PICTURES / "stumble.png")
    take_moving(run, instant, _PICTURES / "stumble.webp")
    _take_from_page(run, instant, _PICTURES / "replay.png")


def _picture_a_grasp(run: Path) -> None:
    from envs.babyai.spec import BABYAI

    got_it = BABYAI.senses["touch"].index("got_it")
    ticks = [record for record in _records(run, 0) if record["type"] == "tick"]
    grasps = [record["tick"] for record in ticks if record["senses"]["touch"][got_it]]
    if not grasps:
        sys.exit("nobody got hold of anything in babyai")
    _take_from_film(run, 0, grasps[0], _PICTURES / "touch.png")


def _records(run: Path, episode: int) -> list[dict]:
    path = run / "episodes" / f"{episode:04d}.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def stumbles(run: Path) -> Iterable[Instant]:
    """Yield every tick of a run in which the body stumbles."""
    from envs.trip.spec import TRIP

    names = ("lean_forward_m", "lean_right_m")
    columns = [TRIP.senses["vestibular"].index(name) for name in names]
    for path in sorted((run / "episodes").glob("*.jsonl")):
        for record in _records(run, int(path.stem)):
            if record["type"] == "tick" and record["posture"] == "stumble":
                leans = [abs(record["senses"]["vestibular"][column]) for column in columns]
                yield Instant(max(leans), int(path.stem), record["tick"])


def farthest_lean(instants: Iterable[Instant]) -> Instant | None:
    """Return the instant of the farthest lean, or None where there is none."""
    return max(instants, default=None)


def _take_from_film(run: Path, episode: int, tick: int, path: Path) -> None:
    """Write one frame of the film."""
    (frame,) = _frames(run, episode, tick, tick)
    frame.save(path, optimize=True)
    print(f"wrote {near(path)}")


def take_day_and_night(run: Path, ticks: tuple[int, int], path: Path) -> None:
    """Write a frame of the film of the first episode, and beside it the map of a later one."""
    from PIL import Image

    by_day, by_night = (next(_frames(run, 0, tick, tick)) for tick in ticks)
    picture = Image.new("RGB", (by_day.width + _MAP_WIDTH, min(_FRAME_HEIGHT, by_day.height)))
    picture.paste(by_day, (0, 0))
    picture.paste(by_night.crop((0, 0, _MAP_WIDTH, by_night.height)), (by_day.width, 0))
    picture.save(path, quality=_STILL_QUALITY, method=6)
    print(f"wrote {near(path)}")


def take_moving(run: Path, instant: Instant, path: Path) -> None:
    """Write the part of the film around an instant as a picture that moves, again and again."""
    from envs.trip.spec import TRIP

    first, last = max(0, instant.tick - _BEFORE), instant.tick + _AFTER
    frames = [_smaller(frame) for frame in _frames(run, instant.episode, first, last)]
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=round(1000 * TRIP.tick_seconds),
        loop=0, quality=_MOVING_QUALITY, method=6,
    )  # fmt: skip
    print(f"wrote {near(path)}")


def _smaller(frame: "Image") -> "Image":
    return frame.resize((_MOVING_WIDTH, round(_MOVING_WIDTH * frame.height / frame.width)))


def _frames(run: Path, episode: int, first: int, last: int) -> "Iterator[Image]":
    """Yield frames of the film of an episode, which has one for each tick, and some for the end."""
    import imageio_ffmpeg
    from PIL import Image

    film = run / "episodes" / f"{episode:04d}.mp4"
    frames = imageio_ffmpeg.read_frames(str(film))
    size = next(frames)["size"]  # what comes first tells of the film
    for tick, frame in enumerate(frames):
        if first <= tick <= last:
            yield Image.frombytes("RGB", size, frame)
        if tick == last:
            break
    frames.close()


def _take_from_page(run: Path, instant: Instant, path: Path) -> None:
    """Write what a browser shows of the replay page, or say why not."""
    from experiments.viewers.browser import CHROMIUM, WITHOUT, browsing

    if CHROMIUM is None:
        print(f"{WITHOUT}; so {near(path)} stays as it is")
        return
    with browsing() as browser:
        page = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
        page.goto(f"{(run / 'replay.html').as_uri()}#e={instant.episode}&t={instant.tick}")
        page.screenshot(path=path)
    print(f"wrote {near(path)}")


if __name__ == "__main__":
    with answering():
        main()
