"""The replay page: one offline HTML file in which a run can be watched and scrubbed through.

What a model said is untrusted text: it travels as JSON, with every `<` escaped, and the page sets
it as text only.
"""

import base64
import io
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from experiments.record import event_record, rounded, write_atomically
from experiments.story import Beginning, Ending, Moment
from experiments.worlds import WorldWords
from mind.memory import Memory
from mind.types import Decision

_TEMPLATE = Path(__file__).with_name("replay_page.html")
_EPISODES_SHOWN = 24
_BYTES_OF_FRAMES = 9_000_000  # base64 makes 12 MB of them
_FRAME_WIDTH = 640
_FRAME_QUALITY = 60
# The senses that are shown as curves where they mean something, and those shown as marks in a lane.
_CURVES = {
    "trip": {
        "lean_forward": ("vestibular", "lean_forward_m"),
        "lean_right": ("vestibular", "lean_right_m"),
        "speed": ("proprio", "speed_mps"),
        "cup": ("intero", "cup"),
        "fatigue": ("intero", "fatigue"),
        "energy": ("intero", "energy"),
        "water": ("intero", "water"),
        "warmth": ("intero", "warmth"),
        "dignity": ("intero", "dignity"),
    },
    "babyai": {},
}
_LANES = {
    "trip": (),
    "babyai": ("blocked_by_wall", "blocked_by_door", "blocked_by_thing", "nothing_there",
               "refused", "still_full", "locked", "got_it", "put_down", "opened", "shut"),
}  # fmt: skip


@dataclass(slots=True, kw_only=True)
class _Reel:
    """What the page shows of one episode."""

    world: WorldWords
    episode: int
    mission: str
    outcome: str = ""
    columns: dict[str, list[float]] = field(default_factory=dict)
    touches: list[tuple[int, str]] = field(default_factory=list)
    stances: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    intents: list[tuple[int, str]] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    emotions: list[tuple[int, str]] = field(default_factory=list)
    drawn: dict[int, Future[bytes]] = field(default_factory=dict)
    frames: dict[int, bytes] = field(default_factory=dict)


class ReplayPage:
    """Writes `replay.html` anew after each of the first episodes of the first avatar.

    Args:
        folder: The run folder.
        title: What the page is called.
        episodes: How many episodes there will be; they share the room for pictures.
        pictures: Whether to have pictures on it.
        memory: Where the memories are that a decision names, to link to the ticks they are of.
        run_id: Names this run in the memory.
    """

    def __init__(
        self,
        folder: Path,
        title: str,
        episodes: int,
        *,
        pictures: bool = True,
        memory: Memory | None = None,
        run_id: str = "",
    ):
        self.wants_frames = pictures
        self._memory, self._run_id = memory, run_id
        self._path = folder / "replay.html"
        self._title = title
        self._bytes_each = _BYTES_OF_FRAMES // min(episodes, _EPISODES_SHOWN)
        self._reels: dict[int, _Reel] = {}
        # Pictures are made small while the world goes on; Pillow lets go of the interpreter.
        self._worker = ThreadPoolExecutor(1)

    def begin(self, beginning: Beginning) -> None:
        """Put in a new reel."""
        if beginning.avatar == 0 and len(self._reels) < _EPISODES_SHOWN:
            self._reels[beginning.episode] = _Reel(
                world=beginning.world, episode=beginning.episode, mission=beginning.mission
            )

    def live(self, moment: Moment) -> None:
        """Keep the tick."""
        if reel := self._reels.get(moment.episode):
            for name, value in _strips(moment).items():
                reel.columns.setdefault(name, []).append(value)
            reel.touches += _touches(moment)
            reel.stances.append(moment.stance)
            reel.actions.append(moment.action)
            _note_changes(reel, moment)
            if decision := moment.trace.decision:
                reel.decisions.append(self._decided(moment, decision))
            if moment.frame is not None:
                reel.drawn[moment.tick] = self._worker.submit(picture, moment.frame)

    def end(self, ending: Ending) -> None:
        """Put the episode on the page."""
        if reel := self._reels.get(ending.episode):
            reel.outcome = ending.outcome
            if ending.frame is not None:
                reel.drawn[ending.score.ticks] = self._worker.submit(picture, ending.frame)
            drawn = {tick: future.result() for tick, future in reel.drawn.items()}
            reel.frames = thinned(drawn, self._bytes_each)
            reel.drawn.clear()
            write_atomically(self._path, self._html())

    def close(self) -> None:
        """Let go of the worker; all is written."""
        self._worker.shutdown(cancel_futures=True)

    def _decided(self, moment: Moment, decision: Decision) -> dict[str, Any]:
        return {
            "tick": moment.tick,
            "intent": moment.trace.intent_words,
            "thought": decision.thoughts,
            "speech": decision.speech,
            "goals": list(decision.goals),
            "memories": len(decision.memories),
            "recalled": self._recalled(decision.memories),
            "tokens": decision.tokens,
            "attempts": decision.attempts,
            "safe": decision.safe,
        }

    def _recalled(self, ids: Sequence[int]) -> list[dict[str, Any]]:
        """Return what came to mind, in words, with where on this page it can be watched."""
        if self._memory is None:
            return []
        return [
            {
                "words": experience.words,
                "episode": experience.episode if experience.run_id == self._run_id else None,
                "tick": experience.first_tick,
            }
            for experience in self._memory.get(ids)
        ]

    def _html(self) -> str:
        ended = [reel for reel in self._reels.values() if reel.outcome]
        world = ended[0].world
        story = {
            "title": self._title,
            "tick_seconds": world.tick_seconds,
            "timed": world.timed,
            "stance": world.stance,
            "lanes": _LANES[world.name],
            "episodes": [_story(reel) for reel in ended],
        }
        reels = [
            json_script(f"frames-{reel.episode}", {at: _data_uri(data) for at, data in frames})
            for reel in ended
            if (frames := reel.frames.items())
        ]
        template = _TEMPLATE.read_text(encoding="utf-8")
        scripts = "\n".join([json_script("story", story), *reels])
        return template.replace("<!-- DATA -->", scripts, 1)


