"""Films: an MP4 of each episode, with what was meant, thought and said below the picture."""

import textwrap
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from envs.engine.spec import TimeUnit
from experiments.running.callbacks import EpisodeEnd, EpisodeStart, StepRecord, ending_of, told_by

_NIGHT, _RULE, _PAPER = "#12141c", "#2b2f3d", "#f4f1e8"
_TEXT, _QUIET, _ACCENT = "#eceff4", "#8f98ab", "#7cc7ff"
_ALARM = {"fall": "#ff5d5d", "slip": "#ff9d5c", "stumble": "#ffc857", "spill": "#c9a0ff",
          "bump": "#ff9d5c", "recovery": "#7ee0a1", "arrival": "#7ee0a1",
          "nothing_there": "#ff9d5c", "refused": "#ff9d5c", "still_full": "#ff9d5c",
          "locked": "#ffc857", "opened": "#7ee0a1", "made_ill": "#ff5d5d",
          "burned": "#ff5d5d", "collapsed": "#ff5d5d", "gave_energy": "#7ee0a1",
          "gave_protein": "#7ee0a1", "gave_water": "#7ee0a1"}  # fmt: skip
_EVENT_SECONDS = 1.2
_SPEECH_SECONDS = 4.0
_LAST_SECONDS = 1.5
_OUTCOMES = {"success": "#7ee0a1", "failure": "#ff5d5d", "time up": "#ffc857",
             "interrupted": "#8f98ab"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """What stands below a frame; equal captions look the same.

    Attributes:
        title: Which episode this is.
        intent: What the body is doing.
        thought: What was thought before.
        speech: What is being said.
        events: What just happened: words, and the colour they flash in.
    """

    title: str = ""
    intent: str = ""
    thought: str = ""
    speech: str = ""
    events: tuple[tuple[str, str], ...] = ()


class Filmmaker:
    """Films the first avatar: `episodes/NNNN.mp4`, a frame for each tick, H.264.

    Args:
        folder: The run folder.
    """

    wants_frames = True

    def __init__(self, folder: Path):
        self._folder = folder / "episodes"
        self._film: Film | None = None
        self._subtitles = Subtitles()

    def on_episode_start(self, start: EpisodeStart) -> None:
        """Set the title; the camera starts with the first frame."""
        if start.avatar == 0:
            self._subtitles = Subtitles(title_of(start))

    def on_step(self, step: StepRecord) -> None:
        """Take one picture."""
        if step.frame is None:
            return
        path = self._folder / f"{step.episode:04d}.mp4"
        self._film = self._film or Film(path, round(1 / step.world.tick_seconds))
        self._film.show(step.frame, self._subtitles.at(step))

    def on_episode_end(self, end: EpisodeEnd) -> None:
        """Hold the last picture for a moment, with the outcome on it, and finish the film."""
        if end.avatar != 0 or self._film is None:
            return
        if end.frame is not None:
            caption = self._subtitles.last(end)
            for _ in range(round(_LAST_SECONDS / end.world.tick_seconds)):
                self._film.show(end.frame, caption)
        self.close()

    def close(self) -> None:
        """Finish the film that is being taken."""
        film, self._film = self._film, None
        if film:
            film.close()


class Subtitles:
    """Follows an episode, and says what stands below each of its frames.

    Args:
        title: What stands first.
    """

    def __init__(self, title: str = ""):
        self._title = title
        self._thought = ""
        self._speech: tuple[str, int] = ("", 0)
        self._events: deque[tuple[str, str, int]] = deque(maxlen=4)

    def at(self, step: StepRecord) -> Caption:
        """Return the caption of the next moment."""
        second = 1 / step.world.tick_seconds  # in ticks
        if decision := step.trace.decision:
            self._thought = decision.thoughts
            if decision.speech:
                self._speech = (decision.speech, step.tick + round(_SPEECH_SECONDS * second))
        for event in told_by(step.events, step.senses):
            colour = _ALARM.get(event.kind, _ACCENT)
            gone_at = step.tick + round(_EVENT_SECONDS * second)
            self._events.append((event.words(), colour, gone_at))
        speech, silent_at = self._speech
        return Caption(
            title=self._title,
            intent=step.trace.intent_words or step.action.replace("_", " "),
            thought=self._thought,
            speech=speech if step.tick < silent_at else "",
            events=self._fresh(step.tick),
        )

    def last(self, end: EpisodeEnd) -> Caption:
        """Return the caption of the end: how the episode ended, and the last intent."""
        intent = [end.trace.intent_words, ending_of(end.trace.status)]
        return Caption(
            title=self._title,
            intent=": ".join(filter(None, intent)),
            thought=self._thought,
            speech=self._speech[0],
            events=(*self._fresh(end.score.ticks), (end.outcome, _OUTCOMES[end.outcome])),
        )

    def _fresh(self, tick: int) -> tuple[tuple[str, str], ...]:
        return tuple(event[:2] for event in self._events if tick < event[2])


def title_of(start: EpisodeStart) -> str:
    """Return what stands above an episode: its number, and which seconds are meant."""
    timed = start.world.time_unit is TimeUnit.SECONDS
    return f"episode {start.episode}{', time in seconds lived' if timed else ''}"


class Film:
    """One film that grows frame by frame; playable however it is left.

    Args:
        path: Where the MP4 is written.
        frames_per_second: How fast it is.
    """

    def __init__(self, path: Path, frames_per_second: int = 10):
        self._path = path
        self._frames_per_second = frames_per_second
        self._pipe: Generator[None, bytes, None] | None = None

    def show(self, frame: NDArray[np.uint8], caption: Caption) -> None:
        """Append one frame with its caption; all frames must have one size.

        Args:
            frame: (height, width, 3) picture.
            caption: What stands below.

        Raises:
            OSError: If the film cannot be written.
        """
        picture = np.ascontiguousarray(_even(np.vstack([frame, strip(caption, frame.shape[1])])))
        if self._pipe is None:
            self._pipe = self._open(picture.shape[1], picture.shape[0])
        self._pipe.send(picture.tobytes())

    def close(self) -> None:
        """Finish the file."""
        pipe, self._pipe = self._pipe, None
        if pipe:
            pipe.close()

    def _open(self, width: int, height: int) -> Generator[None, bytes, None]:
        import imageio_ffmpeg

        pipe = imageio_ffmpeg.write_frames(
            str(self._path),
            (width, height),
            fps=self._frames_per_second,
            codec="libx264",
            pix_fmt_out="yuv420p",
            quality=None,  # type: ignore[arg-type]  # the constant rate factor below says it
            macro_block_size=2,
            ffmpeg_log_level="error",
            output_params=[
                "-preset", "veryfast", "-crf", "23", "-threads", "1", "-movflags", "+faststart"
            ],
        )  # fmt: skip
        pipe.send(None)  # type: ignore[arg-type]  # starts ffmpeg
        return pipe


@lru_cache(maxsize=64)
def strip(caption: Caption, width: int) -> NDArray[np.uint8]:
    """Return the picture of a caption, (height, width, 3) uint8; height follows from the width."""
    height = strip_height(width)
    # Drawn at twice the size and reduced, because Pillow's shapes have hard edges.
    image = _strip(caption, 2 * width).resize((width, height), Image.Resampling.BOX)
    return np.asarray(image)


def strip_height(width: int) -> int:
    """Return how high the strip below a picture of this width is, in pixels."""
    return round(width / 5.8)


def _strip(caption: Caption, width: int) -> Image.Image:
    size = round(width / 54)
    line = round(size * 1.45)
    image = Image.new("RGB", (width, 2 * strip_height(width // 2)), _NIGHT)
    draw = ImageDraw.Draw(image)
    draw.line([(0, 0), (width, 0)], fill=_RULE, width=4)
    margin, top = size, line // 2
    column = round(width * 0.58)
    _write(draw, (margin, top), caption.title, _QUIET, size * 4 // 5, column, lines=1)
    intent = (margin, top + line - size // 4)
    _write(draw, intent, caption.intent, _ACCENT, size + 4, column - margin, lines=1)
    thought = (margin, top + 2 * line + size // 4)
    _write(draw, thought, caption.thought, _TEXT, size, column - margin, lines=4, leading=line)
    _chips(draw, caption, (column + margin, top), size, width - margin)
    if caption.speech:
        _bubble(draw, caption.speech, (column + margin, top + 2 * line), size, width - margin)
    return image


def _write(
    draw, position, text: str, colour, size: int, width: int, *, lines: int, leading=0
) -> None:
    for number, part in enumerate(_wrapped(text, size, width, lines)):
        draw.text((position[0], position[1] + number * leading), part, fill=colour, font=font(size))


def _chips(draw, caption: Caption, position: tuple[int, int], size: int, right: int) -> None:
    """Draw each event as a small coloured label, on at most one row."""
    x, y = position
    for words, colour in reversed(caption.events):
        length = round(font(size).getlength(words))
        if x + length + size > right:
            break
        box = (x, y - size // 4, x + length + size, y + round(size * 1.3))
        draw.rounded_rectangle(box, radius=size // 2, fill=colour)
        draw.text((x + size // 2, y), words, fill=_NIGHT, font=font(size))
        x += length + 2 * size


def _bubble(draw, speech: str, position: tuple[int, int], size: int, right: int) -> None:
    """Draw what is said as a bubble whose tail points up to the picture."""
    x, y = position
    line = round(size * 1.35)
    parts = _wrapped(speech, size, right - x - 2 * size, 3)
    length = max(font(size).getlength(part) for part in parts)
    box = (x, y, round(x + length + 2 * size), y + len(parts) * line + size)
    draw.polygon([(x + size, y), (x + 2 * size, y), (x + size, y - size // 2)], fill=_PAPER)
    draw.rounded_rectangle(box, radius=size, fill=_PAPER)
    for number, part in enumerate(parts):
        at = (x + size, y + size // 2 + number * line)
        draw.text(at, part, fill=_NIGHT, font=font(size))


@lru_cache(maxsize=512)
def _wrapped(text: str, size: int, width: int, lines: int) -> tuple[str, ...]:
    """Return the text in at most so many lines, each no wider than `width` pixels."""
    text = " ".join(text.split())
    letters = max(4, int(width / font(size).getlength("average letter") * 14))
    while True:
        parts = textwrap.wrap(text, letters, max_lines=lines, placeholder=" ...") or [""]
        if letters <= 4 or all(font(size).getlength(part) <= width for part in parts):
            return tuple(parts)
        letters -= 1


@lru_cache(maxsize=8)
def font(size: int) -> ImageFont.FreeTypeFont:
    """Return the font that words beside a picture are written in, of a size in pixels."""
    return ImageFont.load_default(size)  # type: ignore[return-value]  # comes with Pillow


def _even(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut an odd last row or column off: H.264 with 4:2:0 colours wants even sizes."""
    return picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2]