def thinned(frames: Mapping[int, bytes], room: int) -> dict[int, bytes]:
    """Return every picture, or every second, or every fourth: as many as there is room for.

    Args:
        frames: Pictures by tick.
        room: Most bytes of all that are returned.
    """
    every = 1
    kept = dict(frames)
    while sum(map(len, kept.values())) > room:
        every *= 2
        kept = {tick: data for tick, data in kept.items() if tick % every == 0 and len(kept) > 1}
    return kept


def picture(frame: NDArray[np.uint8]) -> bytes:
    """Return a frame as a small WebP image.

    Args:
        frame: (height, width, 3) uint8.
    """
    image = Image.fromarray(frame)
    if image.width > _FRAME_WIDTH:
        height = round(image.height * _FRAME_WIDTH / image.width)
        image = image.resize((_FRAME_WIDTH, height), Image.Resampling.BOX, reducing_gap=2.0)
    file = io.BytesIO()
    image.save(file, "WEBP", quality=_FRAME_QUALITY, method=1)
    return file.getvalue()


def json_script(name: str, content: Any) -> str:
    r"""Return a data block for a page; nothing in it can end the block or start a comment.

    >>> json_script("x", "</script>")
    '<script type="application/json" id="x">"\\u003c/script>"</script>'
    """
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>'


def _data_uri(data: bytes) -> str:
    return "data:image/webp;base64," + base64.b64encode(data).decode("ascii")


def _strips(moment: Moment) -> dict[str, float]:
    """Return the curves' values at one tick, by name."""
    curves = _CURVES[moment.world.name]
    values = {name: moment.sense(*where) for name, where in curves.items()}
    values["pain"] = float(moment.senses["pain"].sum())
    if feeling := moment.trace.feeling:
        values |= {"mood": feeling.mood, "drive": feeling.drive, "surprise": feeling.surprise}
    return {name: rounded(value) for name, value in values.items()}


def _touches(moment: Moment) -> list[tuple[int, str]]:
    """Return what was touched in this tick, for the lanes."""
    lanes = _LANES[moment.world.name]
    return [(moment.tick, name) for name in lanes if moment.sense("touch", name) > 0]


def _note_changes(reel: _Reel, moment: Moment) -> None:
    """Keep what does not change in every tick with the tick in which it did."""
    trace = moment.trace
    if trace.intent_words and (not reel.intents or reel.intents[-1][1] != trace.intent_words):
        reel.intents.append((moment.tick, trace.intent_words))
    emotion = moment.emotion
    if not reel.emotions or reel.emotions[-1][1] != emotion:
        reel.emotions.append((moment.tick, emotion))
    reel.events.extend(
        {**event_record(event), "tick": moment.tick, "words": event.words()}
        for event in moment.events
    )


def _story(reel: _Reel) -> dict[str, Any]:
    return {
        "episode": reel.episode,
        "mission": reel.mission,
        "outcome": reel.outcome,
        "columns": reel.columns,
        "touches": reel.touches,
        "stances": reel.stances,
        "actions": reel.actions,
        "intents": reel.intents,
        "emotions": reel.emotions,
        "decisions": reel.decisions,
        "events": reel.events,
    }
